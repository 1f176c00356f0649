/* SPDX-License-Identifier: MIT
 * explain/features.c: the tool "explain features": what one layer sees of a photo, its Gram matrix, and the filters of the
 * first convolution, as one sheet. */
#include "explain/explain.h"
#include "explain/sight.h"
#include "loss/gram.h"

#include "base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS = 3, HEAD = 336, MAP = 112, COLUMNS = 8, GAP = 3 };

typedef struct features_settings {
    const char *model, *layer;
    int64_t size, maps;
} features_settings;

static const dq__setting rows[] = {
    {"model", DQ__SET_TEXT, offsetof(features_settings, model), "", 0, 0, NULL},
    {"layer", DQ__SET_TEXT, offsetof(features_settings, layer), NULL, 0, 0, NULL},
    {"size", DQ__SET_INT, offsetof(features_settings, size), "512", 8, 32768, NULL},
    {"maps", DQ__SET_INT, offsetof(features_settings, maps), "48", 1, 1024, NULL},
};

typedef struct strength {
    int channel;
    double mean, most;
} strength;

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static strength measure(const dq__tensor *f, int c) {
    strength s = {.channel = c};
    for (int y = 0; y < f->h; y++)
        for (int x = 0; x < f->w; x++) {
            const double v = (double)dq__pixel(f, y, x)[c];
            s.mean += v;
            s.most = fabs(v) > s.most ? fabs(v) : s.most;
        }
    s.mean /= (double)f->h * f->w;
    return s;
}

static int stronger(const void *a, const void *b) {
    const strength *one = a, *other = b;
    if (one->mean != other->mean) return one->mean < other->mean ? 1 : -1;
    return one->channel - other->channel;
}

static strength *rank(const dq__tensor *f) {
    strength *s = dq__alloc(sizeof *s * (size_t)f->c);
    for (int c = 0; s && c < f->c; c++) s[c] = measure(f, c);
    if (s) qsort(s, (size_t)f->c, sizeof *s, stronger);
    return s;
}

/* One channel, its greatest value white, by square roots. */
static dq_status map_tile(dq__tile *tile, const dq__tensor *f, const strength *s, dq__error *err) {
    dq_image *map;
    dq_status status = dq__image_new(&map, f->w, f->h, false, err);
    if (status) return status;
    for (int i = 0; i < 3 * f->w * f->h; i++) {
        const float v = dq__pixel(f, i / 3 / f->w, i / 3 % f->w)[s->channel] / (float)(s->most + 1e-20);
        map->rgb[i] = v > 0 ? sqrtf(v) : 0;
    }
    const int longest = f->w > f->h ? f->w : f->h;
    const int width = MAP * f->w / longest, height = MAP * f->h / longest;
    status = dq__enlarge(&tile->image, map, width > 0 ? width : 1, height > 0 ? height : 1, longest > MAP, err);
    dq__image_free(&map);
    tile->caption = dq__caption("#%d  %.3g", s->channel, s->mean);
    return status;
}

/* ---- Gram matrix and filters ------------------------------------------------------------------------------------- */

/* G by its square roots, so that small entries can be seen too; the greatest is white. */
static dq_status gram_tile(dq__tile *tile, dq__pool *pool, const dq__tensor *f, dq__error *err) {
    dq__gram_space *space = NULL;
    dq_image *image = NULL;
    float *g = dq__alloc(sizeof *g * (size_t)f->cs * (size_t)f->cs);
    dq_status status = g ? dq__gram_space_new(&space, f->cs, err) : dq__no_memory(err, 0, "a Gram matrix");
    if (!status) status = dq__image_new(&image, f->c, f->c, false, err);
    if (!status) {
        dq__gram(pool, space, f, g);
        const float most = dq__greatest(g, (size_t)f->cs * (size_t)f->cs);
        for (int i = 0; i < 3 * f->c * f->c; i++)
            image->rgb[i] = sqrtf(fabsf(g[i / 3 / f->c * f->cs + i / 3 % f->c]) / most);
        status = dq__enlarge(&tile->image, image, HEAD, HEAD, f->c > HEAD, err);
    }
    tile->caption = dq__caption("Gram matrix %d × %d", f->c, f->c);
    dq__image_free(&image);
    dq__gram_space_free(&space);
    dq__free(g);
    return status;
}

/* What filter o weighs at (y,x) of each of R, G and B. */
static void filter_colour(const dq__table *table, const dq__weights *weights, int layer, int o, int t, float rgb[3]) {
    const dq__layer *l = &table->layer[layer];
    const float *w = weights->weight[layer] + (size_t)o * 3 * (size_t)(l->kernel * l->kernel);
    for (int k = 0; k < 3; k++) {
        rgb[k] = 0;
        for (int c = 0; c < 3; c++) rgb[k] += w[c * l->kernel * l->kernel + t] * table->input.matrix[c][k];
    }
}

