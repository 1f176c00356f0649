/* SPDX-License-Identifier: MIT
 * kernels/x86/winograd_outer_avx2.c: winograd_outer_tmpl.h with vectors of 8 floats. */
#define VW 8
#define SYMBOL(family) dqk_##family##__avx2
#include "kernels/simd/winograd_outer_tmpl.h"
