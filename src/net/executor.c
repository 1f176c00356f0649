/* SPDX-License-Identifier: MIT
 * net/executor.c: plans the memory of a network for one picture size and runs it. Start at dq__exec_forward and
 * dq__exec_backward; the plan above them says which map lives when. No costs, no optimiser, no files here. */
#include "net/executor.h"

#include "base/mem.h"
#include "net/convolve.h"
#include "net/planner.h"
#include "net/split.h"

#include <string.h>

/* Maps that belong to layer i, or to the picture (−1). A relu works in place: its act and grad are those of the layer below. */
typedef struct node {
    dq__tensor act, grad, more; /* more: what a second reader of the map adds to grad */
    uint16_t *bits;             /* relu: [n][h][w][cs/16] signs; max pool: [n][h][w][cs/16][2] choices */
    int tap;                    /* number of the tap here, −1 if none */
    bool used;                  /* a tap is here or depends on it; else the layer is left out */
    int pool;                   /* conv: the pool that is done with it, −1 if none: then it has no maps of its own */
    int first_reader, last_reader; /* layers that read this map (through its relu), −1 if none */
    dq__span act_span, grad_span, more_span, bits_span;
} node;

struct dq__exec {
    dq__convolver conv;
    const dq__table *table;
    const dq__packed *packed;
    int layers, tap[DQ__MAX_TAPS], taps;
    bool backward, train;
    node *slot, store[DQ__MAX_LAYERS + 1]; /* the picture's, then the layers' */
    unsigned char *arena;
    size_t arena_bytes;
};

/* ---- shapes and memory ------------------------------------------------------------------------------------------- */

static node *node_at(const dq__exec *e, int i) { return e->slot + i + 1; }
static const dq__layer *layer_at(const dq__exec *e, int i) { return &e->table->layer[i]; }
/* The node that layer i reads. */
static node *below(const dq__exec *e, int i) { return node_at(e, layer_at(e, i)->from); }

/* Layer of the relu above layer i, −1 if it has none. */
static int relu_above(const dq__exec *e, int i) { return i + 1 < e->layers && dq__relu_in_place(e->table, i + 1) ? i + 1 : -1; }
/* The layer whose output the map of layer i finally is: its relu, or itself. */
static int top_of(const dq__exec *e, int i) { return i >= 0 && relu_above(e, i) >= 0 ? i + 1 : i; }

/* Marks the layers that the taps depend on. */
static void find_used(const dq__exec *e) {
    for (int i = e->layers - 1; i >= 0; i--) {
        node *n = node_at(e, i);
        n->used |= n->tap >= 0;
        if (n->used) below(e, i)->used = true;
    }
}

static void find_readers(const dq__exec *e, int i) {
    node *n = node_at(e, i);
    const int top = top_of(e, i);
    n->first_reader = n->last_reader = -1;
    for (int k = e->layers - 1; k > top; k--)
        if (node_at(e, k)->used && layer_at(e, k)->from == top) {
            n->first_reader = k;
            if (n->last_reader < 0) n->last_reader = k;
        }
}

/* The widest border that a convolution reads around the map of layer i. */
static int halo_of(const dq__exec *e, int i) {
    int halo = 0;
    for (int k = i + 1; k < e->layers; k++)
        if (node_at(e, k)->used && layer_at(e, k)->from == top_of(e, i) && layer_at(e, k)->pad > halo)
            halo = layer_at(e, k)->pad;
    return halo;
}

static int grad_halo(const dq__exec *e, int halo) {
    const int least = e->table->padding == DQ__PAD_ZERO ? 1 : 2;
    return halo > least ? halo : least;
}

