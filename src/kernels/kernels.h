/* SPDX-License-Identifier: MIT
 * kernels/kernels.h: the table of kernels and how one is chosen. A family is NAME.h (contract), NAME_c.c (plain reference),
 * simd/NAME_tmpl.h (the fast version, written once for any vector width) and one file per instruction set that includes it.
 * kernels.def lists every symbol. Kernels are leaf code: no allocation, no threads, no globals. */
#ifndef DQ_KERNELS_KERNELS_H
#define DQ_KERNELS_KERNELS_H

#include "base/cpu.h"
#include "kernels/conv3x3.h"
#include "kernels/gemm.h"
#include "kernels/gram.h"
#include "kernels/outer.h"
#include "kernels/pool.h"
#include "kernels/relu.h"
#include "kernels/winograd.h"
#include "kernels/winograd_outer.h"

typedef struct dqk_table {
    dq__isa isa;
    dqk_conv3x3_fn *conv3x3;
    dqk_conv3x3_from_picture_fn *conv3x3_from_picture;
    dqk_conv3x3_to_picture_fn *conv3x3_to_picture;
    dqk_gemm_fn *gemm;
    dqk_gram_fn *gram;
    dqk_outer_fn *outer;
    dqk_pool_max_fn *pool_max;
    dqk_pool_max_back_fn *pool_max_back;
    dqk_pool_average_fn *pool_average;
    dqk_pool_average_back_fn *pool_average_back;
    dqk_relu_fn *relu;
    dqk_relu_back_fn *relu_back;
    dqk_winograd_fn *winograd;
    dqk_winograd_input_fn *winograd_input;
    dqk_winograd_outer_fn *winograd_outer;
    dqk_winograd_outer_finish_fn *winograd_outer_finish;
    dqk_winograd_weights_fn *winograd_weights;
} dqk_table;

/* The kernels for `isa`, or for the best below it that was built in. Never NULL. */
const dqk_table *dqk_kernels(dq__isa isa);

#define KERNEL(family, isa, symbol) dqk_##family##_fn symbol;
#include "kernels/kernels.def"

#endif
