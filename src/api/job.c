/* SPDX-License-Identifier: MIT
 * api/job.c: dq_job_* of danqing.h on top of paint/job.h: the pool and the record of a job, and who hears of failures. */
#include "api/context.h"
#include "api/record.h"
#include "base/mem.h"
#include "paint/spread.h"

enum { MAX_STYLES = 16 };

static dq_status check_arguments(dq_context *ctx, const dq_model *model, const dq_image *content,
                                 const dq_image *const *styles, int style_count, const dq_options *options) {
    dq_status status = dq__need(ctx, model, "the model");
    if (!status) status = dq__need(ctx, content, "the content image");
    if (!status) status = dq__need(ctx, styles, "the style images");
    if (!status) status = dq__need(ctx, options, "the options");
    if (!status && (style_count < 1 || style_count > MAX_STYLES))
        status = dq__fail(&ctx->error, DQ_USAGE, "a job takes 1 to %d style images, not %d", MAX_STYLES, style_count);
    for (int i = 0; !status && i < style_count; i++) status = dq__need(ctx, styles[i], "a style image");
    return status;
}

dq_status dq_job_new(dq_context *ctx, dq_job **out, const dq_model *model, const dq_image *content,
                     const dq_image *const *styles, int style_count, const dq_options *options) {
    dq__settings settings;
    dq__pool *pool;
    char *record = NULL;
    *out = NULL;
    dq_status status = check_arguments(ctx, model, content, styles, style_count, options);
    if (!status) status = dq__options_resolve(options, &settings, &ctx->error);
    if (!status) status = dq__context_pool(ctx, (int)settings.threads, &pool);
    if (!status)
        status = dq__record_new(&record, model, content, styles, style_count, options, dq_context_isa(ctx), &ctx->error);
    if (!status)
        status = dq__job_new(out, pool, model, content, styles, style_count, &settings, record, ctx->log, ctx->log_user,
                             &ctx->error);
    if (!status && ctx->together) status = dq__spread_job(*out, ctx->ranks, model, &ctx->error);
    if (status) dq__job_free(out);
    else dq__job_set_context(*out, ctx);
    dq__free(record);
    return status;
}

dq_status dq_job_plan(const dq_job *job, dq_plan *plan) {
    dq__job_plan(job, plan);
    return DQ_OK;
}

dq_status dq_job_step(dq_job *job, int *more) { return dq__job_step(job, more, &dq__job_context(job)->error); }

void dq_job_progress(const dq_job *job, dq_progress *progress) { dq__job_progress(job, progress); }

dq_status dq_job_run(dq_job *job, dq_progress_fn callback, void *user) {
    for (int more = 1; more;) {
        dq_progress before, after;
        dq_job_progress(job, &before);
        dq_status status = dq_job_step(job, &more);
        if (status) return status;
        dq_job_progress(job, &after);
        bool stepped = after.iteration > 0 && (after.iteration != before.iteration || after.scale != before.scale);
        if (stepped && callback && callback(user, &after))
            return dq__fail(&dq__job_context(job)->error, DQ_CANCELLED, "stopped by the caller");
    }
    return DQ_OK;
}

dq_status dq_job_image(dq_job *job, dq_image **out) {
    dq__error *err = &dq__job_context(job)->error;
    dq_progress progress;
    *out = NULL;
    dq_job_progress(job, &progress);
    dq_status status = dq__job_image(job, out, err);
    if (!status) status = dq__record_reached(*out, &progress, err);
    if (status) dq__image_free(out);
    return status;
}

void dq_job_free(dq_job **job) {
    if (job) dq__job_free(job);
}
