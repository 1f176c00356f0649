/* SPDX-License-Identifier: MIT
 * sketch/ridge.c: the regression-based way: for every cell one linear map from the photo's patch to the sketch's, by least
 * squares with a weight on large coefficients, B = (XᵀX + λ·n·I)⁻¹XᵀS on centred samples. Drawing is one product a cell. */
#include "base/mem.h"
#include "kernels/kernels.h"
#include "sketch/algebra.h"
#include "sketch/dictionary.h"
#include "sketch/drawer.h"
#include "train/least_squares.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { STEP = 6, DIMS = DQ__D_DIMS, ROW = DQ__D_ROW, PIXELS = DQ__D_PIXELS, MAP = (DIMS + 1) * PIXELS };
#define LAMBDA 50.0

typedef struct ridge {
    dq__drawer_setup setup;
    dq__dictionary *d;
    float *map;     /* [cells][DIMS + 1][PIXELS]: B, then what is drawn for features 0 */
    float *patches; /* [cells][PIXELS] */
    dq__describable face;
    atomic_bool failed;
} ridge;

static void forget(void *state) {
    ridge *r = state;
    if (!r) return;
    dq__dictionary_free(&r->d);
    dq__free(r->map);
    dq__free(r->patches);
    dq__free(r);
}

/* ---- learning ---- */

/* Memory of one task. */
typedef struct space {
    float *x;       /* [samples][ROW], then [DIMS][samples] transposed */
    float *f;       /* [samples][DIMS] */
    float *s;       /* [PIXELS/16][samples][16]: the sketches, packed for kernels/gemm.h */
    float *packed;  /* [DIMS][ROW] */
    float *product; /* [DIMS][PIXELS]: XᵀS */
    double *normal; /* [DIMS][DIMS] */
} space;

/* Projected features less their mean, transposed into x, which is free by then; mean [DIMS]. */
static void centre_features(const ridge *r, const space *s, float *mean) {
    const int n = r->d->samples;
    for (int i = 0; i < DIMS; i++) {
        double sum = 0;
        for (int k = 0; k < n; k++) sum += (double)s->f[(ptrdiff_t)k * DIMS + i];
        mean[i] = (float)(sum / n);
        for (int k = 0; k < n; k++) s->x[(ptrdiff_t)i * n + k] = s->f[(ptrdiff_t)k * DIMS + i] - mean[i];
    }
}

/* Sketch patches less their mean; mean [PIXELS]. */
static void gather_sketches(const ridge *r, int cell, const space *s, float *mean) {
    const int n = r->d->samples;
    memset(mean, 0, sizeof(float) * PIXELS);
    for (int k = 0; k < n; k++) {
        int pair, x, y;
        dq__dictionary_sample(r->d, cell, k, &pair, &x, &y);
        const float *from = dq__pair_drawn(r->d->pairs, pair) + y * DQ__FRAME_W + x;
        for (int o = 0; o < PIXELS; o++) {
            const float v = from[o / DQ__D_PATCH * DQ__FRAME_W + o % DQ__D_PATCH];
            s->s[((ptrdiff_t)(o / 16) * n + k) * 16 + o % 16] = v;
            mean[o] += v / (float)n;
        }
    }
    for (int o = 0; o < PIXELS; o++)
        for (int k = 0; k < n; k++) s->s[((ptrdiff_t)(o / 16) * n + k) * 16 + o % 16] -= mean[o];
}

static void factor_normal(const ridge *r, const space *s) {
    const int n = r->d->samples;
    for (int i = 0; i < DIMS; i++)
        for (int j = 0; j <= i; j++) {
            const float *a = s->x + (ptrdiff_t)i * n, *b = s->x + (ptrdiff_t)j * n;
            float sum[8] = {0};
            for (int k = 0; k < n; k += 8) /* samples are a multiple of 8 */
                for (int l = 0; l < 8; l++) sum[l] += a[k + l] * b[k + l];
            double total = 0;
            for (int l = 0; l < 8; l++) total += (double)sum[l];
            s->normal[i * DIMS + j] = s->normal[j * DIMS + i] = total + (i == j ? LAMBDA * n : 0);
        }
    dq__cholesky(s->normal, DIMS, 0);
}

/* inverse [DIMS][DIMS] of the normal matrix. */
static void invert_normal(const space *s, float *inverse) {
    for (int i = 0; i < DIMS; i++) {
        double column[DIMS] = {0};
        column[i] = 1;
        dq__cholesky_solve(s->normal, DIMS, column);
        for (int j = 0; j < DIMS; j++) inverse[i * DIMS + j] = (float)column[j];
    }
}

