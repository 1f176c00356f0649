/* SPDX-License-Identifier: MIT
 * kernels/relu.h: ReLU in place with its signs kept as bits, and the way back. */
#ifndef DQ_KERNELS_RELU_H
#define DQ_KERNELS_RELU_H

#include <stddef.h>
#include <stdint.h>

/* y[k] = max(y[k], 0); bit k%16 of bits[k/16] = y[k] > 0. n: multiple of 16. NaN becomes 0 with bit 0. */
typedef void dqk_relu_fn(float *y, uint16_t *bits, ptrdiff_t n);
/* dy[k] = bit k ? dy[k] : 0. */
typedef void dqk_relu_back_fn(float *dy, const uint16_t *bits, ptrdiff_t n);

#endif
