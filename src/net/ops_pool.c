/* SPDX-License-Identifier: MIT
 * net/ops_pool.c: pooling: 2×2 by the fast kernels, 3×3 with overlapping windows, and the mean of a whole map. */
#include "net/ops.h"

#include <string.h>

static void *user_of(const dq__op *op) { return (void *)(uintptr_t)op; }

/* ---- 2×2 ------------------------------------------------------------------------------------------------------------- */

/* Choices of row y of a picture's pooled map. */
static uint16_t *choices(const dq__op *op, int picture, int y) {
    return (uint16_t *)op->kept + ((ptrdiff_t)picture * op->y->h + y) * op->y->w * (op->y->cs / 16) * 2;
}

static void pool2_task(void *user, int task) {
    const dq__op *op = user;
    const int picture = task / op->y->h, y = task % op->y->h;
    const dq__tensor from = dq__picture(op->x, picture), to = dq__picture(op->y, picture);
    const float *top = dq__pixel(&from, 2 * y, 0), *bottom = dq__pixel(&from, 2 * y + 1, 0);
    if (op->table->pooling == DQ__POOL_MAX)
        op->conv->kernels->pool_max(dq__pixel(&to, y, 0), choices(op, picture, y), top, bottom, to.w, to.cs);
    else
        op->conv->kernels->pool_average(dq__pixel(&to, y, 0), top, bottom, to.w, to.cs);
}

static void pool2_back_task(void *user, int task) {
    const dq__op *op = user;
    const int picture = task / op->dy->h, y = task % op->dy->h;
    const dq__tensor dx = dq__picture(op->dx, picture), from = dq__picture(op->dy, picture);
    const int cs = dx.cs;
    float *top = dq__pixel(&dx, 2 * y, 0), *bottom = dq__pixel(&dx, 2 * y + 1, 0);
    const float *dy = dq__pixel(&from, y, 0);
    if (op->table->pooling == DQ__POOL_MAX)
        op->conv->kernels->pool_max_back(top, bottom, dy, choices(op, picture, y), from.w, cs);
    else
        op->conv->kernels->pool_average_back(top, bottom, dy, from.w, cs);
    if (dx.w % 2) { /* the odd column belongs to no window */
        memset(top + (ptrdiff_t)(dx.w - 1) * cs, 0, sizeof(float) * (size_t)cs);
        memset(bottom + (ptrdiff_t)(dx.w - 1) * cs, 0, sizeof(float) * (size_t)cs);
    }
    if (2 * y + 3 == dx.h) memset(dq__pixel(&dx, 2 * y + 2, 0), 0, sizeof(float) * (size_t)cs * (size_t)dx.w);
}

/* ---- 3×3 ------------------------------------------------------------------------------------------------------------- */

/* What lies of a window inside a map. */
typedef struct window {
    int y, x, rows, cols;
} window;

static window window_at(const dq__tensor *map, int row, int col) {
    window w = {.y = 2 * row, .x = 2 * col};
    w.rows = map->h - w.y < 3 ? map->h - w.y : 3;
    w.cols = map->w - w.x < 3 ? map->w - w.x : 3;
    return w;
}

/* Of channel c the largest pixel of a window, the first of equals. */
static int largest(const dq__tensor *x, const window *w, int c) {
    int best = 0;
    for (int t = 1; t < w->rows * w->cols; t++) {
        const float a = dq__pixel(x, w->y + t / w->cols, w->x + t % w->cols)[c];
        if (a > dq__pixel(x, w->y + best / w->cols, w->x + best % w->cols)[c]) best = t;
    }
    return best;
}

static void window_max(float *y, const dq__tensor *x, const window *w) {
    memcpy(y, dq__pixel(x, w->y, w->x), sizeof(float) * (size_t)x->cs);
    for (int t = 1; t < w->rows * w->cols; t++) {
        const float *pixel = dq__pixel(x, w->y + t / w->cols, w->x + t % w->cols);
        for (int c = 0; c < x->cs; c++) y[c] = pixel[c] > y[c] ? pixel[c] : y[c];
    }
}

