/* SPDX-License-Identifier: MIT
 * kernels/simd/pool_tmpl.h: 2×2 pooling, 16 channels at a time; the including file brings v16. */
#include "kernels/kernels.h"

#include "kernels/simd/window_tmpl.h"

void SYMBOL(pool_max)(float *y, uint16_t *choice, const float *top, const float *bottom, int cols, int c) {
    for (int p = 0; p < cols; p++, top += 2 * c, bottom += 2 * c)
        for (int k = 0; k < c; k += 16, y += 16, choice += 2) {
            const v16 v[4] = {load16(top + k), load16(top + c + k), load16(bottom + k), load16(bottom + c + k)};
            store16(y, greatest16(v, choice));
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
        for (int k = 0; k < c; k += 16, y += 16) {
            const v16 v[4] = {load16(top + k), load16(top + c + k), load16(bottom + k), load16(bottom + c + k)};
            store16(y, mean16(v));
        }
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
