/* SPDX-License-Identifier: MIT
 * loss/adversarial.h: what a discriminator's answers cost: it should answer high for real pictures and low for made ones, and
 * who makes pictures wants them taken for real. */
#ifndef DQ_LOSS_ADVERSARIAL_H
#define DQ_LOSS_ADVERSARIAL_H

#include "base/pool.h"
#include "net/tensor.h"

#include <stdbool.h>

/* Least squares (Mao et al. 2017): scale·Σ(f − goal)², goal 1 for real and 0 for made; adds weight times the gradient to grad
 * where weight ≠ 0. */
double dq__adversarial_squares(dq__pool *pool, const dq__tensor *f, bool real, double scale, double weight,
                               const dq__tensor *grad);
/* Logistic (Goodfellow et al. 2014), f before any sigmoid: scale·Σ ln(1 + e^−f) for real, scale·Σ ln(1 + e^f) for made. */
double dq__adversarial_logistic(dq__pool *pool, const dq__tensor *f, bool real, double scale, double weight,
                                const dq__tensor *grad);

#endif