static bool shape_layer(dq__exec *e, int i) {
    const dq__layer *l = layer_at(e, i);
    const dq__tensor *x = &below(e, i)->act;
    node *n = node_at(e, i);
    n->act = (dq__tensor){.n = x->n, .h = x->h, .w = x->w, .c = l->oc, .cs = (l->oc + 15) / 16 * 16, .halo = halo_of(e, i)};
    if (l->kind == DQ__POOL) n->act.h /= 2, n->act.w /= 2;
    if (l->kind == DQ__CONV) {
        n->act.h = (x->h + 2 * l->pad - l->kernel) / l->stride + 1;
        n->act.w = (x->w + 2 * l->pad - l->kernel) / l->stride + 1;
        if (x->h + 2 * l->pad < l->kernel || x->w + 2 * l->pad < l->kernel) return false;
    }
    if (l->kind == DQ__LINEAR) {
        if (x->h * x->w * x->c != l->ic || e->backward || x->n > 1) return false;
        n->act.h = n->act.w = 1;
    }
    if (l->kind == DQ__RELU) n->act.halo = x->halo;
    n->grad = n->act;
    n->grad.halo = grad_halo(e, n->act.halo);
    n->more = n->grad;
    return n->act.h > 0 && n->act.w > 0;
}

/* Forward of layer i is step i, its backward step 2·layers − 1 − i. */
static int back_step(const dq__exec *e, int i) { return 2 * e->layers - 1 - i; }

static dq__span span(const dq__tensor *t, int first, int last) {
    return (dq__span){sizeof(float) * dq__tensor_floats(t), first, last, 0};
}

/* The layer whose tasks do layer i, there and back: the one below for a relu, and for a pool where it can be. */
static int done_by(const dq__exec *e, int i) {
    if (i >= 0 && layer_at(e, i)->kind == DQ__RELU) return i - 1;
    for (int k = 0; k < i && layer_at(e, i)->kind == DQ__POOL; k++)
        if (node_at(e, k)->pool == i) return k;
    return i;
}

static void span_bits(dq__exec *e, int i) {
    node *n = node_at(e, i);
    const dq__kind kind = layer_at(e, i)->kind;
    const int by = done_by(e, i), pool = node_at(e, by)->pool;
    const bool max = e->table->pooling == DQ__POOL_MAX;
    const dq__tensor *map = kind == DQ__RELU && pool >= 0 && max ? &node_at(e, pool)->act : &n->act;
    const size_t words = (size_t)map->n * (size_t)map->h * (size_t)map->w * (size_t)(map->cs / 16);
    if (kind == DQ__RELU || (kind == DQ__POOL && max))
        n->bits_span = (dq__span){words * (kind == DQ__POOL ? 4 : 2), by, e->backward ? back_step(e, by) : i, 0};
}

/* How long the map of layer i is needed: by its readers, by a tap, and by the gradient of its readers' weights. */
static int act_until(const dq__exec *e, int i) {
    const node *n = node_at(e, i);
    const int top = top_of(e, i);
    int until = n->last_reader > top ? n->last_reader : top;
    if (node_at(e, top)->tap >= 0) until = e->backward ? back_step(e, top) : e->layers;
    if (e->train && n->first_reader >= 0 && back_step(e, n->first_reader) > until) until = back_step(e, n->first_reader);
    return until;
}

static void span_layer(dq__exec *e, int i) {
    node *n = node_at(e, i);
    if (!n->used) return;
    if (i >= 0) span_bits(e, i);
    if (i >= 0 && (dq__relu_in_place(e->table, i) || n->pool >= 0)) return;
    const int by = done_by(e, i);
    n->act_span = span(&n->act, by < 0 ? 0 : by, act_until(e, i));
    if (!e->backward || (i < 0 && e->train)) return;
    const int top = top_of(e, i), written = n->last_reader >= 0 ? n->last_reader : top;
    n->grad_span = span(&n->grad, back_step(e, written), back_step(e, by));
    if (n->first_reader != n->last_reader) n->more_span = span(&n->more, back_step(e, written), back_step(e, n->first_reader));
}

