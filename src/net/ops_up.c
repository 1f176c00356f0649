/* SPDX-License-Identifier: MIT
 * net/ops_up.c: upsampling to twice the size. Pixels are areas: pixel 2i of the large map lies a quarter of a small pixel
 * before the middle of small pixel i, pixel 2i + 1 a quarter behind it. */
#include "net/ops.h"

#include <string.h>

static int clamp(int at, int n) { return at < 0 ? 0 : at >= n ? n - 1 : at; }

/* Up to four pixels along one side, and how much each counts. */
typedef struct taps {
    int count, at[4];
    float share[4];
} taps;

/* What large pixel `at` is made of; n: of the small map. */
static taps made_of(bool bilinear, int at, int n) {
    const int i = at / 2;
    if (!bilinear) return (taps){1, {i}, {1}};
    return (taps){2, {i, clamp(at % 2 ? i + 1 : i - 1, n)}, {.75f, .25f}};
}

/* Which large pixels small pixel i is in; n: of the large map. */
static taps found_in(bool bilinear, int i, int n) {
    if (!bilinear) return (taps){2, {2 * i, 2 * i + 1}, {1, 1}};
    return (taps){4, {clamp(2 * i - 1, n), 2 * i, 2 * i + 1, clamp(2 * i + 2, n)}, {.25f, .75f, .75f, .25f}};
}

static void add_pixels(float *to, const dq__tensor *from, const taps *rows, const taps *cols) {
    memset(to, 0, sizeof(float) * (size_t)from->cs);
    for (int r = 0; r < rows->count; r++)
        for (int k = 0; k < cols->count; k++) {
            const float *pixel = dq__pixel(from, rows->at[r], cols->at[k]), share = rows->share[r] * cols->share[k];
            for (int c = 0; c < from->cs; c++) to[c] += share * pixel[c];
        }
}

typedef taps taps_fn(bool bilinear, int at, int n);

/* Row `task` of the rows of all pictures of `to`. */
static void add_row(const dq__op *op, taps_fn *fn, const dq__tensor *to, const dq__tensor *from, int task) {
    const bool bilinear = op->layer->kind == DQ__UP_BILINEAR;
    const dq__tensor picture = dq__picture(from, task / to->h);
    const taps rows = fn(bilinear, task % to->h, from->h);
    float *pixel = dq__map_row(to, task);
    for (int col = 0; col < to->w; col++, pixel += to->cs) {
        const taps cols = fn(bilinear, col, from->w);
        add_pixels(pixel, &picture, &rows, &cols);
    }
}

static void up_task(void *user, int task) {
    const dq__op *op = user;
    add_row(op, made_of, op->y, op->x, task);
}

static void up_back_task(void *user, int task) {
    const dq__op *op = user;
    add_row(op, found_in, op->dx, op->dy, task);
}

void dq__op_up(const dq__op *op) { dq__pool_run(op->conv->pool, op->y->n * op->y->h, up_task, (void *)(uintptr_t)op); }

void dq__op_up_back(const dq__op *op) {
    dq__pool_run(op->conv->pool, op->dx->n * op->dx->h, up_back_task, (void *)(uintptr_t)op);
}
