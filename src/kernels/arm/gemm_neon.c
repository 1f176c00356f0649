/* SPDX-License-Identifier: MIT
 * kernels/arm/gemm_neon.c: gemm_tmpl.h with vectors of 4 floats. */
#define VW 4
#define MR 6
#define SYMBOL(family) dqk_##family##__neon
#include "kernels/simd/gemm_tmpl.h"