/* A layer to be tapped whose map the relu above it overwrites, −1 if there is none. */
static int overwritten_tap(const dq__table *table, const dq__exec_options *o) {
    for (int t = 0; t + 1 < o->taps; t++)
        if (dq__relu_in_place(table, o->tap[t] + 1)) return o->tap[t];
    return -1;
}

/* The pool that is done with the convolution of layer i: the only reader of its map, which nobody looks at. */
static int pool_within(const dq__exec *e, int i) {
    const node *n = node_at(e, i);
    const int top = top_of(e, i), pool = n->first_reader;
    if (layer_at(e, i)->kind != DQ__CONV || !n->used || e->train || n->tap >= 0 || node_at(e, top)->tap >= 0) return -1;
    if (pool < 0 || pool != n->last_reader || layer_at(e, pool)->kind != DQ__POOL) return -1;
    const dq__convolution k = {.layer = layer_at(e, i), .x = &below(e, i)->act, .y = &n->act};
    return dq__pools_within(&e->conv, &k, e->table->padding) ? pool : -1;
}

/* The picture's gradient: as many channels as the kernels write. */
static int picture_stride(const dq__exec *e) {
    for (int i = 0; i < e->layers; i++)
        if (node_at(e, i)->used && layer_at(e, i)->from < 0 && !dq__is_conv3x3(layer_at(e, i))) return 16;
    return 4;
}

static bool shape(dq__exec *e, const dq__table *table, const dq__exec_options *o) {
    if (overwritten_tap(table, o) >= 0) return false;
    e->slot = e->store;
    e->table = table;
    e->layers = o->tap[o->taps - 1] + 1;
    e->taps = o->taps;
    e->backward = o->backward || o->train;
    e->train = o->train;
    e->conv.direct = o->direct;
    memcpy(e->tap, o->tap, sizeof(int) * (size_t)o->taps);
    for (int i = -1; i < e->layers; i++) node_at(e, i)->tap = node_at(e, i)->pool = -1;
    for (int t = 0; t < o->taps; t++) node_at(e, o->tap[t])->tap = t;
    find_used(e);
    for (int i = -1; i < e->layers; i++) find_readers(e, i);
    node *picture = node_at(e, -1);
    const int halo = halo_of(e, -1);
    picture->act = (dq__tensor){.n = o->n ? o->n : 1, .h = o->h, .w = o->w, .c = 3, .cs = 4, .halo = halo};
    picture->grad = picture->more = picture->act;
    picture->grad.cs = picture->more.cs = picture_stride(e);
    picture->grad.halo = picture->more.halo = grad_halo(e, halo);
    for (int i = 0; i < e->layers; i++)
        if (!shape_layer(e, i)) return false;
    for (int i = 0; i < e->layers; i++) node_at(e, i)->pool = pool_within(e, i);
    return true;
}

enum { SPANS = 4 * (DQ__MAX_LAYERS + 1) };

static int list_spans(dq__exec *e, dq__span **list) {
    int count = 0;
    for (int i = -1; i < e->layers; i++) {
        node *n = node_at(e, i);
        list[count++] = &n->act_span;
        list[count++] = &n->grad_span;
        list[count++] = &n->more_span;
        list[count++] = &n->bits_span;
    }
    return count;
}

static size_t plan(dq__exec *e) {
    dq__span *list[SPANS], flat[SPANS];
    for (int i = -1; i < e->layers; i++) span_layer(e, i);
    const int count = list_spans(e, list);
    for (int s = 0; s < count; s++) flat[s] = *list[s];
    const size_t bytes = dq__plan_place(flat, count);
    for (int s = 0; s < count; s++) *list[s] = flat[s];
    return bytes;
}

static void place_map(const dq__exec *e, dq__tensor *t, const dq__span *span) {
    if (span->bytes) dq__tensor_place(t, (float *)(void *)(e->arena + span->offset));
}

