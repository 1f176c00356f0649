/* SPDX-License-Identifier: MIT
 * kernels/x86/bits_avx512.h: groups of 16 floats and their comparison bits, for the relu and pool templates. */
#include <immintrin.h>
#include <stdint.h>

typedef __m512 v16;

static inline v16 load16(const float *p) { return _mm512_loadu_ps(p); }
static inline void store16(float *p, v16 v) { _mm512_storeu_ps(p, v); }
static inline v16 zero16(void) { return _mm512_setzero_ps(); }
static inline v16 add16(v16 a, v16 b) { return _mm512_add_ps(a, b); }
static inline v16 scale16(v16 a, float s) { return _mm512_mul_ps(a, _mm512_set1_ps(s)); }
/* bit j = a[j] > b[j] */
static inline unsigned greater16(v16 a, v16 b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
/* bit j ? a[j] : b[j] */
static inline v16 select16(unsigned bits, v16 a, v16 b) { return _mm512_mask_blend_ps((__mmask16)bits, b, a); }
