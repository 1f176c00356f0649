/* SPDX-License-Identifier: MIT
 * explain/fields.h: what can be said of a network from its table alone: which pixels a value depends on, sizes, parameters,
 * multiplications. Runs nothing. */
#ifndef DQ_EXPLAIN_FIELDS_H
#define DQ_EXPLAIN_FIELDS_H

#include "net/layers.h"

/* The receptive field of value (y,x) of a map: `size` pixels a side from start + y·step, start + x·step on, which may lie
 * outside the picture. `whole`: the whole picture, whatever its size. */
typedef struct dq__field {
    int64_t size, step, start;
    bool whole;
} dq__field;

/* Of each layer of the table; where a layer reads two, the field that covers both. */
void dq__fields_of(const dq__table *table, dq__field field[DQ__MAX_LAYERS]);

typedef struct dq__shape {
    int h, w;
    double parameters, multiplications;
} dq__shape;

/* Of each layer on a picture of h × w. DQ_USAGE, with the layer, where one does not fit. */
dq_status dq__shapes_of(const dq__table *table, int h, int w, dq__shape shape[DQ__MAX_LAYERS], dq__error *err);

#endif
