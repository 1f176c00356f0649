/* SPDX-License-Identifier: MIT
 * explain/project.h: brings one value of a feature map back to the pixels: by the gradient, by guided backpropagation
 * (Springenberg et al. 2015) or by a deconvnet (Zeiler, Fergus 2014). For the chain of layers that leads there, which it runs on
 * a picture of one size with all maps kept. */
#ifndef DQ_EXPLAIN_PROJECT_H
#define DQ_EXPLAIN_PROJECT_H

#include "base/pool.h"
#include "net/pack.h"
#include "net/tensor.h"

/* All take convolutions back by the transposed filters and pools to where the greatest value came from. They differ at a ReLU
 * with output y and what comes from above, d: DECONVNET gives max(d, 0), GRADIENT d where y > 0, GUIDED max(d, 0) where y > 0. */
typedef enum dq__method { DQ__DECONVNET, DQ__GUIDED, DQ__GRADIENT } dq__method;

typedef struct dq__projector dq__projector;

/* Up to layer `last`, packed with the weights for the way back. DQ_USAGE where a layer on the way is no convolution, ReLU or
 * pool or reads two; DQ_LIMIT where the picture is too small. Table and packed must outlive it. */
dq_status dq__projector_new(dq__projector **out, dq__pool *pool, const dq__table *table, const dq__packed *packed, int last,
                            int h, int w, dq__error *err);
void dq__projector_free(dq__projector **projector);
/* rgb: [h][w][3]. The map of layer `last` is valid until the next forward. */
void dq__projector_forward(dq__projector *p, const float *rgb);
const dq__tensor *dq__projector_map(const dq__projector *p);
/* Everything but the value at (y,x) of `channel` set to zero, the way back, to rgb [h][w][3]. */
void dq__projector_back(dq__projector *p, dq__method method, int channel, int y, int x, float *rgb);

#endif
