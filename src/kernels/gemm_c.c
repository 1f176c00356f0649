/* SPDX-License-Identifier: MIT
 * kernels/gemm_c.c: the plain reference of gemm.h. */
#include "kernels/kernels.h"

static void pixel(const dqk_gemm *k, const float *x, float *y, int o) {
    /* x: ic features of one pixel; y: channels o … o+15 of its result */
    const float *m = k->m + (ptrdiff_t)o * k->ic;
    float sum[16];
    for (int j = 0; j < 16; j++) sum[j] = k->accumulate ? y[o + j] : k->bias ? k->bias[o + j] : 0.0f;
    for (int i = 0; i < k->ic; i++)
        for (int j = 0; j < 16; j++) sum[j] += x[i] * m[i * 16 + j];
    for (int j = 0; j < 16; j++) y[o + j] = sum[j];
}

void dqk_gemm__c(const dqk_gemm *k) {
    for (int r = 0; r < k->rows; r++)
        for (int c = 0; c < k->cols; c++)
            for (int o = 0; o < k->oc; o += 16)
                pixel(k, k->x + r * k->x_row + c * k->x_col, k->y + r * k->y_row + c * k->y_col, o);
}
