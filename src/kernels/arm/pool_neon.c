/* SPDX-License-Identifier: MIT
 * kernels/arm/pool_neon.c: pool_tmpl.h for NEON. */
#include "kernels/arm/bits_neon.h"

#define SYMBOL(family) dqk_##family##__neon
#include "kernels/simd/pool_tmpl.h"
