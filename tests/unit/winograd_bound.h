/* SPDX-License-Identifier: MIT
 * tests/unit/winograd_bound.h: the absolute values of Winograd's three matrices, by which the tests compute what it may
 * round. */
#ifndef DQ_TEST_WINOGRAD_BOUND_H
#define DQ_TEST_WINOGRAD_BOUND_H

#include "kernels/winograd.h"

#include <string.h>

static double abs_bt[6][6], abs_g[6][3], abs_at[4][6];

static inline void set_matrices(void) {
    const double p = (double)DQK_WINOGRAD_P, q = (double)DQK_WINOGRAD_Q, pp = p * p, qq = q * q;
    const double np = 1 / (2 * pp * fabs(pp - qq)), nq = 1 / (2 * qq * fabs(qq - pp));
    const double b[6][6] = {{1, 0, pp + qq, 0, 1, 0}, {0, p * qq, qq, p, 1, 0}, {0, p * qq, qq, p, 1, 0},
                            {0, q * pp, pp, q, 1, 0}, {0, q * pp, pp, q, 1, 0}, {0, 1, 0, pp + qq, 0, 1}};
    const double g[6][3] = {{1, 0, 0}, {np, np * p, np * pp}, {np, np * p, np * pp},
                            {nq, nq * q, nq * qq}, {nq, nq * q, nq * qq}, {0, 0, 1}};
    const double a[4][6] = {{1, 1, 1, 1, 1, 0},
                            {0, p, p, q, q, 0},
                            {0, pp, pp, qq, qq, 0},
                            {0, p * pp, p * pp, q * qq, q * qq, 1}};
    memcpy(abs_bt, b, sizeof abs_bt), memcpy(abs_g, g, sizeof abs_g), memcpy(abs_at, a, sizeof abs_at);
}

#endif
