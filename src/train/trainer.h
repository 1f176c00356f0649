/* SPDX-License-Identifier: MIT
 * train/trainer.h: the loop of training as a stepper: gradient, clipping, AdamW, schedule, running average. Writes no file but
 * what it asks the task to write; checkpoint.h keeps its state. */
#ifndef DQ_TRAIN_TRAINER_H
#define DQ_TRAIN_TRAINER_H

#include "optim/adam.h"
#include "train/config.h"
#include "train/task.h"

enum { DQ__MAX_BAD_STEPS = 10 }; /* in a row; then a run has failed */

typedef struct dq__trainer {
    const dq__task *task;
    dq__train_settings settings;
    /* The state: with the recipe, all that the rest of a run depends on. */
    float *theta, *average;  /* `average` is `theta` where none is kept */
    dq__adam adam;           /* its step counts the steps that were taken */
    int64_t step;            /* done, skipped ones too */
    int64_t skipped, bad;    /* steps skipped as not finite: in all, and the last ones in a row */
    /* Of the last step, for log and console. */
    double loss, part[DQ__MAX_PARTS], norm, rate;
    bool taken;              /* false: it was skipped */
    float *gradient;
} dq__trainer;

/* A trainer at step 0, its parameters from the task and the seed. The task outlives it. */
dq_status dq__trainer_new(dq__trainer **out, const dq__task *task, const dq__train_settings *settings, dq__error *err);
/* One step. A loss or gradient that is not finite changes no parameter and is counted; DQ__MAX_BAD_STEPS in a row are
 * DQ_FAILED. */
dq_status dq__trainer_step(dq__trainer *trainer, dq__error *err);
bool dq__trainer_done(const dq__trainer *trainer);
/* The task's functions on the running average. */
dq_status dq__trainer_validate(const dq__trainer *trainer, double *loss, double *part, dq__error *err);
dq_status dq__trainer_sheet(const dq__trainer *trainer, const char *path, dq__error *err);
dq_status dq__trainer_save(const dq__trainer *trainer, const char *path, dq__error *err);
void dq__trainer_free(dq__trainer **trainer);

/* Rate of step `step` (0, 1, …): rises in a straight line over the warm-up, whose last step has the full rate, then falls
 * as half a cosine, so that the last step has the final rate, or stays. */
double dq__rate_at(const dq__train_settings *settings, int64_t step);
/* Share of the old average at the t-th step taken (1, 2, …): smaller in the beginning, where the weights are far from good. */
double dq__average_at(const dq__train_settings *settings, int64_t t);

#endif
