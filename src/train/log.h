/* SPDX-License-Identifier: MIT
 * train/log.h: the log of a run as CSV: a row for each step and each validation. A run that goes on from a checkpoint goes on
 * with its log: rows after the checkpoint's step are cut off, because those steps are made again. */
#ifndef DQ_TRAIN_LOG_H
#define DQ_TRAIN_LOG_H

#include "train/task.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct dq__log {
    FILE *file; /* NULL: none is kept */
    const char *path;
} dq__log;

/* Begins a log at `path` (NULL: none), or, with `resume`, keeps the rows up to step `from` of the one that is there. */
dq_status dq__log_open(dq__log *log, const char *path, const dq__task *task, bool resume, int64_t from, dq__error *err);
/* step,set,rate,loss,PART…,seconds; the set is "train" or "validation". */
void dq__log_row(dq__log *log, const char *set, const dq_train_progress *progress);
/* Hands all rows to the system; DQ_OUTPUT when one could not be written. */
dq_status dq__log_flush(dq__log *log, dq__error *err);
void dq__log_close(dq__log *log);

#endif
