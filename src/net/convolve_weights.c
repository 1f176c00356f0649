/* SPDX-License-Identifier: MIT
 * net/convolve_weights.c: the gradient of a convolution's weights and bias. Pictures and rows (or tiles) are cut into a few
 * chunks by the shape alone; each chunk sums by itself, and the chunks are added in order. */
#include "net/convolve.h"

#include <string.h>

enum { CHUNKS = 8, TILES = 36, TAPS3 = 9 };

typedef struct work {
    const dq__convolver *c;
    const dq__layer *layer;
    const dq__tensor *x, *dy;
    bool winograd;
    int chunks, parts; /* parts: of the output channels, where chunks are few */
    int all;           /* rows, or tiles, of all pictures */
    size_t floats;     /* of a chunk's sums of one part: [taps or 36][ic][oc of the part] */
    float *weight, *bias;
} work;

static int tile_count(const dq__tensor *t) { return t->n * ((t->h + 3) / 4) * ((t->w + 3) / 4); }
static int first_channel(const work *w, int part) { return w->dy->cs / 16 * part / w->parts * 16; }
static int part_channels(const work *w, int part) { return first_channel(w, part + 1) - first_channel(w, part); }

static work make_work(const dq__convolver *c, const dq__layer *l, const dq__tensor *x, const dq__tensor *dy) {
    work w = {.c = c, .layer = l, .x = x, .dy = dy, .parts = 1};
    w.winograd = dq__is_conv3x3(l) && dq__winograd_pays(c, dy, 0, x->cs);
    w.all = w.winograd ? tile_count(dy) : dy->n * dy->h;
    const int chunks = w.winograd ? (w.all + DQK_WINOGRAD_TILES - 1) / DQK_WINOGRAD_TILES : w.all;
    w.chunks = chunks < CHUNKS ? chunks : CHUNKS;
    while (w.winograd && w.chunks * w.parts < CHUNKS / 2 && 4 * w.parts <= dy->cs / 16) w.parts *= 2;
    const size_t points = w.winograd ? TILES : (size_t)l->kernel * (size_t)l->kernel;
    const int wide = (dy->cs / 16 + w.parts - 1) / w.parts * 16; /* the widest part */
    w.floats = points * (size_t)x->cs * (size_t)wide;
    return w;
}

void dq__want_convolve_weights(dq__convolver *c, const dq__layer *l, const dq__tensor *x, const dq__tensor *dy) {
    const work w = make_work(c, l, x, dy);
    size_t scratch = w.winograd ? dqk_winograd_outer_scratch(x->cs, dy->cs) : dqk_outer_scratch(x->cs, dy->cs);
    const size_t taps = (size_t)l->kernel * (size_t)l->kernel, rows = taps > TILES + TAPS3 ? taps : TILES + TAPS3;
    if (scratch < rows * (size_t)dy->cs) scratch = rows * (size_t)dy->cs;
    size_t sums = (size_t)(w.chunks * w.parts) * w.floats;
    if (sums < (size_t)dy->n * (size_t)dy->cs) sums = (size_t)dy->n * (size_t)dy->cs;
    scratch = (scratch + 15) / 16 * 16;
    if (scratch > c->scratch_floats) c->scratch_floats = scratch;
    if (sums > c->sum_floats) c->sum_floats = sums;
}

static float *own_scratch(const work *w) { return w->c->scratch + (size_t)dq__pool_worker() * w->c->scratch_floats; }

static float *sums_of(const work *w, int chunk, int part) { return w->c->sums + (size_t)(chunk * w->parts + part) * w->floats; }

/* ---- sums of chunks -------------------------------------------------------------------------------------------------- */

/* The rows of one picture that belong to a chunk. */
static void add_rows(const work *w, float *sums, int picture, int row, int rows) {
    const dq__layer *l = w->layer;
    const dq__tensor x = dq__picture(w->x, picture), dy = dq__picture(w->dy, picture);
    dqk_outer job = {.x = dq__pixel(&x, row * l->stride - l->pad, -l->pad), .x_row = l->stride * dq__row(&x),
                     .x_col = l->stride * x.cs, .tap_row = dq__row(&x), .tap_col = x.cs, .d = dq__pixel(&dy, row, 0),
                     .d_row = dq__row(&dy), .d_col = dy.cs, .rows = rows, .cols = dy.w, .kernel = l->kernel, .ic = x.cs,
                     .oc = dy.cs, .g = sums, .scratch = own_scratch(w)};
    w->c->kernels->outer(&job);
}

