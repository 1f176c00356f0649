/* SPDX-License-Identifier: MIT
 * kernels/x86/winograd_outer_avx512.c: winograd_outer_tmpl.h with vectors of 16 floats. */
#define VW 16
#define SYMBOL(family) dqk_##family##__avx512
#include "kernels/simd/winograd_outer_tmpl.h"
