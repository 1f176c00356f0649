/* SPDX-License-Identifier: MIT
 * kernels/arm/winograd_outer_neon.c: winograd_outer_tmpl.h with vectors of 4 floats. */
#define VW 4
#define SYMBOL(family) dqk_##family##__neon
#include "kernels/simd/winograd_outer_tmpl.h"
