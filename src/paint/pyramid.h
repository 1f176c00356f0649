/* SPDX-License-Identifier: MIT
 * paint/pyramid.h: the sizes a job goes through, and how many steps it makes at each. Pure arithmetic. */
#ifndef DQ_PAINT_PYRAMID_H
#define DQ_PAINT_PYRAMID_H

#include "paint/options.h"

enum { DQ__MAX_SCALES = 64 };

typedef struct dq__scale {
    int w, h;
    int64_t iterations;
} dq__scale;

typedef struct dq__pyramid {
    int count; /* smallest first */
    dq__scale scale[DQ__MAX_SCALES];
} dq__pyramid;

/* Width and height with the longest side `longest` and the aspect of w×h, at least 1 px each. */
void dq__fit(int longest, int w, int h, int *fit_w, int *fit_h);
/* The longest side of scale i is size / step^(count−1−i), rounded, while it is ≥ min_size and the shortest ≥ min_side. */
dq__pyramid dq__pyramid_make(const dq__settings *settings, int content_w, int content_h, int min_side);

#endif
