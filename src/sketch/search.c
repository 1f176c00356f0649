/* SPDX-License-Identifier: MIT
 * sketch/search.c: all distances of one displacement at once: squared differences, summed over blocks of 5 × 5 pixels, four of
 * which are a patch. A task is a band of cell rows. */
#include "sketch/search.h"

#include <math.h>
#include <string.h>

enum { BAND = 7, BANDS = (DQ__CELL_ROWS + BAND - 1) / BAND, BLOCKS = DQ__FRAME_W / DQ__STEP, W = DQ__FRAME_W };

typedef struct search {
    const dq__pairs *pairs;
    const float *grey;
    dq__candidate *found;
    int k;
    bool each; /* the nearest patch of each pair only */
} search;

void dq__patch_take(const float *picture, int x, int y, float *patch) {
    for (int r = 0; r < DQ__PATCH; r++) memcpy(patch + r * DQ__PATCH, picture + (y + r) * W + x, sizeof(float) * DQ__PATCH);
}

void dq__patches_join(const float *patches, float *picture) {
    static const float share[] = {0, 1, 0.5f, 0, 0.25f};
    memset(picture, 0, sizeof(float) * DQ__FRAME_PIXELS);
    for (int cell = 0; cell < DQ__CELLS; cell++) {
        float *to = picture + dq__cell_y(cell) * W + dq__cell_x(cell);
        const float *from = patches + (size_t)cell * DQ__PATCH_PIXELS;
        for (int i = 0; i < DQ__PATCH_PIXELS; i++) to[i / DQ__PATCH * W + i % DQ__PATCH] += from[i];
    }
    for (int y = 0; y < DQ__FRAME_H; y++)
        for (int x = 0; x < W; x++) {
            const int rows = y < DQ__STEP || y >= DQ__FRAME_H - DQ__STEP ? 1 : 2, columns = x < DQ__STEP || x >= W - DQ__STEP
                ? 1 : 2;
            picture[y * W + x] *= share[rows * columns];
        }
}

static void insert(dq__candidate *list, int k, const dq__candidate *c) {
    int at = k - 1;
    for (; at > 0 && list[at - 1].distance > c->distance; at--) list[at] = list[at - 1];
    list[at] = *c;
}

/* Squared differences of a row of blocks: photo rows y … y+4 against the pair's, dx to the right and dy down. */
static void block_row(const float *photo, const float *other, int y, int dy, int dx, float *block) {
    float sum[W] = {0};
    const int from = dx < 0 ? -dx : 0, to = dx > 0 ? W - dx : W;
    for (int r = y; r < y + DQ__STEP; r++) {
        const float *p = photo + r * W, *q = other + (r + dy) * W + dx;
        for (int x = from; x < to; x++) sum[x] += (p[x] - q[x]) * (p[x] - q[x]);
    }
    for (int b = 0; b < BLOCKS; b++) {
        const float *s = sum + b * DQ__STEP;
        block[b] = ((s[0] + s[1]) + (s[2] + s[3])) + s[4];
    }
}

/* One cell row against one displaced picture, from the blocks of its upper and its lower half. nearest: of this pair, a candidate
 * for each cell of the row. */
static void compare_row(const search *s, int row, int pair, int dy, int dx, const float *upper, const float *lower,
                        dq__candidate *nearest) {
    const int first = dx < 0 ? 1 : 0, last = dx > 0 ? DQ__CELL_COLUMNS - 1 : DQ__CELL_COLUMNS;
    for (int c = first; c < last; c++) {
        dq__candidate *list = s->found + ((size_t)row * DQ__CELL_COLUMNS + (size_t)c) * (size_t)s->k;
        const float d = (upper[c] + upper[c + 1]) + (lower[c] + lower[c + 1]);
        if (d >= list[s->k - 1].distance) continue;
        const dq__candidate one = {.distance = d, .pair = (int16_t)pair, .x = (int16_t)(c * DQ__STEP + dx),
                                   .y = (int16_t)(row * DQ__STEP + dy)};
        if (!s->each) insert(list, s->k, &one);
        else if (d < nearest[c].distance) nearest[c] = one;
    }
}

/* The nearest of one pair enter the lists of a band's cells. */
static void take_nearest(const search *s, int first, int last, dq__candidate (*nearest)[DQ__CELL_COLUMNS]) {
    for (int i = 0; i < (last - first) * DQ__CELL_COLUMNS; i++) {
        dq__candidate *one = &nearest[i / DQ__CELL_COLUMNS][i % DQ__CELL_COLUMNS];
        dq__candidate *list = s->found + ((size_t)first * DQ__CELL_COLUMNS + (size_t)i) * (size_t)s->k;
        if (one->distance < list[s->k - 1].distance) insert(list, s->k, one);
        one->distance = INFINITY;
    }
}

static void one_band(void *work, int task) {
    const search *s = work;
    const int first = task * BAND, last = first + BAND < DQ__CELL_ROWS ? first + BAND : DQ__CELL_ROWS;
    float block[2][BLOCKS];
    dq__candidate nearest[BAND][DQ__CELL_COLUMNS];
    for (int i = 0; i < BAND * DQ__CELL_COLUMNS; i++) nearest[i / DQ__CELL_COLUMNS][i % DQ__CELL_COLUMNS].distance = INFINITY;
    for (int pair = 0; pair < s->pairs->count; pair++) {
        const float *other = dq__pair_seen(s->pairs, pair);
        for (int dy = -DQ__REACH; dy <= DQ__REACH; dy++)
            for (int dx = -DQ__REACH; dx <= DQ__REACH; dx++) {
                const int top = dy < 0 && first == 0 ? 1 : first, end = dy > 0 && last == DQ__CELL_ROWS ? last - 1 : last;
                block_row(s->grey, other, top * DQ__STEP, dy, dx, block[top % 2]);
                for (int row = top; row < end; row++) {
                    block_row(s->grey, other, (row + 1) * DQ__STEP, dy, dx, block[(row + 1) % 2]);
                    compare_row(s, row, pair, dy, dx, block[row % 2], block[(row + 1) % 2], nearest[row - first]);
                }
            }
        if (s->each) take_nearest(s, first, last, nearest);
    }
}

void dq__search(dq__pool *pool, const dq__pairs *pairs, const float *grey, int k, bool each, dq__candidate *found) {
    search s = {.pairs = pairs, .grey = grey, .found = found, .k = k, .each = each};
    for (size_t i = 0; i < (size_t)DQ__CELLS * (size_t)k; i++) found[i] = (dq__candidate){.distance = INFINITY};
    dq__pool_run(pool, BANDS, one_band, &s);
}
