/* SPDX-License-Identifier: MIT
 * loss/tv.h: total variation: how rough a picture is. */
#ifndef DQ_LOSS_TV_H
#define DQ_LOSS_TV_H

#include "base/pool.h"

/* NINE: 2·Σ over pixels and channels of (right² + down²)/3 + (both diagonals²)/12, divided by 3·h·w: each pixel with its
 * eight neighbours, rotation-friendly. SUM: ½·Σ (right² + down²) over y < h−1, x < w−1, as neural-style has it. */
typedef enum dq__tv_kind { DQ__TV_NINE, DQ__TV_SUM } dq__tv_kind;

/* x: [h][w][3]. Returns the cost; adds weight times its gradient to grad [h][w][3] where weight ≠ 0. row_sums: h doubles. */
double dq__tv_cost(dq__pool *pool, dq__tv_kind kind, const float *x, int h, int w, double weight, float *grad,
                   double *row_sums);

#endif
