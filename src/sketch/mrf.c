/* SPDX-License-Identifier: MIT
 * sketch/mrf.c: one candidate for each cell so that photos agree and neighbours' drawings agree where they overlap (Wang, Tang
 * 2009): E = Σ‖t_i − x_i‖ + α·Σ‖O(s_i) − O(s_j)‖. Min-sum belief propagation in sweeps to the right, left, down and up; then
 * single cells are changed as long as that lowers E. */
#include "base/mem.h"
#include "sketch/drawer.h"
#include "sketch/search.h"

#include <math.h>
#include <string.h>

enum { NEIGHBOURS = 20, SWEEPS = 8, RIGHT = 0, LEFT, DOWN, UP, SIDES, ROWS = DQ__CELL_ROWS, COLUMNS = DQ__CELL_COLUMNS };
#define ALPHA 0.5f

typedef struct mrf {
    dq__drawer_setup setup;
    int k;
    dq__candidate *found; /* [cells][k] */
    float *patches;       /* [cells][k][patch]: what the candidates would draw */
    float *right, *down;  /* [cells][k][k]: α·‖O(s_i) − O(s_j)‖ to the next cell */
    float *message[SIDES]; /* [cells][k]: what came into the cell on its way to the right, left, down, up */
    int *label, *best;
} mrf;

static void forget(void *state) {
    mrf *m = state;
    if (!m) return;
    dq__free(m->found);
    dq__free(m->patches);
    dq__free(m->right);
    dq__free(m->down);
    for (int s = 0; s < SIDES; s++) dq__free(m->message[s]);
    dq__free(m->label);
    dq__free(m->best);
    dq__free(m);
}

static dq_status learn(void **state, const dq__drawer_setup *setup, dq__error *err) {
    mrf *m = dq__alloc_zero(sizeof *m);
    bool whole = m != NULL;
    *state = m;
    if (whole) {
        m->setup = *setup;
        m->k = setup->neighbours ? setup->neighbours : NEIGHBOURS;
        if (m->k > setup->pairs->count) m->k = setup->pairs->count;
        const size_t all = DQ__CELLS * (size_t)m->k;
        m->found = dq__alloc(sizeof *m->found * all);
        m->patches = dq__alloc(sizeof(float) * all * DQ__PATCH_PIXELS);
        m->right = dq__alloc(sizeof(float) * all * (size_t)m->k);
        m->down = dq__alloc(sizeof(float) * all * (size_t)m->k);
        m->label = dq__alloc(sizeof(int) * DQ__CELLS);
        m->best = dq__alloc(sizeof(int) * DQ__CELLS);
        whole = m->found && m->patches && m->right && m->down && m->label && m->best;
        for (int s = 0; s < SIDES; s++) whole &= (m->message[s] = dq__alloc(sizeof(float) * all)) != NULL;
    }
    if (whole) return DQ_OK;
    forget(m);
    *state = NULL;
    return dq__no_memory(err, sizeof(float) * DQ__CELLS * DQ__PATCH_PIXELS * NEIGHBOURS, "candidates");
}

/* ---- costs ---- */

static const float *candidate(const mrf *m, int cell, int k) {
    return m->patches + ((size_t)cell * (size_t)m->k + (size_t)k) * DQ__PATCH_PIXELS;
}

static void take_row(void *work, int row) {
    const mrf *m = work;
    const size_t first = (size_t)row * COLUMNS * (size_t)m->k;
    for (size_t i = first; i < first + COLUMNS * (size_t)m->k; i++) {
        const dq__candidate *c = &m->found[i];
        dq__patch_take(dq__pair_drawn(m->setup.pairs, c->pair), c->x, c->y, m->patches + i * DQ__PATCH_PIXELS);
    }
}

