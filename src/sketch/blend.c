/* SPDX-License-Identifier: MIT
 * sketch/blend.c: Gram matrices of overlaps; weights on the simplex by moving share from the worst candidate to the best with an
 * exact line search. */
#include "sketch/blend.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { MAX_K = 64, MOVES = 60, MAX_ZONE = 20 * 20 };

/* ---- the object ---- */

static bool take(float **to, size_t count) {
    *to = dq__alloc_zero(sizeof(float) * count);
    return *to != NULL;
}

dq_status dq__blend_init(dq__blend *g, int rows, int columns, int k, double alpha, dq__error *err) {
    const size_t cells = (size_t)rows * (size_t)columns, square = cells * (size_t)k * (size_t)k;
    *g = (dq__blend){.rows = rows, .columns = columns, .k = k, .alpha = alpha};
    bool whole = take(&g->h, square) && take(&g->b, cells * (size_t)k) && take(&g->c, cells) && take(&g->w, cells * (size_t)k);
    for (int s = 0; whole && s < DQ__BLEND_SIDES; s++) whole = take(&g->own[s], square);
    for (int s = 0; whole && s < 2; s++) whole = take(&g->cross[s], square);
    if (whole) return DQ_OK;
    dq__blend_deinit(g);
    return dq__no_memory(err, 7 * sizeof(float) * square, "a graph of patches");
}

void dq__blend_deinit(dq__blend *g) {
    dq__free(g->h);
    dq__free(g->b);
    dq__free(g->c);
    dq__free(g->w);
    for (int s = 0; s < DQ__BLEND_SIDES; s++) dq__free(g->own[s]);
    for (int s = 0; s < 2; s++) dq__free(g->cross[s]);
    *g = (dq__blend){0};
}

/* ---- overlaps ---- */

typedef struct overlaps {
    dq__blend *g;
    const float *patches;
    int side, step;
} overlaps;

/* The part of a patch that lies over its neighbour on a side; returns its pixels. */
static int zone(const overlaps *o, const float *patch, int side, float *to) {
    const int common = o->side - o->step, across = side <= DQ__BLEND_LEFT;
    const int y0 = side == DQ__BLEND_DOWN ? o->step : 0, x0 = side == DQ__BLEND_RIGHT ? o->step : 0;
    const int rows = across ? o->side : common, columns = across ? common : o->side;
    for (int y = 0; y < rows; y++)
        memcpy(to + (ptrdiff_t)y * columns, patch + (ptrdiff_t)(y0 + y) * o->side + x0, sizeof(float) * (size_t)columns);
    return rows * columns;
}

static float dot(const float *a, const float *b, int n) {
    float sum[8] = {0}, rest = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) sum[l] += a[i + l] * b[i + l];
    for (; i < n; i++) rest += a[i] * b[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + rest;
}

/* product[i][j] = a_i · b_j */
static void products(float (*a)[MAX_ZONE], float (*b)[MAX_ZONE], int k, int n, float *product) {
    for (int i = 0; i < k; i++)
        for (int j = 0; j < k; j++) product[i * k + j] = a == b && j < i ? product[j * k + i] : dot(a[i], b[j], n);
}

/* Of a cell with its neighbour to the right, or below. */
static void join(const overlaps *o, int cell, int other, int side) {
    const int k = o->g->k;
    const size_t square = (size_t)k * (size_t)k, pixels = (size_t)o->side * (size_t)o->side;
    float a[MAX_K][MAX_ZONE], b[MAX_K][MAX_ZONE];
    int n = 0;
    for (int i = 0; i < k; i++) {
        n = zone(o, o->patches + ((size_t)cell * (size_t)k + (size_t)i) * pixels, side, a[i]);
        zone(o, o->patches + ((size_t)other * (size_t)k + (size_t)i) * pixels, side + 1, b[i]);
    }
    products(a, a, k, n, o->g->own[side] + (size_t)cell * square);
    products(b, b, k, n, o->g->own[side + 1] + (size_t)other * square);
    products(a, b, k, n, o->g->cross[side / 2] + (size_t)cell * square);
}

static void join_row(void *work, int row) {
    const overlaps *o = work;
    const int columns = o->g->columns;
    for (int c = 0; c < columns; c++) {
        const int cell = row * columns + c;
        if (c + 1 < columns) join(o, cell, cell + 1, DQ__BLEND_RIGHT);
        if (row + 1 < o->g->rows) join(o, cell, cell + columns, DQ__BLEND_DOWN);
    }
}

void dq__blend_overlaps(dq__blend *g, dq__pool *pool, const float *patches, int side, int step) {
    overlaps o = {.g = g, .patches = patches, .side = side, .step = step};
    dq__pool_run(pool, g->rows, join_row, &o);
}

/* ---- weights ---- */

void dq__blend_begin(dq__blend *g) {
    const size_t n = (size_t)g->rows * (size_t)g->columns * (size_t)g->k;
    for (size_t i = 0; i < n; i++) g->w[i] = 1.0f / (float)g->k;
}

