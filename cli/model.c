/* SPDX-License-Identifier: MIT
 * cli/model.c: `danqing model list|info|import|fetch`. What the library says about models is JSON; it is printed here as tables
 * for people, or as it is with --json. */
#include "cli.h"

#include <string.h>

enum { COLUMNS = 80, NOTE_INDENT = 36 };

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

static int print_json(const json_t *json) {
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    return 0;
}

/* A context that passes notices on; NULL after saying why not. */
static dq_context *start(int *code) {
    dq_context *ctx = NULL;
    dq_status status = dq_context_new(&ctx, 1);
    *code = status ? cli_error(status, "cannot start: %s", dq_status_name(status)) : 0;
    if (ctx) dq_context_set_log(ctx, cli_log, NULL);
    return ctx;
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

static void print_entry(const json_t *entry) {
    char size[32], left[96];
    bool here = json_is_true(json_object_get(entry, "installed"));
    double bytes = number_of(entry, "bytes");
    snprintf(left, sizeof left, "%-18.40s %8s  %s", text_of(entry, "name"), bytes > 0 ? cli_bytes(bytes, size) : "-",
             here ? "here" : "fetch");
    cli_print_clean(stdout, left);
    int width = cli_width(left);
    printf("%*s", width < NOTE_INDENT ? NOTE_INDENT - width : 1, "");
    cli_wrap(stdout, here && *text_of(entry, "path") ? text_of(entry, "path") : text_of(entry, "note"), NOTE_INDENT, COLUMNS);
}

int cli_model_list(const cli_args *args) {
    int code;
    char *text = NULL;
    size_t i;
    json_t *entry;
    dq_context *ctx = start(&code);
    if (!ctx) return code;
    dq_status status = dq_model_list(ctx, &text);
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    if (status) code = cli_error_of(ctx, status);
    else if (cli_value(args, "json")) code = print_json(list);
    else json_array_foreach(list, i, entry) print_entry(entry);
    json_decref(list);
    dq_bytes_free((void **)&text);
    dq_context_free(&ctx);
    return code;
}

/* ---- info -------------------------------------------------------------------------------------------------------- */

/* "255 B - 103.939": what one input channel is made of. */
static void print_channel(const json_t *row, double offset) {
    bool first = true;
    for (size_t k = 0; k < 3; k++) {
        double factor = json_number_value(json_array_get(row, k));
        if (factor == 0.0) continue;
        printf("%s%.6g %c", first ? "" : " + ", factor, "RGB"[k]);
        first = false;
    }
    printf(" %c %.6g", offset < 0 ? '-' : '+', offset < 0 ? -offset : offset);
}

static void print_input(const json_t *input) {
    const json_t *matrix = json_object_get(input, "matrix"), *offset = json_object_get(input, "offset");
    for (size_t c = 0; c < 3; c++) {
        printf("%-12s", c ? "" : "input");
        print_channel(json_array_get(matrix, c), json_number_value(json_array_get(offset, c)));
        printf(c ? "\n" : "   with R, G, B in [0,1]\n");
    }
}

static void print_layer(const json_t *layer) {
    const char *kind = text_of(layer, "kind");
    int in = (int)number_of(layer, "in"), out = (int)number_of(layer, "out");
    printf("  %-10s %-7s", text_of(layer, "name"), kind);
    int kernel = json_object_get(layer, "kernel") ? (int)number_of(layer, "kernel") : 3;
    if (strcmp(kind, "conv") == 0)
        printf("%5d -> %-5d %d×%d %12.0f", in, out, kernel, kernel, 1.0 * kernel * kernel * in * out + out);
    else if (strcmp(kind, "linear") == 0) printf("%5d -> %-5d     %12.0f", in, out, 1.0 * in * out + out);
    else printf("%5d", out);
    putchar('\n');
}

static void print_model(const json_t *info) {
    static const char *const fields[] = {"name", "format", "source", "sha256", "credit", "padding", "pooling", "deepest"};
    char bytes[32];
    size_t i;
    const json_t *layer;
    for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
        if (!*text_of(info, fields[k])) continue;
        printf("%-12s", fields[k]);
        cli_print_clean(stdout, text_of(info, fields[k]));
        putchar('\n');
    }
    print_input(json_object_get(info, "input"));
    printf("%-12s%.0f, %s in fp32\nlayers\n", "parameters", number_of(info, "parameters"),
           cli_bytes(number_of(info, "bytes"), bytes));
    json_array_foreach(json_object_get(info, "layers"), i, layer) print_layer(layer);
}

