/* SPDX-License-Identifier: MIT
 * train/match.h: how far features of one network are from those of another, in value and in Gram matrix, and the gradient.
 * What distillation minimises at each tap. */
#ifndef DQ_TRAIN_MATCH_H
#define DQ_TRAIN_MATCH_H

#include "loss/gram.h"
#include "net/tensor.h"

typedef struct dq__match_cost {
    double value; /* Σ|f − target|² / Σ|target|² over all pictures */
    double gram;  /* Σ‖G(f) − G(target)‖² / Σ‖G(target)‖², a Gram matrix for each picture */
} dq__match_cost;

/* f and target: same shape. Adds weight·(d value/df + gram_weight · d gram/df) to grad where it is not NULL. `space`: for
 * cs channels at least; `grams`: n·cs² floats. */
dq__match_cost dq__match(dq__pool *pool, dq__gram_space *space, float *grams, const dq__tensor *f, const dq__tensor *target,
                         double weight, double gram_weight, const dq__tensor *grad);
/* Features below 0 become 0: what a linear head predicts of a rectified layer. */
void dq__match_rectify(dq__pool *pool, const dq__tensor *f);

#endif