/* map [DIMS][PIXELS] = inverse · product, and the offset that centred features leave. */
static void finish_map(const float *inverse, const float *product, const float *mean, float *map, float *offset) {
    memset(map, 0, sizeof(float) * DIMS * PIXELS);
    for (int i = 0; i < DIMS; i++)
        for (int j = 0; j < DIMS; j++) {
            const float share = inverse[i * DIMS + j];
            for (int o = 0; o < PIXELS; o++) map[i * PIXELS + o] += share * product[j * PIXELS + o];
        }
    for (int i = 0; i < DIMS; i++)
        for (int o = 0; o < PIXELS; o++) offset[o] -= mean[i] * map[i * PIXELS + o];
}

static void learn_cell(const ridge *r, int cell, const space *s) {
    const int n = r->d->samples;
    float mean[DIMS], inverse[DIMS * DIMS], *map = r->map + (size_t)cell * MAP, *offset = map + DIMS * PIXELS;
    dq__dictionary_features(r->d, cell, s->x);
    dq__dictionary_project(r->d, cell, n, s->x, s->packed, s->f);
    centre_features(r, s, mean);
    gather_sketches(r, cell, s, offset);
    factor_normal(r, s);
    invert_normal(s, inverse);
    const dqk_gemm job = {.x = s->x, .x_col = n, .y = s->product, .y_col = PIXELS, .m = s->s, .rows = 1, .cols = DIMS, .ic = n,
                          .oc = PIXELS};
    dqk_kernels(dq__cpu_isa())->gemm(&job);
    finish_map(inverse, s->product, mean, map, offset);
}

static void learn_row(void *work, int row) {
    ridge *r = work;
    const size_t n = (size_t)r->d->samples;
    float *x = dq__alloc(sizeof(float) * (n * (ROW + DIMS + PIXELS) + DIMS * (ROW + PIXELS)));
    double *normal = dq__alloc(sizeof(double) * DIMS * DIMS);
    if (!x || !normal) atomic_store(&r->failed, true);
    else {
        const space s = {.x = x, .f = x + n * ROW, .s = x + n * (ROW + DIMS), .packed = x + n * (ROW + DIMS + PIXELS),
                         .product = x + n * (ROW + DIMS + PIXELS) + DIMS * ROW, .normal = normal};
        for (int c = 0; c < r->d->columns; c++) learn_cell(r, row * r->d->columns + c, &s);
    }
    dq__free(x);
    dq__free(normal);
}

static dq_status learn_maps(ridge *r, dq__error *err) {
    const size_t floats = (size_t)dq__dictionary_cells(r->d) * MAP;
    char what[80];
    snprintf(what, sizeof what, "ridge-2 %d %d", STEP, r->d->samples);
    if (dq__cache_read(r->setup.pairs, what, r->map, floats)) return DQ_OK;
    dq__pool_run(r->setup.pool, r->d->rows, learn_row, r);
    if (atomic_load(&r->failed)) return dq__no_memory(err, 0, "regression");
    dq__cache_write(r->setup.pairs, what, r->map, floats);
    return DQ_OK;
}

static dq_status learn(void **state, const dq__drawer_setup *setup, dq__error *err) {
    ridge *r = dq__alloc_zero(sizeof *r);
    *state = r;
    if (!r) return dq__no_memory(err, sizeof *r, "a method");
    r->setup = *setup;
    dq_status status = dq__dictionary_new(&r->d, setup->pool, setup->pairs, STEP, setup->samples, err);
    const size_t cells = status ? 0 : (size_t)dq__dictionary_cells(r->d);
    if (!status) {
        r->map = dq__alloc(sizeof(float) * cells * MAP);
        r->patches = dq__alloc(sizeof(float) * cells * PIXELS);
        if (!r->map || !r->patches) status = dq__no_memory(err, sizeof(float) * cells * MAP, "regression");
    }
    if (!status) status = learn_maps(r, err);
    if (!status) return DQ_OK;
    forget(r);
    *state = NULL;
    return status;
}

/* ---- drawing ---- */

static void draw_row(void *work, int row) {
    const ridge *r = work;
    float packed[DIMS * ROW];
    for (int c = 0; c < r->d->columns; c++) {
        const int cell = row * r->d->columns + c;
        const float *map = r->map + (size_t)cell * MAP;
        float x[ROW], f[DIMS], *to = r->patches + (size_t)cell * PIXELS;
        dq__describe_patch(r->face.bright, r->face.colour, dq__dictionary_x(r->d, cell), dq__dictionary_y(r->d, cell), x);
        dq__dictionary_project(r->d, cell, 1, x, packed, f);
        memcpy(to, map + DIMS * PIXELS, sizeof(float) * PIXELS);
        for (int i = 0; i < DIMS; i++)
            for (int o = 0; o < PIXELS; o++) to[o] += f[i] * map[i * PIXELS + o];
    }
}

static dq_status draw(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    ridge *r = state;
    (void)err;
    if (trace) trace[0] = -1;
    dq__describe(&r->face, face->rgb);
    dq__pool_run(r->setup.pool, r->d->rows, draw_row, r);
    dq__dictionary_join(r->d, r->patches, drawing);
    return DQ_OK;
}

const dq__method dq__method_ridge = {"ridge", true, learn, draw, forget};
