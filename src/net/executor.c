/* SPDX-License-Identifier: MIT
 * net/executor.c: plans the memory of a network for one picture size and runs it. Start at dq__exec_forward and
 * dq__exec_backward; the plan above them says which map lives when. No costs, no optimiser, no files here. */
#include "net/executor.h"

#include "base/mem.h"
#include "net/ops.h"
#include "net/planner.h"

#include <string.h>

/* Maps that belong to layer i, or to the picture (−1). A relu in place has the act and grad of the layer below. */
typedef struct node {
    dq__tensor act, grad, more; /* more: what a second reader of the map adds to grad */
    dq__convolver work[2];      /* memory for the layer's way forward, and back */
    void *kept;                 /* what the layer keeps from its forward for its way back: signs, choices, statistics */
    bool used;                  /* a tap is here or depends on it; else the layer is left out */
    int tap;                    /* number of the tap here, −1 if none */
    int pool;                   /* conv: the pool that is done with it, −1 if none: then it has no maps of its own */
    bool in_place;              /* grad is act: the tap's costs turn one into the other, the reader adds to it */
    bool again;                 /* in place, and act is made a second time, as grad: cheaper than to keep it */
    int first_reader, last_reader; /* used layers that read this map (through its relu), −1 if none */
    dq__span act_span, grad_span, more_span, kept_span, work_span[2];
} node;