/* The overlap of a patch with its neighbour: `side` RIGHT: its right half; LEFT, DOWN, UP alike. 50 floats. */
static void overlap(const float *patch, int side, float *to) {
    const int half = DQ__PATCH / 2, y0 = side == DOWN ? half : 0, x0 = side == RIGHT ? half : 0;
    const int rows = side >= DOWN ? half : DQ__PATCH, columns = side >= DOWN ? DQ__PATCH : half;
    for (int y = 0; y < rows; y++) memcpy(to + y * columns, patch + (y0 + y) * DQ__PATCH + x0, sizeof(float) * (size_t)columns);
}

enum { ZONE = DQ__PATCH * DQ__PATCH / 2, LANES = (ZONE + 7) / 8 * 8 };

static float gap(const float *a, const float *b) {
    float sum[8] = {0};
    for (int i = 0; i < LANES; i += 8)
        for (int l = 0; l < 8; l++) sum[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]);
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

/* Costs of all pairs of candidates of two neighbours. */
static void compare(const mrf *m, int cell, int other, int side, float *table) {
    float a[DQ__MAX_NEIGHBOURS][LANES], b[DQ__MAX_NEIGHBOURS][LANES];
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    for (int k = 0; k < m->k; k++) {
        overlap(candidate(m, cell, k), side, a[k]);
        overlap(candidate(m, other, k), side + 1, b[k]);
    }
    for (int i = 0; i < m->k; i++)
        for (int j = 0; j < m->k; j++) table[i * m->k + j] = ALPHA * sqrtf(gap(a[i], b[j]));
}

static void compare_row(void *work, int row) {
    const mrf *m = work;
    const size_t square = (size_t)m->k * (size_t)m->k;
    for (int c = 0; c < COLUMNS; c++) {
        const int cell = row * COLUMNS + c;
        if (c + 1 < COLUMNS) compare(m, cell, cell + 1, RIGHT, m->right + (size_t)cell * square);
        if (row + 1 < ROWS) compare(m, cell, cell + COLUMNS, DOWN, m->down + (size_t)cell * square);
    }
}

/* ---- belief propagation ---- */

static float unary(const mrf *m, int cell, int k) { return sqrtf(m->found[(size_t)cell * (size_t)m->k + (size_t)k].distance); }

/* The cost of a cell's candidates with what the others say, but for the message `without`. */
static void believe(const mrf *m, int cell, int without, float *belief) {
    for (int k = 0; k < m->k; k++) {
        belief[k] = unary(m, cell, k);
        for (int s = 0; s < SIDES; s++)
            if (s != without) belief[k] += m->message[s][(size_t)cell * (size_t)m->k + (size_t)k];
    }
}

/* Sends from `cell` to its neighbour on `side`. What came from there runs the other way. */
static void send(const mrf *m, int cell, int side) {
    const int to = cell + (side == RIGHT ? 1 : side == LEFT ? -1 : side == DOWN ? COLUMNS : -COLUMNS);
    const bool forward = side == RIGHT || side == DOWN;
    const size_t square = (size_t)m->k * (size_t)m->k;
    const float *table = (side <= LEFT ? m->right : m->down) + (size_t)(forward ? cell : to) * square;
    float belief[DQ__MAX_NEIGHBOURS], *out = m->message[side] + (size_t)to * (size_t)m->k, least = INFINITY;
    believe(m, cell, side ^ 1, belief);
    for (int j = 0; j < m->k; j++) {
        out[j] = INFINITY;
        for (int i = 0; i < m->k; i++) {
            const float v = belief[i] + (forward ? table[i * m->k + j] : table[j * m->k + i]);
            if (v < out[j]) out[j] = v;
        }
        if (out[j] < least) least = out[j];
    }
    for (int j = 0; j < m->k; j++) out[j] -= least;
}

static void sweep_row(void *work, int row) {
    for (int c = 0; c + 1 < COLUMNS; c++) send(work, row * COLUMNS + c, RIGHT);
    for (int c = COLUMNS - 1; c > 0; c--) send(work, row * COLUMNS + c, LEFT);
}

static void sweep_column(void *work, int column) {
    for (int r = 0; r + 1 < ROWS; r++) send(work, r * COLUMNS + column, DOWN);
    for (int r = ROWS - 1; r > 0; r--) send(work, r * COLUMNS + column, UP);
}

