/* SPDX-License-Identifier: MIT
 * tests/unit/map_test.h: feature maps for the tests of costs: random ones with a halo that would show if it were read. */
#ifndef DQ_MAP_TEST_H
#define DQ_MAP_TEST_H

#include "net_test.h"

#include "net/tensor.h"

static inline dq__tensor random_map(uint64_t stream, int h, int w, int c) {
    dq__tensor t = {.n = 1, .h = h, .w = w, .c = c, .cs = dq__channel_stride(c), .halo = 1};
    dq__tensor_place(&t, dq__alloc(sizeof(float) * dq__tensor_floats(&t)));
    for (int p = 0; p < (h + 2) * (w + 2); p++)
        for (int k = 0; k < t.cs; k++) {
            const int y = p / (w + 2) - 1, x = p % (w + 2) - 1;
            const bool inside = y >= 0 && y < h && x >= 0 && x < w;
            const float v = dq__rng_normal(8, stream, (uint64_t)p * (uint64_t)t.cs + (uint64_t)k);
            dq__pixel(&t, y, x)[k] = !inside ? NAN : k < c ? v : 0; /* a halo that would show if it were read */
        }
    return t;
}

static inline dq__tensor zero_map(const dq__tensor *like) {
    dq__tensor t = *like;
    dq__tensor_place(&t, dq__alloc(sizeof(float) * dq__tensor_floats(&t)));
    dq__tensor_clear(&t);
    return t;
}

static inline void free_map(const dq__tensor *t) { dq__free(dq__pixel(t, -t->halo, -t->halo)); }

static inline float *value(const dq__tensor *t, int k) {
    return dq__pixel(t, k / t->c / t->w, k / t->c % t->w) + k % t->c;
}

static inline int values(const dq__tensor *t) { return t->h * t->w * t->c; }

/* The halo of a gradient stays as it was: zero. */
static inline void halo_untouched(const dq__tensor *t) {
    for (int y = -1; y <= t->h; y++)
        for (int x = -1; x <= t->w; x++)
            if (y < 0 || x < 0 || y == t->h || x == t->w)
                for (int k = 0; k < t->cs; k++) assert_true(dq__pixel(t, y, x)[k] == 0.0f);
}

#endif
