/* SPDX-License-Identifier: MIT
 * paint/taps.h: from the text of --content-layers and --style-layers to layers of a network with weights. */
#ifndef DQ_PAINT_TAPS_H
#define DQ_PAINT_TAPS_H

#include "net/executor.h"

typedef struct dq__taps {
    int count;
    int layer[DQ__MAX_TAPS];              /* ascending, distinct */
    double content[DQ__MAX_TAPS];         /* weight in J_content, 0 = none */
    double style[DQ__MAX_TAPS];           /* λ in J_style, 0 = none */
    int root[DQ__MAX_TAPS];               /* layer whose matrix the style is measured through (dq__gram_root), −1: none */
} dq__taps;

/* "NAME=w,NAME,NAME?": an unknown name is DQ_USAGE with the list of known ones, NAME? is left out where the network has no
 * such layer. Content weights are 1 when left out; style weights 1/n when all are left out. When only optional names were
 * given for a list and none is there, the deepest relu takes their place. left_out (256 bytes) names what was left out, "". */
dq_status dq__taps_parse(dq__taps *taps, const dq__table *table, const char *content, const char *style, char *left_out,
                         dq__error *err);

#endif