static void place(dq__exec *e) {
    for (int i = -1; i < e->layers; i++) {
        node *n = node_at(e, i);
        if (n->bits_span.bytes) n->bits = (uint16_t *)(void *)(e->arena + n->bits_span.offset);
        place_map(e, &n->act, &n->act_span);
        place_map(e, &n->grad, &n->grad_span);
        place_map(e, &n->more, &n->more_span);
        if (i < 0 || !dq__relu_in_place(e->table, i)) continue;
        n->act.data = node_at(e, i - 1)->act.data;
        n->grad.data = node_at(e, i - 1)->grad.data;
        n->more.data = node_at(e, i - 1)->more.data;
    }
}

/* Where layer i writes the gradient of what it reads: the last reader, whose turn comes first, writes; the others add. */
static dq__tensor *grad_for(const dq__exec *e, int i) {
    node *n = below(e, i);
    const int owner = layer_at(e, i)->from;
    const node *map = owner >= 0 && dq__relu_in_place(e->table, owner) ? node_at(e, owner - 1) : n;
    return map->last_reader == i ? &n->grad : &n->more;
}

/* The convolution of layer i with what is done by its tasks, forward or back. */
static dq__convolution convolution(const dq__exec *e, int i, bool back) {
    node *n = node_at(e, i), *y = n->pool >= 0 ? node_at(e, n->pool) : n;
    const int relu = relu_above(e, i);
    dq__convolution k = {.layer = layer_at(e, i), .x = back ? grad_for(e, i) : &below(e, i)->act, .y = back ? &y->grad : &y->act};
    if (relu >= 0) k.signs = node_at(e, relu)->bits;
    if (y == n) return k;
    k.pool = e->table->pooling == DQ__POOL_MAX ? DQK_POOL_MAX : DQK_POOL_AVERAGE;
    k.choice = y->bits;
    return k;
}

/* The same with the weights. */
static dq__convolution weighted(const dq__exec *e, int i, bool back) {
    dq__convolution k = convolution(e, i, back);
    k.w = e->packed->forward[i], k.w_back = e->packed->backward[i], k.bias = e->packed->bias[i];
    return k;
}

/* Is the gradient at what layer i reads wanted? Training does not want the picture's. */
static bool wants_below(const dq__exec *e, int i) { return e->backward && (layer_at(e, i)->from >= 0 || !e->train); }

static size_t plan_all(dq__exec *e, dq__pool *pool) {
    e->conv.pool = pool;
    for (int i = 0; i < e->layers; i++) {
        if (!node_at(e, i)->used || layer_at(e, i)->kind != DQ__CONV) continue;
        const dq__convolution there = convolution(e, i, false), back = convolution(e, i, true);
        dq__want_convolve(&e->conv, &there);
        if (wants_below(e, i)) dq__want_convolve_back(&e->conv, &back, e->table->padding);
        if (e->train) dq__want_convolve_weights(&e->conv, layer_at(e, i), there.x, back.y);
    }
    e->arena_bytes = plan(e);
    return e->arena_bytes + dq__convolver_bytes(&e->conv);
}

size_t dq__exec_bytes(dq__pool *pool, const dq__table *table, const dq__exec_options *options) {
    dq__exec *e = dq__alloc_zero(sizeof *e);
    if (!e) return 0;
    size_t bytes = shape(e, table, options) ? plan_all(e, pool) : 0;
    dq__free(e);
    return bytes;
}

int dq__exec_min_side(const dq__table *table, int last) {
    int side = 1;
    for (int i = last; i >= 0; i = table->layer[i].from)
        if (table->layer[i].kind == DQ__POOL || table->layer[i].stride == 2) side *= 2;
    return side;
}