/* The neighbour of a cell on a side, −1 at the edge of the grid. */
static int neighbour(const dq__blend *g, int cell, int side) {
    const int row = cell / g->columns, column = cell % g->columns;
    if (side == DQ__BLEND_RIGHT) return column + 1 < g->columns ? cell + 1 : -1;
    if (side == DQ__BLEND_LEFT) return column > 0 ? cell - 1 : -1;
    if (side == DQ__BLEND_DOWN) return row + 1 < g->rows ? cell + g->columns : -1;
    return row > 0 ? cell - g->columns : -1;
}

/* b += α·(AᵀA' w') of a neighbour. */
static void add_neighbour(const dq__blend *g, int cell, int other, int side, double *b) {
    const int k = g->k;
    const bool forward = side % 2 == 0;
    const float *m = g->cross[side / 2] + (size_t)(forward ? cell : other) * (size_t)k * (size_t)k;
    const float *w = g->w + (size_t)other * (size_t)k;
    for (int i = 0; i < k; i++)
        for (int j = 0; j < k; j++) b[i] += g->alpha * (double)(forward ? m[i * k + j] : m[j * k + i]) * (double)w[j];
}

/* wᵀHw − 2bᵀw of one cell with its neighbours as they are. */
static void local_problem(const dq__blend *g, int cell, double *h, double *b) {
    const int k = g->k;
    const size_t square = (size_t)k * (size_t)k;
    for (int i = 0; i < k; i++) b[i] = (double)g->b[(size_t)cell * (size_t)k + (size_t)i];
    for (size_t i = 0; i < square; i++) h[i] = (double)g->h[(size_t)cell * square + i];
    for (int side = 0; side < DQ__BLEND_SIDES; side++) {
        const int other = neighbour(g, cell, side);
        if (other < 0) continue;
        const float *own = g->own[side] + (size_t)cell * square;
        for (size_t i = 0; i < square; i++) h[i] += g->alpha * (double)own[i];
        add_neighbour(g, cell, other, side, b);
    }
}

/* Moves share from the candidate of the largest slope (among those that have some) to that of the smallest, until they agree. */
static void solve_simplex(const double *h, const double *b, int k, double *w) {
    double slope[MAX_K];
    for (int i = 0; i < k; i++) {
        slope[i] = -b[i];
        for (int j = 0; j < k; j++) slope[i] += h[i * k + j] * w[j];
    }
    for (int move = 0; move < MOVES; move++) {
        int from = -1, to = 0;
        for (int i = 0; i < k; i++) {
            if (slope[i] < slope[to]) to = i;
            if (w[i] > 0 && (from < 0 || slope[i] > slope[from])) from = i;
        }
        const double gain = slope[from] - slope[to], bend = h[from * k + from] + h[to * k + to] - 2 * h[from * k + to];
        if (from == to || gain <= 1e-9 * (1 + fabs(slope[from]))) return;
        const double wanted = bend > 0 ? gain / bend : w[from], share = wanted < w[from] ? wanted : w[from];
        w[from] = share < w[from] ? w[from] - share : 0, w[to] += share;
        for (int i = 0; i < k; i++) slope[i] += share * (h[i * k + to] - h[i * k + from]);
    }
}

void dq__blend_sweep(dq__blend *g) {
    double h[MAX_K * MAX_K], b[MAX_K], w[MAX_K];
    for (int cell = 0; cell < g->rows * g->columns; cell++) {
        float *at = g->w + (size_t)cell * (size_t)g->k;
        local_problem(g, cell, h, b);
        for (int i = 0; i < g->k; i++) w[i] = (double)at[i];
        solve_simplex(h, b, g->k, w);
        for (int i = 0; i < g->k; i++) at[i] = (float)w[i];
    }
}

static double form(const float *m, const float *p, const float *q, int k) {
    double sum = 0;
    for (int i = 0; i < k; i++)
        for (int j = 0; j < k; j++) sum += (double)m[i * k + j] * (double)p[i] * (double)q[j];
    return sum;
}

double dq__blend_energy(const dq__blend *g) {
    const int k = g->k;
    const size_t square = (size_t)k * (size_t)k;
    double sum = 0;
    for (int cell = 0; cell < g->rows * g->columns; cell++) {
        const float *w = g->w + (size_t)cell * (size_t)k, *b = g->b + (size_t)cell * (size_t)k;
        sum += form(g->h + (size_t)cell * square, w, w, k) + (double)g->c[cell];
        for (int i = 0; i < k; i++) sum -= 2 * (double)b[i] * (double)w[i];
        for (int side = 0; side < DQ__BLEND_SIDES; side += 2) {
            const int other = neighbour(g, cell, side);
            if (other < 0) continue;
            const float *v = g->w + (size_t)other * (size_t)k;
            sum += g->alpha * (form(g->own[side] + (size_t)cell * square, w, w, k) +
                               form(g->own[side + 1] + (size_t)other * square, v, v, k) -
                               2 * form(g->cross[side / 2] + (size_t)cell * square, w, v, k));
        }
    }
    return sum;
}
