/* SPDX-License-Identifier: MIT
 * sketch/dictionary.c: samples by random numbers of the cell alone; axes by subspace iteration on the covariance. Draws
 * nothing. */
#include "sketch/dictionary.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { W = DQ__FRAME_W, H = DQ__FRAME_H, N = DQ__FRAME_PIXELS, STREAM = 4001, ITERATIONS = 4, ROW = DQ__D_ROW,
      DIMS = DQ__D_DIMS };

/* ---- features ---- */

/* to[y][x] = Σ of side × side values from (y,x) on, over side, so that lengths are kept; 0 where they do not fit. */
static void block_sums(const float *from, int side, float *to) {
    memset(to, 0, sizeof(float) * N);
    for (int y = 0; y + side <= H; y++)
        for (int x = 0; x + side <= W; x++) {
            float sum = 0;
            for (int v = 0; v < side; v++)
                for (int u = 0; u < side; u++) sum += from[(y + v) * W + x + u];
            to[y * W + x] = sum / (float)side;
        }
}

/* One orthonormal axis of colour. */
static void along(const float *rgb, float r, float g, float b, float *to) {
    for (int i = 0; i < N; i++) to[i] = r * rgb[3 * i] + g * rgb[3 * i + 1] + b * rgb[3 * i + 2];
}

static void describe(const float *rgb, float *scratch, float *bright, float *colour) {
    along(rgb, 0.57735f, 0.57735f, 0.57735f, scratch);
    block_sums(scratch, 2, bright);
    along(rgb, 0.70711f, 0, -0.70711f, scratch);
    block_sums(scratch, 4, colour);
    along(rgb, 0.40825f, -0.81650f, 0.40825f, scratch);
    block_sums(scratch, 4, colour + N);
}

void dq__describe(dq__describable *to, const float *rgb) {
    float scratch[DQ__FRAME_PIXELS];
    describe(rgb, scratch, to->bright, to->colour);
}

void dq__describe_patch(const float *bright, const float *colour, int x, int y, float *row) {
    int n = 0;
    for (int v = 0; v < DQ__D_PATCH; v += 2)
        for (int u = 0; u < DQ__D_PATCH; u += 2) row[n++] = bright[(y + v) * W + x + u];
    for (int c = 0; c < 2; c++)
        for (int v = 0; v < DQ__D_PATCH; v += 4)
            for (int u = 0; u < DQ__D_PATCH; u += 4) row[n++] = colour[c * N + (y + v) * W + x + u];
    while (n < ROW) row[n++] = 0;
}

/* ---- cells and samples ---- */

static int least(int a, int b) { return a < b ? a : b; }

int dq__dictionary_x(const dq__dictionary *d, int cell) { return least(cell % d->columns * d->step, W - DQ__D_PATCH); }
int dq__dictionary_y(const dq__dictionary *d, int cell) { return least(cell / d->columns * d->step, H - DQ__D_PATCH); }

static int clamp(int v, int top) { return v < 0 ? 0 : v > top ? top : v; }

void dq__dictionary_sample(const dq__dictionary *d, int cell, int sample, int *pair, int *x, int *y) {
    const uint64_t bits = dq__rng_bits((uint64_t)cell, STREAM, (uint64_t)sample);
    const int span = 2 * DQ__D_REACH + 1;
    *pair = (int)((bits >> 32) % (uint64_t)d->pairs->count);
    *x = clamp(dq__dictionary_x(d, cell) + (int)((bits >> 16 & 0xffff) % (uint64_t)span) - DQ__D_REACH, W - DQ__D_PATCH);
    *y = clamp(dq__dictionary_y(d, cell) + (int)((bits & 0xffff) % (uint64_t)span) - DQ__D_REACH, H - DQ__D_PATCH);
}

void dq__dictionary_features(const dq__dictionary *d, int cell, float *rows) {
    for (int s = 0; s < d->samples; s++) {
        int pair, x, y;
        dq__dictionary_sample(d, cell, s, &pair, &x, &y);
        dq__describe_patch(d->bright + (size_t)pair * N, d->colour + (size_t)pair * 2 * N, x, y, rows + (ptrdiff_t)s * ROW);
    }
}

