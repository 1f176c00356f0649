/* SPDX-License-Identifier: MIT
 * loss/tv.c: squared differences to neighbours; each pixel gathers its own gradient from both ends of its pairs, so that rows
 * are independent. */
#include "loss/tv.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct pair {
    int dy, dx;
    double factor; /* of the squared difference */
} pair;

typedef struct work {
    const float *x;
    float *grad;
    int h, w, pairs;
    bool strict; /* pairs that begin in the last row or column do not count */
    pair pair[4];
    double weight, *sum;
} work;

static bool counts(const work *k, int y, int x, const pair *p) {
    /* does the pair that begins at (y,x) lie in the picture? */
    if (y < 0 || x < 0 || y >= k->h || x >= k->w) return false;
    if (k->strict && (y == k->h - 1 || x == k->w - 1)) return false;
    return y + p->dy < k->h && x + p->dx < k->w && x + p->dx >= 0;
}

static void pixel(const work *k, int y, int x, double *sum) {
    const float *at = k->x + ((ptrdiff_t)y * k->w + x) * 3;
    double gradient[3] = {0};
    for (int q = 0; q < k->pairs; q++) {
        const pair *p = &k->pair[q];
        const ptrdiff_t step = ((ptrdiff_t)p->dy * k->w + p->dx) * 3;
        const bool ahead = counts(k, y, x, p), behind = counts(k, y - p->dy, x - p->dx, p);
        for (int c = 0; c < 3; c++) {
            const double to = ahead ? (double)at[c] - (double)at[c + step] : 0;
            const double from = behind ? (double)at[c] - (double)at[c - step] : 0;
            *sum += p->factor * to * to;
            gradient[c] += 2 * p->factor * (to + from);
        }
    }
    if (k->weight != 0)
        for (int c = 0; c < 3; c++) k->grad[((ptrdiff_t)y * k->w + x) * 3 + c] += (float)(k->weight * gradient[c]);
}

static void row_task(void *user, int y) {
    const work *k = user;
    double sum = 0;
    for (int x = 0; x < k->w; x++) pixel(k, y, x, &sum);
    k->sum[y] = sum;
    const ptrdiff_t row = (ptrdiff_t)k->w * 3;
    dq__release(k->x + y * row, sizeof(float) * (size_t)row);
    if (k->weight != 0) dq__release(k->grad + y * row, sizeof(float) * (size_t)row);
}

double dq__tv_cost(dq__pool *pool, dq__tv_kind kind, const float *x, int h, int w, double weight, float *grad,
                   double *row_sums) {
    const double n = 3.0 * h * w, near = 2.0 / 3 / n, diagonal = 2.0 / 12 / n;
    work k = {.x = x, .grad = grad, .h = h, .w = w, .weight = weight, .sum = row_sums};
    if (kind == DQ__TV_SUM) {
        k.strict = true, k.pairs = 2;
        k.pair[0] = (pair){0, 1, 0.5}, k.pair[1] = (pair){1, 0, 0.5};
    } else {
        k.pairs = 4;
        k.pair[0] = (pair){0, 1, near}, k.pair[1] = (pair){1, 0, near};
        k.pair[2] = (pair){1, 1, diagonal}, k.pair[3] = (pair){1, -1, diagonal};
    }
    dq__pool_run(pool, h, row_task, &k);
    double total = 0;
    for (int y = 0; y < h; y++) total += row_sums[y];
    return total;
}
