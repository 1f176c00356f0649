/* SPDX-License-Identifier: MIT
 * kernels/winograd_c.c: the plain reference of winograd.h: one tile and one channel at a time. It must stay the
 * textbook's Y = Aᵀ·[(G·g·Gᵀ) ∘ (Bᵀ·d·B)]·A. */
#include "kernels/kernels.h"
#include "kernels/winograd_c.h"

void dqk_winograd_weights__c(float *u, const float *packed, int ic) {
    for (int i = 0; i < ic; i++)
        for (int j = 0; j < 16; j++) {
            const int i0 = i / 32 * 32, ib = ic - i0 < 32 ? ic - i0 : 32;
            float g[9], full[36];
            for (int t = 0; t < 9; t++) g[t] = packed[(i0 * 9 + t * ib + i - i0) * 16 + j];
            both_sides(full, g3[0], g, 6, 3);
            for (int p = 0; p < 36; p++) u[((ptrdiff_t)p * ic + i) * 16 + j] = full[p];
        }
}

static void transform_tile(const dqk_winograd *k, int row, int col, float *v) {
    /* v: [36][ic] of the tile whose first output is (row, col) */
    for (int i = 0; i < k->ic; i++) {
        float d[36], full[36];
        for (int p = 0; p < 36; p++) {
            const int r = row + p / 6 - 1, c = col + p % 6 - 1;
            d[p] = r <= k->rows && c <= k->cols ? k->x[r * k->x_row + c * k->x_col + i] : 0.0f;
        }
        both_sides(full, bt[0], d, 6, 6);
        for (int p = 0; p < 36; p++) v[p * k->ic + i] = full[p];
    }
}

static void tile(const dqk_winograd *k, int row, int col, const float *v, int o) {
    /* output channel o of one tile */
    const float *u = k->u + (ptrdiff_t)(o / 16) * 36 * k->ic * 16 + o % 16;
    float m[36], y[36];
    for (int p = 0; p < 36; p++) {
        m[p] = 0;
        for (int i = 0; i < k->ic; i++) m[p] += v[p * k->ic + i] * u[((ptrdiff_t)p * k->ic + i) * 16];
    }
    both_sides(y, at[0], m, 4, 6);
    for (int p = 0; p < 16; p++)
        if (row + p / 4 < k->rows && col + p % 4 < k->cols)
            k->y[(row + p / 4) * k->y_row + (col + p % 4) * k->y_col + o] = y[p] + (k->bias ? k->bias[o] : 0.0f);
}

void dqk_winograd__c(const dqk_winograd *k) {
    const int per_row = (k->cols + 3) / 4;
    for (int t = k->first_tile; t < k->first_tile + k->tiles; t++) {
        transform_tile(k, t / per_row * 4, t % per_row * 4, k->scratch);
        for (int o = 0; o < k->oc; o++) tile(k, t / per_row * 4, t % per_row * 4, k->scratch, o);
    }
}
