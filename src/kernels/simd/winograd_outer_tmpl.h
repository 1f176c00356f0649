/* SPDX-License-Identifier: MIT
 * kernels/simd/winograd_outer_tmpl.h: blocks of tiles: transform inputs and gradients, 36 sums of outer products with the
 * tile of outer_tmpl.h, whose positions are here the tiles of a block. */
#include "kernels/kernels.h"

#include "kernels/simd/outer_tile_tmpl.h"
#include "kernels/simd/winograd_points_tmpl.h"

/* ---- one-dimensional transforms ------------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void gradient_1d(vf *t, const vf *d) {
    /* t = A·d, six from four */
    const vf even_p = d[0] + PP * d[2], odd_p = P * (d[1] + PP * d[3]);
    const vf even_q = d[0] + QQ * d[2], odd_q = Q * (d[1] + QQ * d[3]);
    t[0] = d[0];
    t[1] = even_p + odd_p;
    t[2] = even_p - odd_p;
    t[3] = even_q + odd_q;
    t[4] = even_q - odd_q;
    t[5] = d[3];
}

static inline __attribute__((always_inline)) void finish_1d(vf *g, const vf *m) {
    /* g = Gᵀ·m, three from six */
    const vf sum_p = NORM_P * (m[1] + m[2]), diff_p = NORM_P * (m[1] - m[2]);
    const vf sum_q = NORM_Q * (m[3] + m[4]), diff_q = NORM_Q * (m[3] - m[4]);
    g[0] = m[0] + sum_p + sum_q;
    g[1] = P * diff_p + Q * diff_q;
    g[2] = PP * sum_p + QQ * sum_q + m[5];
}

/* ---- tiles --------------------------------------------------------------------------------------------------------- */

/* Where a tile begins: its first position, and its picture's x and d. */
typedef struct place {
    const float *x, *d;
    int row, col;
} place;

static place place_of(const dqk_winograd_outer *k, int tile) {
    const int per_row = (k->cols + 3) / 4, per_picture = per_row * ((k->rows + 3) / 4), picture = tile / per_picture;
    const int row = tile % per_picture / per_row * 4, col = tile % per_picture % per_row * 4;
    return (place){.x = k->x + picture * k->x_picture + (row - 1) * k->x_row + (col - 1) * k->x_col,
                   .d = k->d + picture * k->d_picture + row * k->d_row + col * k->d_col, .row = row, .col = col};
}

static void transform_inputs(const dqk_winograd_outer *k, int first, int n, float *v, ptrdiff_t point, float *patch) {
    /* v: [36][ic/16][n][16] */
    for (int t = 0; t < n; t++) {
        const place at = place_of(k, first + t);
        const float *x = at.x;
        ptrdiff_t x_row = k->x_row, x_col = k->x_col;
        if (at.row + 4 > k->rows || at.col + 4 > k->cols) {
            copy_edge(patch, x, x_row, x_col, k->rows + 2 - at.row, k->cols + 2 - at.col, k->ic);
            x = patch, x_col = k->ic, x_row = 6 * x_col;
        }
        for (int i = 0; i < k->ic; i += 16) transform_input(v + ((ptrdiff_t)i * n + t * 16), point, x + i, x_row, x_col, 16);
    }
}

static void transform_gradient(float *to, ptrdiff_t point, const float *d, ptrdiff_t d_row, ptrdiff_t d_col, int rows, int cols) {
    /* d: one vector of channels of rows×cols positions, at most 4×4; to: [36] values `point` floats apart */
    vf column[6][4];
#pragma GCC unroll 4
    for (int b = 0; b < 4; b++) {
        vf in[4], t[6];
#pragma GCC unroll 4
        for (int a = 0; a < 4; a++) in[a] = a < rows && b < cols ? *(const vf *)(d + a * d_row + b * d_col) : (vf){0};
        gradient_1d(t, in);
#pragma GCC unroll 6
        for (int a = 0; a < 6; a++) column[a][b] = t[a];
    }
#pragma GCC unroll 6
    for (int a = 0; a < 6; a++) {
        vf t[6];
        gradient_1d(t, column[a]);
#pragma GCC unroll 6
        for (int b = 0; b < 6; b++) *(vf *)(to + (a * 6 + b) * point) = t[b];
    }
}

static void transform_gradients(const dqk_winograd_outer *k, int first, int n, float *d, ptrdiff_t point) {
    /* d: [36][oc/16][n][16] */
    for (int t = 0; t < n; t++) {
        const place at = place_of(k, first + t);
        for (int o = 0; o < k->oc; o += VW)
            transform_gradient(d + (ptrdiff_t)(o / 16) * n * 16 + t * 16 + o % 16, point, at.d + o, k->d_row, k->d_col,
                               k->rows - at.row, k->cols - at.col);
    }
}

/* ---- sums ---------------------------------------------------------------------------------------------------------- */

static void multiply(const dqk_winograd_outer *k, int n, const float *v, const float *d, float *m) {
    /* one of the 36: v: [ic/16][n][16], d: [oc/16][n][16], m: [ic][oc] */
    const block b = {.rows = 1, .cols = n, .span = 1};
    tile_args a = {.b = &b, .width = 16, .g_row = k->oc};
    for (int o = 0, blocks; o < k->oc; o += 16 * blocks) {
        blocks = k->oc - o >= 16 * BLOCKS ? BLOCKS : 1;
        a.d = d + (ptrdiff_t)o * n;
        for (int i = 0; i < k->ic; i += 16) {
            a.x = v + (ptrdiff_t)i * n;
            a.g = m + (ptrdiff_t)i * k->oc + o;
            group(&a, blocks);
        }
    }
}

void SYMBOL(winograd_outer)(const dqk_winograd_outer *k) {
    const int blocks = (k->tiles + DQK_WINOGRAD_TILES - 1) / DQK_WINOGRAD_TILES;
    for (int i = 0; i < blocks; i++) {
        const int first = k->first_tile + k->tiles * i / blocks, n = k->first_tile + k->tiles * (i + 1) / blocks - first;
        const ptrdiff_t v_point = (ptrdiff_t)n * k->ic + 16, d_point = (ptrdiff_t)n * k->oc + 16;
        float *v = k->scratch, *d = v + POINTS * v_point, *patch = d + POINTS * d_point;
        transform_inputs(k, first, n, v, v_point, patch);
        transform_gradients(k, first, n, d, d_point);
        for (int p = 0; p < POINTS; p++)
            multiply(k, n, v + p * v_point, d + p * d_point, k->m + (ptrdiff_t)p * k->ic * k->oc);
    }
}

void SYMBOL(winograd_outer_finish)(float *g, const float *m, ptrdiff_t stride, int n) {
    for (int j = 0; j < n; j += VW) {
        vf half[3][6];
        for (int b = 0; b < 6; b++) {
            vf in[6], out[3];
            for (int a = 0; a < 6; a++) in[a] = *(const vf *)(m + (a * 6 + b) * stride + j);
            finish_1d(out, in);
            for (int a = 0; a < 3; a++) half[a][b] = out[a];
        }
        for (int a = 0; a < 3; a++) {
            vf out[3];
            finish_1d(out, half[a]);
            for (int b = 0; b < 3; b++) *(vf *)(g + (a * 3 + b) * stride + j) += out[b];
        }
    }
}
