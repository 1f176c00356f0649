/* SPDX-License-Identifier: MIT
 * kernels/arm/conv3x3_neon.c: conv3x3_tmpl.h with vectors of 4 floats. */
#define VW 4
#define MR 6
#define SYMBOL(family) dqk_##family##__neon
#include "kernels/arm/bits_neon.h"
#include "kernels/simd/conv3x3_tmpl.h"
