/* SPDX-License-Identifier: MIT
 * net/planner.h: places buffers that live for a span of steps into one block of memory, so that those that never live at
 * the same time share it. Knows nothing of networks. */
#ifndef DQ_NET_PLANNER_H
#define DQ_NET_PLANNER_H

#include <stddef.h>

typedef struct dq__span {
    size_t bytes;    /* wanted; 0 = no buffer */
    int first, last; /* steps at which it is alive, inclusive */
    size_t offset;   /* answer; multiple of 64 */
} dq__span;

/* Fills the offsets (largest first, each at the lowest place that is free during its life); returns the bytes in all. */
size_t dq__plan_place(dq__span *span, int count);

#endif
