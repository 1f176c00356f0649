/* SPDX-License-Identifier: MIT
 * tests/unit/wide/wide_winograd_outer.c: winograd_outer_tmpl.h with vectors of 16 floats, for a processor that need not have
 * them. */
#include "wide.h"

#define VW 16
#define SYMBOL(family) dqk_##family##__wide
#include "kernels/simd/winograd_outer_tmpl.h"
