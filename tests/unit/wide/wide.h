/* SPDX-License-Identifier: MIT
 * tests/unit/wide/wide.h: the tiles as the AVX-512 kernels have them (vectors of 16 floats, 12 pixels), compiled for the
 * baseline processor: the compiler splits the vectors. So their arithmetic is tested on hosts without AVX-512 too. */
#ifndef DQ_TEST_WIDE_H
#define DQ_TEST_WIDE_H

#include "kernels/kernels.h"

dqk_conv3x3_fn dqk_conv3x3__wide;
dqk_conv3x3_from_picture_fn dqk_conv3x3_from_picture__wide;
dqk_conv3x3_to_picture_fn dqk_conv3x3_to_picture__wide;
dqk_gemm_fn dqk_gemm__wide;
dqk_gram_fn dqk_gram__wide;
dqk_outer_fn dqk_outer__wide;
dqk_winograd_fn dqk_winograd__wide;
dqk_winograd_input_fn dqk_winograd_input__wide;
dqk_winograd_outer_fn dqk_winograd_outer__wide;
dqk_winograd_outer_finish_fn dqk_winograd_outer_finish__wide;
dqk_winograd_weights_fn dqk_winograd_weights__wide;

/* The C kernels with these in their places. */
static inline const dqk_table *wide_kernels(void) {
    static dqk_table table;
    table = *dqk_kernels(DQ__ISA_C);
    table.conv3x3 = dqk_conv3x3__wide;
    table.conv3x3_from_picture = dqk_conv3x3_from_picture__wide;
    table.conv3x3_to_picture = dqk_conv3x3_to_picture__wide;
    table.gemm = dqk_gemm__wide;
    table.gram = dqk_gram__wide;
    table.outer = dqk_outer__wide;
    table.winograd = dqk_winograd__wide;
    table.winograd_input = dqk_winograd_input__wide;
    table.winograd_outer = dqk_winograd_outer__wide;
    table.winograd_outer_finish = dqk_winograd_outer_finish__wide;
    table.winograd_weights = dqk_winograd_weights__wide;
    return &table;
}

#endif
