/* SPDX-License-Identifier: MIT
 * explain/maximise.h: a picture that excites one channel most, made from noise by gradient ascent (Erhan et al. 2009). */
#ifndef DQ_EXPLAIN_MAXIMISE_H
#define DQ_EXPLAIN_MAXIMISE_H

#include "explain/sight.h"

typedef struct dq__maximisation {
    int layer, channel, side; /* of the table; of the picture in pixels */
    int iterations;
    uint64_t seed;
} dq__maximisation;

/* The mean of the channel over all places is raised. What makes the picture legible: it grows from half its size; every step
 * looks at it moved by some pixels; its gradient is taken at several scales with equal weight; colours are drawn to grey. */
dq_status dq__maximise(dq_image **out, const dq__sight *sight, const dq__maximisation *m, dq__error *err);

#endif
