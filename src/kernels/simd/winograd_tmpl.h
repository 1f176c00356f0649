/* SPDX-License-Identifier: MIT
 * kernels/simd/winograd_tmpl.h: F(4×4,3×3) in blocks of tiles: transform inputs, 36 small matrix products with the
 * convolution's tile, transform outputs. The including file brings v16. */
#include "kernels/kernels.h"

#include <stdbool.h>

#include "kernels/simd/tile_tmpl.h"
#include "kernels/simd/winograd_points_tmpl.h"
#include "kernels/simd/window_tmpl.h"

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
    const ptrdiff_t point = dqk_winograd_u_point(ic);
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
                for (int b = 0; b < 6; b++) *(vf *)(u + (a * 6 + b) * point + i * 16 + v * VW) = r[b];
            }
        }
    }
}

/* ---- inputs -------------------------------------------------------------------------------------------------------- */

/* A tile among the tiles of all pictures: its picture and its first output. */
typedef struct tile_place {
    int picture, row, col;
} tile_place;

static tile_place place_of(int tile, int rows, int cols) {
    const int per_row = (cols + 3) / 4, per_map = per_row * ((rows + 3) / 4), within = tile % per_map;
    return (tile_place){tile / per_map, within / per_row * 4, within % per_row * 4};
}

/* Where the 6×6 pixels of a tile come from: channel 0, and its words of signs and choices. */
typedef struct source {
    const float *x;                 /* NULL: the pixel is zero */
    const uint16_t *signs, *choice;
    unsigned left, upper;           /* all bits: this is a left, an upper pixel of its window, whose bits of choice are 0 */
} source;

/* Pixel (r,c), which the map and its halo have. */
static source source_of(const dqk_winograd_input *k, int picture, int r, int c) {
    const ptrdiff_t words = k->ic / 16, fine = (((ptrdiff_t)picture * k->h + r) * k->w + c) * words;
    const ptrdiff_t coarse = (((ptrdiff_t)picture * (k->h / 2) + r / 2) * (k->w / 2) + c / 2) * words;
    const bool max = k->pool == DQK_POOL_MAX;
    source s = {.x = k->x + picture * k->x_picture};
    if (k->signs) s.signs = k->signs + (max ? coarse : fine);
    if (k->pool == DQK_POOL_NONE) {
        s.x += r * k->x_row + c * k->x_col;
        return s;
    }
    if (r / 2 >= k->h / 2 || c / 2 >= k->w / 2) return (source){0}; /* the odd row and column belong to no window */
    s.x += r / 2 * k->x_row + c / 2 * k->x_col;
    if (max) s.choice = k->choice + 2 * coarse;
    s.left = c % 2 ? 0 : 0xffffu;
    s.upper = r % 2 ? 0 : 0xffffu;
    return s;
}

static void find_sources(const dqk_winograd_input *k, int picture, int row, int col, source *from) {
    for (int p = 0; p < POINTS; p++) {
        const int r = row + p / 6, c = col + p % 6;
        const bool outside = r < -k->halo || c < -k->halo || r >= k->h + k->halo || c >= k->w + k->halo;
        from[p] = outside ? (source){0} : source_of(k, picture, r, c);
    }
}

/* Channels 16·block … of a pixel, taken through ReLU and pool. */
static inline __attribute__((always_inline)) v16 take(const source *s, int block, const dqk_pooling pool, const bool relu) {
    const v16 v = load16(s->x + block * 16);
    unsigned bits = relu ? s->signs[block] : 0xffffu;
    if (pool == DQK_POOL_MAX) bits &= (s->choice[2 * block] ^ s->left) & (s->choice[2 * block + 1] ^ s->upper);
    const v16 kept = relu || pool == DQK_POOL_MAX ? select16(bits, v, zero16()) : v;
    return pool == DQK_POOL_AVERAGE ? scale16(kept, 0.25f) : kept;
}