double dq__exec_flops(const dq__table *table, int last, int h, int w) {
    double sum = 0, pixels[DQ__MAX_LAYERS + 1] = {(double)h * w}; /* of the picture, then the layers' */
    for (int i = 0; i <= last; i++) {
        const dq__layer *l = &table->layer[i];
        pixels[i + 1] = pixels[l->from + 1] / (l->kind == DQ__POOL ? 4 : l->kind == DQ__CONV ? l->stride * l->stride : 1);
        if (l->kind == DQ__CONV) sum += 2.0 * l->kernel * l->kernel * l->ic * l->oc * pixels[i + 1];
    }
    return sum;
}

dq_status dq__exec_new(dq__exec **out, dq__pool *pool, const dq__table *table, const dq__packed *packed,
                       const dq__exec_options *options, dq__error *err) {
    *out = NULL;
    const int overwritten = overwritten_tap(table, options);
    if (overwritten >= 0)
        return dq__fail(err, DQ_USAGE, "layer %s cannot be looked at below its ReLU; take the layer above it",
                        table->layer[overwritten].name);
    dq__exec *e = dq__alloc_zero(sizeof *e);
    if (!e) return dq__no_memory(err, sizeof *e, "the network");
    e->packed = packed;
    e->conv.kernels = dqk_kernels(dq__cpu_isa());
    if (!shape(e, table, options)) {
        dq__free(e);
        return dq__fail(err, DQ_LIMIT,
                        "a picture of %d x %d is too small for layer %s (at least %d px a side) or does not fit it", options->w,
                        options->h, table->layer[options->tap[options->taps - 1]].name,
                        dq__exec_min_side(table, options->tap[options->taps - 1]));
    }
    const size_t bytes = plan_all(e, pool);
    e->arena = dq__alloc(e->arena_bytes);
    if (!dq__convolver_alloc(&e->conv) || !e->arena) {
        dq__exec_free(&e);
        return dq__no_memory(err, bytes, "feature maps");
    }
    place(e);
    *out = e;
    return DQ_OK;
}

void dq__exec_free(dq__exec **exec) {
    if (!*exec) return;
    dq__free((*exec)->arena);
    dq__convolver_free(&(*exec)->conv);
    dq__free(*exec);
    *exec = NULL;
}

const dq__tensor *dq__exec_tap(const dq__exec *exec, int tap) { return &node_at(exec, exec->tap[tap])->act; }

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* What the tasks of one layer need to know. */
typedef struct layer_work {
    const dq__exec *e;
    int i;
    dq__split split;
} layer_work;

static void linear_task(void *user, int task) {
    const layer_work *work = user;
    const dq__exec *e = work->e;
    const dq__tensor *x = &below(e, work->i)->act, *y = &node_at(e, work->i)->act;
    const int inputs = dq__linear_inputs(e->table, work->i), relu = relu_above(e, work->i);
    int row, rows, channel, channels;
    dq__split_task(&work->split, task, &row, &rows, &channel, &channels);
    dqk_gemm job = {.x = x->data, .y = y->data + channel, .m = e->packed->forward[work->i] + (ptrdiff_t)channel * inputs,
                    .bias = e->packed->bias[work->i] + channel, .rows = 1, .cols = 1, .ic = inputs, .oc = channels};
    e->conv.kernels->gemm(&job);
    if (relu >= 0) dq__relu_rows(e->conv.kernels, y, node_at(e, relu)->bits, 0, 1, channel, channels);
}

/* Choices of row y of a picture's pooled map. */
static uint16_t *choices(const node *n, int picture, int y) {
    return n->bits + ((ptrdiff_t)picture * n->act.h + y) * n->act.w * (n->act.cs / 16) * 2;
}

static void pool_task(void *user, int task) {
    const layer_work *work = user;
    const dq__exec *e = work->e;
    const node *n = node_at(e, work->i);
    const int picture = task / n->act.h, y = task % n->act.h;
    const dq__tensor from = dq__picture(&below(e, work->i)->act, picture), to = dq__picture(&n->act, picture);
    const float *top = dq__pixel(&from, 2 * y, 0), *bottom = dq__pixel(&from, 2 * y + 1, 0);
    if (e->table->pooling == DQ__POOL_MAX)
        e->conv.kernels->pool_max(dq__pixel(&to, y, 0), choices(n, picture, y), top, bottom, to.w, to.cs);
    else
        e->conv.kernels->pool_average(dq__pixel(&to, y, 0), top, bottom, to.w, to.cs);
}

