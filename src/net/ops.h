/* SPDX-License-Identifier: MIT
 * net/ops.h: what one layer of any kind does on whole maps: its shape, what it keeps from its forward for its way back, its
 * forward, its way back to what it read and to its weights. The order of layers and the memory are the executor's. */
#ifndef DQ_NET_OPS_H
#define DQ_NET_OPS_H

#include "net/convolve.h"
#include "net/pack.h"

typedef struct dq__op {
    const dq__convolver *conv; /* threads, kernels, shared memory */
    const dq__table *table;
    const dq__layer *layer;
    const dq__packed *packed;
    int i;                           /* the layer's index */
    bool train;                      /* batch norm by the statistics of the batch */
    const dq__tensor *x, *also, *y;  /* maps that it reads and writes */
    const dq__tensor *dy;            /* way back: the gradient at y; its halo may be overwritten */
    const dq__tensor *dx, *dalso;    /* way back: overwritten; dx is NULL where it is not wanted */
    bool add;                        /* conv, way back: dx has a gradient already, to be added to */
    float *weight, *bias;            /* way back: the gradient of the weights is added here; NULL where it is not wanted */
    uint16_t *signs;                 /* conv, linear: of the ReLU that follows in place, [n][h][w][cs/16]; NULL if none does */
    dqk_pooling pool;                /* conv: the pool that is done within (net/convolve.h): y and dy are above it */
    uint16_t *choice;
    void *kept;                      /* dq__op_kept bytes, from the forward to the way back */
} dq__op;

/* Sets h and w of y, whose channels are set; false where the layer does not fit what it reads. */
bool dq__op_shape(const dq__layer *layer, const dq__tensor *x, const dq__tensor *also, dq__tensor *y);
/* Bytes to be kept for the way back beside the maps. */
size_t dq__op_kept(const dq__op *op);
/* Does its way back read the map x, the map y? */
bool dq__op_keeps_x(const dq__op *op);
bool dq__op_keeps_y(const dq__op *op);
/* Pixels that it writes around y. */
int dq__op_halo(const dq__layer *layer);
/* Announces the memory it needs, forward or back; maps have shapes, not yet data. */
void dq__op_want(dq__convolver *c, const dq__op *op, bool back);
void dq__op_forward(const dq__op *op);
void dq__op_backward(const dq__op *op);

/* ---- the kinds, in files of their own ---- */

/* ops_conv.c: conv and conv_up */
void dq__op_conv(const dq__op *op);
void dq__op_conv_back(const dq__op *op);
void dq__op_conv_up(const dq__op *op);
void dq__op_conv_up_back(const dq__op *op);
dq__layer dq__op_twin(const dq__layer *conv_up); /* the convolution whose way back it is */

/* ops_linear.c */
void dq__op_linear(const dq__op *op);
void dq__op_linear_back(const dq__op *op);

/* ops_each.c: value by value, and add and concat */
void dq__op_each(const dq__op *op);
void dq__op_each_back(const dq__op *op);
void dq__op_join(const dq__op *op);
void dq__op_join_back(const dq__op *op);

/* ops_pool.c */
void dq__op_pool(const dq__op *op);
void dq__op_pool_back(const dq__op *op);
void dq__op_global_pool(const dq__op *op);
void dq__op_global_pool_back(const dq__op *op);

/* ops_up.c: nearest and bilinear */
void dq__op_up(const dq__op *op);
void dq__op_up_back(const dq__op *op);

/* ops_norm.c */
size_t dq__op_norm_kept(const dq__op *op);
void dq__op_norm(const dq__op *op);
void dq__op_norm_back(const dq__op *op);
/* Moves the mean and variance of a batch norm towards those of its last forward. */
void dq__op_norm_statistics(const dq__op *op, float *mean, float *variance, double share);

/* Σ a and Σ a·b (b may be NULL) of 16 channels from `channel` on over `pictures` pictures from `first` on, in the order of
 * the pixels. */
void dq__channel_sums(const dq__tensor *a, const dq__tensor *b, int first, int pictures, int channel, double sum[16],
                      double product[16]);

#endif
