/* SPDX-License-Identifier: MIT
 * sketch/dgfl.c: deep features in the graph of patches, after Zhu et al. 2017 (built from its abstract and from the same group's
 * graphs of several representations). Every cell has weights w of its candidates and weights u of L groups of deep features:
 * E = Σ_i Σ_l u_il·e_l(w_i) + α·Σ_(i,j) ‖O(S_i w_i) − O(S_j w_j)‖² + β·Σ_i ‖u_i‖², both on the simplex; e_l is how far the
 * features of group l are from those of the photo. Solved for w (sketch/blend.h) and u by turns; no step raises E. */
#include "base/mem.h"
#include "net/executor.h"
#include "sketch/blend.h"
#include "sketch/drawer.h"
#include "sketch/search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    STRIDE = 4, TOP = 1, MAP_W = DQ__FRAME_W / STRIDE, MAP_H = (DQ__FRAME_H - 2 * TOP) / STRIDE, MAP = MAP_W * MAP_H,
    SIDE = 4, PIXELS = SIDE * STRIDE, PATCH = PIXELS * PIXELS, STEP = 2, /* in positions of the features; a patch in pixels */
    ROWS = (MAP_H - SIDE) / STEP + 1, COLUMNS = (MAP_W - SIDE) / STEP + 1, CELLS = ROWS * COLUMNS,
    NEIGHBOURS = 10, LAYERS = 2, GROUPS = 4, TURNS = 3, SWEEPS = 4
};
#define ALPHA 0.25
#define FAITH 1e5 /* of the photo against overlaps, which are in squares of grey values */
#define BETA 2e4

typedef struct dgfl {
    dq__drawer_setup setup;
    int k, channels, first[GROUPS + 1]; /* of the groups: channels first[g] … first[g+1]−1 */
    int split[LAYERS];                  /* channels of each layer */
    dq__packed *packed;
    dq__exec *exec;
    float *feature;       /* [pairs][MAP][channels] */
    float *seen;          /* the photo's */
    float *rgb;           /* [MAP_H·STRIDE][DQ__FRAME_W][3] */
    dq__candidate *found; /* [CELLS][k]; x, y in positions */
    float *patches;       /* [CELLS][k][PATCH] */
    float *gram;          /* [CELLS][GROUPS][k][k] */
    float *share;         /* u: [CELLS][GROUPS] */
    dq__blend blend;
} dgfl;

static void forget(void *state) {
    dgfl *d = state;
    if (!d) return;
    dq__exec_free(&d->exec);
    dq__packed_free(&d->packed);
    dq__free(d->feature);
    dq__free(d->seen);
    dq__free(d->rgb);
    dq__free(d->found);
    dq__free(d->patches);
    dq__free(d->gram);
    dq__free(d->share);
    dq__blend_deinit(&d->blend);
    dq__free(d);
}

/* ---- features ---- */

/* The mean of the layer's positions that lie over one of ours. */
static void take_layer(const dq__tensor *f, int channels, int stride, float *to) {
    const int side = f->w / MAP_W;
    const float part = 1.0f / (float)(side * side);
    for (int p = 0; p < MAP; p++) {
        float *row = to + (ptrdiff_t)p * stride;
        memset(row, 0, sizeof(float) * (size_t)channels);
        for (int i = 0; i < side * side; i++) {
            const float *from = dq__pixel(f, p / MAP_W * side + i / side, p % MAP_W * side + i % side);
            for (int c = 0; c < channels; c++) row[c] += part * from[c];
        }
    }
}

/* Each group's features at each position over their length, so that light counts less; faint ones stay faint. */
static void normalise(const dgfl *d, float *features) {
    for (int g = 0; g < GROUPS; g++) {
        const int a = d->first[g], n = d->first[g + 1] - a;
        double mean = 0;
        for (int p = 0; p < MAP; p++)
            for (int c = 0; c < n; c++)
                mean += (double)features[p * d->channels + a + c] * (double)features[p * d->channels + a + c];
        const float faint = (float)(0.1 * mean / MAP + 1e-12);
        for (int p = 0; p < MAP; p++) {
            float *f = features + (ptrdiff_t)p * d->channels + a, square = faint;
            for (int c = 0; c < n; c++) square += f[c] * f[c];
            const float scale = 1 / sqrtf(square);
            for (int c = 0; c < n; c++) f[c] *= scale;
        }
    }
}

static void describe(dgfl *d, const dq__frame *face, float *features) {
    const float *from = face->rgb + 3 * TOP * DQ__FRAME_W;
    for (int i = 0; i < 3 * MAP_H * STRIDE * DQ__FRAME_W; i++) d->rgb[i] = from[i] / 255;
    dq__exec_forward(d->exec, d->rgb);
    take_layer(dq__exec_tap(d->exec, 0), d->split[0], d->channels, features);
    take_layer(dq__exec_tap(d->exec, 1), d->split[1], d->channels, features + d->split[0]);
    normalise(d, features);
}