static dq_status one_filter(dq_image **out, const dq_model *model, int layer, int o, int side, dq__error *err) {
    const int kernel = model->table.layer[layer].kernel;
    dq_image *small;
    dq_status status = dq__image_new(&small, kernel, kernel, false, err);
    if (status) return status;
    for (int t = 0; t < kernel * kernel; t++)
        filter_colour(&model->table, &model->weights, layer, o, t, small->rgb + 3 * t);
    dq__show_signed(small->rgb, 3 * (size_t)(kernel * kernel), dq__greatest(small->rgb, 3 * (size_t)(kernel * kernel)));
    status = dq__enlarge(out, small, side, side, false, err);
    dq__image_free(&small);
    return status;
}

/* The first convolution's filters, each around middle grey. */
static dq_status filters_tile(dq__tile *tile, const dq_model *model, dq__error *err) {
    const dq__table *table = &model->table;
    int layer = 0, across = 1;
    while (layer < table->count && (table->layer[layer].kind != DQ__CONV || table->layer[layer].from >= 0)) layer++;
    if (layer == table->count) return DQ_OK; /* a linear layer reads the picture */
    const dq__layer *l = &table->layer[layer];
    while (across * across < l->oc) across++;
    const int side = (HEAD - GAP) / across - GAP;
    if (side < 1) return DQ_OK;
    dq_status status = dq__grey_field(&tile->image, HEAD, HEAD, 1, err);
    for (int o = 0; o < l->oc && !status; o++) {
        dq_image *filter = NULL;
        status = one_filter(&filter, model, layer, o, side, err);
        if (!status) dq__paste(tile->image, filter, GAP + o % across * (side + GAP), GAP + o / across * (side + GAP));
        dq__image_free(&filter);
    }
    tile->caption = dq__caption("the %d filters of %s", l->oc, l->name);
    return status;
}

/* ---- the tool ---------------------------------------------------------------------------------------------------- */

static json_t *channels_json(const dq__sight *sight, const strength *s, int count) {
    json_t *channels = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(channels, json_pack("{s:i, s:f, s:f}", "channel", s[i].channel, "mean", s[i].mean, "most",
                                                  s[i].most));
    return json_pack("{s:s, s:s, s:o}", "model", sight->model->table.name, "layer",
                     sight->model->table.layer[sight->layer[0]].name, "channels", channels);
}

static dq_status make_tiles(dq__tile *tile, const dq__sight *sight, const dq_image *photo, const dq__tensor *f, const strength *s,
                            int maps, dq__error *err) {
    const char *layer = sight->model->table.layer[sight->layer[0]].name;
    const int longest = photo->width > photo->height ? photo->width : photo->height;
    dq_status status = dq__image_resize(&tile[0].image, photo, 1 + (HEAD - 1) * photo->width / longest,
                                        1 + (HEAD - 1) * photo->height / longest, err);
    tile[0].caption = dq__caption("the photo; below: %s, %d × %d, the strongest of %d channels, each with its mean", layer, f->w,
                                  f->h, f->c);
    if (!status) status = gram_tile(&tile[1], sight->pool, f, err);
    if (!status) status = filters_tile(&tile[2], sight->model, err);
    for (int i = 0; i < maps && !status; i++) {
        status = map_tile(&tile[HEADS + i], f, &s[i], err);
        tile[HEADS + i].row = i % COLUMNS == 0;
    }
    return status;
}

dq_status dq__features_tool(const dq__call *call, dq__error *err) {
    features_settings settings;
    dq__sight sight = {0};
    dq_image *photo = NULL;
    dq__exec *exec = NULL;
    dq__tile *tile = NULL;
    strength *s = NULL;
    char says[160];
    dq_status status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &settings, err);
    if (!status) status = dq__call_inputs(call, 1, 1, "one photo", err);
    if (!status) status = dq__call_output(call, err);
    if (!status) status = dq__sight_open(&sight, call, settings.model, settings.layer, DQ__RELU3_1_OR_DEEPEST, false, err);
    if (!status && sight.layers > 1) status = dq__fail(err, DQ_USAGE, "'explain features' looks at one layer at a time");
    if (!status) status = dq__read_small(&photo, call->tool->inputs[0], (int)settings.size, err);
    if (!status) status = dq__sight_exec(&exec, &sight, -1, photo->height, photo->width, false, err);
    if (status) goto done;
    dq__exec_forward(exec, photo->rgb);
    const dq__tensor *f = dq__exec_tap(exec, 0);
    const int maps = settings.maps < f->c ? (int)settings.maps : f->c;
    s = rank(f);
    tile = dq__alloc_zero(sizeof *tile * (size_t)(HEADS + maps));
    if (!s || !tile) status = dq__no_memory(err, 0, "the maps");
    if (!status) status = make_tiles(tile, &sight, photo, f, s, maps, err);
    if (!status) status = dq__call_progress(call, 1, err);
    snprintf(says, sizeof says, "%d of %d channels of %s, the strongest first", maps, f->c,
             sight.model->table.layer[sight.layer[0]].name);
    if (!status) status = dq__sheet_answer(call, tile, HEADS + maps, MAP, says, channels_json(&sight, s, maps), err);
    for (int i = 0; tile && i < HEADS + maps; i++) dq__tile_free(&tile[i]);
done:
    dq__free(tile);
    dq__free(s);
    dq__exec_free(&exec);
    dq__image_free(&photo);
    dq__sight_close(&sight);
    return status;
}
