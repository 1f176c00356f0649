/* SPDX-License-Identifier: MIT
 * explain/sight.c: see sight.h. */
#include "explain/sight.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- layers ------------------------------------------------------------------------------------------------------ */

/* A layer by its own name, or by another name of the field; a convolution that is rectified in place means its ReLU. */
static int find_layer(const dq__table *table, const char *name) {
    for (int i = 0; i < table->count; i++)
        if (strcmp(table->layer[i].name, name) == 0) return i + 1 < table->count && dq__relu_in_place(table, i + 1) ? i + 1 : i;
    return dq__table_find(table, name);
}

static bool is_relu(const dq__table *table, int i) {
    return i >= 0 && (table->layer[i].kind == DQ__RELU || table->layer[i].kind == DQ__LEAKY_RELU);
}

/* Adds a layer in its place, once. */
static dq_status add_layer(dq__sight *s, int layer, dq__error *err) {
    int at = 0;
    while (at < s->layers && s->layer[at] < layer) at++;
    if (at < s->layers && s->layer[at] == layer) return DQ_OK;
    if (s->layers == DQ__MAX_TAPS) return dq__fail(err, DQ_USAGE, "more than %d layers", DQ__MAX_TAPS);
    memmove(&s->layer[at + 1], &s->layer[at], sizeof *s->layer * (size_t)(s->layers - at));
    s->layer[at] = layer;
    s->layers++;
    return DQ_OK;
}

static dq_status add_named(dq__sight *s, const char *names, dq__error *err) {
    const dq__table *table = &s->model->table;
    dq_status status = DQ_OK;
    for (const char *p = names; !status;) {
        char name[32], known[400];
        const size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), p);
        const int layer = find_layer(table, name);
        dq__table_names(table, known, sizeof known);
        if (layer < 0)
            return dq__fail(err, DQ_USAGE, "the network '%s' has no layer '%s'; it has: %s", table->name, name, known);
        status = add_layer(s, layer, err);
        if (!p[n]) break;
        p += n + 1;
    }
    return status;
}

/* VGG's names where the network has them; else the last activation before each pool, and the deepest. */
static dq_status add_stages(dq__sight *s, dq__error *err) {
    const dq__table *table = &s->model->table;
    dq_status status = DQ_OK;
    for (int stage = 1; stage <= 5 && !status; stage++) {
        char name[16];
        snprintf(name, sizeof name, "relu%d_1", stage);
        for (int i = 0; i < table->count && !status; i++)
            if (strcmp(table->layer[i].name, name) == 0) status = add_layer(s, i, err);
    }
    for (int i = 0; i < table->count && !status && s->layers == 0; i++)
        for (int k = i; k < table->count && !status; k++)
            if (table->layer[k].kind == DQ__POOL && is_relu(table, table->layer[k].from))
                status = add_layer(s, table->layer[k].from, err);
    if (!status && s->layers == 0 && dq__table_deepest(table) >= 0) status = add_layer(s, dq__table_deepest(table), err);
    return status;
}

static dq_status add_one(dq__sight *s, dq__error *err) {
    const int relu3_1 = find_layer(&s->model->table, "relu3_1"), deepest = dq__table_deepest(&s->model->table);
    if (relu3_1 >= 0) return add_layer(s, relu3_1, err);
    return deepest >= 0 ? add_layer(s, deepest, err) : DQ_OK;
}

dq_status dq__sight_open(dq__sight *s, const dq__call *call, const char *model, const char *names, dq__default_layers otherwise,
                         bool backward, dq__error *err) {
    *s = (dq__sight){.pool = call->pool};
    dq_status status = dq__model_open(&s->model, model, err);
    if (status) return status;
    if (names) status = add_named(s, names, err);
    else status = otherwise == DQ__ONE_OF_EACH_STAGE ? add_stages(s, err) : add_one(s, err);
    if (!status && !s->layers)
        status = dq__fail(err, DQ_USAGE, "the network '%s' has no activations to look at", s->model->table.name);
    if (status) return status;
    return dq__packed_new(&s->packed, &s->model->table, &s->model->weights, s->layer[s->layers - 1], backward, err);
}

void dq__sight_close(dq__sight *s) {
    dq__packed_free(&s->packed);
    dq__model_free(&s->model);
}

