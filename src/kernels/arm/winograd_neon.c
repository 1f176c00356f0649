/* SPDX-License-Identifier: MIT
 * kernels/arm/winograd_neon.c: winograd_tmpl.h with vectors of 4 floats. */
#define VW 4
#define MR 6
#define SYMBOL(family) dqk_##family##__neon
#include "kernels/arm/bits_neon.h"
#include "kernels/simd/winograd_tmpl.h"
