/* SPDX-License-Identifier: MIT
 * net/convolve.h: one convolution layer on whole maps: forward, back to its input, and to its weights; cut into tasks, by the
 * variant that is fastest for the shape. Knows kernels and tensors, nothing of the network around it. */
#ifndef DQ_NET_CONVOLVE_H
#define DQ_NET_CONVOLVE_H

#include "base/pool.h"
#include "kernels/kernels.h"
#include "net/tensor.h"

#include <stdbool.h>
#include <stdint.h>

/* Threads, kernels and the memory that convolutions share, since they run one after another. First every convolution to come
 * is announced with the dq__want functions, then dq__convolver_place gives it the memory. */
typedef struct dq__convolver {
    dq__pool *pool;
    const dqk_table *kernels;
    bool direct;          /* never Winograd's method: the rounding of plain sums */
    float *u;             /* weights of the layer under way: transformed, or turned for the way back */
    float *v;             /* transformed inputs that all tasks share */
    float *scratch;       /* one share per thread */
    float *sums;          /* partial sums of a gradient of weights */
    size_t u_floats, v_floats, scratch_floats, sum_floats; /* scratch_floats: of one thread */
} dq__convolver;

/* y = w ∗ x + bias, then ReLU where there are signs to be kept, then a pool, where dq__pools_within says that it can be. The
 * halo of x is filled (layer->pad wide). */
typedef struct dq__convolution {
    const dq__layer *layer; /* kernel, stride, pad */
    const dq__tensor *x, *y;
    const float *w, *bias;  /* packed (net/pack.h); bias may be NULL */
    const float *w_back;    /* packed for the way back; NULL where pack.h keeps no copy */
    dqk_pooling pool;       /* y is the pooled map, where not NONE */
    uint16_t *signs;        /* [n][h][w][cs/16], or NULL: no ReLU follows. With the greatest of four: of the pooled map */
    uint16_t *choice;       /* of the greatest of four: [n][h][w][cs/16][2] */
    bool add;               /* way back: x has a gradient already (dq__adds_back) */
} dq__convolution;

void dq__want_convolve(dq__convolver *c, const dq__convolution *k);
void dq__convolve(const dq__convolver *c, const dq__convolution *k);

/* Can a 2×2 pool be done within this convolution, there and back? pool is not looked at: y is the map below the pool. */
bool dq__pools_within(const dq__convolver *c, const dq__convolution *k, dq__padding padding);

/* The way back to the input: x and y of `k` are the layer's; the gradient is read from k->y as it comes from above, and taken
 * through pool and ReLU (which may change k->y, and does overwrite its halo with zeros); dx is written to k->x, or added to it
 * where k->add says so, and folded by `padding`. dx: halo ≥ pad; dy: halo ≥ 1, and ≥ 2 where padding copies pixels. */
/* Can it add to what is there? */
bool dq__adds_back(const dq__layer *layer);
void dq__want_convolve_back(dq__convolver *c, const dq__convolution *k, dq__padding padding);
void dq__convolve_back(const dq__convolver *c, const dq__convolution *k, dq__padding padding);

/* weight (oc,ic,kernel,kernel) += Σ over pictures and positions of x·dy, bias (oc) += Σ dy unless it
 * is NULL. The halo of x is filled. */
void dq__want_convolve_weights(dq__convolver *c, const dq__layer *layer, const dq__tensor *x, const dq__tensor *dy);
void dq__convolve_weights(const dq__convolver *c, const dq__layer *layer, const dq__tensor *x, const dq__tensor *dy,
                          float *weight, float *bias);

/* The memory that was asked for: how many bytes it is, and where (64-byte aligned). */
size_t dq__convolver_bytes(const dq__convolver *c);
void dq__convolver_place(dq__convolver *c, void *memory);

/* Is Winograd's method faster for maps of this size with `ring` pixels computed around each, from ic channels? Never to or
 * from a picture. */
bool dq__winograd_pays(const dq__convolver *c, const dq__tensor *map, int ring, int ic);

/* Rectifies rows of y in place, channels [channel, channel+channels), and keeps the signs. */
void dq__relu_rows(const dqk_table *kernels, const dq__tensor *y, uint16_t *signs, int row, int rows, int channel, int channels);
/* Takes a gradient back through a ReLU in place, by the signs that were kept. */
void dq__relu_back(const dq__convolver *c, const dq__tensor *dy, const uint16_t *signs);

#endif
