/* SPDX-License-Identifier: MIT
 * explain/rebuild.h: a picture made from noise so that its content at one layer, or its style at some, is that of another
 * picture (Gatys et al. 2015, figure 1). */
#ifndef DQ_EXPLAIN_REBUILD_H
#define DQ_EXPLAIN_REBUILD_H

#include "explain/sight.h"

typedef struct dq__rebuilding {
    int layer[DQ__MAX_TAPS], layers; /* of the table, ascending; content: the last one alone counts */
    bool style;
    int iterations;
    uint64_t seed;
    int (*tell)(void *user, int iteration); /* after each step; non-zero stops with DQ_CANCELLED */
    void *user;
} dq__rebuilding;

/* width × height: of the result; content needs the size of the image. *left gets what is left of the cost: 1 would be that of a
 * picture whose features are all 0. */
dq_status dq__rebuild(dq_image **out, const dq__sight *sight, const dq__rebuilding *r, const dq_image *image, int width,
                      int height, double *left, dq__error *err);

#endif
