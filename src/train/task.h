/* SPDX-License-Identifier: MIT
 * train/task.h: what is trained, as the trainer sees it: a vector of parameters, a loss with its gradient, and a few things to
 * do with the result. A task keeps no state between steps: what it computes depends on its arguments and on what it was made
 * with, so that a run that goes on from a checkpoint is the run that was never broken. */
#ifndef DQ_TRAIN_TASK_H
#define DQ_TRAIN_TASK_H

#include "base/error.h"

enum { DQ__MAX_PARTS = 32 };

typedef struct dq__task {
    void *self;
    size_t parameters;
    int parts;                     /* of the loss, at most DQ__MAX_PARTS; may be 0 */
    const char *const *part_name;  /* for log and console: short, without commas */
    /* Fills theta from the seed. */
    void (*init)(void *self, uint64_t seed, float *theta);
    /* The loss of step `step` (0, 1, …) and its gradient, which is overwritten; part has room for `parts`. A loss that is not
     * finite is no failure: the trainer deals with it. */
    dq_status (*gradient)(void *self, const float *theta, int64_t step, float *gradient, double *loss, double *part,
                          dq__error *err);
    /* The loss on pictures that are not trained on, the same for the same theta. NULL: there are none. */
    dq_status (*validate)(void *self, const float *theta, double *loss, double *part, dq__error *err);
    /* Writes a picture to look at. NULL: there is none. */
    dq_status (*sheet)(void *self, const float *theta, const char *path, dq__error *err);
    /* Writes what was trained, for use; whole or not at all. */
    dq_status (*save)(void *self, const float *theta, int64_t step, const char *path, dq__error *err);
    void (*free)(void *self);
} dq__task;

#endif
