/* SPDX-License-Identifier: MIT
 * api/context.c: the context: last failure, notices, thread pools; the other ranks are let go with it. */
#include "api/context.h"

#include "base/mem.h"
#include "kernels/kernels.h"
#include "paint/spread.h"

enum { MAX_THREADS = 256 };

struct pool_link {
    int threads;
    dq__pool *pool;
    struct pool_link *next;
};

const char *dq_version(void) { return DQ_VERSION; }

dq_status dq_context_new(dq_context **out, int threads) {
    *out = NULL;
    if (threads < 0 || threads > MAX_THREADS) return DQ_USAGE;
    *out = dq__alloc_zero(sizeof **out);
    if (!*out) return DQ_LIMIT;
    (*out)->threads = threads;
    return DQ_OK;
}

void dq_context_free(dq_context **ctx) {
    if (!ctx || !*ctx) return;
    struct pool_link *link = (*ctx)->pools;
    while (link) {
        struct pool_link *next = link->next;
        dq__pool_free(&link->pool);
        dq__free(link);
        link = next;
    }
    if ((*ctx)->together && dq__ranks_own((*ctx)->ranks) == 0) dq__spread_end((*ctx)->ranks);
    dq__ranks_close(&(*ctx)->ranks);
    dq__free(*ctx);
    *ctx = NULL;
}

const char *dq_last_error(const dq_context *ctx) { return ctx->error.text; }

void dq_context_set_log(dq_context *ctx, dq_log_fn log, void *user) {
    ctx->log = log;
    ctx->log_user = user;
}

const char *dq_context_isa(const dq_context *ctx) {
    (void)ctx; /* one choice for the process today; the interface leaves room for one a context */
    return dq__isa_name(dqk_kernels(dq__cpu_isa())->isa);
}

dq_status dq__need(dq_context *ctx, const void *argument, const char *what) {
    return argument ? DQ_OK : dq__fail(&ctx->error, DQ_USAGE, "%s must not be NULL", what);
}

dq_status dq__context_pool(dq_context *ctx, int threads, dq__pool **pool) {
    if (!threads) threads = ctx->threads;
    struct pool_link *link = ctx->pools;
    while (link && link->threads != threads) link = link->next;
    if (!link) {
        link = dq__alloc_zero(sizeof *link);
        if (!link) return dq__no_memory(&ctx->error, sizeof *link, "threads");
        dq_status status = dq__pool_new(&link->pool, threads, &ctx->error);
        if (status) {
            dq__free(link);
            return status;
        }
        link->threads = threads;
        link->next = ctx->pools;
        ctx->pools = link;
    }
    *pool = link->pool;
    return DQ_OK;
}
