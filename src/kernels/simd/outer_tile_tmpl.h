/* SPDX-License-Identifier: MIT
 * kernels/simd/outer_tile_tmpl.h: the tile of outer products, 6×16 (6×32 with vectors of 16): x and d are packed, the sums
 * over positions stay in registers. The including file defines VW, the floats of a vector. */
#include <stddef.h>

typedef float vf __attribute__((vector_size(VW * 4), aligned(4), may_alias));

enum { NB = 16 / VW, BLOCKS = VW == 16 ? 2 : 1, ROWS = 6 }; /* vectors in 16 channels; a tile: 16 channels of d, rows */

/* Positions row … row+rows−1, col … col+cols−1 of d. x is packed in lines that serve `span` taps side by side. */
typedef struct block {
    int row, col, rows, cols, span;
} block;

/* Cuts an even number of rows, 2 excepted, into tiles of 6 and 4. */
static int height_of(int left) { return left >= 6 && left != 8 ? 6 : 4; }

typedef struct tile_args {
    const block *b;
    const float *x, *d;     /* packed, at the tile's first row; at its first channel, [rows·cols][16] */
    int width;              /* channels of x packed together */
    float *g;               /* the group's first row and the tile's first channel of d */
    ptrdiff_t g_row, g_tap; /* from row to row, and from tap to tap */
} tile_args;

/* Row j of a group of channels: channel j % width at tap j / width. Several taps have 4 channels. */
static inline __attribute__((always_inline)) float *g_at(const tile_args *a, int j) {
    return a->g + (a->b->span > 1 ? j / 4 * a->g_tap + j % 4 * a->g_row : j * a->g_row);
}

/* height (6 or 4) and blocks (1 or 2) are constants at every call, so all loops over them unroll and acc lives in registers */
static inline __attribute__((always_inline)) void tile(const tile_args *a, int j, const int height, const int blocks) {
    /* rows j … j+height−1 of the group, 16·blocks channels of d */
    const block *b = a->b;
    const ptrdiff_t d_block = (ptrdiff_t)b->rows * b->cols * 16;
    const float *x = a->x + j, *d = a->d;
    const int nv = blocks * NB;
    vf acc[ROWS][BLOCKS * NB] = {{{0}}};
    for (int i = 0; i < height; i++) __builtin_prefetch(g_at(a, j + i), 1);
    for (int r = 0; r < b->rows; r++, x += (b->span - 1) * a->width)
        for (int c = 0; c < b->cols; c++, x += a->width, d += 16) {
            vf dv[BLOCKS * NB];
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++) dv[v] = *(const vf *)(d + v / NB * d_block + v % NB * VW);
#pragma GCC unroll 6
            for (int i = 0; i < height; i++)
#pragma GCC unroll 4
                for (int v = 0; v < nv; v++) acc[i][v] += x[i] * dv[v];
        }
#pragma GCC unroll 6
    for (int i = 0; i < height; i++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) *(vf *)(g_at(a, j + i) + v * VW) += acc[i][v];
}

static void group(const tile_args *a, int blocks) {
    /* all rows of one group of channels of x */
    const int rows = a->width * a->b->span;
    for (int j = 0, height; j < rows; j += height) {
        height = height_of(rows - j);
        if (blocks == 2 && height == 6) tile(a, j, 6, BLOCKS);
        else if (blocks == 2) tile(a, j, 4, BLOCKS);
        else if (height == 6) tile(a, j, 6, 1);
        else tile(a, j, 4, 1);
    }
}
