/* SPDX-License-Identifier: MIT
 * kernels/simd/outer_tmpl.h: sums of outer products over blocks of positions that are first packed, so that every stream is
 * contiguous. Where the convolution's stride is one, the lines of x are packed once for a row of taps: in [positions][4] the
 * next tap is 4 floats on, so 3 taps of 4 channels are 12 rows in sequence. */
#include "kernels/kernels.h"

#include <string.h>

#include "kernels/simd/outer_tile_tmpl.h"

static int line(const block *b) { return b->cols + b->span - 1; }

/* Channels of x that are packed together: with a single tap they must fill the tile, else 4 channels at several taps do. */
static int width_of(const block *b, int left) { return b->span == 1 ? height_of(left) : 4; }

/* ---- packing ------------------------------------------------------------------------------------------------------- */

static void pack_d(const dqk_outer *k, const block *b, float *to) {
    /* to: [oc/16][rows·cols][16] */
    const ptrdiff_t n = (ptrdiff_t)b->rows * b->cols;
    for (int r = 0; r < b->rows; r++) {
        const float *d = k->d + (b->row + r) * k->d_row + b->col * k->d_col;
        for (int c = 0; c < b->cols; c++, d += k->d_col, to += 16)
            for (int o = 0; o < k->oc; o += 16)
#pragma GCC unroll 4
                for (int v = 0; v < 16; v += VW) *(vf *)(to + o * n + v) = *(const vf *)(d + o + v);
    }
}

static void pack_line(float *to, const float *x, ptrdiff_t x_col, int n, int width) {
    /* to: [n][width] */
    if (width == 6)
        for (int c = 0; c < n; c++) memcpy(to + c * 6, x + c * x_col, 6 * sizeof(float));
    else
        for (int c = 0; c < n; c++) memcpy(to + c * 4, x + c * x_col, 4 * sizeof(float));
}

static void pack_x(const dqk_outer *k, const block *b, const float *x, float *to) {
    /* x: at the first of the taps; to: for each group of channels [rows][line][width] */
    const int n = line(b);
    for (int r = 0; r < b->rows; r++)
        for (int i = 0, width; i < k->ic; i += width) {
            width = width_of(b, k->ic - i);
            pack_line(to + (ptrdiff_t)i * b->rows * n + (ptrdiff_t)r * n * width,
                      x + (b->row + r) * k->x_row + b->col * k->x_col + i, k->x_col, n, width);
        }
}

/* ---- products ------------------------------------------------------------------------------------------------------ */

static void multiply(const dqk_outer *k, const block *b, const float *x, const float *d, float *g) {
    /* the packed block, at the taps side by side of which g is the first; the tile's channels of d stay in L1 */
    const ptrdiff_t n = (ptrdiff_t)b->rows * b->cols, lines = (ptrdiff_t)b->rows * line(b);
    tile_args a = {.b = b, .g_row = k->oc, .g_tap = (ptrdiff_t)k->ic * k->oc};
    for (int o = 0, blocks; o < k->oc; o += 16 * blocks) {
        blocks = k->oc - o >= 16 * BLOCKS ? BLOCKS : 1;
        a.d = d + o * n;
        for (int i = 0; i < k->ic; i += a.width) {
            a.width = width_of(b, k->ic - i);
            a.x = x + i * lines;
            a.g = g + (ptrdiff_t)i * k->oc + o;
            group(&a, blocks);
        }
    }
}

/* ---- blocks -------------------------------------------------------------------------------------------------------- */

static void one_block(const dqk_outer *k, const block *b) {
    float *d = k->scratch, *x = d + (ptrdiff_t)DQK_OUTER_BLOCK * k->oc;
    pack_d(k, b, d);
    for (int kh = 0; kh < k->kernel; kh++)
        for (int kw = 0; kw < k->kernel; kw += b->span) {
            pack_x(k, b, k->x + kh * k->tap_row + kw * k->tap_col, x);
            multiply(k, b, x, d, k->g + ((ptrdiff_t)kh * k->kernel + kw) * k->ic * k->oc);
        }
}

static int least(int a, int b) { return a < b ? a : b; }

void SYMBOL(outer)(const dqk_outer *k) {
    const int pieces = (k->cols + DQK_OUTER_BLOCK - 1) / DQK_OUTER_BLOCK; /* of a row */
    for (int piece = 0; piece < pieces; piece++) {
        block b = {.col = k->cols * piece / pieces, .span = k->x_col == k->tap_col ? k->kernel : 1};
        b.cols = k->cols * (piece + 1) / pieces - b.col;
        const int rows = least(DQK_OUTER_BLOCK / b.cols, DQK_OUTER_LINES / line(&b));
        for (; b.row < k->rows; b.row += rows) {
            b.rows = least(rows, k->rows - b.row);
            one_block(k, &b);
        }
    }
}