static dq_status open_encoder(dgfl *d, dq__error *err) {
    static const char *const names[LAYERS] = {"relu2_1", "relu3_1"};
    const dq__table *table = &d->setup.model->table;
    int tap[LAYERS];
    for (int k = 0; k < LAYERS; k++) {
        tap[k] = dq__table_exact(table, names[k]);
        if (tap[k] < 0) return dq__fail(err, DQ_BAD_MODEL, "%s has no layer %s to compare by", table->name, names[k]);
        d->split[k] = table->layer[tap[k]].oc;
    }
    d->channels = d->split[0] + d->split[1];
    for (int g = 0; g <= GROUPS; g++)
        d->first[g] = g <= 2 ? g * d->split[0] / 2 : d->split[0] + (g - 2) * d->split[1] / 2;
    const dq__exec_options options = {.h = MAP_H * STRIDE, .w = DQ__FRAME_W, .tap = tap, .taps = LAYERS};
    dq_status status = dq__packed_new(&d->packed, table, &d->setup.model->weights, tap[LAYERS - 1], false, err);
    if (!status) status = dq__exec_new(&d->exec, d->setup.pool, table, d->packed, &options, err);
    if (!status && (dq__exec_tap(d->exec, 1)->w != MAP_W || dq__exec_tap(d->exec, 0)->w != 2 * MAP_W))
        status = dq__fail(err, DQ_BAD_MODEL, "%s does not halve the picture at each stage, as VGG does", table->name);
    return status;
}

/* ---- learning ---- */

static dq_status describe_pairs(dgfl *d, dq__error *err) {
    const size_t one = (size_t)MAP * (size_t)d->channels, all = one * (size_t)d->setup.pairs->count;
    char what[100];
    dq__frame *face = dq__alloc(sizeof *face);
    d->feature = dq__alloc(sizeof(float) * all);
    if (!d->feature || !face) {
        dq__free(face);
        return dq__no_memory(err, sizeof(float) * all, "deep features of all pairs");
    }
    snprintf(what, sizeof what, "features-1 %.64s", d->setup.model->sha256);
    if (!dq__cache_read(d->setup.pairs, what, d->feature, all)) {
        for (int k = 0; k < d->setup.pairs->count; k++) {
            dq__pair_frame(d->setup.pairs, k, face);
            describe(d, face, d->feature + (size_t)k * one);
        }
        dq__cache_write(d->setup.pairs, what, d->feature, all);
    }
    dq__free(face);
    return DQ_OK;
}

static dq_status learn(void **state, const dq__drawer_setup *setup, dq__error *err) {
    dgfl *d = dq__alloc_zero(sizeof *d);
    *state = d;
    if (!d) return dq__no_memory(err, sizeof *d, "a method");
    d->setup = *setup;
    d->k = setup->neighbours ? setup->neighbours : NEIGHBOURS;
    if (d->k > setup->pairs->count) d->k = setup->pairs->count;
    const size_t all = CELLS * (size_t)d->k;
    dq_status status = open_encoder(d, err);
    if (!status) {
        d->seen = dq__alloc(sizeof(float) * (size_t)MAP * (size_t)d->channels);
        d->rgb = dq__alloc(sizeof(float) * 3 * (size_t)MAP_H * STRIDE * DQ__FRAME_W);
        d->found = dq__alloc(sizeof *d->found * all);
        d->patches = dq__alloc(sizeof(float) * all * PATCH);
        d->gram = dq__alloc(sizeof(float) * all * GROUPS * (size_t)d->k);
        d->share = dq__alloc(sizeof(float) * CELLS * GROUPS);
        if (!d->seen || !d->rgb || !d->found || !d->patches || !d->gram || !d->share)
            status = dq__no_memory(err, sizeof(float) * all * PATCH, "candidates");
    }
    if (!status) status = dq__blend_init(&d->blend, ROWS, COLUMNS, d->k, ALPHA, err);
    if (!status) status = describe_pairs(d, err);
    if (!status) return DQ_OK;
    forget(d);
    *state = NULL;
    return status;
}

/* ---- candidates ---- */

static const float *feature_at(const dgfl *d, int pair, int y, int x) {
    return d->feature + ((size_t)pair * MAP + (size_t)(y * MAP_W + x)) * (size_t)d->channels;
}

static float square_gap(const float *a, const float *b, int n) {
    float sum[8] = {0}, rest = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) sum[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]);
    for (; i < n; i++) rest += (a[i] - b[i]) * (a[i] - b[i]);
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + rest;
}

