/* SPDX-License-Identifier: MIT
 * optim/adam.c: the step, one pass over the variables. */
#include "optim/adam.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 20 }; /* variables that are done before their memory is left */

dq_status dq__adam_init_in(dq__adam *adam, dq__alloc_fn *alloc, size_t n, double rate, double beta1, double beta2,
                           double epsilon, dq__error *err) {
    *adam = (dq__adam){.rate = rate, .beta1 = beta1, .beta2 = beta2, .epsilon = epsilon, .n = n};
    adam->m = alloc(sizeof(float) * n);
    adam->v = alloc(sizeof(float) * n);
    if (adam->m && adam->v && alloc == dq__alloc) {
        memset(adam->m, 0, sizeof(float) * n);
        memset(adam->v, 0, sizeof(float) * n);
    }
    if (adam->m && adam->v) return DQ_OK;
    dq__adam_deinit(adam);
    return dq__no_memory(err, 2 * sizeof(float) * n, "the optimiser");
}

dq_status dq__adam_init(dq__adam *adam, size_t n, double rate, double beta1, double beta2, double epsilon, dq__error *err) {
    return dq__adam_init_in(adam, dq__alloc, n, rate, beta1, beta2, epsilon, err);
}

void dq__adam_deinit(dq__adam *adam) {
    dq__free(adam->m);
    dq__free(adam->v);
    *adam = (dq__adam){0};
}

/* Tells that a piece is done. */
static void leave(const dq__adam *adam, const float *x, const float *gradient, size_t first, size_t n) {
    const float *const array[] = {adam->m, adam->v, x, gradient};
    for (int k = 0; k < 4; k++) dq__release(array[k] + first, sizeof(float) * n);
}

void dq__adam_step(dq__adam *adam, float *x, const float *gradient, dq__box box) {
    const double t = (double)++adam->step;
    const float b1 = (float)adam->beta1, b2 = (float)adam->beta2, epsilon = (float)adam->epsilon;
    const float rate = (float)(adam->rate / (1 - pow(adam->beta1, t)));
    const float keep = (float)(1 - adam->rate * adam->decay); /* exactly 1 without decay */
    const float correct = (float)(1 / sqrt(1 - pow(adam->beta2, t)));
    for (size_t first = 0; first < adam->n; first += PIECE) {
        const size_t end = adam->n - first < PIECE ? adam->n : first + PIECE;
        for (size_t i = first; i < end; i++) {
            const float g = gradient[i];
            const float m = adam->m[i] = b1 * adam->m[i] + (1 - b1) * g;
            const float v = adam->v[i] = b2 * adam->v[i] + (1 - b2) * g * g;
            x[i] = dq__box_clamp(box, keep * x[i] - rate * m / (sqrtf(v) * correct + epsilon));
        }
        leave(adam, x, gradient, first, end - first);
    }
}
