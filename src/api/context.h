/* SPDX-License-Identifier: MIT
 * api/context.h: what a dq_context is, for the files of this folder only. */
#ifndef DQ_API_CONTEXT_H
#define DQ_API_CONTEXT_H

#include "base/error.h"
#include "base/pool.h"
#include "base/ranks.h"

struct dq_context {
    int threads;             /* as asked for; 0: one per processor */
    struct pool_link *pools; /* one for each number of threads that a job asked for */
    dq__error error;
    dq_log_fn log;
    void *log_user;
    dq__ranks *ranks; /* joined by the tool "ranks" (ranks.c); NULL: none */
    bool together;    /* do they paint each picture together? */
};

/* The context's pool of so many threads (0: as many as the context was made with), started on first use. */
dq_status dq__context_pool(dq_context *ctx, int threads, dq__pool **pool);
/* DQ_USAGE, with a message, when an argument is NULL that must not be. */
dq_status dq__need(dq_context *ctx, const void *argument, const char *what);

#endif
