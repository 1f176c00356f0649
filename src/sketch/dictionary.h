/* SPDX-License-Identifier: MIT
 * sketch/dictionary.h: for every cell of a coarser grid a fixed number of patches drawn at random from all pairs, once, and the
 * axes along which their photos differ most: what RSLCR (Wang et al. 2018) and ridge regression learn from. Patches are 20 × 20
 * pixels in colour, described by brightness at half and colour at a quarter of the size. */
#ifndef DQ_SKETCH_DICTIONARY_H
#define DQ_SKETCH_DICTIONARY_H

#include "sketch/pairs.h"

enum {
    DQ__D_PATCH = 20, DQ__D_PIXELS = DQ__D_PATCH * DQ__D_PATCH, DQ__D_REACH = 5,
    DQ__D_FEATURES = 150, DQ__D_ROW = 160, /* 10·10 of brightness, 2·5·5 of colour; and zeros */
    DQ__D_DIMS = 64
};

typedef struct dq__dictionary {
    const dq__pairs *pairs;
    int step, rows, columns, samples;
    float *bright, *colour; /* of all pairs: [count][pixels], [count][2][pixels]; sums that begin at each pixel */
    float *basis;           /* [cells][DQ__D_DIMS][DQ__D_ROW], orthonormal rows */
} dq__dictionary;

/* A picture prepared for its features to be read. */
typedef struct dq__describable {
    float bright[DQ__FRAME_PIXELS], colour[2 * DQ__FRAME_PIXELS];
} dq__describable;

/* Cells every `step` pixels, the last ones at the border. The axes come from the cache where it has them. */
dq_status dq__dictionary_new(dq__dictionary **out, dq__pool *pool, const dq__pairs *pairs, int step, int samples, dq__error *err);
void dq__dictionary_free(dq__dictionary **dictionary);
static inline int dq__dictionary_cells(const dq__dictionary *d) { return d->rows * d->columns; }
int dq__dictionary_x(const dq__dictionary *d, int cell);
int dq__dictionary_y(const dq__dictionary *d, int cell);
/* Sample number `sample` of a cell: which pair, and where its patch begins. */
void dq__dictionary_sample(const dq__dictionary *d, int cell, int sample, int *pair, int *x, int *y);
/* rows [samples][DQ__D_ROW]: the features of a cell's samples. */
void dq__dictionary_features(const dq__dictionary *d, int cell, float *rows);
void dq__describe(dq__describable *to, const float *rgb);
/* row [DQ__D_ROW]: the features of the patch at x, y. */
void dq__describe_patch(const float *bright, const float *colour, int x, int y, float *row);
/* y [n][DQ__D_DIMS] = the features x [n][DQ__D_ROW] along the axes of a cell; packed: DQ__D_DIMS·DQ__D_ROW floats of scratch. */
void dq__dictionary_project(const dq__dictionary *d, int cell, int n, const float *x, float *packed, float *y);
/* The mean of overlapping patches [cells][DQ__D_PIXELS]. */
void dq__dictionary_join(const dq__dictionary *d, const float *patches, float *picture);

#endif
