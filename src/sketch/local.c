/* SPDX-License-Identifier: MIT
 * sketch/local.c: methods that draw each patch by itself: LLE, by the weights that rebuild the photo's patch from its neighbours
 * (Liu et al. 2005), and SSD, by a mean over all candidates of a pixel as in denoising by non-local means (Song et al. 2014). */
#include "base/mem.h"
#include "sketch/algebra.h"
#include "sketch/drawer.h"
#include "sketch/search.h"

#include <math.h>
#include <string.h>

enum { LLE_NEIGHBOURS = 5, SSD_NEIGHBOURS = 5 };

typedef struct local {
    dq__drawer_setup setup;
    int k;
    dq__candidate *found;
    float *patches;   /* [cells][patch] */
    float *weights;   /* SSD: of each patch as a whole; [cells][patch] too */
    const float *grey;
} local;

static void forget(void *state) {
    local *l = state;
    if (!l) return;
    dq__free(l->found);
    dq__free(l->patches);
    dq__free(l->weights);
    dq__free(l);
}

static dq_status learn(void **state, const dq__drawer_setup *setup, int k, dq__error *err) {
    local *l = dq__alloc_zero(sizeof *l);
    *state = l;
    if (!l) return dq__no_memory(err, sizeof *l, "a method");
    l->setup = *setup;
    l->k = setup->neighbours ? setup->neighbours : k;
    l->found = dq__alloc(sizeof *l->found * DQ__CELLS * (size_t)l->k);
    l->patches = dq__alloc(sizeof(float) * DQ__CELLS * DQ__PATCH_PIXELS);
    l->weights = dq__alloc(sizeof(float) * DQ__CELLS * DQ__PATCH_PIXELS);
    if (l->found && l->patches && l->weights) return DQ_OK;
    forget(l);
    *state = NULL;
    return dq__no_memory(err, sizeof(float) * DQ__CELLS * DQ__PATCH_PIXELS, "patches");
}

/* ---- LLE ---- */

static dq_status learn_lle(void **state, const dq__drawer_setup *setup, dq__error *err) {
    return learn(state, setup, LLE_NEIGHBOURS, err);
}

/* w: Σw = 1, ‖t − Σ w_k x_k‖² least, with 1e-3 of the trace on the diagonal. */
static void weigh(const local *l, int cell, const dq__candidate *c, float *w) {
    float gap[DQ__MAX_NEIGHBOURS][DQ__PATCH_PIXELS], gram[DQ__MAX_NEIGHBOURS * DQ__MAX_NEIGHBOURS], t[DQ__PATCH_PIXELS], sum = 0;
    float trace = 0;
    dq__patch_take(l->grey, dq__cell_x(cell), dq__cell_y(cell), t);
    for (int i = 0; i < l->k; i++) {
        dq__patch_take(dq__pair_seen(l->setup.pairs, c[i].pair), c[i].x, c[i].y, gap[i]);
        for (int p = 0; p < DQ__PATCH_PIXELS; p++) gap[i][p] -= t[p];
    }
    for (int i = 0; i < l->k; i++)
        for (int j = 0; j <= i; j++) {
            float product = 0;
            for (int p = 0; p < DQ__PATCH_PIXELS; p++) product += gap[i][p] * gap[j][p];
            gram[i * l->k + j] = gram[j * l->k + i] = product;
        }
    for (int i = 0; i < l->k; i++) trace += gram[i * l->k + i], w[i] = 1;
    for (int i = 0; i < l->k; i++) gram[i * l->k + i] += 1e-3f * trace + 1e-6f;
    dq__solve(gram, l->k, l->k, w);
    for (int i = 0; i < l->k; i++) sum += w[i];
    for (int i = 0; i < l->k; i++) w[i] /= sum;
}

static void lle_row(void *work, int row) {
    const local *l = work;
    for (int column = 0; column < DQ__CELL_COLUMNS; column++) {
        const int cell = row * DQ__CELL_COLUMNS + column;
        const dq__candidate *c = l->found + (size_t)cell * (size_t)l->k;
        float w[DQ__MAX_NEIGHBOURS], patch[DQ__PATCH_PIXELS], *to = l->patches + (size_t)cell * DQ__PATCH_PIXELS;
        weigh(l, cell, c, w);
        memset(to, 0, sizeof patch);
        for (int i = 0; i < l->k; i++) {
            dq__patch_take(dq__pair_drawn(l->setup.pairs, c[i].pair), c[i].x, c[i].y, patch);
            for (int p = 0; p < DQ__PATCH_PIXELS; p++) to[p] += w[i] * patch[p];
        }
    }
}

static dq_status draw_lle(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    local *l = state;
    (void)err;
    if (trace) trace[0] = -1;
    l->grey = face->grey;
    dq__search(l->setup.pool, l->setup.pairs, face->grey, l->k, false, l->found);
    dq__pool_run(l->setup.pool, DQ__CELL_ROWS, lle_row, l);
    dq__patches_join(l->patches, drawing);
    return DQ_OK;
}

const dq__method dq__method_lle = {"lle", true, learn_lle, draw_lle, forget};

/* ---- SSD ---- */

static dq_status learn_ssd(void **state, const dq__drawer_setup *setup, dq__error *err) {
    return learn(state, setup, SSD_NEIGHBOURS, err);
}

/* Candidates of a patch add to its pixels with weight exp(−d/h), d per pixel, h = 2·12²: as if the photo had noise of 12. */
static void ssd_row(void *work, int row) {
    const local *l = work;
    for (int column = 0; column < DQ__CELL_COLUMNS; column++) {
        const int cell = row * DQ__CELL_COLUMNS + column;
        const dq__candidate *c = l->found + (size_t)cell * (size_t)l->k;
        float patch[DQ__PATCH_PIXELS], *to = l->patches + (size_t)cell * DQ__PATCH_PIXELS, total = 0;
        memset(to, 0, sizeof patch);
        for (int i = 0; i < l->k; i++) {
            const float w = expf(-c[i].distance / DQ__PATCH_PIXELS / (2 * 12 * 12)) + 1e-12f;
            dq__patch_take(dq__pair_drawn(l->setup.pairs, c[i].pair), c[i].x, c[i].y, patch);
            for (int p = 0; p < DQ__PATCH_PIXELS; p++) to[p] += w * patch[p];
            total += w;
        }
        for (int p = 0; p < DQ__PATCH_PIXELS; p++) l->weights[(size_t)cell * DQ__PATCH_PIXELS + (size_t)p] = total;
    }
}

static dq_status draw_ssd(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    local *l = state;
    float *total = dq__alloc(sizeof(float) * DQ__FRAME_PIXELS);
    if (!total) return dq__no_memory(err, sizeof(float) * DQ__FRAME_PIXELS, "a drawing");
    if (trace) trace[0] = -1;
    dq__search(l->setup.pool, l->setup.pairs, face->grey, l->k, false, l->found);
    dq__pool_run(l->setup.pool, DQ__CELL_ROWS, ssd_row, l);
    dq__patches_join(l->patches, drawing);
    dq__patches_join(l->weights, total);
    for (int i = 0; i < DQ__FRAME_PIXELS; i++) drawing[i] /= total[i];
    dq__free(total);
    return DQ_OK;
}

const dq__method dq__method_ssd = {"ssd", true, learn_ssd, draw_ssd, forget};
