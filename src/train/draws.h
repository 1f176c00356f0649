/* SPDX-License-Identifier: MIT
 * train/draws.h: the random numbers of one crop. Each step has a place of its own among the numbers of (seed, crop), so what
 * it draws does not depend on what other steps drew. No state but the next index. */
#ifndef DQ_TRAIN_DRAWS_H
#define DQ_TRAIN_DRAWS_H

#include "base/rng.h"

#include <stdbool.h>

/* The places; PICK and WINDOW are as many as a crop may have parts. */
enum dq__place {
    DQ__DRAW_PICK = 0,
    DQ__DRAW_WINDOW = 16,
    DQ__DRAW_CUTMIX = 32,
    DQ__DRAW_BLEND,
    DQ__DRAW_COLOUR,
    DQ__DRAW_PERMUTE,
    DQ__DRAW_SHARPEN,
    DQ__DRAW_NOISE,
    DQ__DRAW_NOISE_BLEND,
    DQ__DRAW_JPEG
};

typedef struct dq__draws {
    uint64_t seed, crop, next;
} dq__draws;

static inline dq__draws dq__draws_at(uint64_t seed, int64_t crop, int place) {
    return (dq__draws){seed, (uint64_t)crop, (uint64_t)place << 32};
}
static inline uint64_t dq__draw_bits(dq__draws *d) { return dq__rng_bits(d->seed, d->crop, d->next++); }
/* Uniform in [0,1). */
static inline double dq__draw(dq__draws *d) { return (double)(dq__draw_bits(d) >> 11) * 0x1p-53; }
static inline double dq__draw_between(dq__draws *d, double low, double high) { return low + (high - low) * dq__draw(d); }
/* 0 … count−1 */
static inline int dq__draw_below(dq__draws *d, int count) { return (int)(dq__draw(d) * count); }
static inline bool dq__draw_chance(dq__draws *d, double probability) { return dq__draw(d) < probability; }

#endif
