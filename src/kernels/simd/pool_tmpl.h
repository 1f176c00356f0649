/* SPDX-License-Identifier: MIT
 * kernels/simd/pool_tmpl.h: 2×2 pooling, 16 channels at a time; the including file brings v16. */
#include "kernels/kernels.h"

void SYMBOL(pool_max)(float *y, uint16_t *choice, const float *top, const float *bottom, int cols, int c) {
    for (int p = 0; p < cols; p++, top += 2 * c, bottom += 2 * c)
        for (int k = 0; k < c; k += 16, y += 16, choice += 2) {
            v16 a = load16(top + k), b = load16(top + c + k), d = load16(bottom + k), e = load16(bottom + c + k);
            unsigned right_top = greater16(b, a), right_bottom = greater16(e, d);
            a = select16(right_top, b, a);
            d = select16(right_bottom, e, d);
            unsigned lower = greater16(d, a);
            store16(y, select16(lower, d, a));
            choice[0] = (uint16_t)((right_bottom & lower) | (right_top & ~lower));
            choice[1] = (uint16_t)lower;
        }
}

void SYMBOL(pool_max_back)(float *dtop, float *dbottom, const float *dy, const uint16_t *choice, int cols, int c) {
    const v16 zero = zero16();
    for (int p = 0; p < cols; p++, dtop += 2 * c, dbottom += 2 * c)
        for (int k = 0; k < c; k += 16, dy += 16, choice += 2) {
            v16 d = load16(dy);
            unsigned right = choice[0], lower = choice[1];
            store16(dtop + k, select16(~right & ~lower & 0xffff, d, zero));
            store16(dtop + c + k, select16(right & ~lower, d, zero));
            store16(dbottom + k, select16(~right & lower, d, zero));
            store16(dbottom + c + k, select16(right & lower, d, zero));
        }
}

void SYMBOL(pool_average)(float *y, const float *top, const float *bottom, int cols, int c) {
    for (int p = 0; p < cols; p++, top += 2 * c, bottom += 2 * c)
        for (int k = 0; k < c; k += 16, y += 16)
            store16(y, scale16(add16(add16(load16(top + k), load16(top + c + k)),
                                     add16(load16(bottom + k), load16(bottom + c + k))), 0.25f));
}

void SYMBOL(pool_average_back)(float *dtop, float *dbottom, const float *dy, int cols, int c) {
    for (int p = 0; p < cols; p++, dtop += 2 * c, dbottom += 2 * c)
        for (int k = 0; k < c; k += 16, dy += 16) {
            v16 d = scale16(load16(dy), 0.25f);
            store16(dtop + k, d);
            store16(dtop + c + k, d);
            store16(dbottom + k, d);
            store16(dbottom + c + k, d);
        }
}
