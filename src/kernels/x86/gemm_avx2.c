/* SPDX-License-Identifier: MIT
 * kernels/x86/gemm_avx2.c: gemm_tmpl.h with vectors of 8 floats. */
#define VW 8
#define MR 6
#define SYMBOL(family) dqk_##family##__avx2
#include "kernels/simd/gemm_tmpl.h"
