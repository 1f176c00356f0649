/* SPDX-License-Identifier: MIT
 * kernels/arm/gram_neon.c: gram_tmpl.h with vectors of 4 floats. */
#define VW 4
#define SYMBOL(family) dqk_##family##__neon
#include "kernels/simd/gram_tmpl.h"
