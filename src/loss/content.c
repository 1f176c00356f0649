/* SPDX-License-Identifier: MIT
 * loss/content.c: squared distance of features, row by row; row sums are added in order, so that the sum does not depend on
 * the threads. */
#include "loss/content.h"

#include "base/mem.h"

#include <string.h>

enum { MAX_ROWS = 32768 };

void dq__content_copy(const dq__tensor *f, float *copy) {
    const size_t row = (size_t)f->w * (size_t)f->cs;
    for (int y = 0; y < f->h; y++) memcpy(copy + (size_t)y * row, dq__pixel(f, y, 0), sizeof(float) * row);
}

float *dq__content_target(const dq__tensor *f) {
    float *copy = dq__alloc(sizeof(float) * (size_t)f->h * (size_t)f->w * (size_t)f->cs);
    if (copy) dq__content_copy(f, copy);
    return copy;
}

double dq__content_energy(const dq__tensor *f) {
    double sum = 0;
    for (int y = 0; y < f->h; y++) {
        const float *row = dq__pixel(f, y, 0);
        for (ptrdiff_t k = 0; k < (ptrdiff_t)f->w * f->cs; k++) sum += (double)row[k] * (double)row[k];
    }
    return sum;
}

typedef struct work {
    const dq__tensor *f, *grad;
    const float *target, *map;
    float factor;
    double *sum; /* one per row */
} work;

/* Σ(f − target)² of n values; grad may be NULL. */
static double add_values(const float *f, const float *target, ptrdiff_t n, float factor, float *grad) {
    double sum = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        const float d = f[k] - target[k];
        sum += (double)d * (double)d;
        if (grad) grad[k] += factor * d;
    }
    return sum;
}

static void row_task(void *user, int y) {
    const work *w = user;
    const ptrdiff_t cs = w->f->cs, n = w->f->w * cs;
    const float *f = dq__pixel(w->f, y, 0), *target = w->target + y * n, *map = w->map ? w->map + (ptrdiff_t)y * w->f->w : NULL;
    float *grad = w->factor != 0.0f ? dq__pixel(w->grad, y, 0) : NULL;
    double sum = 0;
    if (!map) sum = add_values(f, target, n, w->factor, grad);
    for (ptrdiff_t x = 0; map && x < w->f->w; x++)
        sum += (double)map[x] * add_values(f + x * cs, target + x * cs, cs, map[x] * w->factor, grad ? grad + x * cs : NULL);
    w->sum[y] = sum;
}

double dq__content_cost(dq__pool *pool, const dq__tensor *f, const float *target, const float *map, double scale,
                        double weight, const dq__tensor *grad) {
    double sums[MAX_ROWS];
    work w = {f, grad, target, map, (float)(2.0 * scale * weight), sums};
    dq__pool_run(pool, f->h, row_task, &w);
    double total = 0;
    for (int y = 0; y < f->h; y++) total += sums[y];
    return scale * total;
}
