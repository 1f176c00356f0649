/* SPDX-License-Identifier: MIT
 * kernels/x86/conv3x3_avx512.c: conv3x3_tmpl.h with vectors of 16 floats. */
#define VW 16
#define MR 12
#define SYMBOL(family) dqk_##family##__avx512
#include "kernels/x86/bits_avx512.h"
#include "kernels/simd/conv3x3_tmpl.h"
