/* SPDX-License-Identifier: MIT
 * bench/gates.c: how good the network `compact` is: the gates that it has to pass, beside the 16× distilled encoder, with
 * VGG-19 to relu3_1 as the measure. This file opens the networks, measures the file, and prints the table.
 *     gates [--quick] [--data DIR] [--only features|textures|transfer|file] [--json FILE] [MODEL.safetensors] */
#include "gates.h"

#include "base/measure.h"
#include "base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOADS = 20, WIDEST = 528 /* channels of two maps side by side */ };

static const char *const column_name[COLUMNS] = {"VGG-19", "16× encoder", "random", "compact"};

row *add_row(gates *g, double gate, bool at_most, const char *format, ...) {
    va_list list;
    dq__error err = {0};
    if (g->count == MAX_ROWS) must(dq__fail(&err, DQ_LIMIT, "more than %d figures", MAX_ROWS), &err);
    row *r = &g->rows[g->count++];
    *r = (row){.gate = gate, .at_most = at_most};
    for (int c = 0; c < COLUMNS; c++) r->value[c] = NAN;
    va_start(list, format);
    vsnprintf(r->measure, sizeof r->measure, format, list);
    va_end(list);
    return r;
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */

static double megabytes(const char *path) {
    struct stat s;
    dq__error err = {0};
    if (stat(path, &s)) must(dq__fail(&err, DQ_BAD_MODEL, "%s is not there", path), &err);
    return (double)s.st_size / 1e6;
}

static double load_seconds(const char *path) {
    double seconds[LOADS];
    for (int k = 0; k < LOADS; k++) {
        dq_model *model;
        dq__error err;
        const double start = dq__seconds();
        must(dq__model_read(&model, path, &err), &err);
        seconds[k] = dq__seconds() - start;
        dq__model_free(&model);
    }
    return dq__median(seconds, LOADS);
}

static void data_path(const gates *g, const char *file, char *path, size_t size) {
    snprintf(path, size, "%s/models/%s", g->data, file);
}

static const char encoder_file[] = "vgg19-16x/5SE.pth", vgg_file[] = "vgg19-relu3_1/vgg_normalised_conv3_1.pth",
                  squeezenet_file[] = "squeezenet/compressed_SqueezeNet.net";

static void measure_file(gates *g) {
    char encoder[4096];
    data_path(g, encoder_file, encoder, sizeof encoder);
    tell("the file");
    row *size = add_row(g, 2.6, true, "size of the file, MB");
    size->value[ENCODER] = megabytes(encoder);
    size->value[COMPACT] = megabytes(g->file);
    row *load = add_row(g, 30, true, "time to load it, ms, median of %d", LOADS);
    load->value[ENCODER] = 1e3 * load_seconds(encoder);
    load->value[COMPACT] = 1e3 * load_seconds(g->file);
}

/* ---- the table ----------------------------------------------------------------------------------------------------- */

static bool is_met(const row *r) { return r->at_most ? r->value[COMPACT] <= r->gate : r->value[COMPACT] >= r->gate; }

static void number_text(double value, char *text, size_t size) {
    if (isnan(value)) snprintf(text, size, " ");
    else snprintf(text, size, value == 0 || (fabs(value) >= .001 && fabs(value) < 1000) ? "%.3f" : "%.2e", value);
}

static void print_row(const row *r) {
    char text[32];
    printf("| %s |", r->measure);
    for (int c = 0; c < COLUMNS; c++) {
        number_text(r->value[c], text, sizeof text);
        printf(" %s |", text);
    }
    if (isnan(r->gate)) printf(" | |\n");
    else printf(" %s %.3g | %s |\n", r->at_most ? "≤" : "≥", r->gate, is_met(r) ? "met" : "NOT met");
}

static void print_table(const gates *g) {
    printf("%s, %s against VGG-19 to relu3_1.%s\n\n| measure |", g->file, g->model[COMPACT]->source,
           g->quick ? " Quick: few pictures, short runs; a rehearsal, no figures to quote." : "");
    for (int c = 0; c < COLUMNS; c++) printf(" %s |", column_name[c]);
    printf(" gate | |\n|---|");
    for (int c = 0; c < COLUMNS; c++) printf("---|");
    printf("---|---|\n");
    for (int k = 0; k < g->count; k++) print_row(&g->rows[k]);
    if (!g->squeezenet) printf("\nSqueezeNet did not judge: %s\n", g->why);
}

static json_t *row_json(const row *r) {
    json_t *object = json_pack("{s:s}", "measure", r->measure);
    for (int c = 0; c < COLUMNS; c++)
        if (isfinite(r->value[c])) json_object_set_new(object, column_name[c], json_real(r->value[c]));
    if (isnan(r->gate)) return object;
    json_object_set_new(object, r->at_most ? "at most" : "at least", json_real(r->gate));
    json_object_set_new(object, "met", json_boolean(is_met(r)));
    return object;
}

static void write_json(const gates *g, const char *path) {
    dq__error err = {0};
    json_t *rows = json_array();
    for (int k = 0; k < g->count; k++) json_array_append_new(rows, row_json(&g->rows[k]));
    json_t *all = json_pack("{s:s, s:s, s:s, s:b, s:o}", "network", g->model[COMPACT]->table.name, "sha256",
                            g->model[COMPACT]->sha256, "source", g->model[COMPACT]->source, "quick", g->quick, "gates", rows);
    if (json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(5)))
        must(dq__fail(&err, DQ_OUTPUT, "cannot write %s", path), &err);
    json_decref(all);
}

