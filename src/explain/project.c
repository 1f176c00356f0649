/* SPDX-License-Identifier: MIT
 * explain/project.c: the layers of net/ops.h one after another, each with maps of its own; ReLUs on the way back are done here,
 * because they are what the methods differ in. */
#include "explain/project.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "net/ops.h"

#include <string.h>

typedef struct step {
    int i;                  /* the layer */
    dq__tensor act, grad;   /* at its output */
    void *kept;
} step;

struct dq__projector {
    dq__convolver conv;
    void *scratch;
    const dq__table *table;
    const dq__packed *packed;
    dq__tensor picture, picture_grad;
    int steps;
    step step[DQ__MAX_LAYERS];
};

/* ---- the chain --------------------------------------------------------------------------------------------------- */

static bool is_relu(dq__kind kind) { return kind == DQ__RELU || kind == DQ__LEAKY_RELU; }

static dq_status find_chain(dq__projector *p, int last, dq__error *err) {
    int chain[DQ__MAX_LAYERS];
    for (int i = last; i >= 0; i = p->table->layer[i].from) {
        const dq__layer *l = &p->table->layer[i];
        if (!is_relu(l->kind) && l->kind != DQ__CONV && l->kind != DQ__POOL)
            return dq__fail(err, DQ_USAGE, "%s lies behind %s, which cannot be taken back to pixels; choose an earlier layer",
                            p->table->layer[last].name, l->name);
        chain[p->steps++] = i;
    }
    for (int k = 0; k < p->steps; k++) p->step[k].i = chain[p->steps - 1 - k];
    return DQ_OK;
}

static const dq__layer *layer_of(const dq__projector *p, int k) { return &p->table->layer[p->step[k].i]; }
static dq__tensor *act_below(dq__projector *p, int k) { return k ? &p->step[k - 1].act : &p->picture; }
static dq__tensor *grad_below(dq__projector *p, int k) { return k ? &p->step[k - 1].grad : &p->picture_grad; }

