/* SPDX-License-Identifier: MIT
 * tests/unit/toy_task.h: a task small enough to check by hand: logistic regression on examples drawn by the step's number,
 * which can be told to give numbers that are not finite. Used by the unit test and by the fuzz target of checkpoints. */
#ifndef DQ_TOY_TASK_H
#define DQ_TOY_TASK_H

#include "base/rng.h"
#include "train/task.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum { TOY_INPUTS = 6, TOY_BATCH = 4 };

struct toy {
    int64_t bad_from, bad_to; /* steps whose loss is not finite: from ≤ step < to */
    bool bad_gradient;        /* in those the loss is finite and the gradient is not */
    int validated;            /* times */
};

static inline void toy_init(void *self, uint64_t seed, float *theta) {
    (void)self;
    for (int i = 0; i < TOY_INPUTS; i++) theta[i] = dq__rng_normal(seed, 7, (uint64_t)i);
}

/* The mean loss over a batch, and its gradient where it is wanted. The truth is the sign of the sum of the inputs. */
static inline double toy_loss(const float *theta, uint64_t stream, float *gradient) {
    double loss = 0;
    for (int i = 0; gradient && i < TOY_INPUTS; i++) gradient[i] = 0;
    for (uint64_t b = 0; b < TOY_BATCH; b++) {
        float x[TOY_INPUTS], sum = 0;
        double z = 0;
        for (int i = 0; i < TOY_INPUTS; i++) {
            x[i] = dq__rng_normal(99, stream, b * TOY_INPUTS + (uint64_t)i);
            sum += x[i];
            z += (double)theta[i] * (double)x[i];
        }
        const double sign = sum > 0 ? 1 : -1, slope = -sign / (1 + exp(sign * z)) / TOY_BATCH;
        loss += log1p(exp(-sign * z)) / TOY_BATCH;
        for (int i = 0; gradient && i < TOY_INPUTS; i++) gradient[i] += (float)(slope * (double)x[i]);
    }
    return loss;
}

static inline dq_status toy_gradient(void *self, const float *theta, int64_t step, float *gradient, double *loss, double *part,
                                     dq__error *e) {
    const struct toy *toy = self;
    (void)e;
    *loss = toy_loss(theta, (uint64_t)step, gradient);
    part[0] = *loss / 2;
    part[1] = *loss / 4;
    if (step < toy->bad_from || step >= toy->bad_to) return DQ_OK;
    if (toy->bad_gradient) gradient[2] = INFINITY;
    else *loss = NAN;
    return DQ_OK;
}

static inline dq_status toy_validate(void *self, const float *theta, double *loss, double *part, dq__error *e) {
    (void)e;
    ((struct toy *)self)->validated++;
    *loss = toy_loss(theta, 1u << 30, NULL);
    part[0] = part[1] = *loss;
    return DQ_OK;
}

/* The weights and the step, as they are. */
static inline dq_status toy_save(void *self, const float *theta, int64_t step, const char *path, dq__error *e) {
    (void)self;
    FILE *file = fopen(path, "wb");
    if (!file) return dq__fail(e, DQ_OUTPUT, "%s: cannot be written", path);
    fwrite(theta, sizeof *theta, TOY_INPUTS, file);
    fwrite(&step, sizeof step, 1, file);
    fclose(file);
    return DQ_OK;
}

static inline dq_status toy_sheet(void *self, const float *theta, const char *path, dq__error *e) {
    return toy_save(self, theta, 0, path, e);
}

static inline void toy_free(void *self) { (void)self; }

static inline dq__task toy_task(struct toy *toy) {
    static const char *const names[] = {"half", "quarter"};
    return (dq__task){.self = toy, .parameters = TOY_INPUTS, .parts = 2, .part_name = names, .init = toy_init,
                      .gradient = toy_gradient, .validate = toy_validate, .sheet = toy_sheet, .save = toy_save,
                      .free = toy_free};
}

#endif
