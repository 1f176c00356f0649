/* SPDX-License-Identifier: MIT
 * kernels/simd/gemm_tmpl.h: pixels times matrix: the convolution's tile with one tap, 256 input channels at a time. */
#include "kernels/kernels.h"

#include "kernels/simd/tile_tmpl.h"

enum { GEMM_BLOCK = 256 };

static int width(const dqk_gemm *k, int i0, int o) {
    /* all rows, output channels from o, input channels i0 … i0+255 */
    const int ib = k->ic - i0 < GEMM_BLOCK ? k->ic - i0 : GEMM_BLOCK;
    tile_args a = {.x_row = 0, .x_col = k->x_col, .y_col = k->y_col, .taps = 1, .ic = ib,
                   .w = k->m + ((ptrdiff_t)(o / 16) * k->ic + i0) * 16, .w_block = (ptrdiff_t)k->ic * 16,
                   .start = k->bias ? k->bias + o : NULL, .load = i0 || k->accumulate ? 1 : k->bias ? 2 : 0};
    int done = 0;
    for (int r = 0; r < k->rows; r++) {
        a.x = k->x + r * k->x_row + i0;
        a.y = k->y + r * k->y_row + o;
        done = tile_step(&a, k->cols, k->oc - o);
    }
    return done;
}

void SYMBOL(gemm)(const dqk_gemm *k) {
    for (int i0 = 0; i0 < k->ic; i0 += GEMM_BLOCK)
        for (int o = 0; o < k->oc;) o += width(k, i0, o);
}
