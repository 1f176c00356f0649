/* SPDX-License-Identifier: MIT
 * paint/pyramid.c: sizes of the scales, largest first while computed, stored smallest first. */
#include "paint/pyramid.h"

#include <math.h>

void dq__fit(int longest, int w, int h, int *fit_w, int *fit_h) {
    const int most = w > h ? w : h;
    *fit_w = (int)lround((double)longest * w / most);
    *fit_h = (int)lround((double)longest * h / most);
    if (*fit_w < 1) *fit_w = 1;
    if (*fit_h < 1) *fit_h = 1;
}

static int sides(const dq__settings *s, int content_w, int content_h, int min_side, int side[DQ__MAX_SCALES]) {
    int count = 0;
    double longest = (double)s->size;
    side[count++] = (int)s->size;
    while (s->min_size > 0 && count < DQ__MAX_SCALES) {
        longest /= s->scale_step;
        int w, h, next = (int)lround(longest);
        if (next < s->min_size || next == side[count - 1]) break;
        dq__fit(next, content_w, content_h, &w, &h);
        if (w < min_side || h < min_side) break;
        side[count++] = next;
    }
    return count;
}

dq__pyramid dq__pyramid_make(const dq__settings *s, int content_w, int content_h, int min_side) {
    int side[DQ__MAX_SCALES];
    dq__pyramid p = {.count = sides(s, content_w, content_h, min_side, side)};
    const int64_t first = s->initial_iterations ? s->initial_iterations : 2 * s->iterations;
    for (int i = 0; i < p.count; i++) {
        dq__scale *scale = &p.scale[i];
        dq__fit(side[p.count - 1 - i], content_w, content_h, &scale->w, &scale->h);
        scale->iterations = i == 0 && p.count > 1 ? first : s->iterations;
    }
    return p;
}
