/* SPDX-License-Identifier: MIT
 * sketch/rslcr.c: random sampling and locality constraint (Wang et al. 2018): every patch is rebuilt from a fixed set of samples
 * by w = (ZᵀZ + λ·diag(d²))⁻¹1, Σw = 1, with Z the samples less the patch and d their distances. Far fewer dimensions than
 * samples: by Woodbury's identity only a system of the dimensions is solved, which is exact. */
#include "base/mem.h"
#include "kernels/kernels.h"
#include "sketch/algebra.h"
#include "sketch/dictionary.h"
#include "sketch/drawer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 6, FAST = 200, DIMS = DQ__D_DIMS, ROW = DQ__D_ROW };
#define LAMBDA 0.5f

typedef struct rslcr {
    dq__drawer_setup setup;
    dq__dictionary *d;
    float *sample;  /* [cells][samples][DIMS] */
    float *patches; /* [cells][DQ__D_PIXELS] */
    dq__describable face;
    int nearest;    /* as many samples are used */
    atomic_bool failed;
} rslcr;

static void forget(void *state) {
    rslcr *r = state;
    if (!r) return;
    dq__dictionary_free(&r->d);
    dq__free(r->sample);
    dq__free(r->patches);
    dq__free(r);
}

/* ---- learning ---- */

static void project_row(void *work, int row) {
    rslcr *r = work;
    const size_t samples = (size_t)r->d->samples;
    float *x = dq__alloc(sizeof(float) * (samples + DIMS) * ROW);
    if (!x) atomic_store(&r->failed, true);
    for (int c = 0; x && c < r->d->columns; c++) {
        const int cell = row * r->d->columns + c;
        dq__dictionary_features(r->d, cell, x);
        dq__dictionary_project(r->d, cell, r->d->samples, x, x + samples * ROW, r->sample + (size_t)cell * samples * DIMS);
    }
    dq__free(x);
}

static dq_status learn(void **state, const dq__drawer_setup *setup, dq__error *err) {
    rslcr *r = dq__alloc_zero(sizeof *r);
    *state = r;
    if (!r) return dq__no_memory(err, sizeof *r, "a method");
    r->setup = *setup;
    r->nearest = setup->fast && setup->samples > FAST ? FAST : setup->samples;
    dq_status status = dq__dictionary_new(&r->d, setup->pool, setup->pairs, STEP, setup->samples, err);
    const size_t cells = status ? 0 : (size_t)dq__dictionary_cells(r->d), floats = cells * (size_t)setup->samples * DIMS;
    if (!status) {
        r->sample = dq__alloc(sizeof(float) * floats);
        r->patches = dq__alloc(sizeof(float) * cells * DQ__D_PIXELS);
        if (!r->sample || !r->patches) status = dq__no_memory(err, sizeof(float) * floats, "samples");
    }
    if (!status) dq__pool_run(setup->pool, r->d->rows, project_row, r);
    if (!status && atomic_load(&r->failed)) status = dq__no_memory(err, sizeof(float) * ROW * (size_t)setup->samples, "samples");
    if (!status) return DQ_OK;
    forget(r);
    *state = NULL;
    return status;
}

/* ---- weights ---- */

typedef struct near {
    float square;
    int sample;
} near;

static int by_distance(const void *a, const void *b) {
    const near *p = a, *q = b;
    return p->square != q->square ? (p->square > q->square) - (p->square < q->square) : p->sample - q->sample;
}

/* Memory of one task. */
typedef struct space {
    near *near;   /* [samples] */
    float *z;     /* [samples][DIMS]: differences over √λ·d */
    float *gram, *scratch, *packed, *weight;
} space;

static void measure(const rslcr *r, int cell, const float *f, const space *s) {
    const float *sample = r->sample + (size_t)cell * (size_t)r->d->samples * DIMS;
    for (int k = 0; k < r->d->samples; k++) {
        const float *p = sample + (ptrdiff_t)k * DIMS;
        float sum[8] = {0};
        for (int i = 0; i < DIMS; i += 8)
            for (int l = 0; l < 8; l++) sum[l] += (p[i + l] - f[i + l]) * (p[i + l] - f[i + l]);
        s->near[k] = (near){((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])), k};
    }
    if (r->nearest < r->d->samples) qsort(s->near, (size_t)r->d->samples, sizeof *s->near, by_distance);
}

