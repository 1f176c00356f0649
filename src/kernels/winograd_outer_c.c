/* SPDX-License-Identifier: MIT
 * kernels/winograd_outer_c.c: the plain reference of winograd_outer.h: Gᵀ·Σ[(Bᵀ·x·B) ∘ (A·d·Aᵀ)]·G, one tile and one
 * channel at a time. */
#include "kernels/kernels.h"
#include "kernels/winograd_c.h"

/* to (columns,rows) = the transpose of from (rows,columns) */
static void transpose(float *to, const float *from, int rows, int columns) {
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c];
}

/* side×side pixels from (row, col) on of a map that is readable up to rows, cols; zero beyond */
static void cut(float *to, const float *map, ptrdiff_t map_row, ptrdiff_t map_col, int row, int col, int side, int rows,
                int cols) {
    for (int p = 0; p < side * side; p++) {
        const int r = row + p / side, c = col + p % side;
        to[p] = r < rows && c < cols ? map[r * map_row + c * map_col] : 0.0f;
    }
}

static void transform_tile(const dqk_winograd_outer *k, int tile, float *v, float *d) {
    /* v: [36][ic], d: [36][oc] */
    const int per_row = (k->cols + 3) / 4, per_picture = per_row * ((k->rows + 3) / 4), picture = tile / per_picture;
    const int row = tile % per_picture / per_row * 4, col = tile % per_picture % per_row * 4;
    const float *x = k->x + picture * k->x_picture, *y = k->d + picture * k->d_picture;
    float a[6 * 4], in[36], out[36];
    transpose(a, at[0], 4, 6);
    for (int i = 0; i < k->ic; i++) {
        cut(in, x + i, k->x_row, k->x_col, row - 1, col - 1, 6, k->rows + 1, k->cols + 1);
        both_sides(out, bt[0], in, 6, 6);
        for (int p = 0; p < 36; p++) v[p * k->ic + i] = out[p];
    }
    for (int o = 0; o < k->oc; o++) {
        cut(in, y + o, k->d_row, k->d_col, row, col, 4, k->rows, k->cols);
        both_sides(out, a, in, 6, 4);
        for (int p = 0; p < 36; p++) d[p * k->oc + o] = out[p];
    }
}

void dqk_winograd_outer__c(const dqk_winograd_outer *k) {
    float *v = k->scratch, *d = v + 36 * (ptrdiff_t)k->ic;
    for (int t = k->first_tile; t < k->first_tile + k->tiles; t++) {
        transform_tile(k, t, v, d);
        for (int p = 0; p < 36; p++)
            for (int i = 0; i < k->ic; i++)
                for (int o = 0; o < k->oc; o++)
                    k->m[((ptrdiff_t)p * k->ic + i) * k->oc + o] += v[p * k->ic + i] * d[p * k->oc + o];
    }
}

void dqk_winograd_outer_finish__c(float *g, const float *m, ptrdiff_t stride, int n) {
    float gt[3 * 6], in[36], out[9];
    transpose(gt, g3[0], 6, 3);
    for (int j = 0; j < n; j++) {
        for (int p = 0; p < 36; p++) in[p] = m[p * stride + j];
        both_sides(out, gt, in, 3, 6);
        for (int t = 0; t < 9; t++) g[t * stride + j] += out[t];
    }
}
