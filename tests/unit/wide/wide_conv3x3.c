/* SPDX-License-Identifier: MIT
 * tests/unit/wide/wide_conv3x3.c: conv3x3_tmpl.h with vectors of 16 floats, for a processor that need not have them. */
#include "wide.h"

#define VW 16
#define MR 12
#define SYMBOL(family) dqk_##family##__wide
#include "bits_wide.h"
#include "kernels/simd/conv3x3_tmpl.h"
