/* SPDX-License-Identifier: MIT
 * kernels/x86/bits_avx2.h: groups of 16 floats and their comparison bits, for the relu and pool templates. */
#include <immintrin.h>
#include <stdint.h>

typedef struct v16 {
    __m256 low, high;
} v16;

static inline v16 load16(const float *p) { return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline void store16(float *p, v16 v) {
    _mm256_storeu_ps(p, v.low);
    _mm256_storeu_ps(p + 8, v.high);
}
static inline v16 zero16(void) { return (v16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
static inline v16 add16(v16 a, v16 b) { return (v16){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
static inline v16 scale16(v16 a, float s) {
    return (v16){_mm256_mul_ps(a.low, _mm256_set1_ps(s)), _mm256_mul_ps(a.high, _mm256_set1_ps(s))};
}
/* bit j = a[j] > b[j] */
static inline unsigned greater16(v16 a, v16 b) {
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a.low, b.low, _CMP_GT_OQ)) |
           (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a.high, b.high, _CMP_GT_OQ)) << 8;
}
/* lanes whose bit is in bits */
static inline __m256 mask8(__m256i bits, __m256i bit) {
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(bits, bit), bit));
}
/* bit j ? a[j] : b[j] */
static inline v16 select16(unsigned bits, v16 a, v16 b) {
    const __m256i all = _mm256_set1_epi32((int)bits), bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return (v16){_mm256_blendv_ps(b.low, a.low, mask8(all, bit)),
                 _mm256_blendv_ps(b.high, a.high, mask8(all, _mm256_slli_epi32(bit, 8)))};
}
