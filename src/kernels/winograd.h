/* SPDX-License-Identifier: MIT
 * kernels/winograd.h: 3×3 convolution, stride 1, by Winograd's minimal filtering F(4×4,3×3) (Lavin, Gray 2016): 36 products
 * where direct convolution needs 144. Same sums as conv3x3.h up to rounding (tests derive the bound), same halo. */
#ifndef DQ_KERNELS_WINOGRAD_H
#define DQ_KERNELS_WINOGRAD_H

#include <stddef.h>

/* The algorithm multiplies polynomials at the points 0, ±p, ±q, ∞. p = 2/3, q = 3/2 instead of the usual 1 and 2 costs the
 * same and rounds 2.2 times better (the tests' bound is computed from these). With p·q = 1:
 *   Bᵀ = | 1    0     −p²−q²  0        1  0 |   G = | 1                      |   Aᵀ = | 1 1   1   1   1  0 |
 *        | 0  ∓pq²    −q²    ±p        1  0 |       | (1, ±p, p²)/(2p²(p²−q²)) |        | 0 p  −p   q  −q  0 |
 *        | 0  ∓qp²    −p²    ±q        1  0 |       | (1, ±q, q²)/(2q²(q²−p²)) |        | 0 p²  p²  q²  q² 0 |
 *        | 0    1      0     −p²−q²    0  1 |       | (0, 0, 1)               |        | 0 p³ −p³  q³ −q³ 1 | */
#define DQK_WINOGRAD_P (2.0f / 3.0f)
#define DQK_WINOGRAD_Q 1.5f

enum { DQK_WINOGRAD_TILES = 48 }; /* tiles of 4×4 outputs handled at a time */

/* Transforms the weights of 16 output channels: from one block of dq__pack_conv3x3, (ic,9,16) in blocks of 32 ic, to
 * u: [36][ic][16], U = G·w·Gᵀ for each pair of channels. */
typedef void dqk_winograd_weights_fn(float *u, const float *packed, int ic);

/* The outputs of tiles first_tile … first_tile+tiles−1 of a map of rows×cols outputs, counted row by row with ⌈cols/4⌉ tiles
 * a row; partial tiles at the right and lower edge are cut. x, y point at pixel (0,0) of the map; x is readable from −1 to
 * rows, −1 to cols. ic, oc: multiples of 16. u: [oc/16][36][ic][16]. bias: oc floats or NULL.
 * scratch: dqk_winograd_scratch(ic) floats, 64-byte aligned. */
typedef struct dqk_winograd {
    const float *x;
    ptrdiff_t x_row, x_col;
    float *y;
    ptrdiff_t y_row, y_col;
    const float *u, *bias;
    int rows, cols, first_tile, tiles, ic, oc;
    float *scratch;
} dqk_winograd;

typedef void dqk_winograd_fn(const dqk_winograd *job);

/* Transformed inputs [36][tiles][ic], products [36][tiles][32], each of the 36 shifted by 16 floats so that they do not all
 * fall into the same cache set, and a tile of zero-filled inputs at an edge. */
static inline size_t dqk_winograd_scratch(int ic) {
    return 36 * ((size_t)DQK_WINOGRAD_TILES * ((size_t)ic + 32) + 32) + 36 * (size_t)ic;
}

#endif