static void decide(const mrf *m) {
    float belief[DQ__MAX_NEIGHBOURS];
    for (int cell = 0; cell < DQ__CELLS; cell++) {
        int best = 0;
        believe(m, cell, -1, belief);
        for (int k = 1; k < m->k; k++)
            if (belief[k] < belief[best]) best = k;
        m->label[cell] = best;
    }
}

/* ---- energy ---- */

/* What candidate k of a cell costs beside its neighbours as they are labelled. */
static float local_cost(const mrf *m, const int *label, int cell, int k, bool later_only) {
    const int n = m->k, row = cell / COLUMNS, column = cell % COLUMNS;
    const size_t square = (size_t)n * (size_t)n;
    float sum = unary(m, cell, k);
    if (column + 1 < COLUMNS) sum += m->right[(size_t)cell * square + (size_t)(k * n + label[cell + 1])];
    if (row + 1 < ROWS) sum += m->down[(size_t)cell * square + (size_t)(k * n + label[cell + COLUMNS])];
    if (later_only) return sum;
    if (column > 0) sum += m->right[(size_t)(cell - 1) * square + (size_t)(label[cell - 1] * n + k)];
    if (row > 0) sum += m->down[(size_t)(cell - COLUMNS) * square + (size_t)(label[cell - COLUMNS] * n + k)];
    return sum;
}

static double energy(const mrf *m, const int *label) {
    double sum = 0;
    for (int cell = 0; cell < DQ__CELLS; cell++) sum += (double)local_cost(m, label, cell, label[cell], true);
    return sum;
}

/* One round over all cells; true when one was changed. */
static bool improve(const mrf *m, int *label) {
    bool changed = false;
    for (int cell = 0; cell < DQ__CELLS; cell++) {
        float least = local_cost(m, label, cell, label[cell], false);
        for (int k = 0; k < m->k; k++) {
            const float cost = local_cost(m, label, cell, k, false);
            if (cost >= least - 1e-3f) continue;
            least = cost, label[cell] = k, changed = true;
        }
    }
    return changed;
}

static void note(double *trace, int *at, double value) {
    if (!trace || *at >= DQ__TRACE - 1) return;
    trace[(*at)++] = value;
    trace[*at] = -1;
}

/* The labelling of the lowest energy that the sweeps came by, then improved. */
static void solve(mrf *m, double *trace) {
    double least = INFINITY;
    int traced = 0, rounds = 0;
    for (int s = 0; s < SIDES; s++) memset(m->message[s], 0, sizeof(float) * DQ__CELLS * (size_t)m->k);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        dq__pool_run(m->setup.pool, ROWS, sweep_row, m);
        dq__pool_run(m->setup.pool, COLUMNS, sweep_column, m);
        decide(m);
        const double e = energy(m, m->label);
        if (e < least) {
            least = e;
            memcpy(m->best, m->label, sizeof(int) * DQ__CELLS);
        }
        note(trace, &traced, least);
    }
    while (rounds++ < SWEEPS && improve(m, m->best)) note(trace, &traced, energy(m, m->best));
}

static dq_status draw(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    mrf *m = state;
    (void)err;
    dq__search(m->setup.pool, m->setup.pairs, face->grey, m->k, true, m->found);
    dq__pool_run(m->setup.pool, ROWS, take_row, m);
    dq__pool_run(m->setup.pool, ROWS, compare_row, m);
    solve(m, trace);
    /* what is chosen moves to the front, over candidates of cells that were done before */
    for (int cell = 0; cell < DQ__CELLS; cell++)
        memmove(m->patches + (size_t)cell * DQ__PATCH_PIXELS, candidate(m, cell, m->best[cell]),
                sizeof(float) * DQ__PATCH_PIXELS);
    dq__patches_join(m->patches, drawing);
    return DQ_OK;
}

const dq__method dq__method_mrf = {"mrf", true, learn, draw, forget};
