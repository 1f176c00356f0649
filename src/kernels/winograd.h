/* SPDX-License-Identifier: MIT
 * kernels/winograd.h: 3×3 convolution, stride 1, by Winograd's minimal filtering F(4×4,3×3) (Lavin, Gray 2016): 36 products
 * where direct convolution needs 144. Same sums as conv3x3.h up to rounding (tests derive the bound), same halo. */
#ifndef DQ_KERNELS_WINOGRAD_H
#define DQ_KERNELS_WINOGRAD_H

#include <stddef.h>
#include <stdint.h>

/* The algorithm multiplies polynomials at the points 0, ±p, ±q, ∞. p = 2/3, q = 3/2 instead of the usual 1 and 2 costs the
 * same and rounds 2.2 times better (the tests' bound is computed from these). With p·q = 1:
 *   Bᵀ = | 1    0     −p²−q²  0        1  0 |   G = | 1                      |   Aᵀ = | 1 1   1   1   1  0 |
 *        | 0  ∓pq²    −q²    ±p        1  0 |       | (1, ±p, p²)/(2p²(p²−q²)) |        | 0 p  −p   q  −q  0 |
 *        | 0  ∓qp²    −p²    ±q        1  0 |       | (1, ±q, q²)/(2q²(q²−p²)) |        | 0 p²  p²  q²  q² 0 |
 *        | 0    1      0     −p²−q²    0  1 |       | (0, 0, 1)               |        | 0 p³ −p³  q³ −q³ 1 | */
#define DQK_WINOGRAD_P (2.0f / 3.0f)
#define DQK_WINOGRAD_Q 1.5f

enum { DQK_WINOGRAD_TILES = 48 }; /* tiles of 4×4 outputs multiplied at a time */

/* Pooling of 2×2 outputs that is done with the convolution below it. */
typedef enum dqk_pooling { DQK_POOL_NONE, DQK_POOL_MAX, DQK_POOL_AVERAGE } dqk_pooling;

/* From one of the 36 points of transformed weights to the next, in floats: [ic][16] and a line more, since with a power of
 * two between them all points would fall into the same cache set. */
static inline ptrdiff_t dqk_winograd_u_point(int ic) { return (ptrdiff_t)(ic + 1) * 16; }

/* Transforms the weights of 16 output channels: from one block of dq__pack_conv3x3, (ic,9,16) in blocks of 32 ic, to
 * u: [36] points of [ic][16], U = G·w·Gᵀ for each pair of channels. */
typedef void dqk_winograd_weights_fn(float *u, const float *packed, int ic);

/* V = Bᵀ·d·B of the inputs of tiles first_tile … first_tile+tiles−1 of maps of h×w pixels, whose outputs are wanted from
 * (−ring,−ring) to (h+ring−1, w+ring−1): tiles of 4×4 outputs are counted row by row with ⌈(w+2·ring)/4⌉ a row, then on
 * through the next pictures. x points at pixel (0,0) of the first picture and is readable `halo` pixels around it; what lies
 * beyond counts as zero. ic: multiple of 16. v: [36] v_point floats apart, of [tiles][ic], 64-byte aligned.
 *   A gradient may be on its way back through a ReLU and a pool, and is then taken through them while it is read (halo 0):
 * signs (one bit a channel) where there was a ReLU; with pool, x is the map of h/2×w/2 pixels above the pool. With the
 * greatest of four, choice is that of pool.h, and signs are of the map of h/2×w/2 pixels. */
typedef struct dqk_winograd_input {
    const float *x;
    ptrdiff_t x_picture, x_row, x_col;
    int h, w, halo, ring, first_tile, tiles, ic;
    dqk_pooling pool;
    const uint16_t *signs, *choice; /* [picture][row][col][ic/16], choice two words each */
    float *v;
    ptrdiff_t v_point;
} dqk_winograd_input;

typedef void dqk_winograd_input_fn(const dqk_winograd_input *job);

/* Y = Aᵀ·(U∘V)·A, the outputs of those tiles; those at the right and lower edge of rows×cols outputs are cut. y points at
 * output (0,0) of the first picture. u: [oc/16] blocks of 36 points. bias: oc floats or NULL. ic, oc: multiples of 16.
 * accumulate: they are added to y (then neither signs nor pool). signs: NULL, or ReLU follows: its bits, `words` words from
 * pixel to pixel. pool: y is the pooled map of rows/2×cols/2 pixels; with the greatest of four its choice is written as
 * pool.h says, 2·words words from pixel to pixel, and signs are of the pooled map. scratch: DQK_WINOGRAD_SCRATCH floats,
 * 64-byte aligned. */
typedef struct dqk_winograd {
    const float *v;
    ptrdiff_t v_point;
    const float *u, *bias;
    float *y;
    ptrdiff_t y_picture, y_row, y_col;
    int rows, cols, first_tile, tiles, ic, oc;
    int accumulate;
    dqk_pooling pool;
    uint16_t *signs, *choice;
    int words;
    float *scratch;
} dqk_winograd;

typedef void dqk_winograd_fn(const dqk_winograd *job);

/* Products [36][tiles][32], each of the 36 shifted by 16 floats so that they do not all fall into the same cache set. */
enum { DQK_WINOGRAD_SCRATCH = 36 * (DQK_WINOGRAD_TILES * 32 + 16) };

#endif
