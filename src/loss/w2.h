/* SPDX-License-Identifier: MIT
 * loss/w2.h: style cost: the squared 2-Wasserstein distance between two normal distributions, those that have the mean and
 * the covariance of the features of picture and painting. Where Gram matrices confuse mean and variance, it has both. */
#ifndef DQ_LOSS_W2_H
#define DQ_LOSS_W2_H

#include "loss/moments.h"

/* The painting's: a covariance is taken with a ridge on its diagonal, so that it has a root and an inverse. */
typedef struct dq__gaussian {
    float *mean;   /* cs */
    float *matrix; /* cs×cs: R = (Σ* + ridge·I)^½ */
    double trace;  /* of Σ* + ridge·I */
    double ridge;  /* 1e-4 of the mean variance of a channel; the picture's covariance gets the same */
} dq__gaussian;

typedef struct dq__w2 {
    float *y, *z, *t, *spare, *packed; /* cs×cs each */
} dq__w2;

/* Space for maps of up to `cs` channels. */
dq_status dq__w2_init(dq__w2 *w, int cs, dq__error *err);
void dq__w2_deinit(dq__w2 *w);
size_t dq__w2_bytes(int cs);

/* From raw moments, mean and matrix = FᵀF/N of c channels of stride cs, to what dq__w2_cost takes. */
void dq__w2_target(dq__pool *pool, dq__w2 *w, dq__gaussian *target, int c, int cs);
/* Returns scale·(‖μ − μ*‖² + tr(Σ + Σ* − 2·(R Σ R)^½)), both covariances with the ridge; adds weight times its gradient to
 * grad where weight ≠ 0. The root is found by twelve steps of Newton–Schulz, which bound the inverse: directions in which
 * R Σ R is below some 6e-5 of its norm are damped instead of inverted, and count a little too much. */
double dq__w2_cost(dq__pool *pool, dq__w2 *w, dq__moments *m, const dq__gram_root *through, const dq__tensor *f,
                   const dq__gaussian *target, double scale, double weight, const dq__tensor *grad);

#endif
