/* SPDX-License-Identifier: MIT
 * kernels/x86/pool_avx2.c: pool_tmpl.h for avx2. */
#include "kernels/x86/bits_avx2.h"

#define SYMBOL(family) dqk_##family##__avx2
#include "kernels/simd/pool_tmpl.h"
