/* SPDX-License-Identifier: MIT
 * tests/unit/wide/wide_winograd.c: winograd_tmpl.h with vectors of 16 floats, for a processor that need not have them. */
#include "bits_wide.h"
#include "wide.h"

#define VW 16
#define MR 12
#define SYMBOL(family) dqk_##family##__wide
#include "kernels/simd/winograd_tmpl.h"
