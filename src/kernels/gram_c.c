/* SPDX-License-Identifier: MIT
 * kernels/gram_c.c: the plain reference of gram.h. Sums a block of positions before it adds to g, as the fast ones do. */
#include "kernels/kernels.h"

static void block(const dqk_gram *k, int i, int j, int first, int last) {
    /* adds positions first … last−1 (row-major over the rectangle) to the 16×16 block (i,j) of g */
    float sum[16][16] = {{0}};
    for (int p = first; p < last; p++) {
        const float *f = k->f + p / k->cols * k->f_row + p % k->cols * k->f_col;
        for (int a = 0; a < 16; a++)
            for (int b = 0; b < 16; b++) sum[a][b] += f[i + a] * f[j + b];
    }
    for (int a = 0; a < 16; a++)
        for (int b = 0; b < 16; b++) k->g[(ptrdiff_t)(i + a) * k->channels + j + b] += sum[a][b];
}

void dqk_gram__c(const dqk_gram *k) {
    int n = k->rows * k->cols;
    for (int first = 0; first < n; first += DQK_GRAM_BLOCK) {
        int last = first + DQK_GRAM_BLOCK < n ? first + DQK_GRAM_BLOCK : n;
        for (int i = 0; i < k->channels; i += 16)
            for (int j = i; j < k->channels; j += 16) block(k, i, j, first, last);
    }
}
