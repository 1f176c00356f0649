/* SPDX-License-Identifier: MIT
 * net/pack.h: weights in the order the kernels want, made once per job: forward, and flipped and transposed for the way
 * back to the input. */
#ifndef DQ_NET_PACK_H
#define DQ_NET_PACK_H

#include "net/layers.h"

/* Rows of a packed norm, padded to a multiple of 16; scale is what multiplies once mean and variance are known. */
enum { DQ__ROW_WEIGHT, DQ__ROW_MEAN, DQ__ROW_SCALE, DQ__ROWS };

typedef struct dq__packed {
    int last;                        /* layers 0 … last are packed */
    float *forward[DQ__MAX_LAYERS];  /* conv: 3×3 as kernels/conv3x3.h, else for each tap as kernels/gemm.h; conv_up: as the way
                                        back of its twin; linear: as kernels/gemm.h with ic in (H,W,C) order; prelu: padded;
                                        norms: rows as above */
    float *backward[DQ__MAX_LAYERS]; /* conv, conv_up, linear, if asked for; of 3×3 convolutions to the picture only, as
                                        kernels/conv3x3.h: dq__turn_conv3x3 makes the others of the forward ones */
    float *bias[DQ__MAX_LAYERS];     /* padded to a multiple of 16 */
} dq__packed;

/* Layers 0 … last of the table. */
dq_status dq__packed_new(dq__packed **out, const dq__table *table, const dq__weights *weights, int last, bool backward,
                         dq__error *err);
/* The same network with other weights. */
void dq__packed_update(dq__packed *packed, const dq__table *table, const dq__weights *weights);
void dq__packed_free(dq__packed **packed);
/* Bytes that dq__packed_new will take. */
size_t dq__packed_bytes(const dq__table *table, int last, bool backward);

/* (oc,ic,3,3) → kernels/conv3x3.h for ic padded to `ics` and oc padded to 16. flip: the transposed convolution, that is
 * out'(i, o, 2−kh, 2−kw); then the packed kernel's input channels are o (padded to `ics`) and its outputs i. */
void dq__pack_conv3x3(float *packed, const float *w, int oc, int ic, int ics, bool flip);
/* From kernels/conv3x3.h's packed weights with `ins` inputs (multiples of 16, both) those of 16 outputs of the transposed
 * convolution, 16·block … 16·block+15, as dq__pack_conv3x3 would flip them: `outs` inputs, 9·outs·16 floats. */
void dq__turn_conv3x3(float *turned, const float *packed, int outs, int ins, int block);
/* (oc,ic,taps) → taps matrices for kernels/gemm.h, each [oc/16][ics][16] with oc padded to 16 and ic to ics; flip: of the
 * transposed matrices, then ics pads oc. */
void dq__pack_taps(float *packed, const float *w, int oc, int ic, int taps, int ics, bool flip);

/* Floats a linear layer reads: positions × padded channels of the map below it. */
int dq__linear_inputs(const dq__table *table, int i);

#endif
