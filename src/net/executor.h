/* SPDX-License-Identifier: MIT
 * net/executor.h: runs a network on pictures of one size: forward to named taps, backward from the taps to the pixels or to
 * the weights. The one executor; all memory is planned when it is made. Frozen weights need only sign bits of the ReLUs,
 * choices of the pools, features at the taps, and two or three maps in flight. */
#ifndef DQ_NET_EXECUTOR_H
#define DQ_NET_EXECUTOR_H

#include "base/pool.h"
#include "net/layers.h"
#include "net/pack.h"
#include "net/tensor.h"

enum { DQ__MAX_TAPS = 32 };

typedef struct dq__exec dq__exec;

/* Adds the gradient of the costs at tap `tap` with respect to its features f to `grad` (same shape; its halo is not to be
 * read or written). At a tap `in_place` it may be called with grad->data == f->data: the features become their gradient. */
typedef void (*dq__tap_fn)(void *user, int tap, const dq__tensor *f, const dq__tensor *grad);

typedef struct dq__exec_options {
    int h, w;                /* of the picture */
    int n;                   /* pictures of that size at once; 0 = 1 */
    int channels;            /* of what goes in, where that is no picture but a map (net/stage.h); else 0 */
    const int *tap;          /* layer indices, ascending, distinct; below a relu only at the end of the chain */
    int taps;                /* 1 … DQ__MAX_TAPS */
    uint32_t in_place;       /* bit t: the costs at tap t can do that; saves a map. Where the layer reads the picture itself its
                                features are made anew for it, and dq__exec_tap does not have them */
    bool direct;             /* convolve directly where Winograd's method would be faster: the rounding of plain sums */
    bool train;              /* will dq__exec_train be called? (keeps every map that a gradient of weights needs; a batch norm
                                takes the statistics of the batch) */
    bool backward;           /* will dq__exec_backward be called? (packed must then have the weights for the way back) */
    int link;                /* 1 + the tap whose features nobody wants on the way back, 0: no such */
    void *arena;             /* dq__exec_bytes of memory to work in, 64-byte aligned; NULL: its own. Executors that share it
                                have what they left there from a forward until another one runs */
    struct dq__ranks *ranks; /* of a frame (net/window.h) alone: they share its windows; NULL: none */
} dq__exec_options;

/* table (with the padding, pooling and input wanted), packed and pool must outlive the executor. Errors: DQ_LIMIT (memory; a
 * picture so small that a pool or a linear layer has nothing to work on), DQ_USAGE. */
dq_status dq__exec_new(dq__exec **out, dq__pool *pool, const dq__table *table, const dq__packed *packed,
                       const dq__exec_options *options, dq__error *err);
void dq__exec_free(dq__exec **exec);
/* Bytes dq__exec_new would take, 0 if it would fail. */
size_t dq__exec_bytes(dq__pool *pool, const dq__table *table, const dq__exec_options *options);
/* Bytes of what a forward leaves for the way back, 0 if the executor cannot be. */
size_t dq__exec_state_bytes(dq__pool *pool, const dq__table *table, const dq__exec_options *options);
/* Copies that out, and in again in place of a forward. */
void dq__exec_save(const dq__exec *exec, void *state);
void dq__exec_load(dq__exec *exec, const void *state);
/* The smallest side a picture may have for layer `last`. */
int dq__exec_min_side(const dq__table *table, int last);
/* Multiply-adds × 2 of the convolutions to layer `last` for one forward pass. */
double dq__exec_flops(const dq__table *table, int last, int h, int w);

/* rgb: [n][h][w][3]. Features of the taps are valid until the next forward, or until a backward has passed them. */
void dq__exec_forward(dq__exec *exec, const float *rgb);
/* Features of tap number `tap` (0 … taps−1). */
const dq__tensor *dq__exec_tap(const dq__exec *exec, int tap);
/* Numbers of a picture, 3 a pixel, or of a map, as many as its channels' stride; `row` of them from row to row. */
typedef struct dq__plane {
    float *at;
    ptrdiff_t row;
} dq__plane;

typedef struct dq__rect {
    int y, x, h, w;
} dq__rect;

/* The same from a field, which begins with its first number; fn (may be NULL) sees every tap as soon as it is there, with grad
 * NULL. */
void dq__exec_forward_from(dq__exec *exec, const dq__plane *from, dq__tap_fn fn, void *user);
/* The way back of that; of the gradient only `part` is written, to a field that begins with the part's first number. */
void dq__exec_backward_to(dq__exec *exec, dq__tap_fn fn, void *user, const dq__rect *part, const dq__plane *to);
/* After a forward: asks fn for the gradient at every tap, deepest first, and writes the sum brought to the pixels,
 * rgb_gradient [n][h][w][3] (overwritten). */
void dq__exec_backward(dq__exec *exec, dq__tap_fn fn, void *user, float *rgb_gradient);
/* The same for training: adds the gradient of every weight and bias to `gradient` (the shapes of dq__weights). The pixels' is
 * not made. */
void dq__exec_train(dq__exec *exec, dq__tap_fn fn, void *user, const dq__weights *gradient);
/* After a forward with `train`, before its way back: moves the mean and variance of every batch norm by `share` of the way to
 * those of the batch: a running average with a constant share, a mean over k batches with 1/k at the k-th. */
void dq__exec_statistics(const dq__exec *exec, dq__weights *weights, double share);

#endif
