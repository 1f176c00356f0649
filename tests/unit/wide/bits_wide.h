/* SPDX-License-Identifier: MIT
 * tests/unit/wide/bits_wide.h: groups of 16 floats and their comparison bits in plain C, for templates that want them. */
#ifndef DQ_TEST_BITS_WIDE_H
#define DQ_TEST_BITS_WIDE_H

#include <stdint.h>
#include <string.h>

typedef struct v16 {
    float at[16];
} v16;

static inline v16 load16(const float *p) {
    v16 v;
    memcpy(v.at, p, sizeof v.at);
    return v;
}
static inline void store16(float *p, v16 v) { memcpy(p, v.at, sizeof v.at); }
static inline v16 zero16(void) { return (v16){{0}}; }
static inline v16 add16(v16 a, v16 b) {
    for (int j = 0; j < 16; j++) a.at[j] += b.at[j];
    return a;
}
static inline v16 scale16(v16 a, float s) {
    for (int j = 0; j < 16; j++) a.at[j] *= s;
    return a;
}
/* bit j = a[j] > b[j] */
static inline unsigned greater16(v16 a, v16 b) {
    unsigned bits = 0;
    for (int j = 0; j < 16; j++) bits |= (unsigned)(a.at[j] > b.at[j]) << j;
    return bits;
}
/* bit j ? a[j] : b[j] */
static inline v16 select16(unsigned bits, v16 a, v16 b) {
    for (int j = 0; j < 16; j++)
        if (!(bits >> j & 1)) a.at[j] = b.at[j];
    return a;
}

#endif