/* ---- the program --------------------------------------------------------------------------------------------------- */

static void open_networks(gates *g) {
    char path[4096];
    dq__error err;
    data_path(g, vgg_file, path, sizeof path);
    must(dq__model_read(&g->model[VGG], path, &err), &err);
    data_path(g, encoder_file, path, sizeof path);
    must(dq__model_read(&g->model[ENCODER], path, &err), &err);
    must(dq__model_random(&g->model[RANDOM], 0, &err), &err);
    must(dq__model_read(&g->model[COMPACT], g->file, &err), &err);
    data_path(g, squeezenet_file, path, sizeof path);
    if (dq__model_read(&g->squeezenet, path, &err)) snprintf(g->why, sizeof g->why, "%s", err.text);
    must(dq__pool_new(&g->pool, 0, &err), &err);
    must(dq__gram_space_new(&g->space, WIDEST, &err), &err);
}

static void close_networks(gates *g) {
    for (int c = 0; c < COLUMNS; c++) dq__model_free(&g->model[c]);
    dq__model_free(&g->squeezenet);
    dq__gram_space_free(&g->space);
    dq__pool_free(&g->pool);
}

static int usage(void) {
    fprintf(stderr, "usage: gates [--quick] [--data DIR] [--only features|textures|transfer|file] [--json FILE] "
                    "[MODEL.safetensors]\nDIR holds models/ and images/ (default: $DANQING_TEST_DATA)\n");
    return 2;
}

static const struct {
    const char *name;
    void (*run)(gates *g);
} measures[] = {{"file", measure_file}, {"features", measure_features}, {"textures", measure_textures},
                {"transfer", measure_transfer}};
enum { MEASURES = sizeof measures / sizeof *measures };

static bool is_measure(const char *name) {
    for (int k = 0; k < MEASURES; k++)
        if (strcmp(measures[k].name, name) == 0) return true;
    return false;
}

int main(int argc, char **argv) {
    gates g = {.data = getenv("DANQING_TEST_DATA"), .file = "models/compact.safetensors"};
    const char *only = NULL, *json = NULL;
    for (int k = 1; k < argc; k++) {
        const char *value = k + 1 < argc ? argv[k + 1] : NULL;
        if (strcmp(argv[k], "--quick") == 0) g.quick = true;
        else if (strcmp(argv[k], "--data") == 0 && value) g.data = value, k++;
        else if (strcmp(argv[k], "--only") == 0 && value) only = value, k++;
        else if (strcmp(argv[k], "--json") == 0 && value) json = value, k++;
        else if (argv[k][0] == '-') return usage();
        else g.file = argv[k];
    }
    if (!g.data || (only && !is_measure(only))) return usage();
    open_networks(&g);
    for (int k = 0; k < MEASURES; k++)
        if (!only || strcmp(measures[k].name, only) == 0) measures[k].run(&g);
    print_table(&g);
    if (json) write_json(&g, json);
    close_networks(&g);
    return 0;
}
