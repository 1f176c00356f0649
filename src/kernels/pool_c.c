/* SPDX-License-Identifier: MIT
 * kernels/pool_c.c: the plain reference of pool.h. */
#include "kernels/kernels.h"

void dqk_pool_max__c(float *y, uint16_t *choice, const float *top, const float *bottom, int cols, int c) {
    for (ptrdiff_t k = 0; k < (ptrdiff_t)cols * c; k++) {
        const float *a = top + k / c * 2 * c + k % c, *b = bottom + k / c * 2 * c + k % c;
        float value[4] = {a[0], a[c], b[0], b[c]};
        unsigned best = 0;
        for (unsigned t = 1; t < 4; t++)
            if (value[t] > value[best]) best = t;
        y[k] = value[best];
        uint16_t *word = choice + k / 16 * 2;
        if (k % 16 == 0) word[0] = word[1] = 0;
        word[0] = (uint16_t)(word[0] | (best & 1) << (k % 16));
        word[1] = (uint16_t)(word[1] | (best >> 1) << (k % 16));
    }
}

void dqk_pool_max_back__c(float *dtop, float *dbottom, const float *dy, const uint16_t *choice, int cols, int c) {
    for (ptrdiff_t k = 0; k < (ptrdiff_t)cols * c; k++) {
        float *to[4] = {dtop + k / c * 2 * c + k % c, NULL, dbottom + k / c * 2 * c + k % c, NULL};
        to[1] = to[0] + c, to[3] = to[2] + c;
        const uint16_t *word = choice + k / 16 * 2;
        unsigned best = (word[0] >> (k % 16) & 1u) | (word[1] >> (k % 16) & 1u) << 1;
        for (unsigned t = 0; t < 4; t++) *to[t] = t == best ? dy[k] : 0.0f;
    }
}

void dqk_pool_average__c(float *y, const float *top, const float *bottom, int cols, int c) {
    for (ptrdiff_t k = 0; k < (ptrdiff_t)cols * c; k++) {
        const float *a = top + k / c * 2 * c + k % c, *b = bottom + k / c * 2 * c + k % c;
        y[k] = ((a[0] + a[c]) + (b[0] + b[c])) * 0.25f;
    }
}

void dqk_pool_average_back__c(float *dtop, float *dbottom, const float *dy, int cols, int c) {
    for (ptrdiff_t k = 0; k < (ptrdiff_t)cols * c; k++) {
        ptrdiff_t at = k / c * 2 * c + k % c;
        dtop[at] = dtop[at + c] = dbottom[at] = dbottom[at + c] = dy[k] * 0.25f;
    }
}
