/* SPDX-License-Identifier: MIT
 * kernels/relu_c.c: the plain reference of relu.h. */
#include "kernels/kernels.h"

void dqk_relu__c(float *y, uint16_t *bits, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += 16) {
        unsigned word = 0;
        for (int j = 0; j < 16; j++) {
            if (y[k + j] > 0.0f) word |= 1u << j;
            else y[k + j] = 0.0f;
        }
        bits[k / 16] = (uint16_t)word;
    }
}

void dqk_relu_back__c(float *dy, const uint16_t *bits, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++)
        if (!(bits[k / 16] >> (k % 16) & 1)) dy[k] = 0.0f;
}
