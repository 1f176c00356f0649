/* SPDX-License-Identifier: MIT
 * base/pool.h: a fixed set of threads that run numbered tasks. Which thread runs a task is not determined; what a task
 * computes must depend on its number alone, so that results do not depend on the number of threads. */
#ifndef DQ_BASE_POOL_H
#define DQ_BASE_POOL_H

#include "base/error.h"

typedef struct dq__pool dq__pool;
typedef void (*dq__task_fn)(void *work, int task);

/* threads: 1 … 256; 0 = one per processor this process may use. The caller counts as one of them. */
dq_status dq__pool_new(dq__pool **out, int threads, dq__error *err);
void dq__pool_free(dq__pool **pool);
int dq__pool_threads(const dq__pool *pool);
/* Runs fn(work, 0 … tasks−1), returns when all are done. Not to be nested. pool may be NULL: runs in the caller. */
void dq__pool_run(dq__pool *pool, int tasks, dq__task_fn fn, void *work);

/* Inside a task: the number of the thread that runs it, 0 … threads−1; for scratch memory, never for results. */
int dq__pool_worker(void);

#endif
