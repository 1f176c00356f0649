/* SPDX-License-Identifier: MIT
 * kernels/arm/relu_neon.c: relu_tmpl.h for NEON. */
#include "kernels/arm/bits_neon.h"

#define SYMBOL(family) dqk_##family##__neon
#include "kernels/simd/relu_tmpl.h"