void dq__dictionary_join(const dq__dictionary *d, const float *patches, float *picture) {
    float count[DQ__FRAME_PIXELS] = {0};
    memset(picture, 0, sizeof(float) * N);
    for (int cell = 0; cell < dq__dictionary_cells(d); cell++) {
        const int at = dq__dictionary_y(d, cell) * W + dq__dictionary_x(d, cell);
        const float *from = patches + (size_t)cell * DQ__D_PIXELS;
        for (int i = 0; i < DQ__D_PIXELS; i++) {
            const int to = at + i / DQ__D_PATCH * W + i % DQ__D_PATCH;
            picture[to] += from[i], count[to] += 1;
        }
    }
    for (int i = 0; i < N; i++) picture[i] /= count[i];
}

/* ---- axes ---- */

static void pack(const float *rows, int count, float *packed) {
    for (int o = 0; o < count; o++)
        for (int i = 0; i < ROW; i++)
            packed[((size_t)(o / 16) * ROW + (size_t)i) * 16 + (size_t)(o % 16)] = rows[(size_t)o * ROW + (size_t)i];
}

static void multiply(const float *x, int n, const float *packed, int outs, float *y) {
    const dqk_gemm job = {.x = x, .x_col = ROW, .y = y, .y_col = outs, .m = packed, .rows = 1, .cols = n, .ic = ROW, .oc = outs};
    dqk_kernels(dq__cpu_isa())->gemm(&job);
}

void dq__dictionary_project(const dq__dictionary *d, int cell, int n, const float *x, float *packed, float *y) {
    pack(d->basis + (size_t)cell * DIMS * ROW, DIMS, packed);
    multiply(x, n, packed, DIMS, y);
}

static double dot(const float *a, const float *b) {
    float sum[8] = {0};
    for (int i = 0; i < ROW; i += 8)
        for (int l = 0; l < 8; l++) sum[l] += a[i + l] * b[i + l];
    return (double)(((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])));
}

/* Gram–Schmidt, twice over each row. A row that the others span becomes 0. */
static void orthonormal(float *q) {
    for (int i = 0; i < DIMS; i++) {
        float *r = q + (ptrdiff_t)i * ROW;
        const double before = dot(r, r);
        for (int again = 0; again < 2; again++)
            for (int j = 0; j < i; j++) {
                const float *other = q + (ptrdiff_t)j * ROW, share = (float)dot(r, other);
                for (int k = 0; k < ROW; k++) r[k] -= share * other[k];
            }
        const double left = dot(r, r);
        const float scale = left > 1e-10 * before ? (float)(1 / sqrt(left)) : 0;
        for (int k = 0; k < ROW; k++) r[k] *= scale;
    }
}

/* Features less their mean, in place. */
static void centre(float *rows, int n) {
    float mean[ROW] = {0};
    for (int s = 0; s < n; s++)
        for (int i = 0; i < ROW; i++) mean[i] += rows[(ptrdiff_t)s * ROW + i] / (float)n;
    for (int s = 0; s < n; s++)
        for (int i = 0; i < ROW; i++) rows[(ptrdiff_t)s * ROW + i] -= mean[i];
}

static void mirror(float *g) {
    for (int i = 0; i < ROW; i++)
        for (int j = 0; j < i / 16 * 16; j++) g[i * ROW + j] = g[j * ROW + i];
}

typedef struct learning {
    dq__dictionary *d;
    atomic_bool failed;
} learning;

static size_t scratch_floats(const dq__dictionary *d) { return ((size_t)d->samples + 2 * ROW + DIMS + DQK_GRAM_BLOCK) * ROW; }

