/* SPDX-License-Identifier: MIT
 * loss/unit.h: gradients brought to one length before they are added (neural-style's normalize_gradients): every cost pulls at
 * its layer as strongly as its weight says, whatever its size. */
#ifndef DQ_LOSS_UNIT_H
#define DQ_LOSS_UNIT_H

#include "base/pool.h"
#include "net/tensor.h"

/* grad += weight·own/(Σ|own| + 1e-8); own and grad have one shape, and one picture. */
void dq__add_unit(dq__pool *pool, const dq__tensor *own, double weight, const dq__tensor *grad);

#endif
