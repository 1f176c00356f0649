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
            for (int p = 0; p < 36; p++) u[p * dqk_winograd_u_point(ic) + i * 16 + j] = full[p];
        }
}

/* Channel i of pixel (r,c) of the map, taken through ReLU and pool where there are. */
static float value(const dqk_winograd_input *k, int picture, int r, int c, int i) {
    if (r < -k->halo || c < -k->halo || r >= k->h + k->halo || c >= k->w + k->halo) return 0;
    const ptrdiff_t words = k->ic / 16, fine = ((ptrdiff_t)picture * k->h + r) * k->w + c, window = r % 2 * 2 + c % 2;
    const int bit = i % 16;
    if (k->pool == DQK_POOL_NONE) {
        if (k->signs && !(k->signs[fine * words + i / 16] >> bit & 1)) return 0;
        return k->x[picture * k->x_picture + r * k->x_row + c * k->x_col + i];
    }
    if (r / 2 >= k->h / 2 || c / 2 >= k->w / 2) return 0;
    const float above = k->x[picture * k->x_picture + r / 2 * k->x_row + c / 2 * k->x_col + i];
    const ptrdiff_t coarse = (((ptrdiff_t)picture * (k->h / 2) + r / 2) * (k->w / 2) + c / 2) * words + i / 16;
    if (k->signs && !(k->signs[k->pool == DQK_POOL_MAX ? coarse : fine * words + i / 16] >> bit & 1)) return 0;
    if (k->pool == DQK_POOL_AVERAGE) return above * 0.25f;
    return (k->choice[2 * coarse] >> bit & 1) + 2 * (k->choice[2 * coarse + 1] >> bit & 1) == window ? above : 0;
}

void dqk_winograd_input__c(const dqk_winograd_input *k) {
    const int per_row = (k->w + 2 * k->ring + 3) / 4, per_map = per_row * ((k->h + 2 * k->ring + 3) / 4);
    for (int t = 0; t < k->tiles; t++)
        for (int i = 0; i < k->ic; i++) {
            const int tile = (k->first_tile + t) % per_map, picture = (k->first_tile + t) / per_map;
            float d[36], full[36];
            for (int p = 0; p < 36; p++)
                d[p] = value(k, picture, tile / per_row * 4 - k->ring - 1 + p / 6, tile % per_row * 4 - k->ring - 1 + p % 6, i);
            both_sides(full, bt[0], d, 6, 6);
            for (int p = 0; p < 36; p++) k->v[p * k->v_point + (ptrdiff_t)t * k->ic + i] = full[p];
        }
}

static void set_bit(uint16_t *word, int bit, int on) {
    *word = (uint16_t)((*word & ~(1u << bit)) | (unsigned)on << bit);
}

/* Rectifies a value and keeps its sign at `pixel` of the signs. */
static float rectify(const dqk_winograd *k, float y, ptrdiff_t pixel, int o) {
    if (!k->signs) return y;
    set_bit(&k->signs[pixel * k->words + o / 16], o % 16, y > 0);
    return y > 0 ? y : 0;
}

/* Output channel o of the 2×2 outputs whose first is (row, col), pooled. */
static void pool(const dqk_winograd *k, float *y, int picture, int row, int col, int o) {
    const ptrdiff_t coarse = ((ptrdiff_t)picture * (k->rows / 2) + row / 2) * (k->cols / 2) + col / 2;
    const ptrdiff_t fine = ((ptrdiff_t)picture * k->rows + row) * k->cols + col;
    float *to = k->y + picture * k->y_picture + row / 2 * k->y_row + col / 2 * k->y_col + o;
    if (k->pool == DQK_POOL_AVERAGE) {
        for (int q = 0; q < 4; q++) y[q / 2 * 4 + q % 2] = rectify(k, y[q / 2 * 4 + q % 2], fine + q / 2 * k->cols + q % 2, o);
        *to = ((y[0] + y[1]) + (y[4] + y[5])) * 0.25f;
        return;
    }
    int best = 0;
    for (int q = 1; q < 4; q++)
        if (y[q / 2 * 4 + q % 2] > y[best / 2 * 4 + best % 2]) best = q;
    for (int b = 0; b < 2; b++) set_bit(&k->choice[2 * (coarse * k->words + o / 16) + b], o % 16, best >> b & 1);
    *to = rectify(k, y[best / 2 * 4 + best % 2], coarse, o);
}

/* The outputs of channel o of one tile; row, col: its first. */
static void finish(const dqk_winograd *k, float *y, int picture, int row, int col, int o) {
    for (int p = 0; p < 16; p++) {
        const int r = row + p / 4, c = col + p % 4;
        if (r >= k->rows || c >= k->cols) continue;
        if (k->pool == DQK_POOL_NONE) {
            float *to = &k->y[picture * k->y_picture + r * k->y_row + c * k->y_col + o];
            *to = (k->accumulate ? *to : 0) + rectify(k, y[p], ((ptrdiff_t)picture * k->rows + r) * k->cols + c, o);
        }
        else if (p / 4 % 2 == 0 && p % 2 == 0 && r + 1 < k->rows && c + 1 < k->cols) pool(k, y + p, picture, r, c, o);
    }
}

void dqk_winograd__c(const dqk_winograd *k) {
    const int per_row = (k->cols + 3) / 4, per_map = per_row * ((k->rows + 3) / 4);
    for (int t = 0; t < k->tiles; t++)
        for (int o = 0; o < k->oc; o++) {
            const int tile = (k->first_tile + t) % per_map, picture = (k->first_tile + t) / per_map;
            const float *u = k->u + (ptrdiff_t)(o / 16) * 36 * dqk_winograd_u_point(k->ic) + o % 16;
            float m[36] = {0}, y[36];
            for (int p = 0; p < 36; p++)
                for (int i = 0; i < k->ic; i++)
                    m[p] += k->v[p * k->v_point + (ptrdiff_t)t * k->ic + i] * u[p * dqk_winograd_u_point(k->ic) + i * 16];
            both_sides(y, at[0], m, 4, 6);
            for (int p = 0; p < 16; p++) y[p] += k->bias ? k->bias[o] : 0.0f;
            finish(k, y, picture, tile / per_row * 4, tile % per_row * 4, o);
        }
}
