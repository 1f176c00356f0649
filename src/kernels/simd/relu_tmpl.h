/* SPDX-License-Identifier: MIT
 * kernels/simd/relu_tmpl.h: ReLU with bits, 16 values at a time; the including file brings v16. */
#include "kernels/kernels.h"

void SYMBOL(relu)(float *y, uint16_t *bits, ptrdiff_t n) {
    const v16 zero = zero16();
    for (ptrdiff_t k = 0; k < n; k += 16) {
        v16 v = load16(y + k);
        unsigned positive = greater16(v, zero);
        store16(y + k, select16(positive, v, zero));
        bits[k / 16] = (uint16_t)positive;
    }
}

void SYMBOL(relu_back)(float *dy, const uint16_t *bits, ptrdiff_t n) {
    const v16 zero = zero16();
    for (ptrdiff_t k = 0; k < n; k += 16) store16(dy + k, select16(bits[k / 16], load16(dy + k), zero));
}
