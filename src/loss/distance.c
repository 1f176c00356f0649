/* SPDX-License-Identifier: MIT
 * loss/distance.c: see distance.h. */
#include "loss/distance.h"

#include "loss/values.h"

static double absolute(float f, float t, double *slope) {
    const double d = (double)f - (double)t;
    *slope = d > 0 ? 1 : d < 0 ? -1 : 0;
    return d < 0 ? -d : d;
}

static double square(float f, float t, double *slope) {
    const double d = (double)f - (double)t;
    *slope = 2 * d;
    return d * d;
}

double dq__l1_cost(dq__pool *pool, const dq__tensor *f, const dq__tensor *target, double scale, double weight,
                   const dq__tensor *grad) {
    return dq__sum_values(pool, absolute, f, target, scale, weight, grad);
}

double dq__l2_cost(dq__pool *pool, const dq__tensor *f, const dq__tensor *target, double scale, double weight,
                   const dq__tensor *grad) {
    return dq__sum_values(pool, square, f, target, scale, weight, grad);
}
