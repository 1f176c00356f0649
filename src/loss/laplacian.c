/* SPDX-License-Identifier: MIT
 * loss/laplacian.c: means, differences, and the same two steps back: Δ is its own adjoint. Tasks are rows of squares. */
#include "loss/laplacian.h"

#include "base/mem.h"

typedef struct work {
    dq__laplacian *l;
    const float *x, *map;
    float *grad;
    double factor;
} work;

static size_t squares(const dq__laplacian *l) { return (size_t)l->rows * (size_t)l->cols; }

static dq__laplacian plan(int h, int w, int side) {
    const int most = h < w ? h : w, used = side < most ? side : most;
    return (dq__laplacian){.h = h, .w = w, .side = used, .rows = h / used, .cols = w / used};
}

size_t dq__laplacian_bytes(int h, int w, int side) {
    const dq__laplacian l = plan(h, w, side);
    return 3 * sizeof(float) * squares(&l) + sizeof(double) * (size_t)l.rows;
}

static void mean_task(void *user, int row) {
    const work *k = user;
    const dq__laplacian *l = k->l;
    for (int col = 0; col < l->cols; col++) {
        double sum = 0;
        for (int y = 0; y < l->side; y++) {
            const float *at = k->x + (((ptrdiff_t)row * l->side + y) * l->w + (ptrdiff_t)col * l->side) * 3;
            for (int i = 0; i < 3 * l->side; i++) sum += (double)at[i];
        }
        l->mean[(ptrdiff_t)row * l->cols + col] = (float)(sum / (3.0 * l->side * l->side));
    }
}

/* Δ at one square: its value against each neighbour it has. */
static double laplacian(const dq__laplacian *l, const float *v, int row, int col) {
    const float *at = v + (ptrdiff_t)row * l->cols + col;
    double sum = 0;
    if (col > 0) sum += (double)at[0] - (double)at[-1];
    if (col + 1 < l->cols) sum += (double)at[0] - (double)at[1];
    if (row > 0) sum += (double)at[0] - (double)at[-l->cols];
    if (row + 1 < l->rows) sum += (double)at[0] - (double)at[l->cols];
    return sum;
}

static void target_task(void *user, int row) {
    dq__laplacian *l = ((const work *)user)->l;
    for (int col = 0; col < l->cols; col++) l->target[(ptrdiff_t)row * l->cols + col] = (float)laplacian(l, l->mean, row, col);
}

dq_status dq__laplacian_init(dq__laplacian *l, const float *photo, int h, int w, int side, dq__error *err) {
    *l = plan(h, w, side);
    l->target = dq__alloc(sizeof(float) * squares(l));
    l->mean = dq__alloc(sizeof(float) * squares(l));
    l->difference = dq__alloc(sizeof(float) * squares(l));
    l->sums = dq__alloc(sizeof(double) * (size_t)l->rows);
    if (!l->target || !l->mean || !l->difference || !l->sums) {
        dq__laplacian_deinit(l);
        return dq__no_memory(err, dq__laplacian_bytes(h, w, side), "the photo's lines");
    }
    work k = {.l = l, .x = photo};
    dq__pool_run(NULL, l->rows, mean_task, &k);
    dq__pool_run(NULL, l->rows, target_task, &k);
    return DQ_OK;
}

void dq__laplacian_deinit(dq__laplacian *l) {
    dq__free(l->target);
    dq__free(l->mean);
    dq__free(l->difference);
    dq__free(l->sums);
    *l = (dq__laplacian){0};
}

static void difference_task(void *user, int row) {
    const work *k = user;
    const dq__laplacian *l = k->l;
    double sum = 0;
    for (int col = 0; col < l->cols; col++) {
        const ptrdiff_t at = (ptrdiff_t)row * l->cols + col;
        const double d = laplacian(l, l->mean, row, col) - (double)l->target[at], m = k->map ? (double)k->map[at] : 1;
        l->difference[at] = (float)(m * d);
        sum += m * d * d;
    }
    l->sums[row] = sum;
}

static void gradient_task(void *user, int row) {
    const work *k = user;
    const dq__laplacian *l = k->l;
    for (int col = 0; col < l->cols; col++) {
        const float g = (float)(k->factor * laplacian(l, l->difference, row, col));
        for (int y = 0; y < l->side; y++) {
            float *at = k->grad + (((ptrdiff_t)row * l->side + y) * l->w + (ptrdiff_t)col * l->side) * 3;
            for (int i = 0; i < 3 * l->side; i++) at[i] += g;
        }
    }
}

double dq__laplacian_cost(dq__pool *pool, dq__laplacian *l, const float *x, const float *map, double weight, float *grad) {
    const double n = (double)squares(l);
    work k = {.l = l, .x = x, .map = map, .grad = grad, .factor = 2 * weight / (n * 3 * l->side * l->side)};
    double total = 0;
    dq__pool_run(pool, l->rows, mean_task, &k);
    dq__pool_run(pool, l->rows, difference_task, &k);
    if (weight != 0) dq__pool_run(pool, l->rows, gradient_task, &k);
    for (int row = 0; row < l->rows; row++) total += l->sums[row];
    return total / n;
}
