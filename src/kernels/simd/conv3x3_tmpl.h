/* SPDX-License-Identifier: MIT
 * kernels/simd/conv3x3_tmpl.h: direct 3×3 convolution by tiles. Loops from outside: 32 input channels (their share of the
 * input stays in L2), 16 or 32 output channels (18 KiB of weights stay in L1), rows, pixels. */
#include "kernels/kernels.h"

#include "kernels/simd/tile_tmpl.h"

static int width(const dqk_conv3x3 *k, int i0, int o) {
    /* all rows, output channels from o, input channels i0 … i0+31 */
    const int ib = k->ic - i0 < IC_BLOCK ? k->ic - i0 : IC_BLOCK;
    tile_args a = {.x_row = k->x_row, .x_col = k->x_col, .y_col = k->y_col, .taps = 9, .ic = ib,
                   .w = k->w + ((ptrdiff_t)(o / 16) * k->ic + i0) * 9 * 16, .w_block = (ptrdiff_t)k->ic * 9 * 16,
                   .start = k->bias ? k->bias + o : NULL, .load = i0 ? 1 : k->bias ? 2 : 0};
    int done = 0;
    for (int r = 0; r < k->rows; r++) {
        a.x = k->x + (r - 1) * k->x_row - k->x_col + i0;
        a.y = k->y + r * k->y_row + o;
        done = tile_step(&a, k->cols, k->oc - o);
    }
    return done;
}

void SYMBOL(conv3x3)(const dqk_conv3x3 *k) {
    for (int i0 = 0; i0 < k->ic; i0 += IC_BLOCK)
        for (int o = 0; o < k->oc;) o += width(k, i0, o);
}
