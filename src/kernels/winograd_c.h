/* SPDX-License-Identifier: MIT
 * kernels/winograd_c.h: winograd.h's three matrices as arrays, and their product with a tile, for the plain references. */
#ifndef DQ_KERNELS_WINOGRAD_C_H
#define DQ_KERNELS_WINOGRAD_C_H

#include "kernels/winograd.h"

#define P DQK_WINOGRAD_P
#define Q DQK_WINOGRAD_Q
#define PP (P * P)
#define QQ (Q * Q)
#define NP (1.0f / (2 * PP * (PP - QQ)))
#define NQ (1.0f / (2 * QQ * (QQ - PP)))

static const float bt[6][6] = {{1, 0, -PP - QQ, 0, 1, 0}, {0, -P *QQ, -QQ, P, 1, 0}, {0, P *QQ, -QQ, -P, 1, 0},
                               {0, -Q *PP, -PP, Q, 1, 0}, {0, Q *PP, -PP, -Q, 1, 0}, {0, 1, 0, -PP - QQ, 0, 1}};
static const float g3[6][3] = {{1, 0, 0},          {NP, NP *P, NP *PP},  {NP, -NP *P, NP *PP},
                               {NQ, NQ *Q, NQ *QQ}, {NQ, -NQ *Q, NQ *QQ}, {0, 0, 1}};
static const float at[4][6] = {{1, 1, 1, 1, 1, 0}, {0, P, -P, Q, -Q, 0}, {0, PP, PP, QQ, QQ, 0},
                               {0, P *PP, -P *PP, Q *QQ, -Q *QQ, 1}};

/* out (n,n) = m (n,k) · in (k,k) · mᵀ */
static inline void both_sides(float *out, const float *m, const float *in, int n, int k) {
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++) {
            float sum = 0;
            for (int p = 0; p < k; p++) {
                float row = 0;
                for (int q = 0; q < k; q++) row += in[p * k + q] * m[b * k + q];
                sum += m[a * k + p] * row;
            }
            out[a * n + b] = sum;
        }
}

#endif
