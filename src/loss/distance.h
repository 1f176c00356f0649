/* SPDX-License-Identifier: MIT
 * loss/distance.h: how far the features of several pictures are from given ones, value by value. */
#ifndef DQ_LOSS_DISTANCE_H
#define DQ_LOSS_DISTANCE_H

#include "base/pool.h"
#include "net/tensor.h"

/* scale·Σ|f − target| over pictures, positions and channels; adds scale·weight·sign(f − target) to grad where weight ≠ 0. The
 * slope at 0 is 0. target: the shape of f; its halo and that of grad may be others. */
double dq__l1_cost(dq__pool *pool, const dq__tensor *f, const dq__tensor *target, double scale, double weight,
                   const dq__tensor *grad);
/* scale·Σ(f − target)²; adds 2·scale·weight·(f − target). */
double dq__l2_cost(dq__pool *pool, const dq__tensor *f, const dq__tensor *target, double scale, double weight,
                   const dq__tensor *grad);

#endif