typedef struct input_work {
    const dq__exec *e;
    const float *rgb;
    float *gradient;
} input_work;

static void input_task(void *user, int task) {
    const input_work *work = user;
    const dq__input *in = &work->e->table->input;
    const dq__tensor *all = &node_at(work->e, -1)->act, picture = dq__picture(all, task / all->h);
    const float *from = work->rgb + (ptrdiff_t)task * all->w * 3;
    float *to = dq__pixel(&picture, task % all->h, 0);
    for (int x = 0; x < all->w; x++, from += 3, to += 4) {
        for (int c = 0; c < 3; c++)
            to[c] = in->matrix[c][0] * from[0] + in->matrix[c][1] * from[1] + in->matrix[c][2] * from[2] + in->offset[c];
        to[3] = 0;
    }
}

static void forward_layer(const dq__exec *e, int i) {
    const node *n = node_at(e, i);
    layer_work work = {.e = e, .i = i};
    switch (layer_at(e, i)->kind) {
    case DQ__CONV: {
        const dq__convolution k = weighted(e, i, false);
        dq__halo_fill(k.x, e->table->padding, k.layer->pad);
        dq__convolve(&e->conv, &k);
        break;
    }
    case DQ__LINEAR:
        work.split = dq__split_rows(1, 1, n->act.cs, 1);
        dq__pool_run(e->conv.pool, work.split.tasks, linear_task, &work);
        break;
    case DQ__POOL:
        if (done_by(e, i) == i) dq__pool_run(e->conv.pool, n->act.n * n->act.h, pool_task, &work);
        break;
    case DQ__RELU: break; /* done by the tasks of the layer below */
    }
}

