/* SPDX-License-Identifier: MIT
 * kernels/conv3x3_c.c: the plain reference of conv3x3.h, as short as it can be said. */
#include "kernels/kernels.h"

static const float *tap_weights(const dqk_conv3x3 *k, int o, int i, int t) {
    int i0 = i / 32 * 32, ib = k->ic - i0 < 32 ? k->ic - i0 : 32;
    return k->w + ((ptrdiff_t)(o / 16) * 9 * k->ic + i0 * 9 + t * ib + i - i0) * 16;
}

static void pixel(const dqk_conv3x3 *k, const float *x, float *y, int o) {
    /* x: pixel (r,c) of the input; y: its output; computes channels o … o+15 */
    float sum[16];
    for (int j = 0; j < 16; j++) sum[j] = k->accumulate ? y[o + j] : k->bias ? k->bias[o + j] : 0.0f;
    for (int t = 0; t < 9; t++) {
        const float *xt = x + (t / 3 - 1) * k->x_row + (t % 3 - 1) * k->x_col;
        for (int i = 0; i < k->ic; i++) {
            const float *w = tap_weights(k, o, i, t);
            for (int j = 0; j < 16; j++) sum[j] += xt[i] * w[j];
        }
    }
    for (int j = 0; j < 16; j++) y[o + j] = sum[j];
}

void dqk_conv3x3__c(const dqk_conv3x3 *k) {
    for (int r = 0; r < k->rows; r++)
        for (int c = 0; c < k->cols; c++)
            for (int o = 0; o < k->oc; o += 16)
                pixel(k, k->x + r * k->x_row + c * k->x_col, k->y + r * k->y_row + c * k->y_col, o);
}

void dqk_conv3x3_from_picture__c(const dqk_from_picture *k) {
    dqk_conv3x3__c(&k->conv);
    for (int at = 0; k->signs && at < k->conv.rows * k->conv.cols; at++) {
        float *y = k->conv.y + at / k->conv.cols * k->conv.y_row + at % k->conv.cols * k->conv.y_col;
        uint16_t *signs = k->signs + (ptrdiff_t)at * k->words;
        for (int o = 0; o < k->conv.oc; o++) {
            const unsigned positive = y[o] > 0;
            signs[o / 16] = (uint16_t)((o % 16 ? signs[o / 16] : 0) | positive << o % 16);
            y[o] = positive ? y[o] : 0;
        }
    }
}

void dqk_conv3x3_to_picture__c(const dqk_conv3x3 *k) {
    for (int r = 0; r < k->rows; r++)
        for (int c = 0; c < k->cols; c++)
            for (int o = 0; o < 4; o++) {
                float sum = 0;
                for (int t = 0; t < 9 && o < 3; t++)
                    for (int i = 0; i < k->ic; i++)
                        sum += k->w[((ptrdiff_t)t * 3 + o) * k->ic + i] *
                               k->x[(r + t / 3 - 1) * k->x_row + (c + t % 3 - 1) * k->x_col + i];
                k->y[r * k->y_row + c * k->y_col + o] = sum;
            }
}
