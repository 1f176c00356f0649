/* SPDX-License-Identifier: MIT
 * loss/w2.c: roots of matrices by the coupled iteration of Newton and Schulz, products cut by rows. The gradient needs no
 * way back through the iteration: d tr(M^½) = ½ tr(M^−½ dM), so with M = R Σ R the cost's slope at Σ is I − R M^−½ R, and
 * the iteration gives M^½ and M^−½ together. */
#include "loss/w2.h"

#include "base/mem.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { STEPS = 12, TASK_ROWS = 24 };

static size_t square(int cs) { return (size_t)cs * (size_t)cs; }

size_t dq__w2_bytes(int cs) { return 5 * sizeof(float) * square(cs); }

dq_status dq__w2_init(dq__w2 *w, int cs, dq__error *err) {
    float **const matrix[] = {&w->y, &w->z, &w->t, &w->spare, &w->packed};
    bool whole = true;
    *w = (dq__w2){0};
    for (int i = 0; i < 5; i++) {
        *matrix[i] = dq__alloc(sizeof(float) * square(cs));
        whole = whole && *matrix[i];
    }
    if (whole) return DQ_OK;
    dq__w2_deinit(w);
    return dq__no_memory(err, dq__w2_bytes(cs), "roots of covariances");
}

void dq__w2_deinit(dq__w2 *w) {
    dq__free(w->y);
    dq__free(w->z);
    dq__free(w->t);
    dq__free(w->spare);
    dq__free(w->packed);
    *w = (dq__w2){0};
}

/* ---- matrices ------------------------------------------------------------------------------------------------------ */

typedef struct product_work {
    const float *a, *packed;
    float *out;
    int cs;
} product_work;

static void product_task(void *user, int task) {
    const product_work *w = user;
    const int first = task * TASK_ROWS, rows = w->cs - first < TASK_ROWS ? w->cs - first : TASK_ROWS;
    const size_t at = (size_t)first * (size_t)w->cs;
    dqk_gemm job = {.x = w->a + at, .x_row = 0, .x_col = w->cs, .y = w->out + at, .y_row = 0, .y_col = w->cs,
                    .m = w->packed, .rows = 1, .cols = rows, .ic = w->cs, .oc = w->cs};
    dqk_kernels(dq__cpu_isa())->gemm(&job);
}

/* out = a·b, cs×cs; out is neither of them. */
static void product(dq__pool *pool, dq__w2 *w, float *out, const float *a, const float *b, int cs) {
    for (int o = 0; o < cs; o += 16) /* as kernels/gemm.h wants bᵀ */
        for (int i = 0; i < cs; i++)
            memcpy(w->packed + ((size_t)o / 16 * (size_t)cs + (size_t)i) * 16, b + (size_t)i * (size_t)cs + o, sizeof(float[16]));
    dq__pool_run(pool, (cs + TASK_ROWS - 1) / TASK_ROWS, product_task, &(product_work){a, w->packed, out, cs});
}

static void swap(float **a, float **b) {
    float *keep = *a;
    *a = *b, *b = keep;
}

static double trace(const float *m, int c, int cs) {
    double sum = 0;
    for (int i = 0; i < c; i++) sum += (double)m[(size_t)i * (size_t)cs + (size_t)i];
    return sum;
}

static void add_ridge(float *m, double ridge, int c, int cs) {
    for (int i = 0; i < c; i++) m[(size_t)i * (size_t)cs + (size_t)i] += (float)ridge;
}

/* t = (3·I − t)/2 */
static void correction(float *t, int cs) {
    for (size_t k = 0; k < square(cs); k++) t[k] *= -0.5f;
    for (int i = 0; i < cs; i++) t[(size_t)i * (size_t)cs + (size_t)i] += 1.5f;
}

/* On entry w->y is a matrix M; then w->y·√n is its root and w->z/√n the inverse of that. Returns n = ‖M‖, 0 if M is zero
 * (then y and z are, too). */
