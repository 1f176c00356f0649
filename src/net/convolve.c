/* SPDX-License-Identifier: MIT
 * net/convolve.c: the work of a convolution cut into tasks, forward and back to its input. The gradient of the weights is in
 * convolve_weights.c. */
#include "net/convolve.h"

#include "base/mem.h"
#include "net/split.h"

#include <string.h>

/* ---- memory -------------------------------------------------------------------------------------------------------- */

static size_t thread_floats(const dq__convolver *c) { return c->scratch_floats * (size_t)dq__pool_threads(c->pool); }

size_t dq__convolver_bytes(const dq__convolver *c) {
    return sizeof(float) * (c->u_floats + c->sum_floats + thread_floats(c));
}

bool dq__convolver_alloc(dq__convolver *c) {
    c->u = dq__alloc(sizeof(float) * c->u_floats);
    c->scratch = dq__alloc(sizeof(float) * thread_floats(c));
    c->sums = dq__alloc(sizeof(float) * c->sum_floats);
    return c->u && c->scratch && c->sums;
}

void dq__convolver_free(dq__convolver *c) {
    dq__free(c->u);
    dq__free(c->scratch);
    dq__free(c->sums);
}

/* ---- which variant -------------------------------------------------------------------------------------------------- */

/* Winograd's method takes a quarter of the products but has to transform the layer's weights first, at about the cost of
 * 100 products each; maps of few pixels and the picture itself are convolved directly. A rule of shapes, not of the clock. */
bool dq__winograd_pays(const dq__convolver *c, const dq__tensor *x, const dq__tensor *y, int ring) {
    const int64_t h = y->h + 2 * ring, w = y->w + 2 * ring, padded = (h + 3) / 4 * ((w + 3) / 4) * 16;
    return !c->direct && x->cs >= 16 && (9 * h * w - 3 * padded) * y->n > 100;
}

/* ---- tasks ---------------------------------------------------------------------------------------------------------- */

/* What the tasks of one pass know. ring: pixels around y that are computed too. */
typedef struct pass {
    const dq__convolver *c;
    const dq__convolution *k;
    dq__tensor x, y;
    int ring;
    dq__split split; /* of one picture */
} pass;

/* The pictures and the part of one that a task is about. */
typedef struct part {
    dq__tensor x, y;
    int picture, row, rows, channel, channels;
} part;

static part part_of(const pass *work, int task) {
    part p = {.picture = task / work->split.tasks};
    p.x = dq__picture(&work->x, p.picture), p.y = dq__picture(&work->y, p.picture);
    dq__split_task(&work->split, task % work->split.tasks, &p.row, &p.rows, &p.channel, &p.channels);
    return p;
}

void dq__relu_rows(const dqk_table *kernels, const dq__tensor *y, uint16_t *signs, int row, int rows, int channel, int channels) {
    const int words = y->cs / 16;
    for (int r = row; r < row + rows; r++) {
        uint16_t *bits = signs + (ptrdiff_t)r * y->w * words;
        if (channels == y->cs) kernels->relu(dq__pixel(y, r, 0), bits, (ptrdiff_t)y->w * y->cs);
        else
            for (int x = 0; x < y->w; x++)
                kernels->relu(dq__pixel(y, r, x) + channel, bits + x * words + channel / 16, channels);
    }
}

static void relu_part(const pass *work, const part *p, int row, int rows) {
    if (!work->k->signs) return;
    uint16_t *signs = work->k->signs + (ptrdiff_t)p->picture * p->y.h * p->y.w * (p->y.cs / 16);
    dq__relu_rows(work->c->kernels, &p->y, signs, row, rows, p->channel, p->channels);
}

