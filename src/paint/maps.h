/* SPDX-License-Identifier: MIT
 * paint/maps.h: what counts where: how much of the photo each place keeps (--content-mask, --face), how little of the painting
 * it takes (--face), and which regions of the photo are painted after which regions of the paintings (--mask, --style-mask).
 * Reads the mask files; knows places, not layers and costs. */
#ifndef DQ_PAINT_MAPS_H
#define DQ_PAINT_MAPS_H

#include "image/grey.h"
#include "paint/options.h"

enum { DQ__MAX_REGIONS = 8, DQ__MAX_PAINTINGS = 16 };

typedef struct dq__maps {
    dq__grey content; /* times the content weight; sums NULL: 1 everywhere */
    dq__grey pull;    /* how much a place counts for the style, 0 … 1, lower in faces; sums NULL: 1 everywhere */
    int regions;      /* 0: all of the photo is painted after all of each painting */
    dq__grey photo[DQ__MAX_REGIONS];                    /* how far a place of the photo belongs to the region, 0 … 1 */
    dq__grey style[DQ__MAX_PAINTINGS][DQ__MAX_REGIONS]; /* the same of a painting; sums NULL: it has no such region */
} dq__maps;

/* photo: for the faces. log may be NULL; it is told where there is nothing to find faces with. */
dq_status dq__maps_new(dq__maps *maps, const dq__settings *settings, const dq_image *photo, int paintings, dq_log_fn log,
                       void *log_user, dq__error *err);
void dq__maps_free(dq__maps *maps);
size_t dq__maps_bytes(const dq__maps *maps);

#endif