/* Distances of all positions of a band of rows to those of a pair moved by (dy,dx); INFINITY outside. */
static void gap_map(const dgfl *d, int pair, int first, int dy, int dx, float gap[SIDE][MAP_W]) {
    for (int r = 0; r < SIDE; r++)
        for (int x = 0; x < MAP_W; x++) {
            const int y = first + r, v = y + dy, u = x + dx;
            const bool inside = v >= 0 && v < MAP_H && u >= 0 && u < MAP_W;
            gap[r][x] = inside ? square_gap(d->seen + (ptrdiff_t)(y * MAP_W + x) * d->channels, feature_at(d, pair, v, u),
                                            d->channels)
                               : INFINITY;
        }
}

static void insert(dq__candidate *list, int k, const dq__candidate *c) {
    int at = k - 1;
    if (c->distance >= list[at].distance) return;
    for (; at > 0 && list[at - 1].distance > c->distance; at--) list[at] = list[at - 1];
    list[at] = *c;
}

/* The nearest place of each pair, for the cells of one row. */
static void search_row(void *work, int row) {
    const dgfl *d = work;
    dq__candidate *list = d->found + (size_t)row * COLUMNS * (size_t)d->k;
    for (int i = 0; i < COLUMNS * d->k; i++) list[i] = (dq__candidate){.distance = INFINITY};
    for (int pair = 0; pair < d->setup.pairs->count; pair++) {
        dq__candidate nearest[COLUMNS];
        float gap[SIDE][MAP_W];
        for (int c = 0; c < COLUMNS; c++) nearest[c].distance = INFINITY;
        for (int move = 0; move < 9; move++) {
            const int dy = move / 3 - 1, dx = move % 3 - 1;
            gap_map(d, pair, row * STEP, dy, dx, gap);
            for (int c = 0; c < COLUMNS; c++) {
                float sum = 0;
                for (int i = 0; i < SIDE * SIDE; i++) sum += gap[i / SIDE][c * STEP + i % SIDE];
                if (sum < nearest[c].distance)
                    nearest[c] = (dq__candidate){sum, (int16_t)pair, (int16_t)(c * STEP + dx), (int16_t)(row * STEP + dy)};
            }
        }
        for (int c = 0; c < COLUMNS; c++) insert(list + (ptrdiff_t)c * d->k, d->k, &nearest[c]);
    }
}

static float dot_of_gaps(const float *a, const float *b, const float *t, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += (a[i] - t[i]) * (b[i] - t[i]);
    return sum;
}

/* FAITH times the mean products of the candidates' differences to the photo, for one cell and one group. */
static void group_gram(const dgfl *d, int cell, int g, float *gram) {
    const dq__candidate *c = d->found + (size_t)cell * (size_t)d->k;
    const int y = cell / COLUMNS * STEP, x = cell % COLUMNS * STEP, a = d->first[g], n = d->first[g + 1] - a;
    for (int i = 0; i < d->k; i++)
        for (int j = 0; j <= i; j++) {
            float sum = 0;
            for (int p = 0; p < SIDE * SIDE; p++) {
                const int v = p / SIDE, u = p % SIDE;
                const float *t = d->seen + (ptrdiff_t)((y + v) * MAP_W + x + u) * d->channels + a;
                sum += dot_of_gaps(feature_at(d, c[i].pair, c[i].y + v, c[i].x + u) + a,
                                   feature_at(d, c[j].pair, c[j].y + v, c[j].x + u) + a, t, n);
            }
            gram[i * d->k + j] = gram[j * d->k + i] = (float)FAITH * sum / (SIDE * SIDE);
        }
}

static void prepare_row(void *work, int row) {
    const dgfl *d = work;
    const size_t square = (size_t)d->k * (size_t)d->k;
    for (int cell = row * COLUMNS; cell < (row + 1) * COLUMNS; cell++) {
        for (int g = 0; g < GROUPS; g++) group_gram(d, cell, g, d->gram + ((size_t)cell * GROUPS + (size_t)g) * square);
        for (int i = 0; i < d->k; i++) {
            const dq__candidate *c = &d->found[(size_t)cell * (size_t)d->k + (size_t)i];
            const float *from = dq__pair_drawn(d->setup.pairs, c->pair) + (c->y * STRIDE + TOP) * DQ__FRAME_W + c->x * STRIDE;
            float *to = d->patches + ((size_t)cell * (size_t)d->k + (size_t)i) * PATCH;
            for (int r = 0; r < PIXELS; r++) memcpy(to + r * PIXELS, from + r * DQ__FRAME_W, sizeof(float) * PIXELS);
        }
    }
}

/* ---- by turns ---- */