static void direct_task(void *user, int task) {
    const pass *work = user;
    const part p = part_of(work, task);
    const int ring = work->ring;
    dqk_conv3x3 job = {.x = dq__pixel(&p.x, p.row - ring, -ring), .x_row = dq__row(&p.x), .x_col = p.x.cs,
                       .y = dq__pixel(&p.y, p.row - ring, -ring) + p.channel, .y_row = dq__row(&p.y), .y_col = p.y.cs,
                       .w = work->k->w + (ptrdiff_t)p.channel * 9 * p.x.cs,
                       .bias = work->k->bias ? work->k->bias + p.channel : NULL,
                       .rows = p.rows, .cols = p.y.w + 2 * ring, .ic = p.x.cs, .oc = p.channels};
    work->c->kernels->conv3x3(&job);
    relu_part(work, &p, p.row, p.rows);
}

static void weights_task(void *user, int block) {
    const pass *work = user;
    const int ic = work->x.cs;
    work->c->kernels->winograd_weights(work->c->u + (ptrdiff_t)block * 36 * ic * 16,
                                       work->k->w + (ptrdiff_t)block * 9 * ic * 16, ic);
}

static void winograd_task(void *user, int task) {
    const pass *work = user;
    const part p = part_of(work, task);
    const int ring = work->ring, rows = p.y.h + 2 * ring, cols = p.y.w + 2 * ring, per_row = (cols + 3) / 4;
    dqk_winograd job = {.x = dq__pixel(&p.x, -ring, -ring), .x_row = dq__row(&p.x), .x_col = p.x.cs,
                        .y = dq__pixel(&p.y, -ring, -ring) + p.channel, .y_row = dq__row(&p.y), .y_col = p.y.cs,
                        .u = work->c->u + (ptrdiff_t)p.channel * 36 * p.x.cs,
                        .bias = work->k->bias ? work->k->bias + p.channel : NULL,
                        .rows = rows, .cols = cols, .first_tile = p.row * per_row, .tiles = p.rows * per_row,
                        .ic = p.x.cs, .oc = p.channels,
                        .scratch = work->c->scratch + (size_t)dq__pool_worker() * work->c->scratch_floats};
    work->c->kernels->winograd(&job);
    const int left = rows - 4 * p.row;
    relu_part(work, &p, 4 * p.row, 4 * p.rows < left ? 4 * p.rows : left);
}

/* 3×3 with stride 1, forward and backward alike: y is computed with `ring` pixels around it. */
static void convolve3x3(pass *work) {
    const int rows = work->y.h + 2 * work->ring, cols = work->y.w + 2 * work->ring, n = work->y.n;
    dq__task_fn fn = direct_task;
    if (dq__winograd_pays(work->c, &work->x, &work->y, work->ring)) {
        dq__pool_run(work->c->pool, work->y.cs / 16, weights_task, work);
        work->split = dq__split_rows((rows + 3) / 4, DQK_WINOGRAD_TILES / ((cols + 3) / 4), work->y.cs, n);
        fn = winograd_task;
    } else {
        work->split = dq__split_rows(rows, 256 / cols, work->y.cs, n);
    }
    dq__pool_run(work->c->pool, work->split.tasks * n, fn, work);
}

/* Any kernel and stride: a product with a matrix for each tap. */
static void taps_task(void *user, int task) {
    const pass *work = user;
    const dq__layer *l = work->k->layer;
    const part p = part_of(work, task);
    for (int t = 0; t < l->kernel * l->kernel; t++) {
        const int row = p.row * l->stride + t / l->kernel - l->pad, col = t % l->kernel - l->pad;
        dqk_gemm job = {.x = dq__pixel(&p.x, row, col), .x_row = l->stride * dq__row(&p.x), .x_col = l->stride * p.x.cs,
                        .y = dq__pixel(&p.y, p.row, 0) + p.channel, .y_row = dq__row(&p.y), .y_col = p.y.cs,
                        .m = work->k->w + ((ptrdiff_t)t * p.y.cs + p.channel) * p.x.cs,
                        .bias = work->k->bias ? work->k->bias + p.channel : NULL,
                        .rows = p.rows, .cols = p.y.w, .ic = p.x.cs, .oc = p.channels, .accumulate = t > 0};
        work->c->kernels->gemm(&job);
    }
    relu_part(work, &p, p.row, p.rows);
}

