/* SPDX-License-Identifier: MIT
 * image/grey.h: one value a pixel, kept as summed areas, so that the mean of any rectangle costs the same: for features of
 * rectangles, and for maps that must be had at the size of every layer. */
#ifndef DQ_IMAGE_GREY_H
#define DQ_IMAGE_GREY_H

#include "image/image.h"

/* sums[y][x], (h+1)×(w+1), is the sum of the values above and left of there. */
typedef struct dq__grey {
    int w, h;
    double *sums;
} dq__grey;

/* values: [h][w]. */
dq_status dq__grey_new(dq__grey *grey, const float *values, int w, int h, dq__error *err);
/* Luma of a picture, 0 … 1, shrunk so that its longest side is at most `longest`; *scale: pixels of the picture to one of the
 * grey. */
dq_status dq__grey_of(dq__grey *grey, const dq_image *image, int longest, double *scale, dq__error *err);
void dq__grey_free(dq__grey *grey);
/* Mean value of the rectangle; its borders may lie between pixels, and are moved into the picture. */
double dq__grey_mean(const dq__grey *grey, double x0, double y0, double x1, double y1);
/* The whole at another size: values [h][w], each the mean of what it covers. */
void dq__grey_resize(const dq__grey *grey, float *values, int w, int h);

#endif
