/* SPDX-License-Identifier: MIT
 * train/kinds.h: the kinds of task there are: one row of kinds.c each, and nothing else to do for a new one. */
#ifndef DQ_TRAIN_KINDS_H
#define DQ_TRAIN_KINDS_H

#include "base/pool.h"
#include "train/config.h"
#include "train/task.h"

typedef struct dq__train_kind {
    const char *name;         /* "distil" */
    const char *const *lists; /* names of its recipe that may be given more than once, ended by NULL */
    /* Makes the task from the recipe; `out` is all zero before, and after a failure. The pool outlives it, the config does
     * not. */
    dq_status (*make)(dq__task *out, dq__pool *pool, const dq__config *config, dq__error *err);
} dq__train_kind;

/* The kind of that name; DQ_USAGE, naming those there are. */
dq_status dq__train_kind_find(const dq__train_kind **out, const char *name, dq__error *err);

#endif
