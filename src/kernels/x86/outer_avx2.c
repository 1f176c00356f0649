/* SPDX-License-Identifier: MIT
 * kernels/x86/outer_avx2.c: outer_tmpl.h with vectors of 8 floats. */
#define VW 8
#define SYMBOL(family) dqk_##family##__avx2
#include "kernels/simd/outer_tmpl.h"
