/* SPDX-License-Identifier: MIT
 * loss/histogram.h: style cost on what values a channel takes: how far each value is from the one that has its rank in the
 * painting (Risser et al. 2017). Beside Gram matrices, which cannot tell a mean from a variance, it keeps contrast steady. */
#ifndef DQ_LOSS_HISTOGRAM_H
#define DQ_LOSS_HISTOGRAM_H

#include "base/pool.h"
#include "net/tensor.h"

enum { DQ__QUANTILES = 257 };

/* quantile: [cs][DQ__QUANTILES], for each channel the values below which 0, 1/256, … 1 of its positions lie. Adds share times
 * those of f. guide: how much each position counts, [h][w]; NULL: alike. */
void dq__histogram_add(dq__pool *pool, const dq__tensor *f, const float *guide, double share, float *quantile);
/* Mean over the positions of Σ over channels of value². */
double dq__histogram_energy(const float *quantile, int cs);
/* Returns scale·Σ m·(f − R(f))², where R(f) is the painting's value of the same rank as f in its channel; adds weight times
 * the gradient, 2·scale·m·(f − R(f)), to grad where weight ≠ 0: R moves with f, but moves no cost to the first order. */
double dq__histogram_cost(dq__pool *pool, const dq__tensor *f, const float *guide, const float *quantile, double scale,
                          double weight, const dq__tensor *grad);

#endif
