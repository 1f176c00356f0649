/* SPDX-License-Identifier: MIT
 * kernels/x86/outer_avx512.c: outer_tmpl.h with vectors of 16 floats. */
#define VW 16
#define SYMBOL(family) dqk_##family##__avx512
#include "kernels/simd/outer_tmpl.h"
