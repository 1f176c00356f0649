/* SPDX-License-Identifier: MIT
 * base/ranks.h: the processes that work on one job, each with its number, the rank: 0 leads, the others follow. What they tell
 * each other, always in the same order whoever is the fastest, so that results do not depend on it. NULL stands for a process
 * that is alone: every function takes it. All ranks must call the same functions in the same order. */
#ifndef DQ_BASE_RANKS_H
#define DQ_BASE_RANKS_H

#include "base/error.h"

#include <stdbool.h>

typedef struct dq__ranks dq__ranks;

/* *out is NULL where this process was started alone: then nothing else is done. Not twice in a process. */
dq_status dq__ranks_open(dq__ranks **out, dq__error *err);
void dq__ranks_close(dq__ranks **ranks);
int dq__ranks_count(const dq__ranks *ranks);
int dq__ranks_own(const dq__ranks *ranks);
/* How many of them run on this machine. */
int dq__ranks_beside(const dq__ranks *ranks);
/* Who is asked while this rank waits for another one, with the seconds waited; non-zero gives up. NULL: it waits for ever. */
void dq__ranks_patience(dq__ranks *ranks, dq_progress_fn ask, void *user);

/* DQ_FAILED once a rank is lost, and for good: all that is asked below fails at once then. */
dq_status dq__ranks_check(const dq__ranks *ranks, dq__error *err);

/* What rank `root` has at `bytes` all have then. */
dq_status dq__ranks_share(dq__ranks *ranks, int root, void *bytes, size_t size, dq__error *err);
/* Each has its part of `bytes`, rank r those from end[r − 1] (0 for the first) to end[r]; all have the whole then. */
dq_status dq__ranks_gather(dq__ranks *ranks, void *bytes, const size_t *end, dq__error *err);
/* Sums of many numbers, each in two doubles (what is rounded off the first is in the second), become those over all ranks; the
 * same everywhere. */
dq_status dq__ranks_sum(dq__ranks *ranks, double *high, double *low, size_t count, dq__error *err);

/* Rows of a map, to before the last. */
typedef struct dq__rows {
    int first, end;
} dq__rows;
typedef dq__rows dq__rows_fn(const void *user, int rank);
/* Each rank has some rows of a map, no two the same, and needs some: it gets those that it has not. */
dq_status dq__ranks_trade(dq__ranks *ranks, void *map, size_t row_bytes, dq__rows_fn *have, dq__rows_fn *need, const void *user,
                          dq__error *err);
/* The failure of the lowest rank that has one becomes everybody's. */
dq_status dq__ranks_agree(dq__ranks *ranks, dq_status own, dq__error *err);

/* Bytes that this rank has sent so far, and seconds spent with it. */
typedef struct dq__traffic {
    double bytes, seconds;
} dq__traffic;
dq__traffic dq__ranks_traffic(const dq__ranks *ranks);

#endif
