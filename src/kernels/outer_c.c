/* SPDX-License-Identifier: MIT
 * kernels/outer_c.c: the plain reference of outer.h. Sums a row of positions before it adds to g. */
#include "kernels/kernels.h"

static void add_row(const dqk_outer *k, const float *x, const float *d, float *g) {
    /* one row of positions at one tap, one channel of x and 16 of d */
    float sum[16] = {0};
    for (int c = 0; c < k->cols; c++)
        for (int o = 0; o < 16; o++) sum[o] += x[c * k->x_col] * d[c * k->d_col + o];
    for (int o = 0; o < 16; o++) g[o] += sum[o];
}

void dqk_outer__c(const dqk_outer *k) {
    for (int r = 0; r < k->rows; r++)
        for (int t = 0; t < k->kernel * k->kernel; t++)
            for (int i = 0; i < k->ic; i++)
                for (int o = 0; o < k->oc; o += 16)
                    add_row(k, k->x + r * k->x_row + t / k->kernel * k->tap_row + t % k->kernel * k->tap_col + i,
                            k->d + r * k->d_row + o, k->g + ((ptrdiff_t)t * k->ic + i) * k->oc + o);
}
