/* SPDX-License-Identifier: MIT
 * paint/job.h: one painting as a stepper: pyramid of scales, at each scale the network is planned anew, targets are taken
 * from content and styles, and the optimiser changes the pixels. Owns the state of the run; knows nothing of terminals. */
#ifndef DQ_PAINT_JOB_H
#define DQ_PAINT_JOB_H

#include "base/pool.h"
#include "image/image.h"
#include "model/model.h"
#include "paint/options.h"

/* pool, model and the log callback must outlive the job; everything else is copied. `record` (JSON, may be NULL) is attached
 * to every picture the job gives. log may be NULL. */
dq_status dq__job_new(dq_job **out, dq__pool *pool, const dq_model *model, const dq_image *content,
                      const dq_image *const *styles, int style_count, const dq__settings *settings, const char *record,
                      dq_log_fn log, void *log_user, dq__error *err);
void dq__job_free(dq_job **job);
void dq__job_plan(const dq_job *job, dq_plan *plan);
dq_status dq__job_step(dq_job *job, int *more, dq__error *err);
void dq__job_progress(const dq_job *job, dq_progress *progress);
dq_status dq__job_image(dq_job *job, dq_image **out, dq__error *err);
/* The context a job belongs to: kept for api/, which tells it of failures; NULL until set. The job never looks at it. */
void dq__job_set_context(dq_job *job, dq_context *context);
dq_context *dq__job_context(const dq_job *job);

#endif
