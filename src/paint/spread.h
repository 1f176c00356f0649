/* SPDX-License-Identifier: MIT
 * paint/spread.h: one job on many ranks. The leader's job is like any other; the followers get copies of what it is made of,
 * and make with theirs every step that the leader makes with its own. All have the whole picture and the optimiser, which go
 * the same way everywhere; what they share is the work of an evaluation (cost.c). Only the leader reads, writes and is asked. */
#ifndef DQ_PAINT_SPREAD_H
#define DQ_PAINT_SPREAD_H

#include "base/ranks.h"
#include "paint/job_state.h"

/* What the leader says before it does the same. */
typedef enum dq__order { DQ__ORDER_END, DQ__ORDER_JOB, DQ__ORDER_BEGIN, DQ__ORDER_STEP, DQ__ORDER_FREE } dq__order;

/* Of the leader: gives the followers a job that has made no step. One at a time. ranks: NULL does nothing. */
dq_status dq__spread_job(dq_job *job, dq__ranks *ranks, const dq_model *model, dq__error *err);
/* Of the leader; nothing for a job that is not spread, or is a follower's. */
dq_status dq__spread_say(const dq_job *job, dq__order order, dq__error *err);
/* Of the leader: lets the followers go. */
void dq__spread_end(dq__ranks *ranks);
/* Of the others: do what the leader says until it lets them go. */
dq_status dq__spread_follow(dq__ranks *ranks, dq__pool *pool, dq__error *err);

#endif
