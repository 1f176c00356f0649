/* SPDX-License-Identifier: MIT
 * kernels/gemm.h: pixels times a matrix: a 1×1 convolution, the gradient of a Gram matrix, a linear layer. */
#ifndef DQ_KERNELS_GEMM_H
#define DQ_KERNELS_GEMM_H

#include <stddef.h>

/* y[r][c][o] = start + Σ_{i<ic} m[o][i] · x[r][c][i]   for r < rows, c < cols, o < oc,
 * start = bias[o], or y's old value when accumulate is set (then bias is not read), or 0 when bias is NULL.
 * Strides in floats; ic multiple of 4, oc of 16. m: packed like a convolution with one tap, [oc/16][ic][16]:
 * element (o,i) at (o/16·ic + i)·16 + o%16. */
typedef struct dqk_gemm {
    const float *x;
    ptrdiff_t x_row, x_col;
    float *y;
    ptrdiff_t y_row, y_col;
    const float *m, *bias;
    int rows, cols, ic, oc;
    int accumulate;
} dqk_gemm;

typedef void dqk_gemm_fn(const dqk_gemm *job);

#endif
