/* SPDX-License-Identifier: MIT
 * kernels/x86/pool_avx512.c: pool_tmpl.h for avx512. */
#include "kernels/x86/bits_avx512.h"

#define SYMBOL(family) dqk_##family##__avx512
#include "kernels/simd/pool_tmpl.h"
