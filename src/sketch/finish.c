/* SPDX-License-Identifier: MIT
 * sketch/finish.c: the pencil: J of paint/cost.h on the pixels of the drawing. The style is the mean of the Gram matrices of
 * the collages of matched sketches, region by region of the frame, so that hair gets the strokes of hair. Grey stays grey: of a
 * gradient the mean over colours counts. */
#include "sketch/finish.h"

#include "optim/adam.h"
#include "paint/cost.h"
#include "sketch/collage.h"

#include <math.h>
#include <string.h>

enum { N = DQ__FRAME_PIXELS, W = DQ__FRAME_W, H = DQ__FRAME_H, DOWN = 4, ACROSS = 2, STEPS = 40 };
#define RATE 0.02
#define AVERAGE 0.8

struct dq__finish {
    dq__pool *pool;
    const dq__pairs *pairs;
    dq_options *options;
    dq__settings settings; /* its texts are the options' */
    dq__table table;
    dq__taps taps;
    dq__maps maps;
    dq__packed *packed;
    dq__gram_root roots[DQ__MAX_TAPS];
    dq_image *content, *style[DQ__COLLAGES];
    float *collage;                 /* [DQ__COLLAGES][N] */
    float *x, *gradient, *average;  /* [N][3] */
};

void dq__finish_free(dq__finish **finish) {
    dq__finish *f = *finish;
    if (!f) return;
    dq__options_free(&f->options);
    dq__packed_free(&f->packed);
    dq__cost_roots_free(f->roots);
    dq__maps_free(&f->maps);
    dq__image_free(&f->content);
    for (int k = 0; k < DQ__COLLAGES; k++) dq__image_free(&f->style[k]);
    dq__free(f->collage);
    dq__free(f->x);
    dq__free(f->gradient);
    dq__free(f->average);
    dq__free(f);
    *finish = NULL;
}

/* ---- making ---- */

static dq_status choose_settings(dq__finish *f, const dq_model *model, dq__error *err) {
    static const char *const values[][2] = {
        {"face", "off"}, {"normalization", "relative"}, {"content-weight", "1"}, {"style-weight", "20"}, {"tv-weight", "0"},
        {"content-layers", "relu2_1?=1,relu3_1?=1"}, {"style-layers", "relu1_1?,relu2_1?,relu3_1?,relu4_1?"},
        {"style-loss", "gram"}, {"pixel-range", "1"},
    };
    char left_out[256];
    const dq__settings *s = &f->settings;
    dq_status status = dq__options_new(&f->options, err);
    for (size_t k = 0; k < sizeof values / sizeof *values && !status; k++)
        status = dq__options_set(f->options, values[k][0], values[k][1], err);
    if (!status) status = dq__options_resolve(f->options, &f->settings, err);
    f->table = model->table;
    return status ? status : dq__taps_parse(&f->taps, &f->table, s->content_layers, s->style_layers, left_out, err);
}

/* 1 where the middle of part `at` of `parts` is, less towards the middle of the next one. */
static float belongs(int pixel, int side, int parts, int at) {
    const float place = ((float)pixel + 0.5f) * (float)parts / (float)side - 0.5f;
    const float inside = fminf(fmaxf(place, 0), (float)(parts - 1));
    return fmaxf(0, 1 - fabsf(inside - (float)at));
}

/* The frame in DOWN × ACROSS regions that pass into each other. */
static dq_status make_regions(dq__finish *f, dq__error *err) {
    dq_status status = DQ_OK;
    f->maps.regions = DOWN * ACROSS;
    for (int r = 0; r < DOWN * ACROSS && !status; r++) {
        for (int i = 0; i < N; i++) f->collage[i] = belongs(i / W, H, DOWN, r / ACROSS) * belongs(i % W, W, ACROSS, r % ACROSS);
        status = dq__grey_new(&f->maps.photo[r], f->collage, W, H, err);
        for (int k = 0; k < DQ__COLLAGES && !status; k++) status = dq__grey_new(&f->maps.style[k][r], f->collage, W, H, err);
    }
    return status;
}

