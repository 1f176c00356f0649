/* SPDX-License-Identifier: MIT
 * sketch/lines.c: three blurs; the difference of the finer two makes lines, the widest the tone they lie on. */
#include "sketch/lines.h"

#include "base/mem.h"
#include "sketch/drawer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REACH = 128 };

static int clamp(int v, int top) { return v < 0 ? 0 : v > top ? top : v; }

/* One direction: rows of w values, each the weighted mean of values `step` apart. */
static void blur_along(const float *from, int w, int h, bool down, const float *g, int reach, float *to) {
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float sum = 0;
            for (int d = -reach; d <= reach; d++) {
                const size_t at = down ? (size_t)clamp(y + d, h - 1) * (size_t)w + (size_t)x
                                       : (size_t)y * (size_t)w + (size_t)clamp(x + d, w - 1);
                sum += g[d + reach] * from[at];
            }
            to[(size_t)y * (size_t)w + (size_t)x] = sum;
        }
}

static void blur(const float *from, int w, int h, double sigma, float *scratch, float *to) {
    float g[2 * MAX_REACH + 1], sum = 0;
    const int wanted = (int)ceil(3 * sigma), reach = wanted < MAX_REACH ? wanted : MAX_REACH;
    for (int d = -reach; d <= reach; d++) sum += g[d + reach] = (float)exp(-d * d / (2 * sigma * sigma));
    for (int d = 0; d <= 2 * reach; d++) g[d] /= sum;
    blur_along(from, w, h, false, g, reach, scratch);
    blur_along(scratch, w, h, true, g, reach, to);
}

/* Dark where the photo is darker than its surroundings, by its own measure, so that shadows have lines too; elsewhere the tone of
 * paper, a little shaded as the photo is. */
static float stroke(float fine, float coarse, float wide) {
    const float edge = (coarse - fine) / (wide + 24), strength = edge > 0.004f ? 1 - expf(-38 * (edge - 0.004f)) : 0;
    const float tone = 0.80f + 0.17f * wide / 255;
    return 255 * tone * (1 - 0.85f * strength);
}

dq_status dq__lines_draw(const float *grey, int w, int h, double width, float *drawing, dq__error *err) {
    const size_t n = (size_t)w * (size_t)h;
    float *fine = dq__alloc(sizeof(float) * 4 * n), *coarse = fine ? fine + n : NULL, *wide = fine ? fine + 2 * n : NULL;
    if (!fine) return dq__no_memory(err, sizeof(float) * 4 * n, "a drawing");
    blur(grey, w, h, 0.5 * width, fine + 3 * n, fine);
    blur(grey, w, h, 1.3 * width, fine + 3 * n, coarse);
    blur(grey, w, h, 5 * width, fine + 3 * n, wide);
    for (size_t i = 0; i < n; i++) drawing[i] = stroke(fine[i], coarse[i], wide[i]);
    dq__free(fine);
    return DQ_OK;
}

/* ---- as a method, in the frame ---- */

static dq_status learn(void **state, const dq__drawer_setup *setup, dq__error *err) {
    (void)setup;
    (void)err;
    *state = NULL;
    return DQ_OK;
}

static dq_status draw(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    (void)state;
    if (trace) trace[0] = -1;
    return dq__lines_draw(face->grey, DQ__FRAME_W, DQ__FRAME_H, 1.6, drawing, err);
}

static void forget(void *state) { (void)state; }

const dq__method dq__method_lines = {"lines", false, learn, draw, forget};
