/* SPDX-License-Identifier: MIT
 * explain/peaks.h: where in a set of photos the channels of some layers are excited most. */
#ifndef DQ_EXPLAIN_PEAKS_H
#define DQ_EXPLAIN_PEAKS_H

#include "explain/sight.h"

enum { DQ__BEST = 9 };

typedef struct dq__peak {
    float value;
    int photo, y, x; /* number of the photo; place in the map */
} dq__peak;

/* One channel: its strongest places, apart from each other, the strongest first, and its mean over all places. */
typedef struct dq__excited {
    dq__peak best[DQ__BEST];
    int count;
    double sum;
} dq__excited;

typedef struct dq__peaks {
    char **path; /* of the photos; those that are none are NULL */
    int photos, size;
    double places[DQ__MAX_TAPS];       /* of all photos, by layer of the sight */
    dq__excited *channel[DQ__MAX_TAPS]; /* by layer and channel */
} dq__peaks;

/* Looks at every picture of a folder, made so small that its longest side is `size`; other files are left out. Progress from 0
 * to `share`. Free whatever was returned. DQ_BAD_IMAGE where there is none. */
dq_status dq__peaks_find(dq__peaks *peaks, const dq__sight *sight, const dq__call *call, const char *folder, int size,
                         double share, dq__error *err);
void dq__peaks_free(dq__peaks *peaks);
/* The channels of a layer of the sight that fewest places excite most: by their ninth best against their mean. */
void dq__peaks_choose(const dq__peaks *peaks, const dq__sight *sight, int layer, int *channel, int count);

#endif
