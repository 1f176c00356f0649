/* SPDX-License-Identifier: MIT
 * sketch/nlda.c: null-space linear discriminant analysis by inner products of pictures alone: each class has two samples, the
 * artist's sketch and the drawing, so that the null space of the scatter within classes is what is orthogonal to the classes'
 * differences. */
#include "sketch/metrics.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sketch/algebra.h"
#include "train/least_squares.h"

#include <math.h>
#include <string.h>

enum { SPLITS = 20, STREAM = 907 };

typedef struct nlda {
    int n, train, row;
    const float *gram; /* 2n×2n, rows of `row` floats: artist's first, then drawn ones */
    double *rate;      /* [SPLITS][train]: share recognised with 1 … train dimensions */
    bool failed[SPLITS];
} nlda;

static double inner(const nlda *d, int i, int j) { return (double)d->gram[(ptrdiff_t)i * d->row + j]; }

/* A draw of the identities: `train` to train with come first. */
static void draw(int n, int split, int *order) {
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = 0; i < n - 1; i++) {
        const int k = i + (int)(dq__rng_bits((uint64_t)split, STREAM, (uint64_t)i) % (uint64_t)(n - i)), t = order[i];
        order[i] = order[k], order[k] = t;
    }
}

/* <z, difference of class i>, <z, mean of class i>, for sample z. */
static double with_difference(const nlda *d, int z, int i) { return inner(d, z, i) - inner(d, z, d->n + i); }
static double with_mean(const nlda *d, int z, int i) { return (inner(d, z, i) + inner(d, z, d->n + i)) / 2; }

/* chol: of the Gram matrix of the differences. */
static void factor_differences(const nlda *d, const int *order, double *chol) {
    const int t = d->train;
    for (int i = 0; i < t; i++)
        for (int j = 0; j < t; j++)
            chol[i * t + j] = with_difference(d, order[i], order[j]) - with_difference(d, d->n + order[i], order[j]);
    dq__cholesky(chol, t, 1e-9);
}

/* <P z, mean of class i> for all classes, P the projection on the null space: `to`, t numbers. solved: t×t, row i =
 * (DDᵀ)⁻¹ D m_i. */
static void project(const nlda *d, const int *order, const double *solved, int z, double *to) {
    const int t = d->train;
    for (int i = 0; i < t; i++) {
        double sum = with_mean(d, z, order[i]);
        for (int k = 0; k < t; k++) sum -= with_difference(d, z, order[k]) * solved[i * t + k];
        to[i] = sum;
    }
}

static void solve_means(const nlda *d, const int *order, const double *chol, double *solved) {
    const int t = d->train;
    for (int i = 0; i < t; i++) {
        for (int k = 0; k < t; k++)
            solved[i * t + k] = (with_difference(d, order[i], order[k]) + with_difference(d, d->n + order[i], order[k])) / 2;
        dq__cholesky_solve(chol, t, solved + (ptrdiff_t)i * t);
    }
}

static void centre(double *a, int n) {
    double mean = 0;
    for (int i = 0; i < n; i++) mean += a[i] / n;
    for (int i = 0; i < n; i++) a[i] -= mean;
}

/* Axes of the scatter between classes, as weights of the class means: rows of `axis`, each scaled to unit length. */
static void find_axes(const nlda *d, const int *order, const double *solved, double *scatter, double *value, double *axis) {
    const int t = d->train;
    double *row = value;
    for (int i = 0; i < t; i++) { /* both samples of a class fall on one point of the null space: either will do */
        project(d, order, solved, order[i], row);
        memcpy(scatter + (ptrdiff_t)i * t, row, sizeof(double) * (size_t)t);
    }
    for (int i = 0; i < t; i++) centre(scatter + (ptrdiff_t)i * t, t);
    for (int k = 0; k < t; k++) {
        double mean = 0;
        for (int i = 0; i < t; i++) mean += scatter[i * t + k] / t;
        for (int i = 0; i < t; i++) scatter[i * t + k] -= mean;
    }
    dq__eigen(scatter, t, value, axis);
    for (int i = 0; i < t; i++) {
        const double length = value[i] > 1e-9 * value[0] ? sqrt(value[i]) : 0;
        for (int k = 0; k < t; k++) axis[i * t + k] = length > 0 ? axis[i * t + k] / length : 0;
    }
}

/* Coordinates of sample z: to[i], i < t. */
static void place(const nlda *d, const int *order, const double *solved, const double *axis, int z, double *row, double *to) {
    const int t = d->train;
    project(d, order, solved, z, row);
    centre(row, t);
    for (int i = 0; i < t; i++) {
        to[i] = 0;
        for (int k = 0; k < t; k++) to[i] += axis[i * t + k] * row[k];
    }
}

