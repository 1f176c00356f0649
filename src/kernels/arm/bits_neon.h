/* SPDX-License-Identifier: MIT
 * kernels/arm/bits_neon.h: groups of 16 floats and their comparison bits, for the relu and pool templates. */
#include <arm_neon.h>
#include <stdint.h>

typedef float32x4x4_t v16;

static inline v16 load16(const float *p) {
    return (v16){{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}
static inline void store16(float *p, v16 v) {
    vst1q_f32(p, v.val[0]), vst1q_f32(p + 4, v.val[1]);
    vst1q_f32(p + 8, v.val[2]), vst1q_f32(p + 12, v.val[3]);
}
static inline v16 zero16(void) {
    const float32x4_t zero = vdupq_n_f32(0);
    return (v16){{zero, zero, zero, zero}};
}
static inline v16 add16(v16 a, v16 b) {
    return (v16){{vaddq_f32(a.val[0], b.val[0]), vaddq_f32(a.val[1], b.val[1]), vaddq_f32(a.val[2], b.val[2]),
                  vaddq_f32(a.val[3], b.val[3])}};
}
static inline v16 scale16(v16 a, float s) {
    return (v16){{vmulq_n_f32(a.val[0], s), vmulq_n_f32(a.val[1], s), vmulq_n_f32(a.val[2], s), vmulq_n_f32(a.val[3], s)}};
}
/* bit[j] where a[j] > b[j], 0 elsewhere */
static inline uint32x4_t greater4(float32x4_t a, float32x4_t b, uint32x4_t bit) { return vandq_u32(vcgtq_f32(a, b), bit); }
/* bit j = a[j] > b[j] */
static inline unsigned greater16(v16 a, v16 b) {
    const uint32x4_t bit = {1, 2, 4, 8};
    return vaddvq_u32(vorrq_u32(vorrq_u32(greater4(a.val[0], b.val[0], bit), greater4(a.val[1], b.val[1], vshlq_n_u32(bit, 4))),
                                vorrq_u32(greater4(a.val[2], b.val[2], vshlq_n_u32(bit, 8)),
                                          greater4(a.val[3], b.val[3], vshlq_n_u32(bit, 12)))));
}
/* bit[j] in bits ? a[j] : b[j] */
static inline float32x4_t select4(uint32x4_t bits, uint32x4_t bit, float32x4_t a, float32x4_t b) {
    return vbslq_f32(vtstq_u32(bits, bit), a, b);
}
/* bit j ? a[j] : b[j] */
static inline v16 select16(unsigned bits, v16 a, v16 b) {
    const uint32x4_t all = vdupq_n_u32(bits), bit = {1, 2, 4, 8};
    return (v16){{select4(all, bit, a.val[0], b.val[0]), select4(all, vshlq_n_u32(bit, 4), a.val[1], b.val[1]),
                  select4(all, vshlq_n_u32(bit, 8), a.val[2], b.val[2]), select4(all, vshlq_n_u32(bit, 12), a.val[3], b.val[3])}};
}
