/* SPDX-License-Identifier: MIT
 * sketch/blend.h: weights for the candidates of every cell of a grid, so that photos agree and neighbours' drawings agree
 * where they overlap: E = Σ_i (w_iᵀH_i w_i − 2 b_iᵀw_i + c_i) + α·Σ_(i,j) ‖A_ij w_i − A_ji w_j‖², Σw_i = 1, w_i ≥ 0. Convex,
 * so that each step lowers E (cascade decomposition, Zhou et al. 2012). What H, b and the overlaps are is the caller's. */
#ifndef DQ_SKETCH_BLEND_H
#define DQ_SKETCH_BLEND_H

#include "base/pool.h"

enum { DQ__BLEND_RIGHT, DQ__BLEND_LEFT, DQ__BLEND_DOWN, DQ__BLEND_UP, DQ__BLEND_SIDES };

typedef struct dq__blend {
    int rows, columns, k;
    double alpha;
    float *h;          /* [cells][k][k] */
    float *b, *c;      /* [cells][k], [cells] */
    float *own[DQ__BLEND_SIDES]; /* [cells][k][k]: AᵀA of the overlap with the neighbour on that side; 0 where there is none */
    float *cross[2];   /* [cells][k][k]: AᵀA' with the neighbour to the right, below */
    float *w;          /* [cells][k] */
} dq__blend;

dq_status dq__blend_init(dq__blend *blend, int rows, int columns, int k, double alpha, dq__error *err);
void dq__blend_deinit(dq__blend *blend);
/* Fills `own` and `cross` from what the candidates would draw, patches [cells][k][side·side], of cells `step` pixels apart. */
void dq__blend_overlaps(dq__blend *blend, dq__pool *pool, const float *patches, int side, int step);
/* Equal weights. */
void dq__blend_begin(dq__blend *blend);
/* One round over all cells, each to (near) its minimum. */
void dq__blend_sweep(dq__blend *blend);
double dq__blend_energy(const dq__blend *blend);

#endif
