/* SPDX-License-Identifier: MIT
 * loss/gram.h: style cost: how far the Gram matrix of features is from the painting's (Gatys et al. 2015, eq. 3–6). Here
 * G = FᵀF / N with N positions, so that pictures of different sizes compare; the formulas with other factors are scales. */
#ifndef DQ_LOSS_GRAM_H
#define DQ_LOSS_GRAM_H

#include "base/pool.h"
#include "net/tensor.h"

typedef struct dq__gram_space dq__gram_space;

/* Work space for maps of up to `cs` channels; holds partial sums, so that they are added in the same order for any number
 * of threads. */
dq_status dq__gram_space_new(dq__gram_space **out, int cs, dq__error *err);
void dq__gram_space_free(dq__gram_space **space);
size_t dq__gram_space_bytes(int cs);

/* g: cs×cs, symmetric, = FᵀF / (h·w). */
void dq__gram(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, float *g);
/* ‖g‖² = Σ g². */
double dq__gram_energy(const float *g, int cs);
/* Returns scale·‖G(f) − target‖²; adds its gradient times weight, scale·weight·(4/N)·F·(G − target), to grad where
 * weight ≠ 0. target: cs×cs. */
double dq__gram_cost(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, const float *target, double scale,
                     double weight, const dq__tensor *grad);

#endif
