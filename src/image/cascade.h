/* SPDX-License-Identifier: MIT
 * image/cascade.h: finds things of one kind (faces, eyes) in a grey picture by a boosted cascade of Haar features (Viola,
 * Jones 2001). Reads the cascades that OpenCV's users know, as XML; the file is outside data and is believed in nothing.
 * Knows nothing of colours and of what is looked for. */
#ifndef DQ_IMAGE_CASCADE_H
#define DQ_IMAGE_CASCADE_H

#include "image/image.h"

typedef struct dq__cascade dq__cascade;

/* A grey picture as its summed areas: sums[y][x], (h+1)×(w+1), is the sum of the values (0 … 255) above and left of there. */
typedef struct dq__grey {
    int w, h;
    double *sums;
} dq__grey;

/* Luma of a picture, shrunk so that its longest side is at most `longest`; *scale: pixels of the picture to one of the grey. */
dq_status dq__grey_of(dq__grey *grey, const dq_image *image, int longest, double *scale, dq__error *err);
void dq__grey_free(dq__grey *grey);
/* Mean value of the rectangle; its borders may lie between pixels, and are moved into the picture. */
double dq__grey_mean(const dq__grey *grey, double x0, double y0, double x1, double y1);

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
