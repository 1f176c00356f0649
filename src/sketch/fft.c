/* SPDX-License-Identifier: MIT
 * sketch/fft.c: mixed radix by the factors of n (Cooley, Tukey 1965); a butterfly of radix p is p² multiply-adds of rows, which
 * the compiler makes vectors of. */
#include "sketch/fft.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { MAX_RADIX = 64, BLOCK = 40 };

dq_status dq__fft_init(dq__fft *f, int n, dq__error *err) {
    f->n = n;
    f->cosine = dq__alloc(sizeof(float) * (size_t)n);
    f->sine = dq__alloc(sizeof(float) * (size_t)n);
    if (!f->cosine || !f->sine) {
        dq__fft_deinit(f);
        return dq__no_memory(err, sizeof(float) * (size_t)n, "a table of sines");
    }
    for (int k = 0; k < n; k++) {
        f->cosine[k] = (float)cos(2 * 3.14159265358979323846 * k / n);
        f->sine[k] = (float)sin(2 * 3.14159265358979323846 * k / n);
    }
    return DQ_OK;
}

void dq__fft_deinit(dq__fft *f) {
    dq__free(f->cosine);
    dq__free(f->sine);
    *f = (dq__fft){0};
}

typedef struct pass {
    const dq__fft *f;
    int sign, row, width; /* floats from row to row of the input; columns done at once */
    const float *re, *im; /* what goes out has rows of BLOCK floats */
} pass;

static int smallest_factor(int n) {
    for (int p = 2; p * p <= n; p++)
        if (n % p == 0) return p;
    return n;
}

/* to += (c + i·s)·from, rows of `width`. */
static void add_turned(float *restrict to_re, float *restrict to_im, const float *restrict re, const float *restrict im, float c,
                       float s, int width) {
    for (int x = 0; x < width; x++) {
        to_re[x] += c * re[x] - s * im[x];
        to_im[x] += c * im[x] + s * re[x];
    }
}

static void transform(const pass *q, int n, int first, int step, float *out_re, float *out_im);

/* Any radix: as many sums as there are outputs. Only for prime factors over MAX_RADIX. */
static void transform_plainly(const pass *q, int n, int first, int step, float *out_re, float *out_im) {
    const int stride = q->f->n / n;
    memset(out_re, 0, sizeof(float) * (size_t)n * BLOCK);
    memset(out_im, 0, sizeof(float) * (size_t)n * BLOCK);
    for (int k = 0; k < n; k++)
        for (int j = 0; j < n; j++) {
            const int turn = (int)((int64_t)j * k % n) * stride;
            const size_t from = (size_t)(first + j * step) * (size_t)q->row;
            add_turned(out_re + k * BLOCK, out_im + k * BLOCK, q->re + from, q->im + from, q->f->cosine[turn],
                       (float)-q->sign * q->f->sine[turn], q->width);
        }
}

/* Outputs k, k+m, k+2m, … from the p parts' outputs k, in place. */
static void butterfly(const pass *q, int n, int p, int k, float *out_re, float *out_im) {
    float part_re[MAX_RADIX][BLOCK], part_im[MAX_RADIX][BLOCK];
    const int m = n / p, stride = q->f->n / n;
    const size_t bytes = sizeof(float) * (size_t)q->width;
    for (int r = 0; r < p; r++) {
        memcpy(part_re[r], out_re + (r * m + k) * BLOCK, bytes);
        memcpy(part_im[r], out_im + (r * m + k) * BLOCK, bytes);
    }
    for (int o = 0; o < p; o++) {
        float *to_re = out_re + (o * m + k) * BLOCK, *to_im = out_im + (o * m + k) * BLOCK;
        memcpy(to_re, part_re[0], bytes);
        memcpy(to_im, part_im[0], bytes);
        for (int r = 1; r < p; r++) {
            const int turn = (int)((int64_t)r * (k + o * m) % n) * stride;
            add_turned(to_re, to_im, part_re[r], part_im[r], q->f->cosine[turn], (float)-q->sign * q->f->sine[turn], q->width);
        }
    }
}

static void transform(const pass *q, int n, int first, int step, float *out_re, float *out_im) {
    const int p = smallest_factor(n), m = n / p;
    if (n == 1) {
        memcpy(out_re, q->re + (size_t)first * (size_t)q->row, sizeof(float) * (size_t)q->width);
        memcpy(out_im, q->im + (size_t)first * (size_t)q->row, sizeof(float) * (size_t)q->width);
        return;
    }
    if (p > MAX_RADIX) {
        transform_plainly(q, n, first, step, out_re, out_im);
        return;
    }
    for (int r = 0; r < p; r++)
        transform(q, m, first + r * step, step * p, out_re + (ptrdiff_t)r * m * BLOCK, out_im + (ptrdiff_t)r * m * BLOCK);
    for (int k = 0; k < m; k++) butterfly(q, n, p, k, out_re, out_im);
}

void dq__fft_columns(const dq__fft *f, int sign, int width, float *re, float *im, float *scratch) {
    float *out_re = scratch, *out_im = scratch + (size_t)f->n * BLOCK;
    for (int x = 0; x < width; x += BLOCK) {
        const int columns = width - x < BLOCK ? width - x : BLOCK;
        const pass q = {.f = f, .sign = sign, .row = width, .width = columns, .re = re + x, .im = im + x};
        transform(&q, f->n, 0, 1, out_re, out_im);
        for (int k = 0; k < f->n; k++) {
            memcpy(re + (size_t)k * (size_t)width + x, out_re + (size_t)k * BLOCK, sizeof(float) * (size_t)columns);
            memcpy(im + (size_t)k * (size_t)width + x, out_im + (size_t)k * BLOCK, sizeof(float) * (size_t)columns);
        }
    }
}
