/* SPDX-License-Identifier: MIT
 * cli/bench.c: `danqing bench`: what the library measured, as a table for people or as it is with --json. */
#include "cli.h"

#include <string.h>

enum { BAR = 40 };

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

/* ---- the table --------------------------------------------------------------------------------------------------- */

static double highest_rate(const json_t *rows, double highest) {
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
        if (number_of(row, "gflops") > highest) highest = number_of(row, "gflops");
    return highest;
}

/* A bar as long as the rate is high; `highest` fills it. */
static void print_row(const json_t *row, const char *pass, double highest) {
    const double rate = number_of(row, "gflops");
    char left[64];
    snprintf(left, sizeof left, "%-15s %-8s", text_of(row, "name"), pass);
    cli_print_clean(stdout, left);
    printf("%11.3f%10.1f%7.0f %%", 1e3 * number_of(row, "seconds"), rate, 100 * number_of(row, "share"));
    const int length = (int)(BAR * rate / highest + 0.5);
    if (length) fputs("  ", stdout);
    for (int k = 0; k < length; k++) putchar('#');
    putchar('\n');
}

static void print_head(const json_t *figures) {
    char bytes[32], title[96];
    const bool random = strcmp(text_of(figures, "weights"), "random") == 0;
    snprintf(title, sizeof title, "%s%s", text_of(figures, "model"), random ? " (seeded random weights)" : "");
    const int size = (int)number_of(figures, "size"), threads = (int)number_of(figures, "threads");
    cli_print_clean(stdout, title);
    printf(", %d × %d, %d %s, kernels %s; medians of %d\n\n", size, size, threads, threads == 1 ? "thread" : "threads",
           text_of(figures, "isa"), (int)number_of(figures, "rounds"));
    printf("one iteration   %.4g s, %.1f GFLOP/s, %.0f %% of the peak\n", number_of(figures, "seconds_per_iteration"),
           number_of(figures, "gflops"), 100 * number_of(figures, "share"));
    printf("peak memory     %s\n", cli_bytes(number_of(figures, "peak_rss_bytes"), bytes));
    printf("peak speed      %.1f GFLOP/s: multiply-adds in registers\n\n", number_of(figures, "peak_gflops"));
}

static int print_table(const cli_args *args, const json_t *figures) {
    (void)args;
    const json_t *layers = json_object_get(figures, "layers"), *grams = json_object_get(figures, "grams"), *row;
    const double highest = highest_rate(grams, highest_rate(layers, 1e-9));
    size_t i;
    print_head(figures);
    printf("%-15s %-8s%11s%10s%9s\n", "layer", "pass", "ms", "GFLOP/s", "of peak");
    json_array_foreach(layers, i, row) print_row(row, text_of(row, "direction"), highest);
    json_array_foreach(grams, i, row) print_row(row, "Gram", highest);
    puts("\nRates count the products of direct convolution and whole matrices; better methods pass the peak.");
    return 0;
}

int cli_bench(const cli_args *args) { return cli_tool_verb(args, CLI_NO_FILE, "measuring", print_table); }
