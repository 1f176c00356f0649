/* SPDX-License-Identifier: MIT
 * kernels/simd/conv3x3_tmpl.h: direct 3×3 convolution by tiles. Loops from outside: 32 input channels (their share of the
 * input stays in L2), 16 or 32 output channels (18 KiB of weights stay in L1), rows, pixels. The including file brings v16. */
#include "kernels/kernels.h"

#include "kernels/simd/tile_tmpl.h"

static int width(const dqk_conv3x3 *k, int i0, int o) {
    /* all rows, output channels from o, input channels i0 … i0+31 */
    const int ib = k->ic - i0 < IC_BLOCK ? k->ic - i0 : IC_BLOCK;
    tile_args a = {.x_row = k->x_row, .x_col = k->x_col, .y_col = k->y_col, .taps = 9, .ic = ib,
                   .w = k->w + ((ptrdiff_t)(o / 16) * k->ic + i0) * 9 * 16, .w_block = (ptrdiff_t)k->ic * 9 * 16,
                   .start = k->bias ? k->bias + o : NULL, .load = i0 || k->accumulate ? 1 : k->bias ? 2 : 0};
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

/* ---- from the picture ------------------------------------------------------------------------------------------------- */

/* 16 outputs from o of the pixels whose first is pixel `at` of the job. */
static inline __attribute__((always_inline)) void pixels_from(const dqk_from_picture *k, const float *x, float *y, ptrdiff_t at,
                                                              int o, const int pixels) {
    vf acc[MR][NB];
    const float *w = k->conv.w + (ptrdiff_t)o * 9 * 4;
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int v = 0; v < NB; v++) acc[p][v] = k->conv.bias ? *(const vf *)(k->conv.bias + o + v * VW) : (vf){0};
    for (int t = 0; t < 9; t++, w += 16) {
        const float *from = x + (t / 3 - 1) * k->conv.x_row + (t % 3 - 1) * 4;
#pragma GCC unroll 1
        for (int i = 0; i < 3; i++, w += 16) {
            vf wv[NB];
#pragma GCC unroll 4
            for (int v = 0; v < NB; v++) wv[v] = *(const vf *)(w + v * VW);
#pragma GCC unroll 16
            for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
                for (int v = 0; v < NB; v++) acc[p][v] += from[p * 4 + i] * wv[v];
        }
    }
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++) {
        float sum[16];
#pragma GCC unroll 4
        for (int v = 0; v < NB; v++) *(vf *)(sum + v * VW) = acc[p][v];
        v16 value = load16(sum);
        if (k->signs) {
            const unsigned positive = greater16(value, zero16());
            k->signs[(at + p) * k->words + o / 16] = (uint16_t)positive;
            value = select16(positive, value, zero16());
        }
        store16(y + p * k->conv.y_col, value);
    }
}

void SYMBOL(conv3x3_from_picture)(const dqk_from_picture *k) {
    const dqk_conv3x3 *c = &k->conv;
    for (int r = 0; r < c->rows; r++)
        for (int o = 0; o < c->oc; o += 16) {
            const float *x = c->x + r * c->x_row;
            float *y = c->y + r * c->y_row + o;
            const ptrdiff_t first = (ptrdiff_t)r * c->cols;
            int at = 0;
            for (; at + MR <= c->cols; at += MR) pixels_from(k, x + at * 4, y + at * c->y_col, first + at, o, MR);
            for (; at < c->cols; at++) pixels_from(k, x + at * 4, y + at * c->y_col, first + at, o, 1);
        }
}

/* ---- back to the picture -------------------------------------------------------------------------------------------- */

enum { PIXELS = 4 }; /* × 3 sums of vectors: each weight is loaded once for four pixels */

static inline float sum_of(vf v) {
    float part[VW];
    *(vf *)part = v;
    for (int n = VW / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) part[i] += part[i + n];
    return part[0];
}

static inline __attribute__((always_inline)) void pixels_back(const dqk_conv3x3 *k, const float *x, float *y, const int pixels) {
    vf acc[PIXELS][3];
#pragma GCC unroll 4
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 3
        for (int o = 0; o < 3; o++) acc[p][o] = (vf){0};
    for (int t = 0; t < 9; t++) {
        const float *from = x + (t / 3 - 1) * k->x_row + (t % 3 - 1) * k->x_col, *w = k->w + (ptrdiff_t)t * 3 * k->ic;
        for (int i = 0; i < k->ic; i += VW) {
            const vf w0 = *(const vf *)(w + i), w1 = *(const vf *)(w + k->ic + i), w2 = *(const vf *)(w + 2 * k->ic + i);
#pragma GCC unroll 4
            for (int p = 0; p < pixels; p++) {
                const vf v = *(const vf *)(from + p * k->x_col + i);
                acc[p][0] += w0 * v;
                acc[p][1] += w1 * v;
                acc[p][2] += w2 * v;
            }
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < pixels; p++) {
        for (int o = 0; o < 3; o++) y[p * k->y_col + o] = sum_of(acc[p][o]);
        y[p * k->y_col + 3] = 0;
    }
}

void SYMBOL(conv3x3_to_picture)(const dqk_conv3x3 *k) {
    for (int r = 0; r < k->rows; r++) {
        const float *x = k->x + r * k->x_row;
        float *y = k->y + r * k->y_row;
        int c = 0;
        for (; c + PIXELS <= k->cols; c += PIXELS) pixels_back(k, x + c * k->x_col, y + c * k->y_col, PIXELS);
        for (; c < k->cols; c++) pixels_back(k, x + c * k->x_col, y + c * k->y_col, 1);
    }
}