static inline __attribute__((always_inline)) void transform_sources(const dqk_winograd_input *k, const source *from, float *v,
                                                                    const dqk_pooling pool, const bool relu) {
    float patch[POINTS * 16];
    for (int p = 0; p < POINTS; p++)
        if (!from[p].x) store16(patch + p * 16, zero16());
    for (int block = 0; block < k->ic / 16; block++) {
        for (int p = 0; p < POINTS; p++)
            if (from[p].x) store16(patch + p * 16, take(&from[p], block, pool, relu));
        transform_input(v + block * 16, k->v_point, patch, 6 * 16, 16, 16);
    }
}

static void transform_taken(const dqk_winograd_input *k, const source *from, float *v) {
    const bool relu = k->signs != NULL;
    switch (k->pool) {
    case DQK_POOL_MAX:
        if (relu) transform_sources(k, from, v, DQK_POOL_MAX, true);
        else transform_sources(k, from, v, DQK_POOL_MAX, false);
        break;
    case DQK_POOL_AVERAGE:
        if (relu) transform_sources(k, from, v, DQK_POOL_AVERAGE, true);
        else transform_sources(k, from, v, DQK_POOL_AVERAGE, false);
        break;
    default:
        if (relu) transform_sources(k, from, v, DQK_POOL_NONE, true);
        else transform_sources(k, from, v, DQK_POOL_NONE, false);
    }
}

void SYMBOL(winograd_input)(const dqk_winograd_input *k) {
    const bool plain = !k->signs && k->pool == DQK_POOL_NONE;
    source from[POINTS];
    for (int t = 0; t < k->tiles; t++) {
        const tile_place at = place_of(k->first_tile + t, k->h + 2 * k->ring, k->w + 2 * k->ring);
        const int row = at.row - k->ring - 1, col = at.col - k->ring - 1;
        float *v = k->v + (ptrdiff_t)t * k->ic;
        if (plain && row >= -k->halo && col >= -k->halo && row + 6 <= k->h + k->halo && col + 6 <= k->w + k->halo) {
            const float *x = k->x + at.picture * k->x_picture + row * k->x_row + col * k->x_col;
            transform_input(v, k->v_point, x, k->x_row, k->x_col, k->ic);
            continue;
        }
        find_sources(k, at.picture, row, col, from);
        transform_taken(k, from, v);
    }
}

/* ---- products and outputs ------------------------------------------------------------------------------------------ */

static void multiply(const dqk_winograd *k, int o, int width, int first, int n, float *m, ptrdiff_t m_point) {
    /* m: [36][n][OC_BLOCK] for output channels o … o+width−1 of n tiles from `first` of the job's */
    const ptrdiff_t u_point = dqk_winograd_u_point(k->ic);
    for (int p = 0; p < POINTS; p++)
        for (int done = 0; done < width;) {
            tile_args a = {.x = k->v + p * k->v_point + (ptrdiff_t)first * k->ic, .x_col = k->ic,
                           .y = m + p * m_point + done, .y_col = OC_BLOCK,
                           .w = k->u + ((ptrdiff_t)((o + done) / 16) * POINTS + p) * u_point,
                           .w_block = POINTS * u_point, .taps = 1, .ic = k->ic};
            done += tile_step(&a, n, width - done);
        }
}

static void transform_output(float *patch, const float *m, ptrdiff_t point) {
    /* a vector of channels of one tile's products → 4×4 outputs, 16 floats apart */
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
#pragma GCC unroll 4
    for (int a = 0; a < 4; a++) {
        vf y[4];
        output_1d(y, half[a]);
#pragma GCC unroll 4
        for (int b = 0; b < 4; b++) *(vf *)(patch + (a * 4 + b) * 16) = y[b];
    }
}

static inline v16 rectify(v16 v, uint16_t *signs) {
    const unsigned positive = greater16(v, zero16());
    *signs = (uint16_t)positive;
    return select16(positive, v, zero16());
}