/* What the blend minimises for the shares as they are. */
static void mix_grams(dgfl *d) {
    const size_t square = (size_t)d->k * (size_t)d->k;
    for (size_t cell = 0; cell < CELLS; cell++) {
        float *h = d->blend.h + cell * square;
        memset(h, 0, sizeof(float) * square);
        for (size_t g = 0; g < GROUPS; g++) {
            const float u = d->share[cell * GROUPS + g], *gram = d->gram + (cell * GROUPS + g) * square;
            for (size_t i = 0; i < square; i++) h[i] += u * gram[i];
        }
    }
}

/* How far a group is from the photo with the weights as they are. */
static double group_error(const dgfl *d, size_t cell, size_t g) {
    const int k = d->k;
    const float *gram = d->gram + (cell * GROUPS + g) * (size_t)k * (size_t)k, *w = d->blend.w + cell * (size_t)k;
    double sum = 0;
    for (int i = 0; i < k; i++)
        for (int j = 0; j < k; j++) sum += (double)gram[i * k + j] * (double)w[i] * (double)w[j];
    return sum;
}

/* u becomes the point of the simplex nearest to it: the largest of its values less what makes their sum 1. */
static void to_simplex(double u[GROUPS]) {
    double sorted[GROUPS], sum = 0, less = 0;
    for (int i = 0; i < GROUPS; i++) {
        int at = i;
        for (; at > 0 && sorted[at - 1] < u[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = u[i];
    }
    for (int i = 0; i < GROUPS; i++) {
        sum += sorted[i];
        if (sorted[i] > (sum - 1) / (i + 1)) less = (sum - 1) / (i + 1);
    }
    for (int i = 0; i < GROUPS; i++) u[i] = u[i] > less ? u[i] - less : 0;
}

/* min Σ u·e + β‖u‖² on the simplex, for every cell. */
static void share_out(dgfl *d) {
    for (size_t cell = 0; cell < CELLS; cell++) {
        double u[GROUPS];
        for (size_t g = 0; g < GROUPS; g++) u[g] = -group_error(d, cell, g) / (2 * BETA);
        to_simplex(u);
        for (size_t g = 0; g < GROUPS; g++) d->share[cell * GROUPS + g] = (float)u[g];
    }
}

static double energy(const dgfl *d) {
    double sum = dq__blend_energy(&d->blend);
    for (size_t i = 0; i < CELLS * GROUPS; i++) sum += BETA * (double)d->share[i] * (double)d->share[i];
    return sum;
}

static void solve(dgfl *d, double *trace) {
    int traced = 0;
    for (size_t i = 0; i < CELLS * GROUPS; i++) d->share[i] = 1.0f / GROUPS;
    dq__blend_begin(&d->blend);
    mix_grams(d);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            if (trace) trace[traced++] = energy(d);
            dq__blend_sweep(&d->blend);
        }
        if (trace) trace[traced++] = energy(d);
        share_out(d);
        mix_grams(d);
    }
    if (trace) trace[traced++] = energy(d), trace[traced] = -1;
}

/* Weighted means of the candidates, and of overlapping patches; the border that no patch reaches is its neighbour's. */
static void join(const dgfl *d, float *drawing) {
    float count[DQ__FRAME_PIXELS] = {0};
    memset(drawing, 0, sizeof count);
    for (int cell = 0; cell < CELLS; cell++) {
        const float *from = d->patches + (size_t)cell * (size_t)d->k * PATCH, *w = d->blend.w + (size_t)cell * (size_t)d->k;
        const int at = (cell / COLUMNS * STEP * STRIDE + TOP) * DQ__FRAME_W + cell % COLUMNS * STEP * STRIDE;
        for (int i = 0; i < PATCH; i++) {
            const int to = at + i / PIXELS * DQ__FRAME_W + i % PIXELS;
            for (int k = 0; k < d->k; k++) drawing[to] += w[k] * from[k * PATCH + i];
            count[to] += 1;
        }
    }
    for (int i = TOP * DQ__FRAME_W; i < DQ__FRAME_PIXELS - TOP * DQ__FRAME_W; i++) drawing[i] /= count[i];
    memcpy(drawing, drawing + DQ__FRAME_W, sizeof(float) * DQ__FRAME_W);
    memcpy(drawing + DQ__FRAME_PIXELS - DQ__FRAME_W, drawing + DQ__FRAME_PIXELS - 2 * DQ__FRAME_W, sizeof(float) * DQ__FRAME_W);
}

static dq_status draw(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    dgfl *d = state;
    (void)err;
    describe(d, face, d->seen);
    dq__pool_run(d->setup.pool, ROWS, search_row, d);
    dq__pool_run(d->setup.pool, ROWS, prepare_row, d);
    dq__blend_overlaps(&d->blend, d->setup.pool, d->patches, PIXELS, STEP * STRIDE);
    solve(d, trace);
    join(d, drawing);
    return DQ_OK;
}

const dq__method dq__method_dgfl = {"dgfl", true, learn, draw, forget};
