/* SPDX-License-Identifier: MIT
 * net/planner.c: greedy placement by size; quadratic in the number of buffers, which are some hundreds. */
#include "net/planner.h"

#include <stdbool.h>

static bool clash(const dq__span *a, const dq__span *b) {
    return a->first <= b->last && b->first <= a->last && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void place(dq__span *span, const bool *placed, int count, dq__span *item) {
    item->offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++)
            if (placed[i] && clash(item, &span[i])) {
                item->offset = (span[i].offset + span[i].bytes + 63) / 64 * 64;
                moved = true;
            }
    }
}

size_t dq__plan_place(dq__span *span, int count) {
    bool placed[1024] = {false};
    size_t total = 0;
    for (int round = 0; round < count && count <= 1024; round++) {
        int best = -1;
        for (int i = 0; i < count; i++)
            if (!placed[i] && span[i].bytes && (best < 0 || span[i].bytes > span[best].bytes)) best = i;
        if (best < 0) break;
        place(span, placed, count, &span[best]);
        placed[best] = true;
        if (span[best].offset + span[best].bytes > total) total = span[best].offset + span[best].bytes;
    }
    return total;
}
