/* SPDX-License-Identifier: MIT
 * sketch/algebra.c: cuts products into tasks of rows; Jacobi rotations; Cholesky. */
#include "sketch/algebra.h"

#include "base/mem.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { ROWS = 64 };

/* ---- products ---- */

typedef struct product {
    const float *x, *packed;
    float *y;
    int n, o, k, x_row, y_row;
} product;

static void some_rows(void *work, int task) {
    const product *p = work;
    const int first = task * ROWS, rows = p->n - first < ROWS ? p->n - first : ROWS;
    const dqk_gemm job = {.x = p->x + (ptrdiff_t)first * p->x_row, .x_row = 0, .x_col = p->x_row,
                          .y = p->y + (ptrdiff_t)first * p->y_row, .y_row = 0, .y_col = p->y_row, .m = p->packed, .rows = 1,
                          .cols = rows, .ic = p->k, .oc = p->o};
    dqk_kernels(dq__cpu_isa())->gemm(&job);
}

/* [o/16][k][16], kernels/gemm.h */
static void pack(const float *m, int row, int o, int k, float *packed) {
    for (int i = 0; i < o; i++)
        for (int j = 0; j < k; j++)
            packed[((size_t)(i / 16) * (size_t)k + (size_t)j) * 16 + (size_t)(i % 16)] = m[(ptrdiff_t)i * row + j];
}

dq_status dq__product(dq__pool *pool, int n, int o, int k, const float *x, int x_row, const float *m, int m_row, float *y,
                      int y_row, dq__error *err) {
    const int padded = (o + 15) / 16 * 16;
    const size_t floats = (size_t)padded * (size_t)k;
    float *packed = dq__alloc_zero(sizeof(float) * floats);
    if (!packed) return dq__no_memory(err, sizeof(float) * floats, "a matrix");
    pack(m, m_row, o, k, packed);
    product p = {.x = x, .packed = packed, .y = y, .n = n, .o = padded, .k = k, .x_row = x_row, .y_row = y_row};
    dq__pool_run(pool, (n + ROWS - 1) / ROWS, some_rows, &p);
    dq__free(packed);
    return DQ_OK;
}

/* ---- eigenvectors ---- */

static void turn_rows(double *p, double *q, int n, double c, double s) {
    for (int k = 0; k < n; k++) {
        const double a = p[k], b = q[k];
        p[k] = c * a - s * b, q[k] = s * a + c * b;
    }
}

static void turn_columns(double *a, int n, int p, int q, double c, double s) {
    for (int k = 0; k < n; k++) {
        const double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
    }
}

static void rotate(double *a, double *vector, int n, int p, int q) {
    const double apq = a[p * n + q], theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    turn_rows(a + (ptrdiff_t)p * n, a + (ptrdiff_t)q * n, n, c, s);
    turn_columns(a, n, p, q, c, s);
    turn_rows(vector + (ptrdiff_t)p * n, vector + (ptrdiff_t)q * n, n, c, s);
}

static void sort_falling(int n, double *value, double *vector) {
    for (int i = 0; i < n; i++) {
        int top = i;
        for (int k = i + 1; k < n; k++)
            if (value[k] > value[top]) top = k;
        if (top == i) continue;
        const double v = value[i];
        value[i] = value[top], value[top] = v;
        turn_rows(vector + (ptrdiff_t)i * n, vector + (ptrdiff_t)top * n, n, 0, 1); /* changes places, and a sign */
    }
}

void dq__eigen(double *a, int n, double *value, double *vector) {
    enum { SWEEPS = 30 };
    double total = 0;
    memset(vector, 0, sizeof(double) * (size_t)n * (size_t)n);
    for (int i = 0; i < n; i++) vector[i * n + i] = 1;
    for (int i = 0; i < n * n; i++) total += a[i] * a[i];
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) off += a[p * n + q] * a[p * n + q];
        if (off <= 1e-20 * total) break;
        const double least = 1e-4 * off / ((double)n * n); /* smaller ones wait for a later sweep */
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                if (a[p * n + q] * a[p * n + q] > least) rotate(a, vector, n, p, q);
    }
    for (int i = 0; i < n; i++) value[i] = a[i * n + i];
    sort_falling(n, value, vector);
}

/* ---- equations ---- */

static float dot(const float *a, const float *b, int n) {
    float sum[8] = {0}, rest = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++) rest += a[i] * b[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + rest;
}

void dq__solve(float *a, int row, int n, float *x) {
    for (int i = 0; i < n; i++) {
        float *r = a + (ptrdiff_t)i * row;
        for (int j = 0; j < i; j++) {
            const float *s = a + (ptrdiff_t)j * row;
            r[j] = (r[j] - dot(r, s, j)) / s[j];
        }
        const float left = r[i] - dot(r, r, i);
        r[i] = sqrtf(left > 1e-12f * r[i] ? left : 1e-12f * r[i] + 1e-30f);
        x[i] = (x[i] - dot(r, x, i)) / r[i];
    }
    for (int i = n - 1; i >= 0; i--) {
        x[i] /= a[(ptrdiff_t)i * row + i];
        for (int j = 0; j < i; j++) x[j] -= a[(ptrdiff_t)i * row + j] * x[i];
    }
}