dq_status dq__sight_exec(dq__exec **out, const dq__sight *s, int only, int h, int w, bool backward, dq__error *err) {
    const dq__exec_options options = {.h = h, .w = w, .tap = only >= 0 ? &only : s->layer, .taps = only >= 0 ? 1 : s->layers,
                                      .backward = backward};
    return dq__exec_new(out, s->pool, &s->model->table, s->packed, &options, err);
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

dq_status dq__read_small(dq_image **out, const char *path, int size, dq__error *err) {
    dq_image *image;
    *out = NULL;
    dq_status status = dq__image_read(&image, path, err);
    if (!status) status = dq__shrink(out, image, size, err);
    dq__image_free(&image);
    return status;
}

void dq__free_names(char **names, int count) {
    for (int i = 0; names && i < count; i++) dq__free(names[i]);
    dq__free(names);
}

static int is_file(const struct dirent *entry) { return entry->d_name[0] != '.'; }
static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

dq_status dq__list_folder(char ***names, int *count, const char *folder, dq__error *err) {
    struct dirent **entry;
    const int found = scandir(folder, &entry, is_file, by_bytes);
    *names = NULL;
    *count = 0;
    if (found < 0) return dq__fail(err, DQ_BAD_IMAGE, "cannot read the folder %.200s: %s", folder, strerror(errno));
    char **list = dq__alloc_zero(sizeof *list * (size_t)(found + 1));
    bool whole = list != NULL;
    for (int i = 0; i < found; i++) {
        if (whole) list[i] = dq__caption("%s/%s", folder, entry[i]->d_name);
        whole = whole && list[i];
        free(entry[i]);
    }
    free(entry);
    *names = list, *count = found;
    return whole ? DQ_OK : dq__no_memory(err, 0, "the names of a folder");
}

dq_status dq__enlarge(dq_image **out, const dq_image *image, int width, int height, bool smooth, dq__error *err) {
    if (smooth) return dq__image_resize(out, image, width, height, err);
    const dq_status status = dq__image_new(out, width, height, false, err);
    for (int y = 0; y < height && !status; y++)
        for (int x = 0; x < width; x++) {
            const size_t from = (size_t)((int64_t)y * image->height / height) * (size_t)image->width +
                                (size_t)((int64_t)x * image->width / width);
            memcpy((*out)->rgb + 3 * ((size_t)y * (size_t)width + (size_t)x), image->rgb + 3 * from, sizeof(float) * 3);
        }
    return status;
}

float dq__greatest(const float *v, size_t count) {
    float most = 1e-20f;
    for (size_t i = 0; i < count; i++) most = fabsf(v[i]) > most ? fabsf(v[i]) : most;
    return most;
}

float dq__usual(const float *v, size_t count) {
    const float most = dq__greatest(v, count);
    double sum = 0, n = 0;
    for (size_t i = 0; i < count; i++) sum += (double)v[i] * (double)v[i], n += v[i] != 0;
    const float usual = n > 0 ? (float)(5 * sqrt(sum / n)) : most;
    return usual < most && usual > 0 ? usual : most;
}

void dq__show_signed(float *rgb, size_t count, float most) {
    for (size_t i = 0; i < count; i++) {
        const float v = 0.5f + 0.5f * rgb[i] / most;
        rgb[i] = v > 0 ? (v < 1 ? v : 1) : 0;
    }
}

/* ---- sheets ------------------------------------------------------------------------------------------------------ */

char *dq__caption(const char *format, ...) {
    char *text;
    va_list args;
    va_start(args, format);
    const int n = vasprintf(&text, format, args);
    va_end(args);
    char *copy = n < 0 ? NULL : dq__strdup(text);
    if (n >= 0) free(text);
    return copy;
}

dq_status dq__sheet_answer(const dq__call *call, dq__tile *tile, int count, int side, const char *says, json_t *more,
                           dq__error *err) {
    dq_image *sheet = NULL;
    dq_status status = dq__sheet(&sheet, tile, count, side, err);
    if (!status) status = dq__image_write(sheet, call->tool->output, NULL, err);
    for (int i = 0; i < count; i++) dq__tile_free(&tile[i]);
    if (!status) {
        json_t *answer = json_pack("{s:s, s:i, s:i}", "says", says, "width", sheet->width, "height", sheet->height);
        if (answer && more) json_object_update(answer, more);
        status = dq__call_answer(call, answer, err);
    }
    json_decref(more);
    dq__image_free(&sheet);
    return status;
}
