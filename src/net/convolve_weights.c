/* SPDX-License-Identifier: MIT
 * net/convolve_weights.c: the gradient of a convolution's weights and bias. Pictures and rows are cut into a few chunks by
 * the shape alone; each chunk sums by itself, and the chunks are added in order. */
#include "net/convolve.h"

#include <string.h>

enum { CHUNKS = 8 };

typedef struct work {
    const dq__convolver *c;
    const dq__layer *layer;
    const dq__tensor *x, *dy;
    int chunks;
    size_t floats; /* of a chunk's sums: [taps][ic][oc], then the bias [oc] */
    float *weight, *bias;
} work;

static work make_work(const dq__convolver *c, const dq__layer *l, const dq__tensor *x, const dq__tensor *dy) {
    work w = {.c = c, .layer = l, .x = x, .dy = dy};
    const int rows = dy->n * dy->h;
    w.chunks = rows < CHUNKS ? rows : CHUNKS;
    w.floats = ((size_t)l->kernel * (size_t)l->kernel * (size_t)x->cs + 1) * (size_t)dy->cs;
    return w;
}

void dq__want_convolve_weights(dq__convolver *c, const dq__layer *l, const dq__tensor *x, const dq__tensor *dy) {
    const work w = make_work(c, l, x, dy);
    const size_t scratch = (dqk_outer_scratch(x->cs, dy->cs) + 15) / 16 * 16, sums = (size_t)w.chunks * w.floats;
    if (scratch > c->scratch_floats) c->scratch_floats = scratch;
    if (sums > c->sum_floats) c->sum_floats = sums;
}

static void add_bias(float *sum, const dq__tensor *dy, int row, int rows) {
    for (int y = row; y < row + rows; y++)
        for (int x = 0; x < dy->w; x++) {
            const float *d = dq__pixel(dy, y, x);
            for (int o = 0; o < dy->cs; o++) sum[o] += d[o];
        }
}

/* The rows of one picture that belong to a chunk. */
static void add_rows(const work *w, float *sums, int picture, int row, int rows) {
    const dq__layer *l = w->layer;
    const dq__tensor x = dq__picture(w->x, picture), dy = dq__picture(w->dy, picture);
    dqk_outer job = {.x = dq__pixel(&x, row * l->stride - l->pad, -l->pad), .x_row = l->stride * dq__row(&x),
                     .x_col = l->stride * x.cs, .tap_row = dq__row(&x), .tap_col = x.cs, .d = dq__pixel(&dy, row, 0),
                     .d_row = dq__row(&dy), .d_col = dy.cs, .rows = rows, .cols = dy.w, .kernel = l->kernel, .ic = x.cs,
                     .oc = dy.cs, .g = sums, .scratch = w->c->scratch + (size_t)dq__pool_worker() * w->c->scratch_floats};
    w->c->kernels->outer(&job);
    add_bias(sums + w->floats - dy.cs, &dy, row, rows);
}

static void chunk_task(void *user, int chunk) {
    const work *w = user;
    const int all = w->dy->n * w->dy->h, end = (int)((int64_t)all * (chunk + 1) / w->chunks);
    float *sums = w->c->sums + (size_t)chunk * w->floats;
    memset(sums, 0, sizeof(float) * w->floats);
    for (int at = (int)((int64_t)all * chunk / w->chunks); at < end;) {
        const int row = at % w->dy->h, left = w->dy->h - row, rows = end - at < left ? end - at : left;
        add_rows(w, sums, at / w->dy->h, row, rows);
        at += rows;
    }
}

static float total(const work *w, size_t at) {
    float sum = 0;
    for (int k = 0; k < w->chunks; k++) sum += w->c->sums[(size_t)k * w->floats + at];
    return sum;
}

/* Adds up the chunks for one input channel (the last task: for the bias). */
static void add_task(void *user, int i) {
    const work *w = user;
    const dq__layer *l = w->layer;
    const size_t taps = (size_t)l->kernel * (size_t)l->kernel, oc = (size_t)w->dy->cs, ic = (size_t)w->x->cs;
    if (i == l->ic) {
        for (int o = 0; o < l->oc; o++) w->bias[o] += total(w, taps * ic * oc + (size_t)o);
        return;
    }
    for (size_t t = 0; t < taps; t++)
        for (int o = 0; o < l->oc; o++)
            w->weight[((size_t)o * (size_t)l->ic + (size_t)i) * taps + t] += total(w, (t * ic + (size_t)i) * oc + (size_t)o);
}

void dq__convolve_weights(const dq__convolver *c, const dq__layer *layer, const dq__tensor *x, const dq__tensor *dy,
                          float *weight, float *bias) {
    work w = make_work(c, layer, x, dy);
    w.weight = weight, w.bias = bias;
    dq__pool_run(c->pool, w.chunks, chunk_task, &w);
    dq__pool_run(c->pool, layer->ic + 1, add_task, &w);
}