/* weight[k] for near[k], Σ = 1. */
static void weigh(const rslcr *r, int cell, const float *f, const space *s) {
    const float *sample = r->sample + (size_t)cell * (size_t)r->d->samples * DIMS;
    float x[DIMS] = {0}, sum = 0;
    for (int k = 0; k < r->nearest; k++) {
        const float *p = sample + (ptrdiff_t)s->near[k].sample * DIMS, share = 1 / sqrtf(LAMBDA * s->near[k].square + 1e-3f);
        float *z = s->z + (ptrdiff_t)k * DIMS;
        for (int i = 0; i < DIMS; i++) z[i] = (p[i] - f[i]) * share, x[i] += z[i] * share;
        s->weight[k] = share;
    }
    memset(s->gram, 0, sizeof(float) * DIMS * DIMS);
    const dqk_gram job = {.f = s->z, .f_col = DIMS, .rows = 1, .cols = r->nearest, .channels = DIMS, .g = s->gram,
                          .scratch = s->scratch};
    dqk_kernels(dq__cpu_isa())->gram(&job);
    for (int i = 0; i < DIMS; i++) {
        for (int j = 0; j < i / 16 * 16; j++) s->gram[i * DIMS + j] = s->gram[j * DIMS + i];
        s->gram[i * DIMS + i] += 1;
    }
    dq__solve(s->gram, DIMS, DIMS, x);
    for (int k = 0; k < r->nearest; k++) {
        float along = 0;
        for (int i = 0; i < DIMS; i++) along += s->z[(ptrdiff_t)k * DIMS + i] * x[i];
        s->weight[k] = s->weight[k] * (s->weight[k] - along);
        sum += s->weight[k];
    }
    for (int k = 0; k < r->nearest; k++) s->weight[k] /= sum;
}

static void draw_cell(const rslcr *r, int cell, const space *s) {
    float row[ROW], f[DIMS], *to = r->patches + (size_t)cell * DQ__D_PIXELS;
    dq__describe_patch(r->face.bright, r->face.colour, dq__dictionary_x(r->d, cell), dq__dictionary_y(r->d, cell), row);
    dq__dictionary_project(r->d, cell, 1, row, s->packed, f);
    measure(r, cell, f, s);
    weigh(r, cell, f, s);
    memset(to, 0, sizeof(float) * DQ__D_PIXELS);
    for (int k = 0; k < r->nearest; k++) {
        int pair, x, y;
        dq__dictionary_sample(r->d, cell, s->near[k].sample, &pair, &x, &y);
        const float *from = dq__pair_drawn(r->d->pairs, pair) + y * DQ__FRAME_W + x, w = s->weight[k];
        for (int v = 0; v < DQ__D_PATCH; v++)
            for (int u = 0; u < DQ__D_PATCH; u++) to[v * DQ__D_PATCH + u] += w * from[v * DQ__FRAME_W + u];
    }
}

static void draw_row(void *work, int row) {
    rslcr *r = work;
    const size_t n = (size_t)r->d->samples, floats = n * (DIMS + 1) + DIMS * DIMS + DQK_GRAM_BLOCK * DIMS + DIMS * ROW;
    float *memory = dq__alloc(sizeof(float) * floats);
    near *list = dq__alloc(sizeof(near) * n);
    if (!memory || !list) atomic_store(&r->failed, true);
    else {
        const space s = {.near = list, .z = memory, .gram = memory + n * DIMS, .scratch = memory + n * DIMS + DIMS * DIMS,
                         .packed = memory + n * DIMS + DIMS * DIMS + DQK_GRAM_BLOCK * DIMS, .weight = memory + floats - n};
        for (int c = 0; c < r->d->columns; c++) draw_cell(r, row * r->d->columns + c, &s);
    }
    dq__free(memory);
    dq__free(list);
}

static dq_status draw(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    rslcr *r = state;
    if (trace) trace[0] = -1;
    dq__describe(&r->face, face->rgb);
    dq__pool_run(r->setup.pool, r->d->rows, draw_row, r);
    if (atomic_load(&r->failed)) return dq__no_memory(err, 0, "weights of samples");
    dq__dictionary_join(r->d, r->patches, drawing);
    return DQ_OK;
}

const dq__method dq__method_rslcr = {"rslcr", true, learn, draw, forget};
