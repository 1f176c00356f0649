/* SPDX-License-Identifier: MIT
 * kernels/pool.h: 2×2 pooling, stride 2, of one output row at a time, and the way back. */
#ifndef DQ_KERNELS_POOL_H
#define DQ_KERNELS_POOL_H

#include <stddef.h>
#include <stdint.h>

/* top, bottom: two input rows of 2·cols pixels (or more) of `c` channels (multiple of 16), dense; y: cols pixels.
 * choice: 2 words per 16 channels: the low and the high bit of which of (top-left 0, top-right 1, bottom-left 2,
 * bottom-right 3) was largest; of equals the first. */
typedef void dqk_pool_max_fn(float *y, uint16_t *choice, const float *top, const float *bottom, int cols, int c);
/* Writes (does not add) the gradient of both rows: dy where chosen, 0 elsewhere. */
typedef void dqk_pool_max_back_fn(float *dtop, float *dbottom, const float *dy, const uint16_t *choice, int cols, int c);
/* y = (a+b+c+d)/4, summed as (a+b)+(c+d). */
typedef void dqk_pool_average_fn(float *y, const float *top, const float *bottom, int cols, int c);
typedef void dqk_pool_average_back_fn(float *dtop, float *dbottom, const float *dy, int cols, int c);

#endif