static dq__op op_of(dq__projector *p, int k) {
    const dq__tensor *dx = grad_below(p, k);
    return (dq__op){.conv = &p->conv, .table = p->table, .layer = layer_of(p, k), .packed = p->packed, .i = p->step[k].i,
                    .x = act_below(p, k), .y = &p->step[k].act, .dx = dx, .dy = &p->step[k].grad, .kept = p->step[k].kept};
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Wide enough for every convolution that reads the map or writes its gradient. */
static int widest_pad(const dq__projector *p) {
    int pad = 2;
    for (int k = 0; k < p->steps; k++)
        if (layer_of(p, k)->kind == DQ__CONV && layer_of(p, k)->pad > pad) pad = layer_of(p, k)->pad;
    return pad;
}

static dq_status place(dq__tensor *t, dq__error *err) {
    const size_t floats = dq__tensor_floats(t);
    float *memory = dq__alloc_zero(sizeof *memory * floats);
    if (!memory) return dq__no_memory(err, sizeof *memory * floats, "a feature map");
    dq__tensor_place(t, memory);
    return DQ_OK;
}

/* The memory that dq__tensor_place pointed into. */
static void release(dq__tensor *t) {
    if (t->data) dq__free(t->data - t->halo * dq__row(t) - (ptrdiff_t)t->halo * t->cs);
    t->data = NULL;
}

static dq_status shape(dq__projector *p, int h, int w, dq__error *err) {
    const int halo = widest_pad(p);
    p->picture = (dq__tensor){.h = h, .w = w, .c = 3, .cs = dq__channel_stride(3), .halo = halo, .n = 1};
    p->picture_grad = p->picture;
    for (int k = 0; k < p->steps; k++) {
        const dq__layer *l = layer_of(p, k);
        p->step[k].act = (dq__tensor){.c = l->oc, .cs = dq__map_stride(l->oc), .halo = halo, .n = 1};
        if (!dq__op_shape(l, act_below(p, k), NULL, &p->step[k].act))
            return dq__fail(err, DQ_LIMIT, "a picture of %d × %d is too small for layer %s", w, h, l->name);
        p->step[k].grad = p->step[k].act;
    }
    return DQ_OK;
}

static dq_status place_all(dq__projector *p, dq__error *err) {
    dq_status status = place(&p->picture, err);
    if (!status) status = place(&p->picture_grad, err);
    for (int k = 0; k < p->steps && !status; k++) {
        status = place(&p->step[k].act, err);
        if (!status) status = place(&p->step[k].grad, err);
        const dq__op op = op_of(p, k);
        const size_t bytes = layer_of(p, k)->kind == DQ__POOL ? dq__op_kept(&op) : 0;
        p->step[k].kept = bytes && !status ? dq__alloc(bytes) : NULL;
        if (bytes && !status && !p->step[k].kept) status = dq__no_memory(err, bytes, "the choices of a pool");
    }
    return status;
}

dq_status dq__projector_new(dq__projector **out, dq__pool *pool, const dq__table *table, const dq__packed *packed, int last,
                            int h, int w, dq__error *err) {
    dq__projector *p = *out = dq__alloc_zero(sizeof *p);
    if (!p) return dq__no_memory(err, sizeof *p, "a projector");
    p->table = table, p->packed = packed;
    p->conv = (dq__convolver){.pool = pool, .kernels = dqk_kernels(dq__cpu_isa())};
    dq_status status = find_chain(p, last, err);
    if (!status) status = shape(p, h, w, err);
    for (int k = 0; k < p->steps && !status; k++) {
        const dq__op op = op_of(p, k);
        for (int back = 0; back < 2; back++) dq__op_want(&p->conv, &op, back);
    }
    if (!status) status = place_all(p, err);
    const size_t bytes = dq__convolver_bytes(&p->conv);
    if (!status) p->scratch = dq__alloc(bytes);
    if (!status && !p->scratch) status = dq__no_memory(err, bytes, "convolutions");
    if (!status) dq__convolver_place(&p->conv, p->scratch);
    if (status) dq__projector_free(out);
    return status;
}

void dq__projector_free(dq__projector **projector) {
    dq__projector *p = *projector;
    if (!p) return;
    release(&p->picture);
    release(&p->picture_grad);
    for (int k = 0; k < p->steps; k++) {
        release(&p->step[k].act);
        release(&p->step[k].grad);
        dq__free(p->step[k].kept);
    }
    dq__free(p->scratch);
    dq__free(p);
    *projector = NULL;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static void read_picture(const dq__projector *p, const float *rgb) {
    const dq__input *in = &p->table->input;
    for (int i = 0; i < p->picture.h * p->picture.w; i++, rgb += 3) {
        float *to = dq__pixel(&p->picture, i / p->picture.w, i % p->picture.w);
        for (int c = 0; c < 3; c++)
            to[c] = in->matrix[c][0] * rgb[0] + in->matrix[c][1] * rgb[1] + in->matrix[c][2] * rgb[2] + in->offset[c];
    }
}

void dq__projector_forward(dq__projector *p, const float *rgb) {
    read_picture(p, rgb);
    for (int k = 0; k < p->steps; k++) {
        const dq__op op = op_of(p, k);
        dq__op_forward(&op);
    }
}

const dq__tensor *dq__projector_map(const dq__projector *p) { return &p->step[p->steps - 1].act; }

/* ---- the way back ------------------------------------------------------------------------------------------------ */

static void relu_back(const dq__op *op, dq__method method) {
    const float slope = op->layer->kind == DQ__RELU ? 0 : op->layer->slope;
    for (int y = 0; y < op->y->h; y++) {
        const float *v = dq__pixel(op->y, y, 0), *from = dq__pixel(op->dy, y, 0);
        float *to = dq__pixel(op->dx, y, 0);
        for (int i = 0; i < op->y->w * op->y->cs; i++) {
            const float d = method != DQ__GRADIENT && from[i] < 0 ? 0 : from[i];
            to[i] = method == DQ__DECONVNET || v[i] > 0 ? d : slope * d;
        }
    }
}

static void write_picture(const dq__projector *p, float *rgb) {
    const dq__input *in = &p->table->input;
    for (int i = 0; i < p->picture.h * p->picture.w; i++, rgb += 3) {
        const float *from = dq__pixel(&p->picture_grad, i / p->picture.w, i % p->picture.w);
        for (int k = 0; k < 3; k++)
            rgb[k] = in->matrix[0][k] * from[0] + in->matrix[1][k] * from[1] + in->matrix[2][k] * from[2];
    }
}

void dq__projector_back(dq__projector *p, dq__method method, int channel, int y, int x, float *rgb) {
    const step *top = &p->step[p->steps - 1];
    dq__tensor_clear(&top->grad);
    dq__pixel(&top->grad, y, x)[channel] = dq__pixel(&top->act, y, x)[channel];
    for (int k = p->steps - 1; k >= 0; k--) {
        const dq__op op = op_of(p, k);
        if (is_relu(op.layer->kind)) relu_back(&op, method);
        else dq__op_backward(&op);
    }
    write_picture(p, rgb);
}
