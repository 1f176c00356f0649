/* SPDX-License-Identifier: MIT
 * kernels/x86/conv3x3_avx2.c: conv3x3_tmpl.h with vectors of 8 floats. */
#define VW 8
#define MR 6
#define SYMBOL(family) dqk_##family##__avx2
#include "kernels/x86/bits_avx2.h"
#include "kernels/simd/conv3x3_tmpl.h"
