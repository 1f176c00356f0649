/* SPDX-License-Identifier: MIT
 * kernels/arm/outer_neon.c: outer_tmpl.h with vectors of 4 floats. */
#define VW 4
#define SYMBOL(family) dqk_##family##__neon
#include "kernels/simd/outer_tmpl.h"
