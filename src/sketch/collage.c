/* SPDX-License-Identifier: MIT
 * sketch/collage.c: the frame in cells of 25 × 25 pixels; photos are compared over the 45 × 45 around each, moved by up to 4
 * pixels; the sketch's piece is laid down with soft edges. A task is a row of cells. */
#include "sketch/collage.h"

#include <math.h>
#include <string.h>

enum {
    W = DQ__FRAME_W, H = DQ__FRAME_H, CELL = 25, MARGIN = 10, SOFT = 4, REACH = 4, PACE = 2,
    COLUMNS = W / CELL, ROWS = H / CELL, KEPT = DQ__COLLAGES
};

typedef struct piece {
    float distance; /* mean of squared differences */
    int pair, dx, dy;
} piece;

typedef struct matching {
    const dq__pairs *pairs;
    const float *grey;
    piece found[ROWS][COLUMNS][KEPT]; /* nearest first, of different pairs */
} matching;

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

/* Mean of squared differences of the photo around a cell to a pair's, moved. Only what lies in both counts. */
static float compare(const float *photo, const float *other, int row, int column, int dy, int dx) {
    const int x0 = most(most(0, -dx), column * CELL - MARGIN), x1 = least(least(W, W - dx), (column + 1) * CELL + MARGIN);
    const int y0 = most(most(0, -dy), row * CELL - MARGIN), y1 = least(least(H, H - dy), (row + 1) * CELL + MARGIN);
    float lane[8] = {0};
    for (int y = y0; y < y1; y++) {
        const float *p = photo + y * W, *q = other + (y + dy) * W + dx;
        int x = x0;
        for (; x + 8 <= x1; x += 8)
            for (int l = 0; l < 8; l++) lane[l] += (p[x + l] - q[x + l]) * (p[x + l] - q[x + l]);
        for (; x < x1; x++) lane[0] += (p[x] - q[x]) * (p[x] - q[x]);
    }
    const float sum = ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
    return sum / (float)((x1 - x0) * (y1 - y0));
}

static void insert(piece *list, piece one) {
    int at = KEPT - 1;
    if (one.distance >= list[at].distance) return;
    for (; at > 0 && list[at - 1].distance > one.distance; at--) list[at] = list[at - 1];
    list[at] = one;
}

static void match_row(void *work, int row) {
    matching *m = work;
    for (int column = 0; column < COLUMNS; column++) {
        piece *list = m->found[row][column];
        for (int k = 0; k < KEPT; k++) list[k].distance = INFINITY;
        for (int pair = 0; pair < m->pairs->count; pair++) {
            piece best = {.distance = INFINITY, .pair = pair};
            for (int dy = -REACH; dy <= REACH; dy += PACE)
                for (int dx = -REACH; dx <= REACH; dx += PACE) {
                    const float d = compare(m->grey, dq__pair_seen(m->pairs, pair), row, column, dy, dx);
                    if (d < best.distance) best.distance = d, best.dx = dx, best.dy = dy;
                }
            insert(list, best);
        }
    }
}

/* How much a pixel belongs to the cell from `first` on: 1 inside, less over the SOFT pixels beyond its edges. */
static float share(int at, int first) {
    const int beyond = at < first ? first - at : at >= first + CELL ? at - first - CELL + 1 : 0;
    return (float)(SOFT + 1 - beyond) / (SOFT + 1);
}

/* Adds one piece with soft edges; what the pair does not have there is not laid down. */
static void lay(const dq__pairs *pairs, const piece *p, int row, int column, float *picture, float *weight) {
    const float *from = dq__pair_drawn(pairs, p->pair);
    for (int y = most(0, row * CELL - SOFT); y < least(H, (row + 1) * CELL + SOFT); y++)
        for (int x = most(0, column * CELL - SOFT); x < least(W, (column + 1) * CELL + SOFT); x++) {
            const int v = least(most(y + p->dy, 0), H - 1), u = least(most(x + p->dx, 0), W - 1);
            const float w = share(y, row * CELL) * share(x, column * CELL);
            picture[y * W + x] += w * from[v * W + u], weight[y * W + x] += w;
        }
}

int dq__collages(dq__pool *pool, const dq__pairs *pairs, const float *grey, float *pictures) {
    matching m = {.pairs = pairs, .grey = grey};
    float weight[DQ__FRAME_PIXELS];
    const int count = least(pairs->count, KEPT);
    dq__pool_run(pool, ROWS, match_row, &m);
    memset(pictures, 0, sizeof(float) * DQ__FRAME_PIXELS * (size_t)count);
    for (int k = 0; k < count; k++) {
        float *picture = pictures + (ptrdiff_t)k * DQ__FRAME_PIXELS;
        memset(weight, 0, sizeof weight);
        for (int cell = 0; cell < ROWS * COLUMNS; cell++)
            lay(pairs, &m.found[cell / COLUMNS][cell % COLUMNS][k], cell / COLUMNS, cell % COLUMNS, picture, weight);
        for (int i = 0; i < DQ__FRAME_PIXELS; i++) picture[i] /= weight[i];
    }
    return count;
}
