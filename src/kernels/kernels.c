/* SPDX-License-Identifier: MIT
 * kernels/kernels.c: the dispatch tables, filled from the registry's symbols. */
#include "kernels/kernels.h"

#define TABLE(NAME, isa_) \
    { \
        .isa = NAME, .conv3x3 = dqk_conv3x3__##isa_, .conv3x3_from_picture = dqk_conv3x3_from_picture__##isa_, \
        .conv3x3_to_picture = dqk_conv3x3_to_picture__##isa_, \
        .gemm = dqk_gemm__##isa_, .gram = dqk_gram__##isa_, .outer = dqk_outer__##isa_, \
        .pool_max = dqk_pool_max__##isa_, .pool_max_back = dqk_pool_max_back__##isa_, \
        .pool_average = dqk_pool_average__##isa_, .pool_average_back = dqk_pool_average_back__##isa_, \
        .relu = dqk_relu__##isa_, .relu_back = dqk_relu_back__##isa_, \
        .winograd_outer = dqk_winograd_outer__##isa_, .winograd_outer_finish = dqk_winograd_outer_finish__##isa_, \
        .winograd = dqk_winograd__##isa_, .winograd_input = dqk_winograd_input__##isa_, \
        .winograd_weights = dqk_winograd_weights__##isa_ \
    }

static const dqk_table tables[] = { /* in the order of dq__isa */
    TABLE(DQ__ISA_C, c),
#ifdef DQ_KERNELS_ARM
    TABLE(DQ__ISA_NEON, neon),
#endif
#ifdef DQ_KERNELS_X86
    TABLE(DQ__ISA_AVX2, avx2),
    TABLE(DQ__ISA_AVX512, avx512),
#endif
};

const dqk_table *dqk_kernels(dq__isa isa) {
    int best = (int)(sizeof tables / sizeof *tables) - 1;
    while (tables[best].isa > isa) best--;
    return &tables[best];
}
