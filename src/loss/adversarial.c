/* SPDX-License-Identifier: MIT
 * loss/adversarial.c: see adversarial.h. */
#include "loss/adversarial.h"

#include "loss/values.h"

#include <math.h>

static double from_goal(double f, double goal, double *slope) {
    *slope = 2 * (f - goal);
    return (f - goal) * (f - goal);
}

static double squares_real(float f, float t, double *slope) {
    (void)t;
    return from_goal((double)f, 1, slope);
}

static double squares_made(float f, float t, double *slope) {
    (void)t;
    return from_goal((double)f, 0, slope);
}

/* ln(1 + e^x), for any x without overflow. */
static double softplus(double x, double *slope) {
    const double small = exp(-fabs(x));
    *slope = x > 0 ? 1 / (1 + small) : small / (1 + small);
    return fmax(x, 0) + log1p(small);
}

static double logistic_real(float f, float t, double *slope) {
    (void)t;
    const double value = softplus(-(double)f, slope);
    *slope = -*slope;
    return value;
}

static double logistic_made(float f, float t, double *slope) {
    (void)t;
    return softplus((double)f, slope);
}

double dq__adversarial_squares(dq__pool *pool, const dq__tensor *f, bool real, double scale, double weight,
                               const dq__tensor *grad) {
    return dq__sum_values(pool, real ? squares_real : squares_made, f, NULL, scale, weight, grad);
}

double dq__adversarial_logistic(dq__pool *pool, const dq__tensor *f, bool real, double scale, double weight,
                                const dq__tensor *grad) {
    return dq__sum_values(pool, real ? logistic_real : logistic_made, f, NULL, scale, weight, grad);
}
