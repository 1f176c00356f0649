/* SPDX-License-Identifier: MIT
 * kernels/gram.h: the Gram matrix of a rectangle of features, and how much scratch that needs. */
#ifndef DQ_KERNELS_GRAM_H
#define DQ_KERNELS_GRAM_H

#include <stddef.h>

enum { DQK_GRAM_BLOCK = 128 }; /* positions handled at a time */

/* g[i][j] += Σ_{r<rows,c<cols} f[r][c][i] · f[r][c][j] for the 16×16 blocks with j/16 ≥ i/16 (the rest is not touched).
 * c: channels, multiple of 16; g: c×c floats, dense; strides in floats. scratch: DQK_GRAM_BLOCK·channels floats, 64-byte
 * aligned. */
typedef struct dqk_gram {
    const float *f;
    ptrdiff_t f_row, f_col;
    int rows, cols, channels;
    float *g, *scratch;
} dqk_gram;

typedef void dqk_gram_fn(const dqk_gram *job);

#endif