static double newton_schulz(dq__pool *pool, dq__w2 *w, int cs) {
    const size_t bytes = sizeof(float) * square(cs);
    const double n = sqrt(dq__gram_energy(w->y, cs));
    memset(w->z, 0, bytes);
    if (!(n > 0)) return 0;
    for (size_t k = 0; k < square(cs); k++) w->y[k] = (float)((double)w->y[k] / n);
    for (int step = 0; step < STEPS; step++) {
        if (step == 0) memcpy(w->t, w->y, bytes); /* z is I */
        else product(pool, w, w->t, w->z, w->y, cs);
        correction(w->t, cs);
        product(pool, w, w->spare, w->y, w->t, cs);
        swap(&w->y, &w->spare);
        if (step == 0) memcpy(w->spare, w->t, bytes);
        else product(pool, w, w->spare, w->t, w->z, cs);
        swap(&w->z, &w->spare);
    }
    return n;
}

/* w->y = r·m·r */
static void between(dq__pool *pool, dq__w2 *w, const float *r, const float *m, int cs) {
    product(pool, w, w->spare, r, m, cs);
    product(pool, w, w->y, w->spare, r, cs);
}

/* ---- the cost ------------------------------------------------------------------------------------------------------ */

/* A map of one position, or of one colour, has no covariance: what is left where FᵀF/N and μμᵀ cancel is rounding, which may
 * be negative and has no root. */
static void drop_rounding(dq__gaussian *target, int c, int cs) {
    double square_mean = 0;
    for (int k = 0; k < c; k++) square_mean += (double)target->mean[k] * (double)target->mean[k];
    if (trace(target->matrix, c, cs) > 1e-5 * square_mean) return;
    memset(target->matrix, 0, sizeof(float) * square(cs));
}

void dq__w2_target(dq__pool *pool, dq__w2 *w, dq__gaussian *target, int c, int cs) {
    dq__centre(target->matrix, target->mean, cs);
    drop_rounding(target, c, cs);
    target->ridge = 1e-4 * trace(target->matrix, c, cs) / c;
    add_ridge(target->matrix, target->ridge, c, cs);
    target->trace = trace(target->matrix, c, cs);
    memcpy(w->y, target->matrix, sizeof(float) * square(cs));
    const double root = sqrt(newton_schulz(pool, w, cs));
    for (size_t k = 0; k < square(cs); k++) target->matrix[k] = (float)(root * (double)w->y[k]);
}

/* dJ/dΣ = factor·(I − R M^−½ R) into d, where w->z/root is M^−½. */
static void slope(dq__pool *pool, dq__w2 *w, float *d, const float *r, double root, double factor, int c, int cs) {
    between(pool, w, r, w->z, cs);
    const double inverse = root > 0 ? factor / root : 0;
    for (size_t k = 0; k < square(cs); k++) d[k] = (float)(-inverse * (double)w->y[k]);
    add_ridge(d, factor, c, cs);
}

double dq__w2_cost(dq__pool *pool, dq__w2 *w, dq__moments *m, const dq__gram_root *through, const dq__tensor *f,
                   const dq__gaussian *target, double scale, double weight, const dq__tensor *grad) {
    const int c = f->c, cs = f->cs;
    double apart = 0;
    dq__moments_measure(pool, m, through, f);
    add_ridge(m->covariance, target->ridge, c, cs);
    for (int k = 0; k < cs; k++) {
        const double d = (double)m->mean[k] - (double)target->mean[k];
        apart += d * d;
        m->slope[k] = (float)(2 * scale * weight * d);
    }
    between(pool, w, target->matrix, m->covariance, cs);
    const double root = sqrt(newton_schulz(pool, w, cs));
    const double cost = scale * (apart + trace(m->covariance, c, cs) + target->trace - 2 * root * trace(w->y, c, cs));
    if (weight == 0) return cost;
    slope(pool, w, m->covariance, target->matrix, root, scale * weight, c, cs);
    dq__moments_back(pool, m, through, f, m->covariance, m->slope, grad);
    return cost;
}
