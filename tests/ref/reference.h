/* SPDX-License-Identifier: MIT
 * tests/ref/reference.h: the whole algorithm once more, as plainly as it can be said, in double: network forward, costs,
 * gradient at the pixels. The library must match it; it must never be made fast. Maps are [channel][row][column]. */
#ifndef DQ_REFERENCE_H
#define DQ_REFERENCE_H

#include "net/layers.h"

typedef struct ref_map {
    int c, h, w;
    double *v; /* [c][h][w]; NULL until a run has made it */
} ref_map;

/* A network run on one picture: the map above every layer. */
typedef struct ref_run {
    const dq__table *table;
    const dq__weights *weights;
    int last;
    ref_map input, map[DQ__MAX_LAYERS];
} ref_run;

/* What J is made of; content and style weights by layer. The factors are 1/n for content (n values), 1/c⁴ for style with
 * G = FᵀF/(h·w), as normalization "mean" has them. */
typedef struct ref_cost {
    double content[DQ__MAX_LAYERS], style[DQ__MAX_LAYERS];
    const ref_run *content_picture, *style_picture;
} ref_cost;

/* rgb: [h][w][3]. Layers 0 … last. */
ref_run ref_forward(const dq__table *table, const dq__weights *weights, int last, const double *rgb, int h, int w);
void ref_free(ref_run *run);
/* J at a run. */
double ref_value(const ref_cost *cost, const ref_run *run);
/* dJ/d rgb, [h][w][3]. */
void ref_gradient(const ref_cost *cost, const ref_run *run, double *rgb_gradient);

/* One layer at a time, for the tests of single layers. */
ref_map ref_map_new(int c, int h, int w);
/* y = conv(x) + bias with the table's padding rule; bias may be NULL. */
void ref_conv(const ref_map *y, const ref_map *x, const float *weight, const float *bias, dq__padding padding);
/* dx = convᵀ(dy). */
void ref_conv_transposed(const ref_map *dx, const ref_map *dy, const float *weight, dq__padding padding);

#endif
