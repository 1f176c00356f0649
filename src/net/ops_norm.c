/* SPDX-License-Identifier: MIT
 * net/ops_norm.c: instance and batch norm. A group is the pictures that share a mean and a variance: one picture, or all.
 * Sums are in double and in the order of the pixels; a task is 16 channels of a group. */
#include "net/ops.h"

#include <math.h>

/* Rows of cs floats that are kept of every group: y = (x − MEAN)·SCALE + bias. */
enum { MEAN, VARIANCE, SCALE, DY_MEAN, DY_SLOPE, ROWS };

/* Is a batch norm run with the mean and variance that were kept? */
static bool frozen(const dq__op *op) { return op->layer->kind == DQ__BATCH_NORM && !op->train; }

static int groups(const dq__op *op) { return op->layer->kind == DQ__BATCH_NORM ? 1 : op->y->n; }
static int pictures(const dq__op *op) { return op->y->n / groups(op); }
static double values(const dq__op *op) { return (double)pictures(op) * op->y->h * op->y->w; }

static float *kept(const dq__op *op, int group, int row) {
    return (float *)op->kept + ((ptrdiff_t)group * ROWS + row) * op->y->cs;
}

static const float *packed(const dq__op *op, int row) {
    return op->packed->forward[op->i] + (ptrdiff_t)row * op->y->cs;
}

size_t dq__op_norm_kept(const dq__op *op) {
    return frozen(op) ? 0 : sizeof(float) * ROWS * (size_t)groups(op) * (size_t)op->y->cs;
}

void dq__channel_sums(const dq__tensor *a, const dq__tensor *b, int first, int count, int channel, double sum[16],
                      double product[16]) {
    for (int c = 0; c < 16; c++) sum[c] = product[c] = 0;
    for (int k = first; k < first + count; k++) {
        const dq__tensor one = dq__picture(a, k), other = b ? dq__picture(b, k) : one;
        for (int y = 0; y < a->h; y++) {
            const float *p = dq__pixel(&one, y, 0) + channel, *q = dq__pixel(&other, y, 0) + channel;
            for (int x = 0; x < a->w; x++, p += one.cs, q += other.cs)
                for (int c = 0; c < 16; c++) {
                    sum[c] += (double)p[c];
                    product[c] += b ? (double)p[c] * (double)q[c] : 0;
                }
        }
    }
}

static void statistics_task(void *user, int task) {
    const dq__op *op = user;
    const int blocks = op->x->cs / 16, group = task / blocks, first = task % blocks * 16;
    double sum[16], square[16];
    dq__channel_sums(op->x, op->x, group * pictures(op), pictures(op), first, sum, square);
    for (int c = 0; c < 16; c++) {
        const double mean = sum[c] / values(op), variance = fmax(square[c] / values(op) - mean * mean, 0);
        kept(op, group, MEAN)[first + c] = (float)mean;
        kept(op, group, VARIANCE)[first + c] = (float)variance;
        kept(op, group, SCALE)[first + c] = (float)((double)packed(op, DQ__ROW_WEIGHT)[first + c] /
                                                    sqrt(variance + DQ__NORM_EPSILON));
    }
}

/* The rows MEAN and SCALE of the group of a picture. */
static const float *mean_of(const dq__op *op, int picture) {
    return frozen(op) ? packed(op, DQ__ROW_MEAN) : kept(op, picture / pictures(op), MEAN);
}

static const float *scale_of(const dq__op *op, int picture) {
    return frozen(op) ? packed(op, DQ__ROW_SCALE) : kept(op, picture / pictures(op), SCALE);
}

static void apply_task(void *user, int task) {
    const dq__op *op = user;
    const int picture = task / op->y->h, cs = op->y->cs;
    const dq__tensor from = dq__picture(op->x, picture), to = dq__picture(op->y, picture);
    const float *mean = mean_of(op, picture), *scale = scale_of(op, picture), *bias = op->packed->bias[op->i];
    const float *x = dq__pixel(&from, task % to.h, 0);
    float *y = dq__pixel(&to, task % to.h, 0);
    for (int p = 0; p < to.w; p++, x += cs, y += cs)
        for (int c = 0; c < cs; c++) y[c] = (x[c] - mean[c]) * scale[c] + bias[c];
}