struct dq__exec {
    dq__convolver conv; /* without memory: each layer's has its own */
    const dq__table *table;
    const dq__packed *packed;
    int layers, tap[DQ__MAX_TAPS], taps;
    bool backward, train, pixels; /* is there any way back, one to the weights, one to the pixels? */
    node *slot, store[DQ__MAX_LAYERS + 1]; /* the picture's, then the layers' */
    int link;           /* the tap whose features nobody wants on the way back, −1 if there is none */
    unsigned char *arena;
    size_t arena_bytes;
    bool borrowed;      /* the arena is somebody else's */
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
/* Does used layer k read the finished map of layer i? */
static bool reads(const dq__exec *e, int k, int i) { return node_at(e, k)->used && dq__reads(e->table, k, top_of(e, i)); }

/* Which layers the taps depend on. */
static void find_used(dq__exec *e) {
    for (int i = e->layers - 1; i >= 0; i--) {
        node *n = node_at(e, i);
        n->used |= n->tap >= 0;
        if (!n->used) continue;
        below(e, i)->used = true;
        if (dq__reads_two(layer_at(e, i))) node_at(e, layer_at(e, i)->also)->used = true;
    }
    node_at(e, -1)->used = true;
}

static void find_readers(const dq__exec *e, int i) {
    node *n = node_at(e, i);
    n->first_reader = n->last_reader = -1;
    for (int k = e->layers - 1; k > top_of(e, i); k--)
        if (reads(e, k, i)) {
            n->first_reader = k;
            if (n->last_reader < 0) n->last_reader = k;
        }
}

/* The widest border that is read around the map of layer i, or written. */
static int halo_of(const dq__exec *e, int i) {
    int halo = i >= 0 ? dq__op_halo(layer_at(e, i)) : 0;
    for (int k = i + 1; k < e->layers; k++)
        if (layer_at(e, k)->kind == DQ__CONV && reads(e, k, i) && layer_at(e, k)->pad > halo) halo = layer_at(e, k)->pad;
    return halo;
}

static int grad_halo(const dq__exec *e, int halo) {
    const int least = e->table->padding == DQ__PAD_ZERO ? 1 : 2;
    return halo > least ? halo : least;
}

/* The second node that layer i reads, NULL if there is none. */
static node *beside(const dq__exec *e, int i) {
    return dq__reads_two(layer_at(e, i)) ? node_at(e, layer_at(e, i)->also) : NULL;
}

static bool shape_layer(dq__exec *e, int i) {
    const dq__layer *l = layer_at(e, i);
    const dq__tensor *x = &below(e, i)->act;
    node *n = node_at(e, i);
    if (!n->used) return true;
    n->act = (dq__tensor){.n = x->n, .c = l->oc, .cs = dq__map_stride(l->oc), .halo = halo_of(e, i)};
    if (!dq__op_shape(l, x, beside(e, i) ? &beside(e, i)->act : NULL, &n->act)) return false;
    if (dq__relu_in_place(e->table, i)) n->act.halo = x->halo;
    n->grad = n->act;
    n->grad.halo = grad_halo(e, n->act.halo);
    n->more = n->grad;
    return true;
}

/* Can the gradient of map i take the place of its features? Only one convolution may have read them, one that can add to the
 * gradient that the costs have made of them, and no way back may want them. */
static bool fits_in_place(const dq__exec *e, int i, uint32_t asked) {
    const node *n = node_at(e, i);
    const int tap = n->used ? node_at(e, top_of(e, i))->tap : -1, reader = n->last_reader;
    if (tap < 0 || !(asked >> tap & 1) || e->train || !e->backward || dq__relu_in_place(e->table, i)) return false;
    if (layer_at(e, i)->kind != DQ__CONV || reader != n->first_reader) return false;
    return reader < 0 || (layer_at(e, reader)->kind == DQ__CONV && dq__adds_back(layer_at(e, reader)));
}

/* Can the way back of layer i add to a gradient that is there? */
static bool adds(const dq__exec *e, int i) { return layer_at(e, i)->kind == DQ__CONV && dq__adds_back(layer_at(e, i)); }

/* ---- one layer's work ---------------------------------------------------------------------------------------------- */

/* Is the gradient at map `owner` wanted? Training alone does not want the picture's. */
static bool wanted(const dq__exec *e, int owner) { return e->backward && (owner >= 0 || e->pixels); }

/* The node whose maps those of layer i are: the one below a relu in place. */
static node *owner_of(const dq__exec *e, int i) { return node_at(e, i >= 0 && dq__relu_in_place(e->table, i) ? i - 1 : i); }

/* Where layer i writes the gradient of layer `owner`, which it reads: the last reader, whose turn comes first, writes; the
 * others add, through `more` where they cannot themselves. */
static dq__tensor *grad_for(const dq__exec *e, int i, int owner) {
    node *n = node_at(e, owner);
    return owner_of(e, owner)->last_reader == i || adds(e, i) ? &n->grad : &n->more;
}

/* Does layer i find a gradient at the map it reads? */
static bool finds_gradient(const dq__exec *e, int i) {
    const node *owner = owner_of(e, layer_at(e, i)->from);
    return adds(e, i) && (owner->in_place || owner->last_reader != i);
}

/* The layer whose tasks do layer i there and back: the one below for a relu in place, and for a pool where it can be. */
static int done_by(const dq__exec *e, int i) {
    if (dq__relu_in_place(e->table, i)) return i - 1;
    for (int k = 0; k < i && layer_at(e, i)->kind == DQ__POOL; k++)
        if (node_at(e, k)->pool == i) return k;
    return i;
}

/* The pool that is done with the convolution of layer i: the only reader of its map, which nobody looks at. */
static int pool_within(const dq__exec *e, int i) {
    const node *n = node_at(e, i);
    const int pool = n->first_reader;
    if (layer_at(e, i)->kind != DQ__CONV || !n->used || e->train || n->tap >= 0 || node_at(e, top_of(e, i))->tap >= 0) return -1;
    if (pool < 0 || pool != n->last_reader || layer_at(e, pool)->kind != DQ__POOL || layer_at(e, pool)->kernel != 2) return -1;
    const dq__convolution k = {.layer = layer_at(e, i), .x = &below(e, i)->act, .y = &n->act};
    return dq__pools_within(&e->conv, &k, e->table->padding) ? pool : -1;
}

/* Layer i's maps are above the pool that is done with it. */
static void pool_op(const dq__exec *e, int i, dq__op *op) {
    node *above = node_at(e, node_at(e, done_by(e, i))->pool);
    const bool max = e->table->pooling == DQ__POOL_MAX;
    if (layer_at(e, i)->kind != DQ__CONV && !max) return; /* a relu keeps the signs of every value */
    op->y = &above->act, op->dy = &above->grad;
    op->pool = max ? DQK_POOL_MAX : DQK_POOL_AVERAGE;
    op->choice = above->kept;
}

/* All of it but where the gradient of the weights goes. */
static dq__op op_of(const dq__exec *e, int i) {
    const dq__layer *l = layer_at(e, i);
    node *n = node_at(e, i);
    const int relu = relu_above(e, i);
    dq__op op = {.conv = &e->conv, .table = e->table, .layer = l, .packed = e->packed, .i = i, .train = e->train,
                 .x = &below(e, i)->act, .y = &n->act, .dy = &n->grad, .kept = n->kept};
    if (relu >= 0) op.signs = node_at(e, relu)->kept;
    if (node_at(e, done_by(e, i))->pool >= 0 && l->kind != DQ__POOL) pool_op(e, i, &op);
    if (wanted(e, l->from)) op.dx = grad_for(e, i, l->from), op.add = finds_gradient(e, i);
    if (!dq__reads_two(l)) return op;
    op.also = &node_at(e, l->also)->act;
    if (wanted(e, l->also)) op.dalso = grad_for(e, i, l->also);
    return op;
}

/* ---- lives of maps ------------------------------------------------------------------------------------------------- */

/* Forward of layer i is step i, its backward step 2·layers − 1 − i. */
static int back_step(const dq__exec *e, int i) { return 2 * e->layers - 1 - i; }

static dq__span span(const dq__tensor *t, int first, int last) {
    return (dq__span){sizeof(float) * dq__tensor_floats(t), first, last, 0};
}

static void span_kept(dq__exec *e, int i) {
    node *n = node_at(e, i);
    const dq__op op = op_of(e, i);
    const int by = done_by(e, i);
    n->kept_span = (dq__span){dq__op_kept(&op), by, e->backward ? back_step(e, by) : i, 0};
}

static int later(int a, int b) { return a > b ? a : b; }

/* How long the map of layer i is needed: by its readers, by a tap, and by the ways back of its readers and its own. */
static int act_until(const dq__exec *e, int i) {
    const node *n = node_at(e, i);
    const int top = top_of(e, i);
    int until = later(n->last_reader, top);
    if (n->again) return until;
    if (node_at(e, top)->tap >= 0 && node_at(e, top)->tap != e->link) until = e->backward ? back_step(e, top) : e->layers;
    if (n->in_place) until = later(until, back_step(e, i));
    for (int k = top; k < e->layers && e->backward; k++) {
        if (k < 0 || !node_at(e, k)->used) continue;
        if (reads(e, k, i) && node_at(e, k)->again) until = later(until, back_step(e, node_at(e, k)->last_reader));
        const dq__op op = op_of(e, k);
        if (k == top ? dq__op_keeps_y(&op) : reads(e, k, i) && dq__op_keeps_x(&op)) until = later(until, back_step(e, k));
    }
    return until;
}

/* Is there a reader that comes after the one that writes the gradient and cannot add to it? */
static bool needs_more(const dq__exec *e, int i) {
    const node *n = node_at(e, i);
    for (int k = n->first_reader; k >= 0 && k < n->last_reader; k++)
        if (reads(e, k, i) && grad_for(e, k, top_of(e, i)) == &node_at(e, top_of(e, i))->more) return true;
    return false;
}

static void span_work(dq__exec *e, int i) {
    node *n = node_at(e, i);
    const dq__op op = op_of(e, i);
    for (int back = 0; back < (e->backward ? 2 : 1); back++) {
        const int step = back ? back_step(e, i) : i;
        n->work[back] = e->conv;
        dq__op_want(&n->work[back], &op, back);
        n->work_span[back] = (dq__span){dq__convolver_bytes(&n->work[back]), step, step, 0};
    }
}

static void span_layer(dq__exec *e, int i) {
    node *n = node_at(e, i);
    if (!n->used) return;
    if (i >= 0) span_kept(e, i), span_work(e, i);
    if (i >= 0 && (dq__relu_in_place(e->table, i) || n->pool >= 0)) return;
    const int by = i < 0 ? i : done_by(e, i);
    n->act_span = span(&n->act, by < 0 ? 0 : by, act_until(e, i));
    if (!wanted(e, i) || (n->in_place && !n->again)) return;
    const int top = top_of(e, i), written = n->last_reader >= 0 ? n->last_reader : top;
    n->grad_span = span(&n->grad, back_step(e, written), back_step(e, by));
    if (needs_more(e, i)) n->more_span = span(&n->more, back_step(e, written), back_step(e, n->first_reader));
}

/* A layer to be tapped whose map the relu above it overwrites, −1 if there is none. */
static int overwritten_tap(const dq__table *table, const dq__exec_options *o) {
    for (int t = 0; t + 1 < o->taps; t++)
        if (dq__relu_in_place(table, o->tap[t] + 1)) return o->tap[t];
    return -1;
}

/* Channels of the picture's gradient: as many as the layers that read it write. */
static int picture_stride(const dq__exec *e) {
    if (node_at(e, -1)->act.cs > 4) return node_at(e, -1)->act.cs;
    for (int i = 0; i < e->layers; i++)
        if (reads(e, i, -1) && !dq__is_conv3x3(layer_at(e, i))) return 16;
    return 4;
}

static bool shape(dq__exec *e, const dq__table *table, const dq__exec_options *o) {
    if (overwritten_tap(table, o) >= 0) return false;
    e->slot = e->store;
    e->table = table;
    e->layers = o->tap[o->taps - 1] + 1;
    e->taps = o->taps;
    e->backward = o->backward || o->train;
    e->pixels = o->backward;
    e->train = o->train;
    e->conv.direct = o->direct;
    e->link = o->link - 1;
    memcpy(e->tap, o->tap, sizeof(int) * (size_t)o->taps);
    for (int i = -1; i < e->layers; i++) node_at(e, i)->tap = node_at(e, i)->pool = -1;
    for (int t = 0; t < o->taps; t++) node_at(e, o->tap[t])->tap = t;
    find_used(e);
    for (int i = -1; i < e->layers; i++) find_readers(e, i);
    node *picture = node_at(e, -1);
    const int halo = halo_of(e, -1);
    const int c = o->channels ? o->channels : 3, cs = o->channels ? dq__map_stride(c) : 4;
    picture->act = (dq__tensor){.n = o->n ? o->n : 1, .h = o->h, .w = o->w, .c = c, .cs = cs, .halo = halo};
    picture->grad = picture->more = picture->act;
    picture->grad.cs = picture->more.cs = picture_stride(e);
    picture->grad.halo = picture->more.halo = grad_halo(e, halo);
    for (int i = 0; i < e->layers; i++)
        if (!shape_layer(e, i)) return false;
    for (int i = 0; i < e->layers; i++) node_at(e, i)->pool = pool_within(e, i);
    for (int i = 0; i < e->layers; i++) {
        node *n = node_at(e, i);
        n->in_place = fits_in_place(e, i, o->in_place);
        n->again = n->in_place && n->last_reader >= 0 && dq__reads_picture(layer_at(e, i));
        if (n->in_place) n->act.halo = n->grad.halo;
        if (dq__relu_in_place(table, i)) n->act.halo = node_at(e, i - 1)->act.halo;
    }
    return true;
}

enum { SPANS = 6 * (DQ__MAX_LAYERS + 1) };

static int list_spans(dq__exec *e, dq__span **list) {
    int count = 0;
    for (int i = -1; i < e->layers; i++) {
        node *n = node_at(e, i);
        list[count++] = &n->act_span;
        list[count++] = &n->grad_span;
        list[count++] = &n->more_span;
        list[count++] = &n->kept_span;
        list[count++] = &n->work_span[0];
        list[count++] = &n->work_span[1];
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
        if (n->kept_span.bytes) n->kept = e->arena + n->kept_span.offset;
        place_map(e, &n->act, &n->act_span);
        place_map(e, &n->grad, &n->grad_span);
        place_map(e, &n->more, &n->more_span);
        for (int back = 0; back < 2; back++) dq__convolver_place(&n->work[back], e->arena + n->work_span[back].offset);
        if (n->in_place && !n->again) n->grad.data = n->act.data;
        if (i < 0 || !dq__relu_in_place(e->table, i)) continue;
        n->act.data = node_at(e, i - 1)->act.data;
        n->grad.data = node_at(e, i - 1)->grad.data;
        n->more.data = node_at(e, i - 1)->more.data;
    }
}

static size_t plan_all(dq__exec *e, dq__pool *pool) {
    e->conv.pool = pool;
    e->arena_bytes = plan(e);
    return e->arena_bytes;
}

size_t dq__exec_bytes(dq__pool *pool, const dq__table *table, const dq__exec_options *options) {
    dq__exec *e = dq__alloc_zero(sizeof *e);
    if (!e) return 0;
    size_t bytes = shape(e, table, options) ? plan_all(e, pool) : 0;
    dq__free(e);
    return bytes;
}

/* ---- what a forward leaves for the way back ----------------------------------------------------------------------- */

typedef void span_fn(void *user, const dq__span *span);

/* Every buffer that is alive when the forward has ended and the way back has not begun. */
static void each_left(const dq__exec *exec, span_fn *fn, void *user) {
    dq__exec *e = (dq__exec *)(uintptr_t)exec;
    dq__span *list[SPANS];
    const int count = list_spans(e, list);
    for (int s = 0; s < count; s++)
        if (list[s]->bytes && list[s]->first < e->layers && list[s]->last >= e->layers) fn(user, list[s]);
}

static void add_bytes(void *user, const dq__span *span) { *(size_t *)user += span->bytes; }

size_t dq__exec_state_bytes(dq__pool *pool, const dq__table *table, const dq__exec_options *options) {
    dq__exec *e = dq__alloc_zero(sizeof *e);
    size_t bytes = 0;
    if (!e) return 0;
    if (shape(e, table, options) && plan_all(e, pool)) each_left(e, add_bytes, &bytes);
    dq__free(e);
    return bytes;
}

enum { PIECE = 1 << 20 }; /* bytes that are copied before their memory is left */

typedef struct copy_work {
    const dq__exec *e;
    unsigned char *state; /* of the span under way */
    const dq__span *span;
    bool save;
} copy_work;

static void copy_task(void *user, int piece) {
    const copy_work *work = user;
    const size_t at = (size_t)piece * PIECE, left = work->span->bytes - at, n = left < PIECE ? left : PIECE;
    unsigned char *own = work->e->arena + work->span->offset + at;
    if (work->save) memcpy(work->state + at, own, n);
    else memcpy(own, work->state + at, n);
    dq__release(work->state + at, n);
}

static void copy_span(void *user, const dq__span *span) {
    copy_work *work = user;
    work->span = span;
    dq__pool_run(work->e->conv.pool, (int)((span->bytes + PIECE - 1) / PIECE), copy_task, work);
    work->state += span->bytes;
}

void dq__exec_save(const dq__exec *exec, void *state) {
    each_left(exec, copy_span, &(copy_work){.e = exec, .state = state, .save = true});
}

void dq__exec_load(dq__exec *exec, const void *state) {
    each_left(exec, copy_span, &(copy_work){.e = exec, .state = (unsigned char *)(uintptr_t)state});
}

/* Pixels along one side that a layer needs to make `side` of them. */
static int side_below(const dq__layer *l, int side) {
    switch (l->kind) {
    case DQ__CONV: return later((side - 1) * l->stride + l->kernel - 2 * l->pad, 1);
    case DQ__POOL: return 2 * side;
    case DQ__UP_NEAREST:
    case DQ__UP_BILINEAR:
    case DQ__CONV_UP: return (side + 1) / 2;
    default: return side;
    }
}

int dq__exec_min_side(const dq__table *table, int last) {
    int side = 1;
    for (int i = last; i >= 0; i = table->layer[i].from) side = side_below(&table->layer[i], side);
    return side;
}

/* Pixels that a layer makes of one. */
static double growth(const dq__layer *l) {
    switch (l->kind) {
    case DQ__CONV: return 1.0 / (l->stride * l->stride);
    case DQ__POOL: return 0.25;
    case DQ__UP_NEAREST:
    case DQ__UP_BILINEAR:
    case DQ__CONV_UP: return 4;
    default: return 1;
    }
}

double dq__exec_flops(const dq__table *table, int last, int h, int w) {
    double sum = 0, pixels[DQ__MAX_LAYERS + 1] = {(double)h * w}; /* of the picture, then the layers' */
    for (int i = 0; i <= last; i++) {
        const dq__layer *l = &table->layer[i];
        pixels[i + 1] = l->kind == DQ__GLOBAL_POOL || l->kind == DQ__LINEAR ? 1 : pixels[l->from + 1] * growth(l);
        const double products = 2.0 * l->kernel * l->kernel * l->ic * l->oc;
        if (l->kind == DQ__CONV) sum += products * pixels[i + 1];
        if (l->kind == DQ__CONV_UP) sum += products * pixels[l->from + 1];
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
    e->borrowed = options->arena != NULL;
    e->arena = options->arena ? options->arena : dq__alloc(e->arena_bytes);
    if (!e->arena) {
        dq__exec_free(&e);
        return dq__no_memory(err, bytes, "feature maps");
    }
    place(e);
    *out = e;
    return DQ_OK;
}

void dq__exec_free(dq__exec **exec) {
    if (!*exec) return;
    if (!(*exec)->borrowed) dq__free((*exec)->arena);
    dq__free(*exec);
    *exec = NULL;
}

const dq__tensor *dq__exec_tap(const dq__exec *exec, int tap) { return &node_at(exec, exec->tap[tap])->act; }

/* ---- forward ----------------------------------------------------------------------------------------------------- */

typedef struct input_work {
    const dq__exec *e;
    const dq__plane *plane;
    const dq__rect *part; /* of the gradient */
    int first;            /* row of those under way */
} input_work;

static void input_task(void *user, int k) {
    const input_work *work = user;
    const int task = work->first + k;
    const dq__input *in = &work->e->table->input;
    const dq__tensor *all = &node_at(work->e, -1)->act;
    const float *from = work->plane->at + task * work->plane->row;
    float *to = dq__map_row(all, task);
    if (all->cs > 4) {
        memcpy(to, from, sizeof(float) * (size_t)all->w * (size_t)all->cs);
        return;
    }
    for (int x = 0; x < all->w; x++, from += 3, to += 4) {
        for (int c = 0; c < 3; c++)
            to[c] = in->matrix[c][0] * from[0] + in->matrix[c][1] * from[1] + in->matrix[c][2] * from[2] + in->offset[c];
        to[3] = 0;
    }
}

/* Shows fn the tap that is at layer i. */
static void show_tap(const dq__exec *e, int i, dq__tap_fn fn, void *user) {
    const node *n = node_at(e, i);
    if (fn && n->used && n->tap >= 0) fn(user, n->tap, &n->act, NULL);
}

/* Numbers of a pixel, or of a position where a map goes in. */
static int numbers(const dq__tensor *input) { return input->cs > 4 ? input->cs : 3; }

/* Rows of `width` numbers of a plane, some at a time, so that little of what lies in a file is in memory at once. */
static void each_row(const dq__exec *e, input_work *work, int rows, size_t width, dq__task_fn task) {
    const size_t row = sizeof(float) * (size_t)work->plane->row;
    const int some = row < PIECE ? (int)(8 * PIECE / row) : 8;
    for (; work->first < rows; work->first += some) {
        const int n = rows - work->first < some ? rows - work->first : some;
        dq__pool_run(e->conv.pool, n, task, work);
        dq__release(work->plane->at + work->first * work->plane->row, row * (size_t)(n - 1) + sizeof(float) * width);
    }
}

void dq__exec_forward_from(dq__exec *e, const dq__plane *from, dq__tap_fn fn, void *user) {
    const dq__tensor *picture = &node_at(e, -1)->act;
    const size_t width = (size_t)picture->w * (size_t)numbers(picture);
    each_row(e, &(input_work){.e = e, .plane = from}, picture->n * picture->h, width, input_task);
    for (int i = 0; i < e->layers; i++) {
        dq__op op = op_of(e, i);
        op.conv = &node_at(e, i)->work[0];
        if (node_at(e, i)->used && done_by(e, i) == i) dq__op_forward(&op); /* or: by the layer below */
        show_tap(e, i, fn, user);
    }
}

void dq__exec_forward(dq__exec *e, const float *rgb) {
    const dq__plane from = {(float *)(uintptr_t)rgb, (ptrdiff_t)node_at(e, -1)->act.w * 3};
    dq__exec_forward_from(e, &from, NULL, NULL);
}

void dq__exec_statistics(const dq__exec *e, dq__weights *weights, double share) {
    for (int i = 0; i < e->layers; i++) {
        const dq__op op = op_of(e, i);
        if (node_at(e, i)->used && layer_at(e, i)->kind == DQ__BATCH_NORM)
            dq__op_norm_statistics(&op, weights->mean[i], weights->variance[i], share);
    }
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static void add_task(void *user, int task) {
    const node *n = user;
    float *sum = dq__map_row(&n->grad, task);
    const float *more = dq__map_row(&n->more, task);
    for (ptrdiff_t k = 0; k < (ptrdiff_t)n->grad.w * n->grad.cs; k++) sum[k] += more[k];
}

/* Adds what layer i has written for layer `owner`, unless it was the first to write. */
static void add_more(const dq__exec *e, int i, int owner) {
    node *n = node_at(e, owner);
    if (wanted(e, owner) && grad_for(e, i, owner) == &n->more)
        dq__pool_run(e->conv.pool, n->grad.n * n->grad.h, add_task, n);
}

static void backward_layer(const dq__exec *e, int i, const dq__weights *gradient) {
    dq__op op = op_of(e, i);
    if (dq__relu_in_place(e->table, i)) { /* a convolution takes it while it reads, unless its weights' gradient reads before */
        if (e->train || layer_at(e, i - 1)->kind != DQ__CONV) dq__relu_back(&e->conv, op.dy, op.kept);
        return;
    }
    if (done_by(e, i) != i) return;
    op.conv = &node_at(e, i)->work[1];
    if (gradient) op.weight = gradient->weight[i], op.bias = gradient->bias[i];
    dq__op_backward(&op);
    add_more(e, i, op.layer->from);
    if (op.also) add_more(e, i, op.layer->also);
}

static void gradient_task(void *user, int k) {
    const input_work *work = user;
    const int task = work->first + k;
    const dq__input *in = &work->e->table->input;
    const dq__tensor *all = &node_at(work->e, -1)->grad;
    const float *from = dq__map_row(all, work->part->y + task) + (ptrdiff_t)work->part->x * all->cs;
    float *to = work->plane->at + task * work->plane->row;
    if (node_at(work->e, -1)->act.cs > 4) {
        memcpy(to, from, sizeof(float) * (size_t)work->part->w * (size_t)all->cs);
        return;
    }
    for (int x = 0; x < work->part->w; x++, from += all->cs, to += 3)
        for (int c = 0; c < 3; c++)
            to[c] = in->matrix[0][c] * from[0] + in->matrix[1][c] * from[1] + in->matrix[2][c] * from[2];
}

/* Makes the features of layer i where its gradient is to be: it reads the picture, which takes no memory but its own. */
static void forward_again(const dq__exec *e, int i) {
    dq__op op = op_of(e, i);
    op.y = &node_at(e, i)->grad;
    dq__op_forward(&op);
}

/* The gradient at the map of layer i, if there is a tap. In place it is made before the map's reader adds to it. */
static void ask_costs(const dq__exec *e, int i, bool before_reader, dq__tap_fn fn, void *user) {
    const node *n = node_at(e, i), *owner = owner_of(e, i);
    if (n->tap < 0 || before_reader != (owner->in_place && owner->last_reader >= 0)) return;
    if (owner->again) forward_again(e, (int)(owner - node_at(e, 0)));
    fn(user, n->tap, owner->in_place ? &n->grad : &n->act, &n->grad);
}

/* All layers, the last first. gradient: NULL, or where the weights' goes. */
static void backward(dq__exec *e, dq__tap_fn fn, void *user, const dq__weights *gradient) {
    for (int i = e->layers - 1; i >= 0; i--) {
        const node *n = node_at(e, i), *owner = owner_of(e, i);
        if (!n->used) continue;
        if (top_of(e, i) == i && owner->last_reader < 0 && !owner->in_place) dq__tensor_clear(&n->grad);
        ask_costs(e, i, false, fn, user);
        ask_costs(e, layer_at(e, i)->from, true, fn, user);
        backward_layer(e, i, gradient);
    }
}

void dq__exec_backward_to(dq__exec *e, dq__tap_fn fn, void *user, const dq__rect *part, const dq__plane *to) {
    backward(e, fn, user, NULL);
    const size_t width = (size_t)part->w * (size_t)numbers(&node_at(e, -1)->act);
    each_row(e, &(input_work){.e = e, .plane = to, .part = part}, part->h, width, gradient_task);
}

void dq__exec_backward(dq__exec *e, dq__tap_fn fn, void *user, float *rgb_gradient) {
    const dq__tensor *picture = &node_at(e, -1)->grad;
    const dq__rect all = {.h = picture->n * picture->h, .w = picture->w};
    dq__exec_backward_to(e, fn, user, &all, &(dq__plane){rgb_gradient, (ptrdiff_t)picture->w * 3});
}

void dq__exec_train(dq__exec *e, dq__tap_fn fn, void *user, const dq__weights *gradient) { backward(e, fn, user, gradient); }
