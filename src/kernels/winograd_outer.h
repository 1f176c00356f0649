/* SPDX-License-Identifier: MIT
 * kernels/winograd_outer.h: the sums of outer.h for 3×3, stride 1, by the adjoint of winograd.h's algorithm, with its points:
 * 36 products where the direct sum needs 144. */
#ifndef DQ_KERNELS_WINOGRAD_OUTER_H
#define DQ_KERNELS_WINOGRAD_OUTER_H

#include <stddef.h>

#include "kernels/winograd.h"

/* m[p][i][o] += Σ_tiles V[p][i] · D[p][o] for p < 36, i < ic, o < oc, with V = Bᵀ·x·B of a tile's 6×6 inputs and D = A·d·Aᵀ of
 * its 4×4 positions of d (zero beyond the map), for tiles first_tile … first_tile+tiles−1. Tiles are counted row by row with
 * ⌈cols/4⌉ a row, then on through the next pictures. x, d point at pixel (0,0) of the first picture: of rows×cols positions,
 * x is readable from −1 to rows, −1 to cols, d inside only. ic, oc: multiples of 16. m: [36][ic][oc], dense.
 * scratch: dqk_winograd_outer_scratch(ic, oc) floats, 64-byte aligned. */
typedef struct dqk_winograd_outer {
    const float *x;
    ptrdiff_t x_picture, x_row, x_col;
    const float *d;
    ptrdiff_t d_picture, d_row, d_col;
    int rows, cols, first_tile, tiles, ic, oc;
    float *m, *scratch;
} dqk_winograd_outer;

typedef void dqk_winograd_outer_fn(const dqk_winograd_outer *job);

/* g[t][j] += (Gᵀ·m·G)[t][j] for the 9 taps and j < n, where g[t] and m[p] are `stride` floats apart (ic·oc of them for whole
 * matrices; a part of them is a task). n: multiple of 16. */
typedef void dqk_winograd_outer_finish_fn(float *g, const float *m, ptrdiff_t stride, int n);

/* Transformed inputs [36][tiles][ic] and gradients [36][tiles][oc], each of the 36 shifted by 16 floats so that they do not
 * all fall into the same cache set, and a tile of zero-filled inputs at an edge. */
static inline size_t dqk_winograd_outer_scratch(int ic, int oc) {
    return 36 * ((size_t)DQK_WINOGRAD_TILES * ((size_t)ic + (size_t)oc) + 32) + 36 * (size_t)ic;
}

#endif
