/* SPDX-License-Identifier: MIT
 * kernels/conv3x3.h: 3×3 convolution, stride 1, over a rectangle of pixels. The input must be readable one pixel beyond the
 * rectangle on every side (tensors keep a halo; the executor fills it by the padding rule). */
#ifndef DQ_KERNELS_CONV3X3_H
#define DQ_KERNELS_CONV3X3_H

#include <stddef.h>
#include <stdint.h>

/* y[r][c][o] = start + Σ_{kh,kw<3} Σ_{i<ic} w[o][i][kh][kw] · x[r+kh−1][c+kw−1][i]   for r < rows, c < cols, o < oc
 * start = y's old value when accumulate is set, else bias[o], or 0 where bias is NULL.
 * x, y point at pixel (0,0) of the rectangle; strides are in floats. ic: multiple of 4. oc: multiple of 16 (pad with zero
 * weights). w: packed by dq__pack_conv3x3, [oc/16][ic][9][16] in blocks of 32 ic:
 * element (o,i,t) at (o/16·9·ic + i0·9 + t·ib + i−i0)·16 + o%16, i0 = i/32·32, ib = min(32, ic−i0), t = 3·kh+kw. */
typedef struct dqk_conv3x3 {
    const float *x;
    ptrdiff_t x_row, x_col;
    float *y;
    ptrdiff_t y_row, y_col;
    const float *w, *bias;
    int rows, cols, ic, oc;
    int accumulate;
} dqk_conv3x3;

typedef void dqk_conv3x3_fn(const dqk_conv3x3 *job);

/* The same from a picture: three channels of four are read (ic and x_col are 4, the weights packed so), nothing is
 * accumulated. signs: NULL, or ReLU follows and its bits are written, [rows·cols] pixels of `words` words. */
typedef struct dqk_from_picture {
    dqk_conv3x3 conv;
    uint16_t *signs;
    int words;
} dqk_from_picture;

typedef void dqk_conv3x3_from_picture_fn(const dqk_from_picture *job);

/* The way back to a picture: y[r][c][o] = Σ_{t<9} Σ_{i<ic} w[t][o][i] · x[r+t/3−1][c+t%3−1][i] for o < 3, and y[r][c][3] = 0.
 * ic: multiple of 16; w: [9][3][ic]; no bias, oc is 4. */
typedef void dqk_conv3x3_to_picture_fn(const dqk_conv3x3 *job);

#endif