int cli_model_info(const cli_args *args) {
    int code;
    dq_model *model = NULL;
    dq_context *ctx = start(&code);
    if (!ctx) return code;
    dq_status status = dq_model_open(ctx, &model, args->positional[0]);
    if (status) {
        code = cli_error_of(ctx, status);
    } else {
        json_t *info = json_loads(dq_model_info(model), 0, NULL);
        if (cli_value(args, "json")) code = print_json(info);
        else print_model(info);
        json_decref(info);
    }
    dq_model_free(&model);
    dq_context_free(&ctx);
    return code;
}

/* ---- import ------------------------------------------------------------------------------------------------------ */

int cli_model_import(const cli_args *args) {
    const char *from = args->positional[0], *to = cli_value(args, "output"), *half = cli_value(args, "half");
    cli_say_setup(args);
    if (!to) return cli_error(DQ_USAGE, "say where to write: danqing model import %s -o NAME.safetensors", from);
    if (cli_same_file(from, to)) return cli_error(DQ_USAGE, "%s is the input; choose another -o", to);
    int code = cli_check_writable(to, cli_value(args, "no-clobber") != NULL);
    if (code) return code;
    dq_model *model = NULL;
    dq_context *ctx = start(&code);
    if (!ctx) return code;
    dq_status status = dq_model_open(ctx, &model, from);
    if (!status) status = dq_model_save(ctx, model, to, half ? "fp16" : "fp32");
    if (status) code = cli_error_of(ctx, status);
    else cli_note("wrote %s, %s", to, half ? "fp16" : "fp32");
    dq_model_free(&model);
    dq_context_free(&ctx);
    return code;
}

/* ---- fetch ------------------------------------------------------------------------------------------------------- */

/* user: the bytes that were shown last, or UINT64_MAX. */
static int show_download(void *user, uint64_t received, uint64_t total) {
    char tail[96], have[32], all[32];
    uint64_t *last = user;
    if (*last != received) {
        snprintf(tail, sizeof tail, "%s of %s", cli_bytes((double)received, have),
                 total ? cli_bytes((double)total, all) : "?");
        cli_bar(total ? (double)received / (double)total : 0, tail);
        if (cli_json())
            cli_event(json_pack("{s:s, s:I, s:I}", "event", "download", "received", (json_int_t)received, "total",
                                (json_int_t)total));
        *last = received;
    }
    return cli_stop_signal() != 0;
}

/* The entry of the list that has this name and can be downloaded, NULL if there is none. */
static const json_t *find_known(const json_t *list, const char *name) {
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry)
        if (strcmp(text_of(entry, "name"), name) == 0 && json_object_get(entry, "url")) return entry;
    return NULL;
}

static void print_download(const json_t *entry) {
    char bytes[32];
    bool here = json_is_true(json_object_get(entry, "installed"));
    printf("from        %s\nto          %s\nsize        %s\nchecksum    %s\n", text_of(entry, "url"),
           text_of(entry, "destination"), cli_bytes(number_of(entry, "bytes"), bytes), text_of(entry, "checksum"));
    if (number_of(entry, "partial") > 0) printf("partly here %s\n", cli_bytes(number_of(entry, "partial"), bytes));
    printf("state       %s\n", here ? "already here" : "not here");
}

static int dry_fetch(dq_context *ctx, const char *name) {
    char *text = NULL;
    dq_status status = dq_model_list(ctx, &text);
    if (status) return cli_error_of(ctx, status);
    json_t *list = json_loads(text, 0, NULL);
    const json_t *entry = find_known(list, name);
    int code = 0;
    if (entry) print_download(entry);
    else code = cli_error(DQ_USAGE, "no known model '%s'; 'danqing model list' shows those that can be fetched", name);
    json_decref(list);
    dq_bytes_free((void **)&text);
    return code;
}

int cli_model_fetch(const cli_args *args) {
    const char *name = args->positional[0];
    int code;
    cli_say_setup(args);
    dq_context *ctx = start(&code);
    if (!ctx) return code;
    if (cli_value(args, "dry-run")) {
        code = dry_fetch(ctx, name);
    } else {
        uint64_t last = UINT64_MAX;
        cli_stop_install();
        dq_status status = dq_model_fetch(ctx, name, show_download, &last);
        cli_bar_clear();
        if (status == DQ_CANCELLED && cli_stop_signal()) code = 128 + cli_stop_signal();
        else if (status) code = cli_error_of(ctx, status);
        else cli_note("%s is here and verified", name);
    }
    dq_context_free(&ctx);
    return code;
}