/* 16 channels at o of a tile's 4×4 outputs, as they are, added or rectified; what is cut is not stored. */
static void store_outputs(const dqk_winograd *k, const float *patch, v16 bias, tile_place at, int rows, int cols, int o) {
    float *y = k->y + at.picture * k->y_picture + o;
    for (int a = 0; a < rows; a++)
        for (int b = 0; b < cols; b++) {
            const int r = at.row + a, c = at.col + b;
            const ptrdiff_t pixel = ((ptrdiff_t)at.picture * k->rows + r) * k->cols + c;
            float *to = y + r * k->y_row + c * k->y_col;
            const v16 v = add16(load16(patch + (a * 4 + b) * 16), k->accumulate ? load16(to) : bias);
            store16(to, k->signs ? rectify(v, k->signs + pixel * k->words + o / 16) : v);
        }
}

/* The same with 2×2 outputs pooled to one. */
static void store_pooled(const dqk_winograd *k, const float *patch, v16 bias, tile_place at, int rows, int cols, int o) {
    float *y = k->y + at.picture * k->y_picture + o;
    for (int q = 0; q < 4; q++) {
        const int r = (at.row + q / 2 * 2) / 2, c = (at.col + q % 2 * 2) / 2;
        if (q / 2 * 2 + 1 >= rows || q % 2 * 2 + 1 >= cols) continue;
        const ptrdiff_t coarse = (((ptrdiff_t)at.picture * (k->rows / 2) + r) * (k->cols / 2) + c) * k->words + o / 16;
        const float *p = patch + (q / 2 * 8 + q % 2 * 2) * 16;
        v16 v[4] = {add16(load16(p), bias), add16(load16(p + 16), bias), add16(load16(p + 64), bias),
                    add16(load16(p + 80), bias)};
        if (k->pool == DQK_POOL_MAX) {
            v[0] = greatest16(v, k->choice + 2 * coarse);
            if (k->signs) v[0] = rectify(v[0], k->signs + coarse);
        } else {
            const ptrdiff_t pixel = ((ptrdiff_t)at.picture * k->rows + 2 * r) * k->cols + 2 * c;
            for (int t = 0; t < 4 && k->signs; t++)
                v[t] = rectify(v[t], k->signs + (pixel + t / 2 * k->cols + t % 2) * k->words + o / 16);
            v[0] = mean16(v);
        }
        store16(y + r * k->y_row + c * k->y_col, v[0]);
    }
}

static void transform_outputs(const dqk_winograd *k, int o, int width, int first, int n, const float *m, ptrdiff_t point) {
    float patch[16 * 16];
    for (int t = 0; t < n; t++) {
        const tile_place at = place_of(first + t, k->rows, k->cols);
        const int rows = k->rows - at.row < 4 ? k->rows - at.row : 4, cols = k->cols - at.col < 4 ? k->cols - at.col : 4;
        for (int i = 0; i < width; i += 16) {
            for (int j = 0; j < 16; j += VW) transform_output(patch + j, m + (ptrdiff_t)t * OC_BLOCK + i + j, point);
            const v16 bias = k->bias ? load16(k->bias + o + i) : zero16();
            if (k->pool == DQK_POOL_NONE) store_outputs(k, patch, bias, at, rows, cols, o + i);
            else store_pooled(k, patch, bias, at, rows, cols, o + i);
        }
    }
}

void SYMBOL(winograd)(const dqk_winograd *k) {
    const int blocks = (k->tiles + DQK_WINOGRAD_TILES - 1) / DQK_WINOGRAD_TILES;
    for (int block = 0; block < blocks; block++) {
        const int first = k->tiles * block / blocks, n = k->tiles * (block + 1) / blocks - first;
        const ptrdiff_t point = (ptrdiff_t)n * OC_BLOCK + 16;
        for (int o = 0; o < k->oc; o += OC_BLOCK) {
            const int width = k->oc - o < OC_BLOCK ? k->oc - o : OC_BLOCK;
            multiply(k, o, width, first, n, k->scratch, point);
            transform_outputs(k, o, width, k->first_tile + first, n, k->scratch, point);
        }
    }
}
