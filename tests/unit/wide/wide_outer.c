/* SPDX-License-Identifier: MIT
 * tests/unit/wide/wide_outer.c: outer_tmpl.h with vectors of 16 floats, for a processor that need not have them. */
#include "wide.h"

#define VW 16
#define SYMBOL(family) dqk_##family##__wide
#include "kernels/simd/outer_tmpl.h"
