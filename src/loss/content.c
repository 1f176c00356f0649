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

typedef struct work {
    const dq__tensor *f, *target, *grad;
    const float *map;
    float factor;
    double *sums; /* of rows */
} work;

/* sum + Σ(f − target)² of n values; target and grad may be NULL. */
static double add_values(double sum, const float *f, const float *target, ptrdiff_t n, float factor, float *grad) {
    for (ptrdiff_t k = 0; k < n; k++) {
        const float d = target ? f[k] - target[k] : f[k];
        sum += (double)d * (double)d;
        if (grad) grad[k] += factor * d;
    }
    return sum;
}

static void row_task(void *user, int y) {
    const work *w = user;
    const ptrdiff_t cs = w->f->cs, n = w->f->w * cs;
    const float *f = dq__pixel(w->f, y, 0), *target = w->target ? dq__pixel(w->target, y, 0) : NULL;
    const float *map = w->map ? w->map + (ptrdiff_t)y * w->f->w : NULL;
    float *grad = w->grad ? dq__pixel(w->grad, y, 0) : NULL;
    double sum = w->sums ? w->sums[y] : 0;
    if (!map) sum = add_values(sum, f, target, n, w->factor, grad);
    for (ptrdiff_t x = 0; map && x < w->f->w; x++)
        sum += (double)map[x] * add_values(0, f + x * cs, target ? target + x * cs : NULL, cs, map[x] * w->factor,
                                           grad ? grad + x * cs : NULL);
    if (w->sums) w->sums[y] = sum;
    if (target) dq__release(target, sizeof(float) * (size_t)n);
}

void dq__content_part(dq__pool *pool, const dq__tensor *f, const dq__tensor *target, const float *map, double *sums,
                      double factor, const dq__tensor *grad) {
    work w = {f, target, grad, map, (float)factor, sums};
    dq__pool_run(pool, f->h, row_task, &w);
}

double dq__content_energy(const dq__tensor *f) {
    double total = 0;
    for (int y = 0; y < f->h; y++) total += add_values(0, dq__pixel(f, y, 0), NULL, (ptrdiff_t)f->w * f->cs, 0, NULL);
    return total;
}

double dq__content_cost(dq__pool *pool, const dq__tensor *f, const float *target, const float *map, double scale,
                        double weight, const dq__tensor *grad) {
    const dq__tensor other = {.data = (float *)(uintptr_t)target, .h = f->h, .w = f->w, .c = f->c, .cs = f->cs, .n = 1};
    double sums[MAX_ROWS] = {0}, total = 0;
    dq__content_part(pool, f, &other, map, sums, 2.0 * scale * weight, weight != 0 ? grad : NULL);
    for (int y = 0; y < f->h; y++) total += sums[y];
    return scale * total;
}
