/* SPDX-License-Identifier: MIT
 * loss/whole.h: the moments of a whole of which only parts are at hand, one after the other: mean and FᵀF/N are sums over
 * positions, so they add up, whatever the order (dq__sums). With them every style cost on a part has the value and the slope
 * of the whole. */
#ifndef DQ_LOSS_WHOLE_H
#define DQ_LOSS_WHOLE_H

#include "base/ranks.h"
#include "loss/moments.h"

dq_status dq__whole_init(dq__whole *whole, int cs, dq__error *err);
void dq__whole_deinit(dq__whole *whole);
size_t dq__whole_bytes(int cs);
/* Begins anew. */
void dq__whole_clear(dq__whole *whole);
/* Adds the positions of f, which count by the guide of m; a part consists of whole cells of the whole map, of that side.
 * Without `means` only gram will be known. */
void dq__whole_add(dq__pool *pool, dq__moments *m, dq__whole *whole, const dq__tensor *f, int side, bool means);
/* What ranks have added, each of its parts, becomes what all have. */
dq_status dq__whole_share(dq__ranks *ranks, dq__whole *whole, dq__error *err);
/* After the last part: fills gram and mean. */
void dq__whole_finish(dq__whole *whole);

#endif
