/* SPDX-License-Identifier: MIT
 * image/cascade.h: finds things of one kind (faces, eyes) in a grey picture by a boosted cascade of Haar features (Viola,
 * Jones 2001). Reads the cascades that OpenCV's users know, as XML; the file is outside data and is believed in nothing.
 * Knows nothing of colours and of what is looked for. */
#ifndef DQ_IMAGE_CASCADE_H
#define DQ_IMAGE_CASCADE_H

#include "image/grey.h"

typedef struct dq__cascade dq__cascade;

/* Where a cascade says yes: centre and side of a square, in pixels of the grey picture; how many windows agreed. */
typedef struct dq__hit {
    double x, y, side;
    int votes;
} dq__hit;

/* name: for messages. DQ_BAD_MODEL where the text is no such cascade. */
dq_status dq__cascade_parse(dq__cascade **out, const char *text, size_t size, const char *name, dq__error *err);
dq_status dq__cascade_read(dq__cascade **out, const char *path, dq__error *err);
void dq__cascade_free(dq__cascade **cascade);

/* Looks in the rectangle x0 ≤ x < x1, y0 ≤ y < y1 with windows of a side from `smallest` to `largest` pixels, and brings
 * those that agree together. Writes at most `most` hits with at least `votes` votes, most votes first; returns how many.
 * −1 where memory ran out. */
typedef struct dq__search {
    double x0, y0, x1, y1, smallest, largest;
    int votes;
} dq__search;
int dq__cascade_search(const dq__cascade *cascade, const dq__grey *grey, const dq__search *search, dq__hit *hits, int most);

#endif
