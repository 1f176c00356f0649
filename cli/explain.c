/* SPDX-License-Identifier: MIT
 * cli/explain.c: `danqing explain …`: prints what the library tells of a network and of what it sees. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

/* ---- network ----------------------------------------------------------------------------------------------------- */

/* "64×64×3" */
static void format_shape(char *text, size_t size, const json_t *layer) {
    snprintf(text, size, "%.0f×%.0f×%.0f", number_of(layer, "width"), number_of(layer, "height"), number_of(layer, "channels"));
}

/* `text` in so many columns, to the right. */
static void put(const char *text, int columns) {
    printf("%*s", columns - cli_width(text), "");
    cli_print_clean(stdout, text);
}

/* 1234567 as "1,234,567". */
static const char *grouped(double value, char text[32]) {
    char digits[32];
    char *to = text;
    const int n = snprintf(digits, sizeof digits, "%.0f", value);
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return text;
}

static void print_layer(const json_t *layer) {
    char shape[48], window[48] = "", field[24] = "", number[32];
    format_shape(shape, sizeof shape, layer);
    if (number_of(layer, "kernel") > 0)
        snprintf(window, sizeof window, "%.0f×%.0f /%.0f +%.0f", number_of(layer, "kernel"), number_of(layer, "kernel"),
                 number_of(layer, "stride"), number_of(layer, "pad"));
    if (number_of(layer, "receptive_field") > 0) snprintf(field, sizeof field, "%.0f", number_of(layer, "receptive_field"));
    cli_print_clean(stdout, text_of(layer, "name"));
    printf("%*s", 16 - cli_width(text_of(layer, "name")), "");
    cli_print_clean(stdout, text_of(layer, "kind"));
    printf("%*s", 14 - cli_width(text_of(layer, "kind")), "");
    put(window, 9);
    put(shape, 15);
    put(number_of(layer, "parameters") > 0 ? grouped(number_of(layer, "parameters"), number) : "", 13);
    put(number_of(layer, "multiplications") > 0 ? grouped(number_of(layer, "multiplications"), number) : "", 17);
    put(field, 8);
    putchar('\n');
}

static int print_network(const cli_args *args, const json_t *answer) {
    const json_t *layer, *layers = json_object_get(answer, "layers");
    char number[32], other[32];
    size_t i;
    (void)args;
    cli_print_clean(stdout, text_of(answer, "model"));
    printf(" on a picture of %.0f × %.0f\n\n", number_of(answer, "size"), number_of(answer, "size"));
    printf("%-16s%-14s%9s%15s%13s%17s%8s\n", "layer", "kind", "window", "output", "parameters", "multiplications", "field");
    json_array_foreach(layers, i, layer) print_layer(layer);
    printf("\n%s parameters, %s multiplications\n", grouped(number_of(answer, "parameters"), number),
           grouped(number_of(answer, "multiplications"), other));
    puts("window: kernel /stride +padding; output: width×height×channels, ⌊(n + 2p − f)/s⌋ + 1 a side; field: pixels of the\n"
         "photo that one value depends on, a side. A 3×3 filter on 3 channels has 3·3·3 + 1 = 28 parameters, the last its bias.");
    return 0;
}

int cli_explain_network(const cli_args *args) {
    const char *path = cli_value(args, "output");
    if (path && strcmp(cli_ending_of(path), ".svg") != 0)
        return cli_error(DQ_USAGE, "'danqing explain network' draws SVG: give -o NAME.svg");
    int code = path ? cli_check_writable(path, cli_value(args, "no-clobber") != NULL) : 0;
    return code ? code : cli_tool_verb(args, CLI_DRAWING, "counting", print_network);
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

static int tell_picture(const cli_args *args, const json_t *answer) {
    cli_note("%s: %.0f × %.0f; %s", cli_value(args, "output"), number_of(answer, "width"), number_of(answer, "height"),
             text_of(answer, "says"));
    return 0;
}

int cli_explain_picture(const cli_args *args) { return cli_tool_verb(args, CLI_PICTURE, "looking", tell_picture); }

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static int print_classes(const cli_args *args, const json_t *answer) {
    const json_t *class;
    size_t i;
    (void)args;
    json_array_foreach(json_object_get(answer, "classes"), i, class) {
        printf("%6.2f %%  ", 100 * number_of(class, "probability"));
        cli_print_clean(stdout, text_of(class, "label"));
        putchar('\n');
    }
    return 0;
}

int cli_explain_classify(const cli_args *args) { return cli_tool_verb(args, CLI_NO_FILE, "looking", print_classes); }
