/* SPDX-License-Identifier: MIT
 * explain/fields.c: see fields.h. */
#include "explain/fields.h"

#include "net/ops.h"

/* A window of `kernel` values of the map below, `pad` of them before its first, `stride` apart. */
static dq__field through(dq__field below, int kernel, int stride, int pad) {
    return (dq__field){.size = below.size + (kernel - 1) * below.step, .step = below.step * stride,
                       .start = below.start - pad * below.step, .whole = below.whole};
}

static dq__field cover(dq__field a, dq__field b) {
    const int64_t end = a.start + a.size > b.start + b.size ? a.start + a.size : b.start + b.size;
    const int64_t start = a.start < b.start ? a.start : b.start;
    return (dq__field){.size = end - start, .step = a.step, .start = start, .whole = a.whole || b.whole};
}

void dq__fields_of(const dq__table *table, dq__field field[DQ__MAX_LAYERS]) {
    static const dq__field pixel = {.size = 1, .step = 1};
    for (int i = 0; i < table->count; i++) {
        const dq__layer *l = &table->layer[i];
        const dq__field below = l->from < 0 ? pixel : field[l->from];
        field[i] = below;
        if (l->kind == DQ__CONV) field[i] = through(below, l->kernel, l->stride, l->pad);
        if (l->kind == DQ__POOL) field[i] = through(below, l->kernel, 2, 0);
        if (dq__reads_two(l)) field[i] = cover(below, field[l->also]);
        /* growing maps and those that take means of all positions see more than a window of fixed steps */
        field[i].whole |= l->kind == DQ__LINEAR || l->kind == DQ__GLOBAL_POOL || l->kind == DQ__INSTANCE_NORM ||
                          l->kind == DQ__UP_NEAREST || l->kind == DQ__UP_BILINEAR || l->kind == DQ__CONV_UP;
    }
}

static double multiplications(const dq__layer *l, const dq__tensor *x, const dq__tensor *y) {
    const double window = (double)l->kernel * l->kernel;
    if (l->kind == DQ__CONV) return window * l->ic * l->oc * y->h * y->w;
    if (l->kind == DQ__CONV_UP) return window * l->ic * l->oc * x->h * x->w;
    return l->kind == DQ__LINEAR ? (double)l->ic * l->oc : 0;
}

dq_status dq__shapes_of(const dq__table *table, int h, int w, dq__shape shape[DQ__MAX_LAYERS], dq__error *err) {
    dq__tensor map[DQ__MAX_LAYERS + 1] = {{.n = 1, .h = h, .w = w, .c = 3, .cs = 4}}; /* the picture, then the layers */
    for (int i = 0; i < table->count; i++) {
        const dq__layer *l = &table->layer[i];
        const dq__tensor *x = &map[l->from + 1];
        dq__tensor *y = &map[i + 1];
        *y = (dq__tensor){.n = 1, .c = l->oc, .cs = dq__map_stride(l->oc)};
        if (!dq__op_shape(l, x, dq__reads_two(l) ? &map[l->also + 1] : NULL, y))
            return dq__fail(err, DQ_USAGE, "a picture of %d × %d does not fit %s of the network '%s'; choose another size", w, h,
                            l->name, table->name);
        shape[i] = (dq__shape){.h = y->h, .w = y->w, .multiplications = multiplications(l, x, y)};
        for (int a = 0; a < DQ__ARRAYS; a++) shape[i].parameters += (double)dq__array_count(l, a);
    }
    return DQ_OK;
}
