/* SPDX-License-Identifier: MIT
 * cli/info.c: `danqing info`: prints the record of a picture and a command that makes it again. A record can come from
 * anywhere: nothing of it reaches the terminal unchecked, and only known options reach the command. */
#include "cli.h"

#include <string.h>

/* The text of a member, "?" if it has none. */
static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "?";
}

static void print_field(const char *label, const char *text) {
    printf("%-12s", label);
    cli_print_clean(stdout, text);
    putchar('\n');
}

static void print_size(const char *label, const json_t *size) {
    printf("%-12s%" JSON_INTEGER_FORMAT " × %" JSON_INTEGER_FORMAT "\n", label,
           json_integer_value(json_object_get(size, "width")), json_integer_value(json_object_get(size, "height")));
}

static void print_reached(const json_t *reached) {
    if (!reached) return;
    printf("reached     scale %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT ", step %" JSON_INTEGER_FORMAT
           " of %" JSON_INTEGER_FORMAT ", J %.6g\n",
           json_integer_value(json_object_get(reached, "scale")), json_integer_value(json_object_get(reached, "scales")),
           json_integer_value(json_object_get(reached, "iteration")),
           json_integer_value(json_object_get(reached, "iterations")), json_number_value(json_object_get(reached, "cost")));
}

static void print_facts(const dq_image *image, const json_t *record) {
    const json_t *model = json_object_get(record, "model"), *style;
    char text[256];
    size_t i;
    printf("%-12s%d × %d\n", "picture", dq_image_width(image), dq_image_height(image));
    snprintf(text, sizeof text, "%s %s, kernels %s", text_of(record, "software"), text_of(record, "version"),
             text_of(record, "isa"));
    print_field("painted by", text);
    print_field("recipe", text_of(record, "recipe"));
    print_field("network", text_of(model, "name"));
    print_field("sha256", text_of(model, "sha256"));
    print_size("photo", json_object_get(record, "content"));
    json_array_foreach(json_object_get(record, "styles"), i, style) print_size("painting", style);
    print_reached(json_object_get(record, "reached"));
}

/* The options that the record has otherwise than the recipe of this version, as arguments. */
static void print_arguments(const json_t *record, dq_options *options) {
    const json_t *recorded = json_object_get(record, "options");
    const cli_option *option;
    bool known = dq_options_set(options, "recipe", text_of(record, "recipe")) == DQ_OK;
    for (int i = 0; (option = cli_option_at(i)); i++) {
        const char *value = json_string_value(json_object_get(recorded, option->name));
        if (!option->library || !value) continue;
        bool is_recipe = strcmp(option->name, "recipe") == 0;
        if (is_recipe ? !known || strcmp(value, "portrait") == 0 : strcmp(value, dq_options_get(options, option->name)) == 0)
            continue;
        if (!is_recipe && dq_options_set(options, option->name, value)) continue;
        printf(" --%s ", option->name);
        cli_print_quoted(stdout, value);
    }
}

static void print_command(const json_t *record, dq_options *options) {
    size_t paintings = json_array_size(json_object_get(record, "styles"));
    printf("\nagain       danqing paint");
    print_arguments(record, options);
    printf(" PHOTO");
    for (size_t i = 0; i < (paintings ? paintings : 1) && i < 16; i++) {
        if (paintings > 1) printf(" PAINTING%zu", i + 1);
        else printf(" PAINTING");
    }
    printf(" -o PICTURE\n");
}

static int print_json(const json_t *record) {
    if (json_dumpf(record, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0) return cli_error(DQ_OUTPUT, "cannot print");
    putchar('\n');
    return 0;
}

int cli_info(const cli_args *args) {
    dq_context *ctx;
    dq_image *image = NULL;
    dq_options *options = NULL;
    json_t *record = NULL;
    dq_status status = dq_context_new(&ctx, 1);
    if (status) return cli_error(status, "cannot start: %s", dq_status_name(status));
    int code = (int)cli_read_picture(ctx, &image, args->positional[0]);
    if (code) goto done;
    const char *text = dq_image_record(image);
    record = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(record)) {
        code = cli_error(DQ_FAILED, "%s has no record of how it was made", args->positional[0]);
    } else if (cli_value(args, "json")) {
        code = print_json(record);
    } else if ((status = dq_options_new(ctx, &options)) != DQ_OK) {
        code = cli_error_of(ctx, status);
    } else {
        print_facts(image, record);
        print_command(record, options);
    }
done:
    json_decref(record);
    dq_options_free(&options);
    dq_image_free(&image);
    dq_context_free(&ctx);
    return code;
}
