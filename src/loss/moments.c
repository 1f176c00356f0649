/* SPDX-License-Identifier: MIT
 * loss/moments.c: sums over cells (net/split.h), their sums in two doubles. */
#include "loss/moments.h"

#include "base/mem.h"
#include "net/split.h"

#include <string.h>

enum { CHUNKS = 8 }; /* cells at a time */

static size_t square(int cs) { return (size_t)cs * (size_t)cs; }

size_t dq__moments_bytes(int cs) {
    return dq__gram_space_bytes(cs) + sizeof(double) * (CHUNKS + 2) * (size_t)cs + sizeof(float) * (square(cs) + 3 * (size_t)cs);
}

dq_status dq__moments_init(dq__moments *m, int cs, dq__error *err) {
    *m = (dq__moments){.cs = cs};
    dq_status status = dq__gram_space_new(&m->gram, cs, err);
    if (status) return status;
    m->sums = dq__alloc(sizeof(double) * CHUNKS * (size_t)cs);
    m->total.high = dq__alloc(sizeof(double) * (size_t)cs);
    m->total.low = dq__alloc(sizeof(double) * (size_t)cs);
    m->mean = dq__alloc(sizeof(float) * (size_t)cs);
    m->own = dq__alloc(sizeof(float) * (size_t)cs);
    m->slope = dq__alloc(sizeof(float) * (size_t)cs);
    m->covariance = dq__alloc(sizeof(float) * square(cs));
    if (m->sums && m->total.high && m->total.low && m->mean && m->own && m->slope && m->covariance) return DQ_OK;
    dq__moments_deinit(m);
    return dq__no_memory(err, dq__moments_bytes(cs), "mean and covariance");
}

void dq__moments_deinit(dq__moments *m) {
    dq__gram_space_free(&m->gram);
    dq__free(m->sums);
    dq__free(m->total.high);
    dq__free(m->total.low);
    dq__free(m->mean);
    dq__free(m->own);
    dq__free(m->slope);
    dq__free(m->covariance);
    *m = (dq__moments){0};
}

void dq__moments_guide(dq__moments *m, const float *guide) {
    m->guide = guide;
    dq__gram_guide(m->gram, guide);
}

void dq__moments_whole(dq__moments *m, const dq__whole *whole) {
    m->whole = whole;
    dq__gram_whole(m->gram, whole);
}

/* ---- measuring ----------------------------------------------------------------------------------------------------- */

typedef struct mean_work {
    const dq__tensor *f;
    const float *guide;
    double *sums;    /* [n][cs] */
    dq__cells cells; /* and the first of those under way */
    int first;
} mean_work;

static void mean_task(void *user, int k) {
    const mean_work *w = user;
    const dq__tensor *f = w->f;
    double *sum = w->sums + (size_t)k * (size_t)f->cs;
    int y0, x0, rows, cols;
    dq__cells_at(&w->cells, w->first + k, &y0, &x0, &rows, &cols);
    memset(sum, 0, sizeof(double) * (size_t)f->cs);
    for (int y = y0; y < y0 + rows; y++)
        for (int x = x0; x < x0 + cols; x++) {
            const float *at = dq__pixel(f, y, x);
            const double m = w->guide ? (double)w->guide[(size_t)y * (size_t)f->w + (size_t)x] : 1;
            for (int c = 0; c < f->cs; c++) sum[c] += m * (double)at[c];
        }
}

void dq__mean_add(dq__pool *pool, dq__moments *m, const dq__tensor *f, int side, const dq__sums *sums) {
    mean_work w = {f, m->guide, m->sums, dq__cells_of(f->h, f->w, side), 0};
    for (; w.first < w.cells.count; w.first += CHUNKS) {
        const int n = w.cells.count - w.first < CHUNKS ? w.cells.count - w.first : CHUNKS;
        dq__pool_run(pool, n, mean_task, &w);
        for (int k = 0; k < n; k++)
            for (int c = 0; c < f->cs; c++) dq__sums_add(sums, (size_t)c, m->sums[(size_t)k * (size_t)f->cs + (size_t)c]);
    }
}

