/* SPDX-License-Identifier: MIT
 * optim/box.h: the range that variables are kept in after a step. */
#ifndef DQ_OPTIM_BOX_H
#define DQ_OPTIM_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dq__box {
    bool on;
    float low, high;
} dq__box;

static inline float dq__box_clamp(dq__box box, float x) {
    if (!box.on) return x;
    return x < box.low ? box.low : x > box.high ? box.high : x;
}

#endif
