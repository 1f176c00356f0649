/* SPDX-License-Identifier: MIT
 * sketch/mwf.c: Markov weight fields (Zhou et al. 2012): as the MRF, but every cell is a weighted mean of its candidates, so that
 * patches that no pair has can be drawn. Least squares on the photo's grey values and on overlaps: sketch/blend.h. */
#include "base/mem.h"
#include "sketch/blend.h"
#include "sketch/drawer.h"
#include "sketch/search.h"

#include <string.h>

enum { NEIGHBOURS = 10, SWEEPS = 10 };
#define ALPHA 0.25

typedef struct mwf {
    dq__drawer_setup setup;
    int k;
    dq__candidate *found; /* [cells][k] */
    float *patches;       /* [cells][k][patch]: what the candidates would draw */
    dq__blend blend;
    const float *grey;
} mwf;

static void forget(void *state) {
    mwf *m = state;
    if (!m) return;
    dq__free(m->found);
    dq__free(m->patches);
    dq__blend_deinit(&m->blend);
    dq__free(m);
}

static dq_status learn(void **state, const dq__drawer_setup *setup, dq__error *err) {
    mwf *m = dq__alloc_zero(sizeof *m);
    *state = m;
    if (!m) return dq__no_memory(err, sizeof *m, "a method");
    m->setup = *setup;
    m->k = setup->neighbours ? setup->neighbours : NEIGHBOURS;
    if (m->k > setup->pairs->count) m->k = setup->pairs->count;
    const size_t all = DQ__CELLS * (size_t)m->k;
    m->found = dq__alloc(sizeof *m->found * all);
    m->patches = dq__alloc(sizeof(float) * all * DQ__PATCH_PIXELS);
    dq_status status = m->found && m->patches ? DQ_OK : dq__no_memory(err, sizeof(float) * all * DQ__PATCH_PIXELS, "candidates");
    if (!status) status = dq__blend_init(&m->blend, DQ__CELL_ROWS, DQ__CELL_COLUMNS, m->k, ALPHA, err);
    if (!status) return DQ_OK;
    forget(m);
    *state = NULL;
    return status;
}

static float dot(const float *a, const float *b) {
    float sum[4] = {0};
    for (int i = 0; i < DQ__PATCH_PIXELS; i += 4)
        for (int l = 0; l < 4; l++) sum[l] += a[i + l] * b[i + l];
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* ‖t − Xw‖² = ‖Σ w_k (x_k − t)‖², as Σw = 1: the differences' Gram matrix is all of it. */
static void photo_terms(const mwf *m, int cell, const dq__candidate *c) {
    float gap[DQ__MAX_NEIGHBOURS][DQ__PATCH_PIXELS], t[DQ__PATCH_PIXELS];
    float *h = m->blend.h + (size_t)cell * (size_t)m->k * (size_t)m->k;
    dq__patch_take(m->grey, dq__cell_x(cell), dq__cell_y(cell), t);
    for (int i = 0; i < m->k; i++) {
        dq__patch_take(dq__pair_seen(m->setup.pairs, c[i].pair), c[i].x, c[i].y, gap[i]);
        for (int p = 0; p < DQ__PATCH_PIXELS; p++) gap[i][p] -= t[p];
        for (int j = 0; j <= i; j++) h[i * m->k + j] = h[j * m->k + i] = dot(gap[i], gap[j]);
    }
}

static void prepare_row(void *work, int row) {
    const mwf *m = work;
    for (int column = 0; column < DQ__CELL_COLUMNS; column++) {
        const int cell = row * DQ__CELL_COLUMNS + column;
        const dq__candidate *c = m->found + (size_t)cell * (size_t)m->k;
        float *to = m->patches + (size_t)cell * (size_t)m->k * DQ__PATCH_PIXELS;
        photo_terms(m, cell, c);
        for (int i = 0; i < m->k; i++)
            dq__patch_take(dq__pair_drawn(m->setup.pairs, c[i].pair), c[i].x, c[i].y, to + (ptrdiff_t)i * DQ__PATCH_PIXELS);
    }
}

/* Weighted means, in place of the first candidates of all cells. */
static void mix(const mwf *m) {
    for (int cell = 0; cell < DQ__CELLS; cell++) {
        const float *from = m->patches + (size_t)cell * (size_t)m->k * DQ__PATCH_PIXELS,
            *w = m->blend.w + (size_t)cell * (size_t)m->k;
        float patch[DQ__PATCH_PIXELS] = {0};
        for (int i = 0; i < m->k; i++)
            for (int p = 0; p < DQ__PATCH_PIXELS; p++) patch[p] += w[i] * from[i * DQ__PATCH_PIXELS + p];
        memcpy(m->patches + (size_t)cell * DQ__PATCH_PIXELS, patch, sizeof patch);
    }
}

static dq_status draw(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    mwf *m = state;
    (void)err;
    m->grey = face->grey;
    dq__search(m->setup.pool, m->setup.pairs, face->grey, m->k, true, m->found);
    dq__pool_run(m->setup.pool, DQ__CELL_ROWS, prepare_row, m);
    dq__blend_overlaps(&m->blend, m->setup.pool, m->patches, DQ__PATCH, DQ__STEP);
    dq__blend_begin(&m->blend);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        if (trace) trace[sweep] = dq__blend_energy(&m->blend);
        dq__blend_sweep(&m->blend);
    }
    if (trace) trace[SWEEPS] = dq__blend_energy(&m->blend), trace[SWEEPS + 1] = -1;
    mix(m);
    dq__patches_join(m->patches, drawing);
    return DQ_OK;
}

const dq__method dq__method_mwf = {"mwf", true, learn, draw, forget};