void dq__op_norm(const dq__op *op) {
    dq__pool *pool = op->conv->pool;
    if (!frozen(op)) dq__pool_run(pool, groups(op) * (op->x->cs / 16), statistics_task, (void *)(uintptr_t)op);
    dq__pool_run(pool, op->y->n * op->y->h, apply_task, (void *)(uintptr_t)op);
}

/* dx = scale·(dy − mean of dy − (x − mean)/deviation · mean of (dy·(x − mean)/deviation)) */
static void slopes_task(void *user, int task) {
    const dq__op *op = user;
    const int blocks = op->dy->cs / 16, group = task / blocks, first = task % blocks * 16;
    double sum[16], product[16];
    dq__channel_sums(op->dy, op->x, group * pictures(op), pictures(op), first, sum, product);
    for (int c = 0; c < 16; c++) {
        const double mean = (double)kept(op, group, MEAN)[first + c];
        const double variance = (double)kept(op, group, VARIANCE)[first + c] + DQ__NORM_EPSILON;
        kept(op, group, DY_MEAN)[first + c] = (float)(sum[c] / values(op));
        kept(op, group, DY_SLOPE)[first + c] = (float)((product[c] - mean * sum[c]) / (variance * values(op)));
    }
}

static void frozen_back_task(void *user, int task) {
    const dq__op *op = user;
    const dq__tensor from = dq__picture(op->dy, task / op->dy->h), to = dq__picture(op->dx, task / op->dy->h);
    const float *scale = packed(op, DQ__ROW_SCALE), *dy = dq__pixel(&from, task % to.h, 0);
    float *dx = dq__pixel(&to, task % to.h, 0);
    for (int p = 0; p < to.w; p++, dx += to.cs, dy += to.cs)
        for (int c = 0; c < to.cs; c++) dx[c] = scale[c] * dy[c];
}

static void back_task(void *user, int task) {
    const dq__op *op = user;
    const int picture = task / op->dy->h, group = picture / pictures(op), cs = op->dy->cs;
    const dq__tensor map = dq__picture(op->x, picture), from = dq__picture(op->dy, picture), to = dq__picture(op->dx, picture);
    const float *mean = kept(op, group, MEAN), *scale = kept(op, group, SCALE);
    const float *dy_mean = kept(op, group, DY_MEAN), *dy_slope = kept(op, group, DY_SLOPE);
    const float *x = dq__pixel(&map, task % to.h, 0), *dy = dq__pixel(&from, task % to.h, 0);
    float *dx = dq__pixel(&to, task % to.h, 0);
    for (int p = 0; p < to.w; p++, x += cs, dx += cs, dy += cs)
        for (int c = 0; c < cs; c++) dx[c] = scale[c] * (dy[c] - dy_mean[c] - (x[c] - mean[c]) * dy_slope[c]);
}

static void add_weights(const dq__op *op) {
    for (int c = 0; c < op->layer->oc; c++) {
        double weight = 0, bias = 0;
        for (int group = 0; group < groups(op); group++) {
            const double deviation = sqrt((double)kept(op, group, VARIANCE)[c] + DQ__NORM_EPSILON);
            weight += (double)kept(op, group, DY_SLOPE)[c] * deviation * values(op);
            bias += (double)kept(op, group, DY_MEAN)[c] * values(op);
        }
        op->weight[c] += (float)weight;
        op->bias[c] += (float)bias;
    }
}

void dq__op_norm_back(const dq__op *op) {
    dq__pool *pool = op->conv->pool;
    void *user = (void *)(uintptr_t)op;
    if (frozen(op)) {
        dq__pool_run(pool, op->dy->n * op->dy->h, frozen_back_task, user);
        return;
    }
    dq__pool_run(pool, groups(op) * (op->dy->cs / 16), slopes_task, user);
    if (op->weight) add_weights(op);
    dq__pool_run(pool, op->dy->n * op->dy->h, back_task, user);
}

void dq__op_norm_statistics(const dq__op *op, float *mean, float *variance, double share) {
    const double n = values(op), unbiased = n > 1 ? n / (n - 1) : 1;
    for (int c = 0; c < op->layer->oc; c++) {
        mean[c] += (float)(share * ((double)kept(op, 0, MEAN)[c] - (double)mean[c]));
        variance[c] += (float)(share * (unbiased * (double)kept(op, 0, VARIANCE)[c] - (double)variance[c]));
    }
}