void dq__mean(dq__pool *pool, dq__moments *m, const dq__tensor *f, float *mean) {
    const double n = (double)f->h * f->w;
    if (m->whole) {
        memcpy(mean, m->whole->mean, sizeof(float) * (size_t)f->cs);
        return;
    }
    memset(m->total.high, 0, sizeof(double) * (size_t)f->cs);
    memset(m->total.low, 0, sizeof(double) * (size_t)f->cs);
    dq__mean_add(pool, m, f, dq__cell_side(f->h, f->w), &m->total);
    for (int c = 0; c < f->cs; c++) mean[c] = (float)(dq__sums_at(&m->total, (size_t)c) / n);
}

void dq__centre(float *matrix, const float *mean, int cs) {
    for (int i = 0; i < cs; i++)
        for (int j = 0; j < cs; j++) {
            float *at = &matrix[(size_t)i * (size_t)cs + (size_t)j];
            *at = (float)((double)*at - (double)mean[i] * (double)mean[j]);
        }
}

void dq__moments_measure(dq__pool *pool, dq__moments *m, const dq__gram_root *root, const dq__tensor *f) {
    dq__mean(pool, m, f, m->own);
    dq__gram(pool, m->gram, f, m->covariance);
    dq__centre(m->covariance, m->own, f->cs);
    memcpy(m->mean, m->own, sizeof(float) * (size_t)f->cs);
    if (!root) return;
    dq__gram_through(root, m->covariance);
    dq__vector_through(root, m->mean);
}

/* ---- the way back -------------------------------------------------------------------------------------------------- */

typedef struct shift_work {
    const dq__tensor *grad;
    const float *shift, *guide;
} shift_work;

static void shift_task(void *user, int y) {
    const shift_work *w = user;
    for (int x = 0; x < w->grad->w; x++) {
        float *at = dq__pixel(w->grad, y, x);
        const float m = w->guide ? w->guide[(size_t)y * (size_t)w->grad->w + (size_t)x] : 1;
        for (int c = 0; c < w->grad->cs; c++) at[c] += m * w->shift[c];
    }
}

void dq__moments_back(dq__pool *pool, dq__moments *m, const dq__gram_root *root, const dq__tensor *f, float *d, float *e,
                      const dq__tensor *grad) {
    const int cs = f->cs;
    const double n = dq__gram_positions(m->gram, f);
    if (root) dq__gram_back_through(root, d), dq__vector_back_through(root, e);
    for (size_t k = 0; k < square(cs); k++) d[k] = (float)(2 / n * (double)d[k]);
    for (int c = 0; c < cs; c++) { /* what is the same at all positions: e/N − (2/N)·D·μ */
        double sum = (double)e[c] / n;
        for (int k = 0; k < cs; k++) sum -= (double)d[(size_t)c * (size_t)cs + (size_t)k] * (double)m->own[k];
        e[c] = (float)sum;
    }
    dq__gram_back(pool, m->gram, f, d, grad);
    dq__pool_run(pool, f->h, shift_task, &(shift_work){grad, e, m->guide});
}

double dq__centred_cost(dq__pool *pool, dq__moments *m, const dq__gram_root *root, const dq__tensor *f, const float *target,
                        double scale, double weight, const dq__tensor *grad) {
    const int cs = f->cs;
    float *d = m->covariance;
    dq__moments_measure(pool, m, root, f);
    for (size_t k = 0; k < square(cs); k++) d[k] -= target[k];
    const double cost = scale * dq__gram_energy(d, cs);
    if (weight == 0) return cost;
    for (size_t k = 0; k < square(cs); k++) d[k] = (float)(2 * scale * weight * (double)d[k]);
    memset(m->slope, 0, sizeof(float) * (size_t)cs); /* the mean does not count */
    dq__moments_back(pool, m, root, f, d, m->slope, grad);
    return cost;
}
