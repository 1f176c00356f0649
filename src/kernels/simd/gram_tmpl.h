/* SPDX-License-Identifier: MIT
 * kernels/simd/gram_tmpl.h: Gram matrix by tiles of 4×16 over blocks of positions that are first packed to [c/16][n][16], so
 * that every stream is contiguous (a stride of a power of two would fall into few cache sets). */
#include "kernels/kernels.h"

#include <stddef.h>

typedef float vf __attribute__((vector_size(VW * 4), aligned(4), may_alias));

enum { NB = 16 / VW, ROWS = 4 };

static void pack(const dqk_gram *k, int first, int n) {
    /* scratch: [channels/16][n][16] from positions first … first+n−1, row-major over the rectangle */
    for (int p = 0; p < n; p++) {
        const int at = first + p;
        const float *f = k->f + at / k->cols * k->f_row + at % k->cols * k->f_col;
        for (int b = 0; b < k->channels / 16; b++)
            for (int v = 0; v < NB; v++)
                *(vf *)(k->scratch + ((ptrdiff_t)b * n + p) * 16 + v * VW) = *(const vf *)(f + b * 16 + v * VW);
    }
}

static void tile(float *g, ptrdiff_t stride, const float *a, const float *b, int n) {
    /* g: 4 rows of 16; a: [n][16] from its first of 4 channels; b: [n][16] */
    vf acc[ROWS][NB] = {{{0}}};
    for (int p = 0; p < n; p++, a += 16, b += 16) {
        vf bv[NB];
#pragma GCC unroll 4
        for (int v = 0; v < NB; v++) bv[v] = *(const vf *)(b + v * VW);
#pragma GCC unroll 4
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
            for (int v = 0; v < NB; v++) acc[i][v] += a[i] * bv[v];
    }
#pragma GCC unroll 4
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < NB; v++) *(vf *)(g + i * stride + v * VW) += acc[i][v];
}

void SYMBOL(gram)(const dqk_gram *k) {
    const int positions = k->rows * k->cols, blocks = k->channels / 16;
    for (int first = 0; first < positions; first += DQK_GRAM_BLOCK) {
        const int n = positions - first < DQK_GRAM_BLOCK ? positions - first : DQK_GRAM_BLOCK;
        pack(k, first, n);
        for (int i = 0; i < blocks; i++)
            for (int j = i; j < blocks; j++)
                for (int row = 0; row < 16; row += ROWS)
                    tile(k->g + (ptrdiff_t)(i * 16 + row) * k->channels + j * 16, k->channels,
                         k->scratch + (ptrdiff_t)i * n * 16 + row, k->scratch + (ptrdiff_t)j * n * 16, n);
    }
}
