/* SPDX-License-Identifier: MIT
 * net/ops.c: which function does what for a layer of which kind. The functions are in the files ops_*.c. */
#include "net/ops.h"

enum { MAX_SIDE = 1 << 17 };

static bool conv_shape(const dq__layer *l, const dq__tensor *x, dq__tensor *y) {
    const int h = x->h + 2 * l->pad - l->kernel, w = x->w + 2 * l->pad - l->kernel;
    y->h = h / l->stride + 1, y->w = w / l->stride + 1;
    return h >= 0 && w >= 0;
}

bool dq__op_shape(const dq__layer *l, const dq__tensor *x, const dq__tensor *also, dq__tensor *y) {
    y->h = x->h, y->w = x->w;
    switch (l->kind) {
    case DQ__CONV: return conv_shape(l, x, y);
    case DQ__POOL:
        y->h /= 2, y->w /= 2;
        return y->h > 0 && y->w > 0;
    case DQ__LINEAR:
    case DQ__GLOBAL_POOL:
        y->h = y->w = 1;
        return l->kind == DQ__GLOBAL_POOL || (double)x->h * x->w * x->c == (double)l->ic;
    case DQ__UP_NEAREST:
    case DQ__UP_BILINEAR:
    case DQ__CONV_UP:
        y->h *= 2, y->w *= 2;
        return y->h <= MAX_SIDE && y->w <= MAX_SIDE;
    case DQ__ADD:
    case DQ__CONCAT: return x->h == also->h && x->w == also->w;
    default: return true;
    }
}

static bool is_norm(const dq__layer *l) { return l->kind == DQ__INSTANCE_NORM || l->kind == DQ__BATCH_NORM; }

/* A word for every 16 values. */
static size_t words(const dq__tensor *t) { return (size_t)t->n * (size_t)t->h * (size_t)t->w * (size_t)(t->cs / 16); }

static bool max_pools(const dq__op *op) { return op->layer->kind == DQ__POOL && op->table->pooling == DQ__POOL_MAX; }

size_t dq__op_kept(const dq__op *op) {
    if (is_norm(op->layer)) return dq__op_norm_kept(op);
    if (dq__relu_in_place(op->table, op->i)) return sizeof(uint16_t) * words(op->y);
    return max_pools(op) && op->layer->kernel == 2 ? 2 * sizeof(uint16_t) * words(op->y) : 0;
}

bool dq__op_keeps_x(const dq__op *op) {
    switch (op->layer->kind) {
    case DQ__CONV:
    case DQ__CONV_UP:
    case DQ__LINEAR:
    case DQ__BATCH_NORM: return op->train;
    case DQ__POOL: return max_pools(op) && op->layer->kernel == 3;
    case DQ__LEAKY_RELU:
    case DQ__PRELU:
    case DQ__INSTANCE_NORM: return true;
    default: return false;
    }
}

bool dq__op_keeps_y(const dq__op *op) {
    const dq__kind kind = op->layer->kind;
    return kind == DQ__TANH || kind == DQ__SIGMOID || (kind == DQ__RELU && !dq__relu_in_place(op->table, op->i));
}

int dq__op_halo(const dq__layer *l) { return l->kind == DQ__CONV_UP ? l->pad : 0; }

static void want_conv(dq__convolver *c, const dq__op *op, bool back) {
    const dq__convolution there = {.layer = op->layer, .x = op->x, .y = op->y};
    const dq__convolution way_back = {.layer = op->layer, .x = op->dx, .y = op->dy};
    if (!back) dq__want_convolve(c, &there);
    if (back && op->dx) dq__want_convolve_back(c, &way_back, op->table->padding);
    if (back && op->train) dq__want_convolve_weights(c, op->layer, op->x, op->dy);
}

void dq__op_want(dq__convolver *c, const dq__op *op, bool back) {
    if (op->layer->kind == DQ__CONV) want_conv(c, op, back);
    if (op->layer->kind == DQ__CONV_UP && back && op->train) {
        const dq__layer twin = dq__op_twin(op->layer);
        dq__want_convolve_weights(c, &twin, op->dy, op->x);
    }
}

typedef void op_fn(const dq__op *op);

static const struct {
    op_fn *forward, *backward;
} kinds[DQ__KINDS] = {
    [DQ__CONV] = {dq__op_conv, dq__op_conv_back},
    [DQ__RELU] = {dq__op_each, dq__op_each_back},
    [DQ__POOL] = {dq__op_pool, dq__op_pool_back},
    [DQ__LINEAR] = {dq__op_linear, dq__op_linear_back},
    [DQ__LEAKY_RELU] = {dq__op_each, dq__op_each_back},
    [DQ__PRELU] = {dq__op_each, dq__op_each_back},
    [DQ__TANH] = {dq__op_each, dq__op_each_back},
    [DQ__SIGMOID] = {dq__op_each, dq__op_each_back},
    [DQ__INSTANCE_NORM] = {dq__op_norm, dq__op_norm_back},
    [DQ__BATCH_NORM] = {dq__op_norm, dq__op_norm_back},
    [DQ__GLOBAL_POOL] = {dq__op_global_pool, dq__op_global_pool_back},
    [DQ__UP_NEAREST] = {dq__op_up, dq__op_up_back},
    [DQ__UP_BILINEAR] = {dq__op_up, dq__op_up_back},
    [DQ__CONV_UP] = {dq__op_conv_up, dq__op_conv_up_back},
    [DQ__ADD] = {dq__op_join, dq__op_join_back},
    [DQ__CONCAT] = {dq__op_join, dq__op_join_back},
};

void dq__op_forward(const dq__op *op) { kinds[op->layer->kind].forward(op); }

void dq__op_backward(const dq__op *op) { kinds[op->layer->kind].backward(op); }