/* Adds to hit[dims−1] where sketch `q` is nearest to its own drawing. distance: `rest` numbers. */
static void recognise(const double *sketch, const double *drawn, int q, int rest, int t, double *distance, double *hit) {
    memset(distance, 0, sizeof(double) * (size_t)rest);
    for (int i = 0; i < t; i++) {
        int nearest = 0;
        for (int g = 0; g < rest; g++) {
            const double gap = sketch[(ptrdiff_t)q * t + i] - drawn[(ptrdiff_t)g * t + i];
            distance[g] += gap * gap;
            if (distance[g] < distance[nearest]) nearest = g;
        }
        hit[i] += nearest == q ? 1.0 / rest : 0;
    }
}

static void one_split(void *work, int split) {
    nlda *d = work;
    const int t = d->train, rest = d->n - t;
    const size_t square = (size_t)t * (size_t)t;
    double *chol = dq__alloc(sizeof(double) * (4 * square + (size_t)rest * (2 * (size_t)t + 1) + 2 * (size_t)t));
    int *order = dq__alloc(sizeof(int) * (size_t)d->n);
    double *hit = d->rate + (ptrdiff_t)split * t;
    d->failed[split] = !chol || !order;
    if (!d->failed[split]) {
        double *solved = chol + square, *scatter = solved + square, *axis = scatter + square, *value = axis + square;
        double *row = value + t, *sketch = row + t, *drawn = sketch + (size_t)rest * (size_t)t;
        double *distance = drawn + (size_t)rest * (size_t)t;
        draw(d->n, split, order);
        factor_differences(d, order, chol);
        solve_means(d, order, chol, solved);
        find_axes(d, order, solved, scatter, value, axis);
        for (int i = 0; i < rest; i++) {
            place(d, order, solved, axis, order[t + i], row, sketch + (ptrdiff_t)i * t);
            place(d, order, solved, axis, d->n + order[t + i], row, drawn + (ptrdiff_t)i * t);
        }
        memset(hit, 0, sizeof(double) * (size_t)t);
        for (int q = 0; q < rest; q++) recognise(sketch, drawn, q, rest, t, distance, hit);
    }
    dq__free(chol);
    dq__free(order);
}

/* All pictures less their mean, one after another. */
static void gather(int n, const float *const *artist, const float *const *drawn, size_t pixels, float *rows) {
    for (size_t p = 0; p < pixels; p++) {
        double mean = 0;
        for (int i = 0; i < n; i++) mean += (double)(artist[i][p] + drawn[i][p]) / (2.0 * n);
        for (int i = 0; i < n; i++) {
            rows[(size_t)i * pixels + p] = artist[i][p] - (float)mean;
            rows[(size_t)(n + i) * pixels + p] = drawn[i][p] - (float)mean;
        }
    }
}

dq_status dq__nlda(dq__pool *pool, int n, const float *const *artist, const float *const *drawn, size_t pixels, int train,
                   double *accuracy, dq__error *err) {
    const int row = (2 * n + 15) / 16 * 16;
    const size_t rows = (size_t)(2 * n) * pixels, square = (size_t)(2 * n) * (size_t)row;
    nlda d = {.n = n, .train = train, .row = row};
    float *gram = dq__alloc(sizeof(float) * square), *all = dq__alloc(sizeof(float) * rows);
    d.gram = gram;
    d.rate = dq__alloc(sizeof(double) * SPLITS * (size_t)train);
    dq_status status = gram && all && d.rate ? DQ_OK : dq__no_memory(err, sizeof(float) * (rows + square), "inner products");
    if (!status) {
        gather(n, artist, drawn, pixels, all);
        status = dq__product(pool, 2 * n, 2 * n, (int)pixels, all, (int)pixels, all, (int)pixels, gram, row, err);
    }
    if (!status) dq__pool_run(pool, SPLITS, one_split, &d);
    for (int s = 0; !status && s < SPLITS; s++)
        if (d.failed[s]) status = dq__no_memory(err, 0, "inner products");
    *accuracy = 0;
    for (int i = 0; !status && i < train; i++) {
        double mean = 0;
        for (int s = 0; s < SPLITS; s++) mean += d.rate[s * train + i] / SPLITS;
        if (mean > *accuracy) *accuracy = mean;
    }
    dq__free(gram);
    dq__free(all);
    dq__free(d.rate);
    return status;
}
