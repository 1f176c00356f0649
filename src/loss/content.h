/* SPDX-License-Identifier: MIT
 * loss/content.h: content cost: how far features are from those of the photo (Gatys et al. 2015, eq. 1). */
#ifndef DQ_LOSS_CONTENT_H
#define DQ_LOSS_CONTENT_H

#include "base/pool.h"
#include "net/tensor.h"

/* A dense copy of a map, [h][w][cs]. */
void dq__content_copy(const dq__tensor *f, float *copy);
/* The same as a new block; free with dq__free. NULL without memory. */
float *dq__content_target(const dq__tensor *f);
/* Σ target² over all positions and channels. */
double dq__content_energy(const dq__tensor *f);
/* The same part by part: adds Σ m(f − target)² of every row of f to sums[row], position by position, so that parts from left to
 * right give the sums of the whole row; adds factor·m·(f − target) to grad. sums may be NULL, target (all zero), and grad. */
void dq__content_part(dq__pool *pool, const dq__tensor *f, const dq__tensor *target, const float *map, double *sums,
                      double factor, const dq__tensor *grad);
/* Returns scale·Σ m(f − target)²; adds 2·scale·weight·m·(f − target) to grad where weight ≠ 0. map: m of every position,
 * [h][w]; NULL: 1 everywhere. */
double dq__content_cost(dq__pool *pool, const dq__tensor *f, const float *target, const float *map, double scale,
                        double weight, const dq__tensor *grad);

#endif
