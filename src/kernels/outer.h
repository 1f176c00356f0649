/* SPDX-License-Identifier: MIT
 * kernels/outer.h: the sum of outer products of two maps, which is the gradient of a convolution's weights: x is what the
 * convolution read, d the gradient at what it wrote. Any size of kernel and any stride. */
#ifndef DQ_KERNELS_OUTER_H
#define DQ_KERNELS_OUTER_H

#include <stddef.h>

enum { DQK_OUTER_BLOCK = 128, DQK_OUTER_LINES = 256 }; /* positions of d, and of x, handled at a time */

/* g[t][i][o] += Σ_{r<rows,c<cols} x[r·x_row + c·x_col + kh·tap_row + kw·tap_col + i] · d[r·d_row + c·d_col + o]
 *   for t = kh·kernel + kw, kh, kw < kernel (at most 64), i < ic, o < oc
 * x points at what tap (0,0) reads for position (0,0); x_row, x_col lead from one position to the next (the convolution's
 * stride is in them), tap_row, tap_col from one tap to the next. All strides are in floats. ic: multiple of 4. oc: multiple
 * of 16. x and d may be slices of the channels of wider maps. g: [kernel²][ic][oc], dense.
 * scratch: dqk_outer_scratch(ic, oc) floats, 64-byte aligned. */
typedef struct dqk_outer {
    const float *x;
    ptrdiff_t x_row, x_col, tap_row, tap_col;
    const float *d;
    ptrdiff_t d_row, d_col;
    int rows, cols, kernel, ic, oc;
    float *g, *scratch;
} dqk_outer;

typedef void dqk_outer_fn(const dqk_outer *job);

/* A block of d, and the lines of x that it meets at one row of taps. */
static inline size_t dqk_outer_scratch(int ic, int oc) {
    return DQK_OUTER_BLOCK * (size_t)oc + DQK_OUTER_LINES * (size_t)ic;
}

#endif
