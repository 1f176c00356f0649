/* SPDX-License-Identifier: MIT
 * net/ops_each.c: layers that work value by value: activations, and add and concat, which join two maps. A task is a row of
 * a picture. */
#include "net/ops.h"

#include <math.h>
#include <string.h>

static void *user_of(const dq__op *op) { return (void *)(uintptr_t)op; }

/* ---- activations ---------------------------------------------------------------------------------------------------- */

/* Sigmoid of the channels that there are: of the others' zeros it is not zero. */
static void sigmoid_row(float *y, const float *x, const dq__tensor *map) {
    memset(y, 0, sizeof(float) * (size_t)map->w * (size_t)map->cs);
    for (int p = 0; p < map->w; p++, x += map->cs, y += map->cs)
        for (int c = 0; c < map->c; c++) y[c] = 1 / (1 + expf(-x[c]));
}

static void prelu_row(float *y, const float *x, const dq__tensor *map, const float *slope) {
    for (int p = 0; p < map->w; p++, x += map->cs, y += map->cs)
        for (int c = 0; c < map->cs; c++) y[c] = x[c] > 0 ? x[c] : slope[c] * x[c];
}

static void each_task(void *user, int task) {
    const dq__op *op = user;
    const float *x = dq__map_row(op->x, task), slope = op->layer->slope;
    float *y = dq__map_row(op->y, task);
    const ptrdiff_t n = (ptrdiff_t)op->y->w * op->y->cs;
    switch (op->layer->kind) {
    case DQ__LEAKY_RELU:
        for (ptrdiff_t k = 0; k < n; k++) y[k] = x[k] > 0 ? x[k] : slope * x[k];
        break;
    case DQ__PRELU: prelu_row(y, x, op->y, op->packed->forward[op->i]); break;
    case DQ__TANH:
        for (ptrdiff_t k = 0; k < n; k++) y[k] = tanhf(x[k]);
        break;
    case DQ__SIGMOID: sigmoid_row(y, x, op->y); break;
    default:
        for (ptrdiff_t k = 0; k < n; k++) y[k] = x[k] > 0 ? x[k] : 0;
    }
}

void dq__op_each(const dq__op *op) { dq__pool_run(op->conv->pool, op->y->n * op->y->h, each_task, user_of(op)); }

static void prelu_back_row(float *dx, const float *dy, const float *x, const dq__tensor *map, const float *slope) {
    for (int p = 0; p < map->w; p++, x += map->cs, dx += map->cs, dy += map->cs)
        for (int c = 0; c < map->cs; c++) dx[c] = x[c] > 0 ? dy[c] : slope[c] * dy[c];
}

static void each_back_task(void *user, int task) {
    const dq__op *op = user;
    const float *dy = dq__map_row(op->dy, task), slope = op->layer->slope;
    const float *x = dq__op_keeps_x(op) ? dq__map_row(op->x, task) : NULL;
    const float *y = dq__op_keeps_y(op) ? dq__map_row(op->y, task) : NULL;
    float *dx = dq__map_row(op->dx, task);
    const ptrdiff_t n = (ptrdiff_t)op->dy->w * op->dy->cs;
    switch (op->layer->kind) {
    case DQ__LEAKY_RELU:
        for (ptrdiff_t k = 0; k < n; k++) dx[k] = x[k] > 0 ? dy[k] : slope * dy[k];
        break;
    case DQ__PRELU: prelu_back_row(dx, dy, x, op->dy, op->packed->forward[op->i]); break;
    case DQ__TANH:
        for (ptrdiff_t k = 0; k < n; k++) dx[k] = dy[k] * (1 - y[k] * y[k]);
        break;
    case DQ__SIGMOID:
        for (ptrdiff_t k = 0; k < n; k++) dx[k] = dy[k] * y[k] * (1 - y[k]);
        break;
    default:
        for (ptrdiff_t k = 0; k < n; k++) dx[k] = y[k] > 0 ? dy[k] : 0;
    }
}

/* The slopes of 16 channels. */
static void prelu_slopes_task(void *user, int block) {
    const dq__op *op = user;
    double sum[16] = {0};
    for (int row = 0; row < op->x->n * op->x->h; row++) {
        const float *x = dq__map_row(op->x, row) + block * 16, *dy = dq__map_row(op->dy, row) + block * 16;
        for (int p = 0; p < op->x->w; p++, x += op->x->cs, dy += op->dy->cs)
            for (int c = 0; c < 16; c++) sum[c] += x[c] > 0 ? 0 : (double)(x[c] * dy[c]);
    }
    for (int c = 0; c < 16 && block * 16 + c < op->layer->oc; c++) op->weight[block * 16 + c] += (float)sum[c];
}

void dq__op_each_back(const dq__op *op) {
    if (op->weight) dq__pool_run(op->conv->pool, op->x->cs / 16, prelu_slopes_task, user_of(op));
    dq__pool_run(op->conv->pool, op->dy->n * op->dy->h, each_back_task, user_of(op));
}

/* ---- two maps -------------------------------------------------------------------------------------------------------- */

static void join_task(void *user, int task) {
    const dq__op *op = user;
    const float *a = dq__map_row(op->x, task), *b = dq__map_row(op->also, task);
    float *y = dq__map_row(op->y, task);
    const int ca = op->x->c, cb = op->also->c, cs = op->y->cs;
    for (int p = 0; p < op->y->w; p++, a += op->x->cs, b += op->also->cs, y += cs) {
        if (op->layer->kind == DQ__ADD) {
            for (int c = 0; c < cs; c++) y[c] = a[c] + b[c];
            continue;
        }
        memcpy(y, a, sizeof(float) * (size_t)ca);
        memcpy(y + ca, b, sizeof(float) * (size_t)cb);
        memset(y + ca + cb, 0, sizeof(float) * (size_t)(cs - ca - cb));
    }
}

void dq__op_join(const dq__op *op) { dq__pool_run(op->conv->pool, op->y->n * op->y->h, join_task, user_of(op)); }

/* Takes the channels of `to` out of dy, from `channel` on. */
static void take_row(const dq__tensor *to, const dq__tensor *dy, int channel, int task) {
    const float *from = dq__map_row(dy, task) + channel;
    float *d = dq__map_row(to, task);
    for (int p = 0; p < to->w; p++, from += dy->cs, d += to->cs) {
        memcpy(d, from, sizeof(float) * (size_t)to->c);
        memset(d + to->c, 0, sizeof(float) * (size_t)(to->cs - to->c));
    }
}

static void join_back_task(void *user, int task) {
    const dq__op *op = user;
    take_row(op->dx, op->dy, 0, task);
    take_row(op->dalso, op->dy, op->layer->kind == DQ__CONCAT ? op->dx->c : 0, task);
}

void dq__op_join_back(const dq__op *op) { dq__pool_run(op->conv->pool, op->dy->n * op->dy->h, join_back_task, user_of(op)); }