void dq__exec_forward(dq__exec *e, const float *rgb) {
    const dq__tensor *picture = &node_at(e, -1)->act;
    dq__pool_run(e->conv.pool, picture->n * picture->h, input_task, &(input_work){.e = e, .rgb = rgb});
    for (int i = 0; i < e->layers; i++)
        if (node_at(e, i)->used) forward_layer(e, i);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static void relu_back_task(void *user, int task) {
    const layer_work *work = user;
    const node *n = node_at(work->e, work->i);
    const dq__tensor grad = dq__picture(&n->grad, task / n->grad.h);
    const ptrdiff_t row = (ptrdiff_t)grad.w * (grad.cs / 16);
    work->e->conv.kernels->relu_back(dq__pixel(&grad, task % grad.h, 0), n->bits + task * row, row * 16);
}

static void pool_back_task(void *user, int task) {
    const layer_work *work = user;
    const dq__exec *e = work->e;
    const node *n = node_at(e, work->i);
    const int picture = task / n->grad.h, y = task % n->grad.h;
    const dq__tensor dx = dq__picture(grad_for(e, work->i), picture), from = dq__picture(&n->grad, picture);
    const int cs = dx.cs;
    float *top = dq__pixel(&dx, 2 * y, 0), *bottom = dq__pixel(&dx, 2 * y + 1, 0);
    const float *dy = dq__pixel(&from, y, 0);
    if (e->table->pooling == DQ__POOL_MAX)
        e->conv.kernels->pool_max_back(top, bottom, dy, choices(n, picture, y), from.w, cs);
    else
        e->conv.kernels->pool_average_back(top, bottom, dy, from.w, cs);
    if (dx.w % 2) { /* the odd column belongs to no window */
        memset(top + (ptrdiff_t)(dx.w - 1) * cs, 0, sizeof(float) * (size_t)cs);
        memset(bottom + (ptrdiff_t)(dx.w - 1) * cs, 0, sizeof(float) * (size_t)cs);
    }
    if (2 * y + 3 == dx.h) memset(dq__pixel(&dx, 2 * y + 2, 0), 0, sizeof(float) * (size_t)cs * (size_t)dx.w);
}

static void add_task(void *user, int task) {
    const layer_work *work = user;
    const node *n = below(work->e, work->i);
    const dq__tensor to = dq__picture(&n->grad, task / n->grad.h), from = dq__picture(&n->more, task / n->grad.h);
    float *sum = dq__pixel(&to, task % to.h, 0);
    const float *more = dq__pixel(&from, task % to.h, 0);
    for (ptrdiff_t k = 0; k < (ptrdiff_t)to.w * to.cs; k++) sum[k] += more[k];
}

static void backward_layer(const dq__exec *e, int i, const dq__weights *gradient) {
    const node *n = node_at(e, i);
    layer_work work = {.e = e, .i = i};
    switch (layer_at(e, i)->kind) {
    case DQ__RELU: /* done by the tasks of the layer below, unless the gradient of its weights wants it done before */
        if (e->train) dq__pool_run(e->conv.pool, n->grad.n * n->grad.h, relu_back_task, &work);
        return;
    case DQ__CONV: {
        dq__convolution back = weighted(e, i, true);
        if (e->train) back.signs = NULL;
        if (gradient)
            dq__convolve_weights(&e->conv, back.layer, &below(e, i)->act, &n->grad, gradient->weight[i], gradient->bias[i]);
        if (!wants_below(e, i)) return;
        dq__convolve_back(&e->conv, &back, e->table->padding);
        break;
    }
    case DQ__POOL:
        if (done_by(e, i) != i) return;
        dq__pool_run(e->conv.pool, n->grad.n * n->grad.h, pool_back_task, &work);
        break;
    case DQ__LINEAR: return; /* refused by shape_layer */
    }
    if (grad_for(e, i) == &below(e, i)->more) dq__pool_run(e->conv.pool, n->grad.n * below(e, i)->grad.h, add_task, &work);
}

static void gradient_task(void *user, int task) {
    const input_work *work = user;
    const dq__input *in = &work->e->table->input;
    const dq__tensor *all = &node_at(work->e, -1)->grad, picture = dq__picture(all, task / all->h);
    const float *from = dq__pixel(&picture, task % all->h, 0);
    float *to = work->gradient + (ptrdiff_t)task * all->w * 3;
    for (int x = 0; x < all->w; x++, from += all->cs, to += 3)
        for (int k = 0; k < 3; k++)
            to[k] = in->matrix[0][k] * from[0] + in->matrix[1][k] * from[1] + in->matrix[2][k] * from[2];
}

/* All layers, the last first. gradient: NULL, or where the weights' goes. */
static void backward(dq__exec *e, dq__tap_fn fn, void *user, const dq__weights *gradient) {
    for (int i = e->layers - 1; i >= 0; i--) {
        const node *n = node_at(e, i);
        const bool relu = dq__relu_in_place(e->table, i);
        if (!n->used) continue;
        if (top_of(e, i) == i && (relu ? node_at(e, i - 1) : n)->last_reader < 0) dq__tensor_clear(&n->grad);
        if (n->tap >= 0) fn(user, n->tap, &n->act, &n->grad);
        backward_layer(e, i, gradient);
    }
}

void dq__exec_backward(dq__exec *e, dq__tap_fn fn, void *user, float *rgb_gradient) {
    const dq__tensor *picture = &node_at(e, -1)->grad;
    backward(e, fn, user, NULL);
    dq__pool_run(e->conv.pool, picture->n * picture->h, gradient_task, &(input_work){.e = e, .gradient = rgb_gradient});
}

void dq__exec_train(dq__exec *e, dq__tap_fn fn, void *user, const dq__weights *gradient) { backward(e, fn, user, gradient); }
