/* SPDX-License-Identifier: MIT
 * paint/plan.h: what a scale takes and how it is made to fit: the picture whole where there is memory for it, else in windows,
 * with what is only walked over in a file. The result does not depend on it, but for rounding. */
#ifndef DQ_PAINT_PLAN_H
#define DQ_PAINT_PLAN_H

#include "paint/job_state.h"

/* Bytes that a job may use: what was asked for, or else 60 % of what is free. */
uint64_t dq__plan_limit(const dq__settings *settings);
/* The plan for a scale within job->limit: the one that is expected to be the fastest. DQ_LIMIT where none fits, with what
 * would. */
dq_status dq__plan_scale(const dq_job *job, const dq__scale *at, dq__scale_plan *plan, dq__error *err);
/* Multiply-adds (times two) a second that convolutions are expected to make here: measured once. Never part of a plan. */
double dq__plan_speed(const dq_job *job);
/* Seconds that a step is expected to take at such a speed. */
double dq__plan_seconds(const dq_job *job, const dq__scale *at, const dq__scale_plan *plan, double flops);
/* The size at which a style is painted from: that of the picture times style_scale, but never enlarged, unless it would be too
 * small for the network. */
void dq__style_size(const dq_job *job, const dq_image *style, const dq__scale *at, int *w, int *h);

#endif