static void learn_cell(const dq__dictionary *d, int cell, float *rows) {
    float *gram = rows + (size_t)d->samples * ROW, *packed = gram + ROW * ROW, *next = packed + ROW * ROW,
        *scratch = next + DIMS * ROW;
    float *q = d->basis + (size_t)cell * DIMS * ROW;
    dq__dictionary_features(d, cell, rows);
    centre(rows, d->samples);
    memset(gram, 0, sizeof(float) * ROW * ROW);
    const dqk_gram job = {.f = rows, .f_row = 0, .f_col = ROW, .rows = 1, .cols = d->samples, .channels = ROW, .g = gram,
                          .scratch = scratch};
    dqk_kernels(dq__cpu_isa())->gram(&job);
    mirror(gram);
    pack(gram, ROW, packed);
    for (int i = 0; i < DIMS * ROW; i++) q[i] = i % ROW < DQ__D_FEATURES ? dq__rng_uniform(1, STREAM + 1, (uint64_t)i) - 0.5f : 0;
    for (int k = 0; k < ITERATIONS; k++) {
        orthonormal(q);
        multiply(q, DIMS, packed, ROW, next);
        memcpy(q, next, sizeof(float) * DIMS * ROW);
    }
    orthonormal(q);
}

static void learn_row(void *work, int row) {
    learning *l = work;
    float *rows = dq__alloc(sizeof(float) * scratch_floats(l->d));
    if (!rows) atomic_store(&l->failed, true);
    for (int c = 0; rows && c < l->d->columns; c++) learn_cell(l->d, row * l->d->columns + c, rows);
    dq__free(rows);
}

static void describe_pair(void *work, int k) {
    dq__dictionary *d = work;
    float rgb[3 * DQ__FRAME_PIXELS], scratch[DQ__FRAME_PIXELS];
    for (size_t i = 0; i < 3 * (size_t)N; i++) rgb[i] = d->pairs->rgb[(size_t)k * 3 * N + i];
    describe(rgb, scratch, d->bright + (size_t)k * N, d->colour + (size_t)k * 2 * N);
}

/* ---- the object ---- */

static dq_status learn(dq__dictionary *d, dq__pool *pool, dq__error *err) {
    char what[80];
    const size_t floats = (size_t)dq__dictionary_cells(d) * DIMS * ROW;
    learning l = {.d = d};
    snprintf(what, sizeof what, "axes-2 %d %d", d->step, d->samples);
    dq__pool_run(pool, d->pairs->count, describe_pair, d);
    if (dq__cache_read(d->pairs, what, d->basis, floats)) return DQ_OK;
    dq__pool_run(pool, d->rows, learn_row, &l);
    if (atomic_load(&l.failed)) return dq__no_memory(err, sizeof(float) * scratch_floats(d), "a dictionary");
    dq__cache_write(d->pairs, what, d->basis, floats);
    return DQ_OK;
}

dq_status dq__dictionary_new(dq__dictionary **out, dq__pool *pool, const dq__pairs *pairs, int step, int samples,
                             dq__error *err) {
    dq__dictionary *d = dq__alloc_zero(sizeof *d);
    const size_t pixels = (size_t)pairs->count * N;
    *out = d;
    if (!d) return dq__no_memory(err, sizeof *d, "a dictionary");
    d->pairs = pairs, d->step = step, d->samples = samples;
    d->rows = (H - DQ__D_PATCH + step - 1) / step + 1, d->columns = (W - DQ__D_PATCH + step - 1) / step + 1;
    const size_t floats = (size_t)dq__dictionary_cells(d) * DIMS * ROW;
    d->bright = dq__alloc(sizeof(float) * pixels);
    d->colour = dq__alloc(sizeof(float) * 2 * pixels);
    d->basis = dq__alloc(sizeof(float) * floats);
    dq_status status = DQ_OK;
    if (!d->bright || !d->colour || !d->basis) status = dq__no_memory(err, sizeof(float) * (3 * pixels + floats), "a dictionary");
    if (!status) status = learn(d, pool, err);
    if (status) dq__dictionary_free(out);
    return status;
}

void dq__dictionary_free(dq__dictionary **dictionary) {
    dq__dictionary *d = *dictionary;
    if (!d) return;
    dq__free(d->bright);
    dq__free(d->colour);
    dq__free(d->basis);
    dq__free(d);
    *dictionary = NULL;
}
