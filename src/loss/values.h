/* SPDX-License-Identifier: MIT
 * loss/values.h: what costs that are sums over single values share: the walk over a map, and the order of its sums. Private to
 * loss/. */
#ifndef DQ_LOSS_VALUES_H
#define DQ_LOSS_VALUES_H

#include "base/pool.h"
#include "net/tensor.h"

/* Cost of one value f, and its slope; t: the target's value, 0 without a target. */
typedef double dq__value_fn(float f, float t, double *slope);

/* scale·Σ fn(f, target) over pictures, rows, columns and channels; adds scale·weight·slope to grad where weight ≠ 0. target may
 * be NULL. */
double dq__sum_values(dq__pool *pool, dq__value_fn *fn, const dq__tensor *f, const dq__tensor *target, double scale,
                      double weight, const dq__tensor *grad);

#endif
