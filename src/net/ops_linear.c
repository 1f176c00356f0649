/* SPDX-License-Identifier: MIT
 * net/ops_linear.c: a linear layer on the flattened map below it: forward, back to the map, and to its weights. */
#include "net/ops.h"

#include "net/split.h"

typedef struct work {
    const dq__op *op;
    dq__split split;
} work;

/* A map without halo is one long row. */
static void forward_task(void *user, int task) {
    const work *w = user;
    const dq__op *op = w->op;
    const dq__tensor *x = op->x, *y = op->y;
    const int rows = x->halo ? x->h : 1, ic = x->h / rows * x->w * x->cs, all = rows * ic;
    int row, group, channel, channels;
    dq__split_task(&w->split, task, &row, &group, &channel, &channels);
    for (int r = 0; r < rows; r++) {
        dqk_gemm job = {.x = dq__pixel(x, r, 0), .x_col = dq__picture_stride(x),
                        .y = y->data + channel, .y_col = dq__picture_stride(y),
                        .m = op->packed->forward[op->i] + (ptrdiff_t)channel * all + (ptrdiff_t)r * ic * 16,
                        .bias = op->packed->bias[op->i] + channel, .rows = 1, .cols = x->n, .ic = ic, .oc = channels,
                        .accumulate = r > 0};
        for (int block = 0; rows > 1 && block < channels; block += 16) { /* the blocks of a row's matrix lie apart */
            dqk_gemm part = job;
            part.y += block, part.bias += block, part.m += (ptrdiff_t)block * all, part.oc = 16;
            op->conv->kernels->gemm(&part);
        }
        if (rows == 1) op->conv->kernels->gemm(&job);
    }
    for (int k = 0; op->signs && k < y->n; k++) {
        const dq__tensor one = dq__picture(y, k);
        dq__relu_rows(op->conv->kernels, &one, op->signs + k * (y->cs / 16), 0, 1, channel, channels);
    }
}

void dq__op_linear(const dq__op *op) {
    work w = {.op = op, .split = dq__split_rows(1, 1, op->y->cs, 1)};
    dq__pool_run(op->conv->pool, w.split.tasks, forward_task, &w);
}

/* One row of dx, of all pictures. */
static void back_task(void *user, int row) {
    const dq__op *op = user;
    const dq__tensor *dx = op->dx, *dy = op->dy;
    const int outputs = dx->w * dx->cs;
    dqk_gemm job = {.x = dy->data, .x_col = dq__picture_stride(dy), .y = dq__pixel(dx, row, 0), .y_col = dq__picture_stride(dx),
                    .m = op->packed->backward[op->i] + (ptrdiff_t)row * outputs * dy->cs, .rows = 1, .cols = dy->n, .ic = dy->cs,
                    .oc = outputs};
    op->conv->kernels->gemm(&job);
}

/* One row of the weights: Σ over pictures, in order. */
static void weights_task(void *user, int o) {
    const dq__op *op = user;
    const int positions = op->x->h * op->x->w;
    float *weight = op->weight + (ptrdiff_t)o * op->layer->ic;
    for (int k = 0; k < op->x->n; k++) {
        const dq__tensor x = dq__picture(op->x, k);
        const float d = dq__picture(op->dy, k).data[o];
        for (int p = 0; p < positions; p++) {
            const float *pixel = dq__pixel(&x, p / x.w, p % x.w);
            for (int c = 0; c < x.c; c++) weight[(ptrdiff_t)c * positions + p] += d * pixel[c];
        }
        op->bias[o] += d;
    }
}

void dq__op_linear_back(const dq__op *op) {
    if (op->weight) dq__pool_run(op->conv->pool, op->layer->oc, weights_task, (void *)(uintptr_t)op);
    if (op->dx) dq__pool_run(op->conv->pool, op->dx->h, back_task, (void *)(uintptr_t)op);
}
