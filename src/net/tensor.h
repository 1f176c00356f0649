/* SPDX-License-Identifier: MIT
 * net/tensor.h: a feature map, or the maps of several pictures of one size: NHWC floats, channels padded to a stride, with a
 * halo of pixels around each map so that convolution knows no borders. The halo's content is a rule of padding, written by
 * the functions here. Owns no memory. */
#ifndef DQ_NET_TENSOR_H
#define DQ_NET_TENSOR_H

#include "net/layers.h"

#include <stddef.h>

typedef struct dq__tensor {
    float *data;     /* first picture, pixel (0,0), channel 0 */
    int h, w, c, cs; /* cs: floats from pixel to pixel, ≥ c; channels c … cs−1 are zero */
    int halo;        /* readable pixels around each map */
    int n;           /* pictures */
    ptrdiff_t gap;   /* floats between the rows beside these: of a part of a map (dq__part); else 0 */
} dq__tensor;

/* Floats from pixel to pixel of a feature map with c channels: the next multiple of 16. */
static inline int dq__map_stride(int c) { return (c + 15) / 16 * 16; }
/* The same, but 4 where c ≤ 4: of a picture. */
static inline int dq__channel_stride(int c) { return c <= 4 ? 4 : dq__map_stride(c); }
static inline ptrdiff_t dq__row(const dq__tensor *t) { return (ptrdiff_t)(t->w + 2 * t->halo) * t->cs + t->gap; }
static inline float *dq__pixel(const dq__tensor *t, int y, int x) { return t->data + y * dq__row(t) + (ptrdiff_t)x * t->cs; }
/* Floats from picture to picture. */
static inline ptrdiff_t dq__picture_stride(const dq__tensor *t) { return (ptrdiff_t)(t->h + 2 * t->halo) * dq__row(t); }
/* Floats of all maps with their halos. */
size_t dq__tensor_floats(const dq__tensor *t);
/* Points `data` into `memory`, which holds dq__tensor_floats floats. */
void dq__tensor_place(dq__tensor *t, float *memory);
/* The map of one picture, 0 … n−1. */
dq__tensor dq__picture(const dq__tensor *t, int picture);
/* A rectangle of the one map of t, without a halo. */
dq__tensor dq__part(const dq__tensor *t, int y, int x, int h, int w);
/* Row `row` of the rows of all pictures, 0 … n·h−1. */
float *dq__map_row(const dq__tensor *t, int row);

/* Writes the innermost `ring` pixels of the halo by the rule (zero writes the whole halo). Reflect: −1 → 1 (0 for a side of
 * 1), again and again where the ring is wider than the map. */
void dq__halo_fill(const dq__tensor *t, dq__padding padding, int ring);
/* The adjoint of halo_fill: adds the ring's values to the pixels they were copied from. */
void dq__halo_fold(const dq__tensor *t, dq__padding padding, int ring);
/* Sets pixels and halos to zero. */
void dq__tensor_clear(const dq__tensor *t);

#endif