void dq__want_convolve(dq__convolver *c, const dq__convolution *k) {
    if (!dq__is_conv3x3(k->layer) || !dq__winograd_pays(c, k->x, k->y, 0)) return;
    dq__want_winograd(c, k->x->cs, k->y->cs);
}

void dq__want_winograd(dq__convolver *c, int ic, int oc) {
    const size_t u = (size_t)36 * (size_t)ic * (size_t)oc, scratch = (dqk_winograd_scratch(ic) + 15) / 16 * 16;
    if (u > c->u_floats) c->u_floats = u;
    if (scratch > c->scratch_floats) c->scratch_floats = scratch;
}

void dq__convolve(const dq__convolver *c, const dq__convolution *k) {
    pass work = {.c = c, .k = k, .x = *k->x, .y = *k->y};
    if (dq__is_conv3x3(k->layer)) {
        convolve3x3(&work);
        return;
    }
    work.split = dq__split_rows(k->y->h, 256 / k->y->w, k->y->cs, k->y->n);
    dq__pool_run(c->pool, work.split.tasks * k->y->n, taps_task, &work);
}

/* ---- back to the input ---------------------------------------------------------------------------------------------- */

/* Where padding copies pixels, the gradient of the ring around a map is wanted too, to be folded back. */
static int ring_of(dq__padding padding) { return padding == DQ__PAD_ZERO ? 0 : 1; }

void dq__want_convolve_back(dq__convolver *c, const dq__convolution *k, dq__padding padding) {
    if (!dq__is_conv3x3(k->layer) || !dq__winograd_pays(c, k->y, k->x, ring_of(padding))) return;
    dq__want_winograd(c, k->y->cs, k->x->cs);
}

/* A part of dx is all rows of some channels, so that no two tasks write to the same place. */
static void scatter_task(void *user, int task) {
    const pass *work = user; /* x is dy, y is dx */
    const dq__layer *l = work->k->layer;
    const part p = part_of(work, task);
    for (int y = -p.y.halo; y < p.y.h + p.y.halo; y++)
        for (int x = -p.y.halo; x < p.y.w + p.y.halo; x++)
            memset(dq__pixel(&p.y, y, x) + p.channel, 0, sizeof(float) * (size_t)p.channels);
    for (int t = 0; t < l->kernel * l->kernel; t++) {
        dqk_gemm job = {.x = p.x.data, .x_row = dq__row(&p.x), .x_col = p.x.cs,
                        .y = dq__pixel(&p.y, t / l->kernel - l->pad, t % l->kernel - l->pad) + p.channel,
                        .y_row = l->stride * dq__row(&p.y), .y_col = l->stride * p.y.cs,
                        .m = work->k->w + ((ptrdiff_t)t * p.y.cs + p.channel) * p.x.cs,
                        .rows = p.x.h, .cols = p.x.w, .ic = p.x.cs, .oc = p.channels, .accumulate = 1};
        work->c->kernels->gemm(&job);
    }
}

static void pointwise_back(pass *work) {
    work->split = dq__split_rows(work->y.h, 256 / work->y.w, work->y.cs, work->y.n);
    dq__pool_run(work->c->pool, work->split.tasks * work->y.n, taps_task, work);
}

void dq__convolve_back(const dq__convolver *c, const dq__convolution *k, dq__padding padding) {
    const dq__convolution back = {.layer = k->layer, .x = k->y, .y = k->x, .w = k->w};
    pass work = {.c = c, .k = &back, .x = *back.x, .y = *back.y};
    if (dq__is_conv3x3(k->layer)) {
        work.ring = ring_of(padding);
        dq__halo_fill(back.x, DQ__PAD_ZERO, 1);
        convolve3x3(&work);
    } else if (k->layer->kernel == 1 && k->layer->stride == 1) {
        pointwise_back(&work);
    } else {
        work.split = dq__split_rows(1, 1, work.y.cs, work.y.n);
        dq__pool_run(c->pool, work.split.tasks * work.y.n, scatter_task, &work);
    }
    dq__halo_fold(back.y, padding, k->layer->pad);
}
