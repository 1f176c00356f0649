/* SPDX-License-Identifier: MIT
 * train/run.h: a run from beginning to end: goes on from a checkpoint or begins, steps, validates, logs, keeps checkpoints,
 * writes the result. */
#ifndef DQ_TRAIN_RUN_H
#define DQ_TRAIN_RUN_H

#include "train/config.h"
#include "train/task.h"

typedef struct dq__run {
    const dq__task *task;
    const dq__config *config;
    const char *output, *log, *sheet; /* as in dq_training */
    bool resume;
    dq_log_fn notice; /* may be NULL */
    void *notice_user;
    dq_train_fn callback; /* may be NULL */
    void *user;
} dq__run;

/* DQ_CANCELLED where the callback asked for it; the checkpoint is written then. */
dq_status dq__train_run(const dq__run *run, dq__error *err);

#endif