static void window_mean(float *y, const dq__tensor *x, const window *w) {
    const float share = 1 / (float)(w->rows * w->cols);
    memset(y, 0, sizeof(float) * (size_t)x->cs);
    for (int t = 0; t < w->rows * w->cols; t++) {
        const float *pixel = dq__pixel(x, w->y + t / w->cols, w->x + t % w->cols);
        for (int c = 0; c < x->cs; c++) y[c] += pixel[c];
    }
    for (int c = 0; c < x->cs; c++) y[c] *= share;
}

static void pool3_task(void *user, int task) {
    const dq__op *op = user;
    const dq__tensor x = dq__picture(op->x, task / op->y->h), y = dq__picture(op->y, task / op->y->h);
    for (int col = 0; col < y.w; col++) {
        const window w = window_at(&x, task % y.h, col);
        float *to = dq__pixel(&y, task % y.h, col);
        if (op->table->pooling == DQ__POOL_MAX) window_max(to, &x, &w);
        else window_mean(to, &x, &w);
    }
}

static void spread_mean(const dq__tensor *dx, const float *dy, const window *w, int c) {
    const float d = dy[c] / (float)(w->rows * w->cols);
    for (int t = 0; t < w->rows * w->cols; t++) dq__pixel(dx, w->y + t / w->cols, w->x + t % w->cols)[c] += d;
}

/* Windows overlap: a task is 16 channels of a picture. */
static void pool3_back_task(void *user, int task) {
    const dq__op *op = user;
    const int blocks = op->dx->cs / 16, picture = task / blocks, first = task % blocks * 16;
    const dq__tensor dx = dq__picture(op->dx, picture), dy = dq__picture(op->dy, picture), x = dq__picture(op->x, picture);
    for (int p = 0; p < dx.h * dx.w; p++) memset(dq__pixel(&dx, p / dx.w, p % dx.w) + first, 0, sizeof(float) * 16);
    for (int p = 0; p < dy.h * dy.w; p++) {
        const window w = window_at(&dx, p / dy.w, p % dy.w);
        const float *d = dq__pixel(&dy, p / dy.w, p % dy.w);
        for (int c = first; c < first + 16; c++) {
            if (op->table->pooling == DQ__POOL_AVERAGE) {
                spread_mean(&dx, d, &w, c);
                continue;
            }
            const int best = largest(&x, &w, c);
            dq__pixel(&dx, w.y + best / w.cols, w.x + best % w.cols)[c] += d[c];
        }
    }
}

void dq__op_pool(const dq__op *op) {
    dq__pool_run(op->conv->pool, op->y->n * op->y->h, op->layer->kernel == 2 ? pool2_task : pool3_task, user_of(op));
}

void dq__op_pool_back(const dq__op *op) {
    if (op->layer->kernel == 2) dq__pool_run(op->conv->pool, op->dy->n * op->dy->h, pool2_back_task, user_of(op));
    else dq__pool_run(op->conv->pool, op->dx->n * (op->dx->cs / 16), pool3_back_task, user_of(op));
}

/* ---- the whole map --------------------------------------------------------------------------------------------------- */

static void global_task(void *user, int task) {
    const dq__op *op = user;
    const int blocks = op->y->cs / 16, picture = task / blocks, first = task % blocks * 16;
    const dq__tensor y = dq__picture(op->y, picture);
    const double positions = (double)op->x->h * op->x->w;
    double sum[16], product[16];
    dq__channel_sums(op->x, NULL, picture, 1, first, sum, product);
    for (int c = 0; c < 16; c++) y.data[first + c] = (float)(sum[c] / positions);
}

static void global_back_task(void *user, int task) {
    const dq__op *op = user;
    const dq__tensor dx = dq__picture(op->dx, task / op->dx->h), dy = dq__picture(op->dy, task / op->dx->h);
    const float share = (float)(1 / ((double)dx.h * dx.w));
    float *row = dq__pixel(&dx, task % dx.h, 0);
    for (int x = 0; x < dx.w; x++, row += dx.cs)
        for (int c = 0; c < dx.cs; c++) row[c] = share * dy.data[c];
}

void dq__op_global_pool(const dq__op *op) {
    dq__pool_run(op->conv->pool, op->y->n * (op->y->cs / 16), global_task, user_of(op));
}

void dq__op_global_pool_back(const dq__op *op) {
    dq__pool_run(op->conv->pool, op->dx->n * op->dx->h, global_back_task, user_of(op));
}
