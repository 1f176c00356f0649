/* SPDX-License-Identifier: MIT
 * optim/adam.h: Adam (Kingma, Ba 2015, algorithm 1), with decoupled weight decay (AdamW; Loshchilov, Hutter 2019) where it is
 * asked for, on a vector of floats. Knows nothing of images. */
#ifndef DQ_OPTIM_ADAM_H
#define DQ_OPTIM_ADAM_H

#include "base/error.h"
#include "base/mem.h"
#include "optim/box.h"

typedef struct dq__adam {
    double rate, beta1, beta2, epsilon;
    double decay; /* of the weights in a step, as a share of the rate; 0 after dq__adam_init */
    size_t n;
    int64_t step;
    float *m, *v; /* first and second moment */
} dq__adam;

/* State for n variables, moments zero. */
dq_status dq__adam_init(dq__adam *adam, size_t n, double rate, double beta1, double beta2, double epsilon, dq__error *err);
/* The same with the moments in memory of `alloc`. */
dq_status dq__adam_init_in(dq__adam *adam, dq__alloc_fn *alloc, size_t n, double rate, double beta1, double beta2,
                           double epsilon, dq__error *err);
void dq__adam_deinit(dq__adam *adam);
/* x ← clamp((1 − rate·decay)·x − rate·m̂/(√v̂ + ε)) with the bias-corrected moments of the gradients seen so far. */
void dq__adam_step(dq__adam *adam, float *x, const float *gradient, dq__box box);

#endif