static dq_status take_memory(dq__finish *f, dq__error *err) {
    f->collage = dq__alloc(sizeof(float) * DQ__COLLAGES * N);
    f->x = dq__alloc(sizeof(float) * 3 * N);
    f->gradient = dq__alloc(sizeof(float) * 3 * N);
    f->average = dq__alloc(sizeof(float) * 3 * N);
    if (!f->collage || !f->x || !f->gradient || !f->average) return dq__no_memory(err, sizeof(float) * 12 * N, "a pencil");
    dq_status status = dq__image_new(&f->content, W, H, false, err);
    for (int k = 0; k < DQ__COLLAGES && !status; k++) status = dq__image_new(&f->style[k], W, H, false, err);
    return status;
}

dq_status dq__finish_new(dq__finish **out, dq__pool *pool, const dq__pairs *pairs, const dq_model *model, dq__error *err) {
    dq__finish *f = dq__alloc_zero(sizeof *f);
    *out = f;
    if (!f) return dq__no_memory(err, sizeof *f, "a pencil");
    f->pool = pool, f->pairs = pairs;
    dq_status status = take_memory(f, err);
    if (!status) status = choose_settings(f, model, err);
    if (!status) status = make_regions(f, err);
    const int last = status ? 0 : f->taps.layer[f->taps.count - 1];
    if (!status) status = dq__packed_new(&f->packed, &f->table, &model->weights, last, true, err);
    if (!status) status = dq__cost_roots_new(f->roots, &f->taps, &f->table, &model->weights, err);
    if (status) dq__finish_free(out);
    return status;
}

/* ---- drawing ---- */

static void set_grey(float *rgb, const float *grey) {
    for (size_t i = 0; i < 3 * (size_t)N; i++) {
        const float v = grey[i / 3] / 255;
        rgb[i] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
}

static void one_colour(float *gradient) {
    for (size_t i = 0; i < (size_t)N; i++) {
        float *g = gradient + 3 * i;
        g[0] = g[1] = g[2] = (g[0] + g[1] + g[2]) / 3;
    }
}

/* Adam from the drawing on; the result is a running mean. */
static dq_status paint(dq__finish *f, dq__cost *cost, float *drawing, dq__error *err) {
    dq__adam adam;
    dq_status status = dq__adam_init(&adam, 3 * (size_t)N, RATE, 0.9, 0.99, 1e-8, err);
    double weight = 0;
    if (status) return status;
    set_grey(f->x, drawing);
    memset(f->average, 0, sizeof(float) * 3 * N);
    for (int step = 0; step < STEPS; step++) {
        dq__cost_evaluate(cost, f->x, f->gradient);
        one_colour(f->gradient);
        dq__adam_step(&adam, f->x, f->gradient, (dq__box){true, 0, 1});
        for (size_t i = 0; i < 3 * (size_t)N; i++)
            f->average[i] = (float)AVERAGE * f->average[i] + (float)(1 - AVERAGE) * f->x[i];
        weight = AVERAGE * weight + 1 - AVERAGE;
    }
    for (size_t i = 0; i < (size_t)N; i++) drawing[i] = f->average[3 * i] * (float)(255 / weight);
    dq__adam_deinit(&adam);
    return DQ_OK;
}

dq_status dq__finish_draw(dq__finish *f, const dq__frame *face, float *drawing, dq__error *err) {
    double share[DQ__COLLAGES];
    dq__cost *cost;
    const int styles = dq__collages(f->pool, f->pairs, face->grey, f->collage);
    for (int k = 0; k < styles; k++) share[k] = 1.0 / styles, set_grey(f->style[k]->rgb, f->collage + (ptrdiff_t)k * N);
    set_grey(f->content->rgb, drawing);
    const dq__cost_setup setup = {.pool = f->pool, .table = &f->table, .packed = f->packed, .taps = &f->taps, .roots = f->roots,
                                  .settings = &f->settings, .maps = &f->maps, .share = share, .styles = styles};
    dq_status status = dq__cost_new(&cost, &setup, NULL, f->content, (const dq_image *const *)f->style, err);
    if (!status) status = paint(f, cost, drawing, err);
    dq__cost_free(&cost);
    return status;
}
