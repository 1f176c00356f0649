/* SPDX-License-Identifier: MIT
 * sketch/search.h: for every cell of the frame the nearest patches of all pairs: what exemplar methods draw from. Patches of
 * 10 × 10 pixels every 5 pixels, candidates up to 5 pixels away in each direction, distance by the photos' grey values. */
#ifndef DQ_SKETCH_SEARCH_H
#define DQ_SKETCH_SEARCH_H

#include "sketch/pairs.h"

enum {
    DQ__PATCH = 10, DQ__STEP = 5, DQ__REACH = 5, DQ__PATCH_PIXELS = DQ__PATCH * DQ__PATCH,
    DQ__CELL_ROWS = (DQ__FRAME_H - DQ__PATCH) / DQ__STEP + 1, DQ__CELL_COLUMNS = (DQ__FRAME_W - DQ__PATCH) / DQ__STEP + 1,
    DQ__CELLS = DQ__CELL_ROWS * DQ__CELL_COLUMNS, DQ__MAX_NEIGHBOURS = 64
};

typedef struct dq__candidate {
    float distance; /* Σ of squared differences over the patch */
    int16_t pair, x, y; /* which pair, and where its patch begins */
} dq__candidate;

/* found: [DQ__CELLS][k], nearest first. each: at most one candidate of each pair, then k ≤ pairs; else k ≤ 36, which one pair has
 * for every cell. */
void dq__search(dq__pool *pool, const dq__pairs *pairs, const float *grey, int k, bool each, dq__candidate *found);
/* Where cell `cell` begins. */
static inline int dq__cell_x(int cell) { return cell % DQ__CELL_COLUMNS * DQ__STEP; }
static inline int dq__cell_y(int cell) { return cell / DQ__CELL_COLUMNS * DQ__STEP; }
/* Copies a patch of a picture of the frame; patch: DQ__PATCH_PIXELS floats. */
void dq__patch_take(const float *picture, int x, int y, float *patch);
/* The mean of overlapping patches, [DQ__CELLS][DQ__PATCH_PIXELS]. */
void dq__patches_join(const float *patches, float *picture);

#endif
