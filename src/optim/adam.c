/* SPDX-License-Identifier: MIT
 * optim/adam.c: the step, one pass over the variables. */
#include "optim/adam.h"

#include "base/mem.h"

#include <math.h>

dq_status dq__adam_init(dq__adam *adam, size_t n, double rate, double beta1, double beta2, double epsilon, dq__error *err) {
    *adam = (dq__adam){.rate = rate, .beta1 = beta1, .beta2 = beta2, .epsilon = epsilon, .n = n};
    adam->m = dq__alloc_zero(sizeof(float) * n);
    adam->v = dq__alloc_zero(sizeof(float) * n);
    if (adam->m && adam->v) return DQ_OK;
    dq__adam_deinit(adam);
    return dq__no_memory(err, 2 * sizeof(float) * n, "the optimiser");
}

void dq__adam_deinit(dq__adam *adam) {
    dq__free(adam->m);
    dq__free(adam->v);
    *adam = (dq__adam){0};
}

void dq__adam_step(dq__adam *adam, float *x, const float *gradient, dq__box box) {
    const double t = (double)++adam->step;
    const float b1 = (float)adam->beta1, b2 = (float)adam->beta2, epsilon = (float)adam->epsilon;
    const float rate = (float)(adam->rate / (1 - pow(adam->beta1, t)));
    const float keep = (float)(1 - adam->rate * adam->decay); /* exactly 1 without decay */
    const float correct = (float)(1 / sqrt(1 - pow(adam->beta2, t)));
    for (size_t i = 0; i < adam->n; i++) {
        const float g = gradient[i];
        const float m = adam->m[i] = b1 * adam->m[i] + (1 - b1) * g;
        const float v = adam->v[i] = b2 * adam->v[i] + (1 - b2) * g * g;
        x[i] = dq__box_clamp(box, keep * x[i] - rate * m / (sqrtf(v) * correct + epsilon));
    }
}
