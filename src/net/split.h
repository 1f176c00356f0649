/* SPDX-License-Identifier: MIT
 * net/split.h: how the rows and channels of a map are cut into tasks. It depends on the shape alone, never on the number of
 * threads, so that results do not. */
#ifndef DQ_NET_SPLIT_H
#define DQ_NET_SPLIT_H

#include <stdint.h>

/* ---- cells ----------------------------------------------------------------------------------------------------------- */

/* Sums over the positions of a map are made of the sums over its cells, squares from the corner (0,0) on, cut at the right and
 * below. Their side is a matter of the whole map, so that parts of it that consist of whole cells give the same sums. */
enum { DQ__CELL = 64 }; /* the largest side, and a multiple of every other */
static inline int dq__cell_side(int h, int w) { return (int64_t)h * w < 256 * 256 ? DQ__CELL / 2 : DQ__CELL; }

/* The cells of a map, or of a part of one. */
typedef struct dq__cells {
    int h, w, side, cols, count;
} dq__cells;

static inline dq__cells dq__cells_of(int h, int w, int side) {
    const int rows = (h + side - 1) / side, cols = (w + side - 1) / side;
    return (dq__cells){.h = h, .w = w, .side = side, .cols = cols, .count = rows * cols};
}

/* Cell k: where it begins, and its size. */
static inline void dq__cells_at(const dq__cells *c, int k, int *y, int *x, int *rows, int *cols) {
    *y = k / c->cols * c->side, *x = k % c->cols * c->side;
    *rows = c->h - *y < c->side ? c->h - *y : c->side;
    *cols = c->w - *x < c->side ? c->w - *x : c->side;
}

/* ---- tasks ----------------------------------------------------------------------------------------------------------- */

/* Rows in groups, and the channels in parts when there are few groups. */
typedef struct dq__split {
    int rows, group, channels, parts;
    int tasks; /* for one picture */
} dq__split;

/* group: rows that make a task of good size (less than 1 counts as 1); n: pictures that are cut in the same way. */
static inline dq__split dq__split_rows(int rows, int group, int channels, int n) {
    dq__split s = {.rows = rows, .group = group > 1 ? group : 1, .channels = channels, .parts = 1};
    const int groups = (rows + s.group - 1) / s.group, blocks = (channels + 31) / 32;
    while (groups * s.parts * n < 8 && s.parts * 2 <= blocks) s.parts *= 2;
    s.tasks = groups * s.parts;
    return s;
}

static inline void dq__split_task(const dq__split *s, int task, int *row, int *rows, int *channel, int *channels) {
    const int group = task / s->parts, part = task % s->parts, blocks = (s->channels + 31) / 32;
    *row = group * s->group;
    *rows = s->rows - *row < s->group ? s->rows - *row : s->group;
    *channel = blocks * part / s->parts * 32;
    const int end = blocks * (part + 1) / s->parts * 32;
    *channels = (end < s->channels ? end : s->channels) - *channel;
}

#endif
