/* SPDX-License-Identifier: MIT
 * kernels/simd/winograd_points_tmpl.h: winograd.h's points and the transform of its inputs, for the convolution and for the
 * gradient of its weights. The including file has vf, a vector of VW floats. */
#define P DQK_WINOGRAD_P
#define Q DQK_WINOGRAD_Q
#define PP (P * P)
#define QQ (Q * Q)
#define NORM_P (1.0f / (2 * PP * (PP - QQ)))
#define NORM_Q (1.0f / (2 * QQ * (QQ - PP)))

enum { POINTS = 36 };

static inline __attribute__((always_inline)) void input_1d(vf *t, const vf *d) {
    /* t = Bᵀ·d, six each */
    const vf even_p = d[4] - QQ * d[2], odd_p = P * (d[3] - QQ * d[1]);
    const vf even_q = d[4] - PP * d[2], odd_q = Q * (d[3] - PP * d[1]);
    t[0] = d[0] - (PP + QQ) * d[2] + d[4];
    t[1] = even_p + odd_p;
    t[2] = even_p - odd_p;
    t[3] = even_q + odd_q;
    t[4] = even_q - odd_q;
    t[5] = d[1] - (PP + QQ) * d[3] + d[5];
}

static void transform_input(float *to, ptrdiff_t point, const float *x, ptrdiff_t x_row, ptrdiff_t x_col, int ic) {
    /* x: first of 6×6 pixels; to: [36] values `point` floats apart, ic channels each */
    for (int i = 0; i < ic; i += VW) {
        vf column[6][6];
#pragma GCC unroll 6
        for (int b = 0; b < 6; b++) {
            vf d[6], t[6];
#pragma GCC unroll 6
            for (int a = 0; a < 6; a++) d[a] = *(const vf *)(x + a * x_row + b * x_col + i);
            input_1d(t, d);
#pragma GCC unroll 6
            for (int a = 0; a < 6; a++) column[a][b] = t[a];
        }
#pragma GCC unroll 6
        for (int a = 0; a < 6; a++) {
            vf t[6];
            input_1d(t, column[a]);
#pragma GCC unroll 6
            for (int b = 0; b < 6; b++) *(vf *)(to + (a * 6 + b) * point + i) = t[b];
        }
    }
}

/* A copy of the 6×6 pixels of a tile at the edge, zero where the map does not reach: it has rows×cols pixels from x on. */
static inline void copy_edge(float *patch, const float *x, ptrdiff_t x_row, ptrdiff_t x_col, int rows, int cols, int ic) {
    for (int p = 0; p < POINTS; p++) {
        const float *from = p / 6 < rows && p % 6 < cols ? x + p / 6 * x_row + p % 6 * x_col : NULL;
        for (int i = 0; i < ic; i += VW) *(vf *)(patch + (ptrdiff_t)p * ic + i) = from ? *(const vf *)(from + i) : (vf){0};
    }
}