static void rows_task(void *user, int chunk) {
    const work *w = user;
    const int end = (int)((int64_t)w->all * (chunk + 1) / w->chunks);
    float *sums = sums_of(w, chunk, 0);
    memset(sums, 0, sizeof(float) * w->floats);
    for (int at = (int)((int64_t)w->all * chunk / w->chunks); at < end;) {
        const int row = at % w->dy->h, left = w->dy->h - row, rows = end - at < left ? end - at : left;
        add_rows(w, sums, at / w->dy->h, row, rows);
        at += rows;
    }
}

static void tiles_task(void *user, int task) {
    const work *w = user;
    const int chunk = task / w->parts, part = task % w->parts;
    const int first = (int)((int64_t)w->all * chunk / w->chunks), end = (int)((int64_t)w->all * (chunk + 1) / w->chunks);
    const dq__tensor *x = w->x, *dy = w->dy;
    dqk_winograd_outer job = {.x = x->data, .x_picture = dq__picture_stride(x), .x_row = dq__row(x), .x_col = x->cs,
                              .d = dy->data + first_channel(w, part), .d_picture = dq__picture_stride(dy), .d_row = dq__row(dy),
                              .d_col = dy->cs, .rows = dy->h, .cols = dy->w, .first_tile = first, .tiles = end - first,
                              .ic = x->cs, .oc = part_channels(w, part), .m = sums_of(w, chunk, part),
                              .scratch = own_scratch(w)};
    memset(job.m, 0, sizeof(float) * w->floats);
    w->c->kernels->winograd_outer(&job);
}

/* ---- adding them up --------------------------------------------------------------------------------------------------- */

/* The sums of all chunks for input channel i: [points][oc of the part]. */
static void total(const work *w, int part, int points, int i, float *to) {
    const int oc = part_channels(w, part);
    for (int p = 0; p < points; p++) {
        float *row = to + (ptrdiff_t)p * oc;
        for (int k = 0; k < w->chunks; k++) {
            const float *from = sums_of(w, k, part) + ((ptrdiff_t)p * w->x->cs + i) * oc;
            for (int o = 0; o < oc; o++) row[o] = k ? row[o] + from[o] : from[o];
        }
    }
}

static void add_task(void *user, int task) {
    const work *w = user;
    const dq__layer *l = w->layer;
    const int part = task % w->parts, i = task / w->parts, oc = part_channels(w, part), first = first_channel(w, part);
    const int taps = l->kernel * l->kernel;
    float *sum = own_scratch(w), *g = sum;
    total(w, part, w->winograd ? TILES : taps, i, sum);
    if (w->winograd) {
        g = sum + (ptrdiff_t)TILES * oc;
        memset(g, 0, sizeof(float) * TAPS3 * (size_t)oc);
        w->c->kernels->winograd_outer_finish(g, sum, oc, oc);
    }
    for (int o = 0; o < oc && first + o < l->oc; o++)
        for (int t = 0; t < taps; t++)
            w->weight[((size_t)(first + o) * (size_t)l->ic + (size_t)i) * (size_t)taps + (size_t)t] += g[t * oc + o];
}

static void bias_task(void *user, int picture) {
    const work *w = user;
    const dq__tensor dy = dq__picture(w->dy, picture);
    float *sum = w->c->sums + (ptrdiff_t)picture * dy.cs;
    memset(sum, 0, sizeof(float) * (size_t)dy.cs);
    for (int y = 0; y < dy.h; y++)
        for (int x = 0; x < dy.w; x++) {
            const float *d = dq__pixel(&dy, y, x);
            for (int o = 0; o < dy.cs; o++) sum[o] += d[o];
        }
}

void dq__convolve_weights(const dq__convolver *c, const dq__layer *layer, const dq__tensor *x, const dq__tensor *dy,
                          float *weight, float *bias) {
    work w = make_work(c, layer, x, dy);
    w.weight = weight, w.bias = bias;
    dq__pool_run(c->pool, w.chunks * w.parts, w.winograd ? tiles_task : rows_task, &w);
    dq__pool_run(c->pool, layer->ic * w.parts, add_task, &w);
    if (!bias) return;
    dq__pool_run(c->pool, dy->n, bias_task, &w);
    for (int k = 0; k < dy->n; k++)
        for (int o = 0; o < layer->oc; o++) bias[o] += c->sums[(size_t)k * (size_t)dy->cs + (size_t)o];
}
