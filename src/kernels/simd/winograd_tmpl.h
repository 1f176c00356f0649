/* SPDX-License-Identifier: MIT
 * kernels/simd/winograd_tmpl.h: F(4×4,3×3) in blocks of tiles: transform inputs, 36 small matrix products with the
 * convolution's tile, transform outputs. */
#include "kernels/kernels.h"

#include "kernels/simd/tile_tmpl.h"
#include "kernels/simd/winograd_points_tmpl.h"

enum { OC_BLOCK = 32 };

/* ---- one-dimensional transforms ------------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void output_1d(vf *y, const vf *m) {
    /* y = Aᵀ·m, four from six */
    const vf sum_p = m[1] + m[2], diff_p = m[1] - m[2], sum_q = m[3] + m[4], diff_q = m[3] - m[4];
    y[0] = m[0] + sum_p + sum_q;
    y[1] = P * diff_p + Q * diff_q;
    y[2] = PP * sum_p + QQ * sum_q;
    y[3] = P * PP * diff_p + Q * QQ * diff_q + m[5];
}

static inline __attribute__((always_inline)) void weight_1d(vf *r, const vf *g) {
    /* r = G·g, six from three */
    const vf even_p = NORM_P * (g[0] + PP * g[2]), odd_p = NORM_P * P * g[1];
    const vf even_q = NORM_Q * (g[0] + QQ * g[2]), odd_q = NORM_Q * Q * g[1];
    r[0] = g[0];
    r[1] = even_p + odd_p;
    r[2] = even_p - odd_p;
    r[3] = even_q + odd_q;
    r[4] = even_q - odd_q;
    r[5] = g[2];
}

/* ---- weights ------------------------------------------------------------------------------------------------------- */

void SYMBOL(winograd_weights)(float *u, const float *packed, int ic) {
    for (int i = 0; i < ic; i++) {
        const int i0 = i / IC_BLOCK * IC_BLOCK, ib = ic - i0 < IC_BLOCK ? ic - i0 : IC_BLOCK;
        for (int v = 0; v < NB; v++) {
            vf g[3][3], half[6][3], r[6];
            for (int t = 0; t < 9; t++)
                g[t % 3][t / 3] = *(const vf *)(packed + (ptrdiff_t)(i0 * 9 + t * ib + i - i0) * 16 + v * VW);
            for (int kw = 0; kw < 3; kw++) {
                weight_1d(r, g[kw]);
                for (int a = 0; a < 6; a++) half[a][kw] = r[a];
            }
            for (int a = 0; a < 6; a++) {
                weight_1d(r, half[a]);
                for (int b = 0; b < 6; b++) *(vf *)(u + ((ptrdiff_t)(a * 6 + b) * ic + i) * 16 + v * VW) = r[b];
            }
        }
    }
}

/* ---- inputs -------------------------------------------------------------------------------------------------------- */

static void transform_inputs(const dqk_winograd *k, int first, int n, float *v, ptrdiff_t point, float *patch) {
    /* v: [36][n][ic] */
    const int per_row = (k->cols + 3) / 4;
    for (int t = 0; t < n; t++) {
        const int row = (first + t) / per_row * 4, col = (first + t) % per_row * 4;
        const float *x = k->x + (row - 1) * k->x_row + (col - 1) * k->x_col;
        float *to = v + (ptrdiff_t)t * k->ic;
        if (row + 4 <= k->rows && col + 4 <= k->cols)
            transform_input(to, point, x, k->x_row, k->x_col, k->ic);
        else {
            copy_edge(patch, x, k->x_row, k->x_col, k->rows + 2 - row, k->cols + 2 - col, k->ic);
            transform_input(to, point, patch, (ptrdiff_t)6 * k->ic, k->ic, k->ic);
        }
    }
}

/* ---- products and outputs ------------------------------------------------------------------------------------------ */

static void multiply(const dqk_winograd *k, int o, int width, int n, const float *v, ptrdiff_t v_point, float *m,
                     ptrdiff_t m_point) {
    /* m: [36][n][OC_BLOCK] for output channels o … o+width−1 */
    for (int p = 0; p < POINTS; p++)
        for (int done = 0; done < width;) {
            tile_args a = {.x = v + p * v_point, .x_col = k->ic, .y = m + p * m_point + done, .y_col = OC_BLOCK,
                           .w = k->u + ((ptrdiff_t)((o + done) / 16) * POINTS + p) * k->ic * 16,
                           .w_block = (ptrdiff_t)POINTS * k->ic * 16, .taps = 1, .ic = k->ic};
            done += tile_step(&a, n, width - done);
        }
}

static void transform_output(const dqk_winograd *k, const float *m, ptrdiff_t point, int o, int row, int col) {
    /* m: one tile's products of the vector of channels at o */
    const vf bias = k->bias ? *(const vf *)(k->bias + o) : (vf){0};
    const int rows = k->rows - row < 4 ? k->rows - row : 4, cols = k->cols - col < 4 ? k->cols - col : 4;
    vf half[4][6];
#pragma GCC unroll 6
    for (int b = 0; b < 6; b++) {
        vf d[6], y[4];
#pragma GCC unroll 6
        for (int a = 0; a < 6; a++) d[a] = *(const vf *)(m + (a * 6 + b) * point);
        output_1d(y, d);
#pragma GCC unroll 4
        for (int a = 0; a < 4; a++) half[a][b] = y[a];
    }
    for (int a = 0; a < rows; a++) {
        vf y[4];
        float *to = k->y + (row + a) * k->y_row + col * k->y_col + o;
        output_1d(y, half[a]);
        for (int b = 0; b < cols; b++) *(vf *)(to + b * k->y_col) = y[b] + bias;
    }
}

static void transform_outputs(const dqk_winograd *k, int o, int width, int first, int n, const float *m, ptrdiff_t point) {
    const int per_row = (k->cols + 3) / 4;
    for (int t = 0; t < n; t++)
        for (int j = 0; j < width; j += VW)
            transform_output(k, m + (ptrdiff_t)t * OC_BLOCK + j, point, o + j, (first + t) / per_row * 4,
                             (first + t) % per_row * 4);
}

void SYMBOL(winograd)(const dqk_winograd *k) {
    const int blocks = (k->tiles + DQK_WINOGRAD_TILES - 1) / DQK_WINOGRAD_TILES;
    for (int block = 0; block < blocks; block++) {
        const int first = k->first_tile + k->tiles * block / blocks, n = k->first_tile + k->tiles * (block + 1) / blocks - first;
        const ptrdiff_t v_point = (ptrdiff_t)n * k->ic + 16, m_point = (ptrdiff_t)n * OC_BLOCK + 16;
        float *v = k->scratch, *m = v + POINTS * v_point, *patch = m + POINTS * m_point;
        transform_inputs(k, first, n, v, v_point, patch);
        for (int o = 0; o < k->oc; o += OC_BLOCK) {
            const int width = k->oc - o < OC_BLOCK ? k->oc - o : OC_BLOCK;
            multiply(k, o, width, n, v, v_point, m, m_point);
            transform_outputs(k, o, width, first, n, m, m_point);
        }
    }
}
