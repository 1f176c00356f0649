/* SPDX-License-Identifier: MIT
 * net/executor.c: plans the memory of a network for one picture size and runs it. Start at dq__exec_forward and
 * dq__exec_backward; the plan above them says which map lives when. No costs, no optimiser, no files here. */
#include "net/executor.h"

#include "base/mem.h"
#include "kernels/kernels.h"
#include "net/planner.h"

#include <string.h>

/* Maps that belong to layer i. A relu works in place: its act and grad are those of the layer below. */
typedef struct node {
    dq__tensor act, grad;
    uint16_t *bits; /* relu: [h][w][cs/16] signs; max pool: [h][w][cs/16][2] choices */
    int tap;        /* number of the tap here, −1 if none */
    dq__span act_span, grad_span, bits_span;
} node;

struct dq__exec {
    dq__pool *pool;
    const dqk_table *kernels;
    const dq__table *table;
    const dq__packed *packed;
    int layers, tap[DQ__MAX_TAPS], taps;
    bool backward, direct;
    float *u;              /* transformed weights of the layer under way */
    float *scratch;        /* of the Winograd kernels, one share per thread */
    size_t u_floats, scratch_floats; /* scratch_floats: of one thread */
    dq__tensor input, input_grad;
    dq__span input_span, input_grad_span;
    node node[DQ__MAX_LAYERS];
    unsigned char *arena;
    size_t arena_bytes;
};

/* ---- shapes and memory ------------------------------------------------------------------------------------------- */

/* The tensor layer i reads. */
static const dq__tensor *below(const dq__exec *e, int i) { return i ? &e->node[i - 1].act : &e->input; }
static const dq__tensor *grad_below(const dq__exec *e, int i) { return i ? &e->node[i - 1].grad : &e->input_grad; }

/* Where padding copies pixels, the gradient of the ring around a map is wanted too, to be folded back. */
static int ring(const dq__exec *e) { return e->table->padding == DQ__PAD_ZERO ? 0 : 1; }

/* Is the map of layer i (through its relu, if one follows) read by a convolution? */
static bool feeds_conv(const dq__exec *e, int i) {
    if (i + 1 < e->layers && e->table->layer[i + 1].kind == DQ__RELU) i++;
    return i + 1 < e->layers && e->table->layer[i + 1].kind == DQ__CONV;
}

static bool shape_layer(dq__exec *e, int i) {
    const dq__layer *l = &e->table->layer[i];
    const dq__tensor *x = below(e, i);
    node *n = &e->node[i];
    const int grad_halo = e->table->padding == DQ__PAD_ZERO ? 1 : 2;
    n->act = (dq__tensor){.h = x->h, .w = x->w, .c = l->oc, .cs = (l->oc + 15) / 16 * 16, .halo = feeds_conv(e, i)};
    if (l->kind == DQ__POOL) n->act.h /= 2, n->act.w /= 2;
    if (l->kind == DQ__LINEAR) {
        if (x->h * x->w * x->c != l->ic || e->backward) return false;
        n->act.h = n->act.w = 1;
    }
    if (l->kind == DQ__RELU) n->act.halo = x->halo;
    n->grad = n->act;
    n->grad.halo = grad_halo;
    return n->act.h > 0 && n->act.w > 0;
}

/* Forward of layer i is step i, its backward step 2·layers − 1 − i. */
static int back_step(const dq__exec *e, int i) { return 2 * e->layers - 1 - i; }

static void span_layer(dq__exec *e, int i) {
    const dq__kind kind = e->table->layer[i].kind;
    node *n = &e->node[i];
    const size_t words = (size_t)n->act.h * (size_t)n->act.w * (size_t)(n->act.cs / 16);
    const bool keeps_bits = kind == DQ__RELU || (kind == DQ__POOL && e->table->pooling == DQ__POOL_MAX);
    const int first = kind == DQ__RELU ? i - 1 : i; /* a relu is done by the tasks of the layer below */
    if (keeps_bits)
        n->bits_span = (dq__span){words * (kind == DQ__POOL ? 4 : 2), first, e->backward ? back_step(e, i) : i, 0};
    if (kind == DQ__RELU) return;
    const bool relu_next = i + 1 < e->layers && e->table->layer[i + 1].kind == DQ__RELU;
    const int top = relu_next ? i + 1 : i; /* the layer whose output this map finally is */
    const int read = top + 1 < e->layers ? top + 1 : top;
    const int kept = e->node[top].tap >= 0 ? (e->backward ? back_step(e, top) : e->layers) : read;
    n->act_span = (dq__span){sizeof(float) * dq__tensor_floats(&n->act), i, kept > read ? kept : read, 0};
    if (e->backward)
        n->grad_span = (dq__span){sizeof(float) * dq__tensor_floats(&n->grad), back_step(e, read), back_step(e, i), 0};
}

/* A layer to be tapped whose map the relu above it overwrites, −1 if there is none. */
static int overwritten_tap(const dq__table *table, const dq__exec_options *o) {
    for (int t = 0; t + 1 < o->taps; t++)
        if (table->layer[o->tap[t]].kind != DQ__RELU && table->layer[o->tap[t] + 1].kind == DQ__RELU) return o->tap[t];
    return -1;
}

static bool shape(dq__exec *e, const dq__table *table, const dq__exec_options *o) {
    if (overwritten_tap(table, o) >= 0) return false;
    e->table = table;
    e->layers = o->tap[o->taps - 1] + 1;
    e->taps = o->taps;
    e->backward = o->backward;
    e->direct = o->direct;
    memcpy(e->tap, o->tap, sizeof(int) * (size_t)o->taps);
    for (int i = 0; i < e->layers; i++) e->node[i].tap = -1;
    for (int t = 0; t < o->taps; t++) e->node[o->tap[t]].tap = t;
    e->input = (dq__tensor){.h = o->h, .w = o->w, .c = 3, .cs = 4, .halo = 1};
    e->input_grad = (dq__tensor){.h = o->h, .w = o->w, .c = 3, .cs = 16, .halo = 2};
    for (int i = 0; i < e->layers; i++)
        if (!shape_layer(e, i)) return false;
    return true;
}

enum { SPANS = 3 * DQ__MAX_LAYERS + 2 };

static int list_spans(dq__exec *e, dq__span **list) {
    int count = 0;
    list[count++] = &e->input_span;
    list[count++] = &e->input_grad_span;
    for (int i = 0; i < e->layers; i++) {
        list[count++] = &e->node[i].act_span;
        list[count++] = &e->node[i].grad_span;
        list[count++] = &e->node[i].bits_span;
    }
    return count;
}

static size_t plan(dq__exec *e) {
    dq__span *list[SPANS], flat[SPANS];
    e->input_span = (dq__span){sizeof(float) * dq__tensor_floats(&e->input), 0, 0, 0};
    if (e->backward)
        e->input_grad_span =
            (dq__span){sizeof(float) * dq__tensor_floats(&e->input_grad), back_step(e, 0), 2 * e->layers, 0};
    for (int i = 0; i < e->layers; i++) span_layer(e, i);
    const int count = list_spans(e, list);
    for (int s = 0; s < count; s++) flat[s] = *list[s];
    const size_t bytes = dq__plan_place(flat, count);
    for (int s = 0; s < count; s++) *list[s] = flat[s];
    return bytes;
}

static void place(dq__exec *e) {
    dq__tensor_place(&e->input, (float *)(void *)(e->arena + e->input_span.offset));
    if (e->backward) dq__tensor_place(&e->input_grad, (float *)(void *)(e->arena + e->input_grad_span.offset));
    for (int i = 0; i < e->layers; i++) {
        node *n = &e->node[i];
        if (n->bits_span.bytes) n->bits = (uint16_t *)(void *)(e->arena + n->bits_span.offset);
        if (e->table->layer[i].kind == DQ__RELU) {
            n->act.data = e->node[i - 1].act.data;
            n->grad.data = e->node[i - 1].grad.data;
            continue;
        }
        dq__tensor_place(&n->act, (float *)(void *)(e->arena + n->act_span.offset));
        if (e->backward) dq__tensor_place(&n->grad, (float *)(void *)(e->arena + n->grad_span.offset));
    }
}

/* Winograd's method takes a quarter of the products but has to transform the layer's weights first, at about the cost of
 * 100 products each; maps of few pixels and the picture itself are convolved directly. A rule of shapes, not of the clock. */
static bool winograd_pays(const dq__exec *e, const dq__tensor *x, const dq__tensor *y, int ring) {
    const int64_t h = y->h + 2 * ring, w = y->w + 2 * ring, padded = (h + 3) / 4 * ((w + 3) / 4) * 16;
    return !e->direct && x->cs >= 16 && 9 * h * w > 3 * padded + 100;
}

static void want_winograd(dq__exec *e, const dq__tensor *x, const dq__tensor *y, int ring) {
    if (!winograd_pays(e, x, y, ring)) return;
    const size_t u = (size_t)36 * (size_t)x->cs * (size_t)y->cs, scratch = (dqk_winograd_scratch(x->cs) + 15) / 16 * 16;
    if (u > e->u_floats) e->u_floats = u;
    if (scratch > e->scratch_floats) e->scratch_floats = scratch;
}

static size_t plan_all(dq__exec *e, const dq__pool *pool) {
    for (int i = 0; i < e->layers; i++) {
        if (e->table->layer[i].kind != DQ__CONV) continue;
        want_winograd(e, below(e, i), &e->node[i].act, 0);
        if (e->backward) want_winograd(e, &e->node[i].grad, grad_below(e, i), ring(e));
    }
    e->arena_bytes = plan(e);
    return e->arena_bytes + sizeof(float) * (e->u_floats + e->scratch_floats * (size_t)dq__pool_threads(pool));
}

size_t dq__exec_bytes(const dq__pool *pool, const dq__table *table, const dq__exec_options *options) {
    dq__exec *e = dq__alloc_zero(sizeof *e);
    if (!e) return 0;
    size_t bytes = shape(e, table, options) ? plan_all(e, pool) : 0;
    dq__free(e);
    return bytes;
}

int dq__exec_min_side(const dq__table *table, int last) {
    int side = 1;
    for (int i = 0; i <= last; i++)
        if (table->layer[i].kind == DQ__POOL) side *= 2;
    return side;
}

double dq__exec_flops(const dq__table *table, int last, int h, int w) {
    double sum = 0, pixels = (double)h * w;
    for (int i = 0; i <= last; i++) {
        if (table->layer[i].kind == DQ__POOL) pixels /= 4;
        if (table->layer[i].kind == DQ__CONV) sum += 18.0 * table->layer[i].ic * table->layer[i].oc * pixels;
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
    e->pool = pool;
    e->packed = packed;
    e->kernels = dqk_kernels(dq__cpu_isa());
    if (!shape(e, table, options)) {
        dq__free(e);
        return dq__fail(err, DQ_LIMIT,
                        "a picture of %d x %d is too small for layer %s (at least %d px a side) or does not fit it", options->w,
                        options->h, table->layer[options->tap[options->taps - 1]].name,
                        dq__exec_min_side(table, options->tap[options->taps - 1]));
    }
    const size_t bytes = plan_all(e, pool);
    e->arena = dq__alloc(e->arena_bytes);
    e->u = dq__alloc(sizeof(float) * e->u_floats);
    e->scratch = dq__alloc(sizeof(float) * e->scratch_floats * (size_t)dq__pool_threads(pool));
    if (!e->arena || !e->u || !e->scratch) {
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
    dq__free((*exec)->u);
    dq__free((*exec)->scratch);
    dq__free(*exec);
    *exec = NULL;
}

const dq__tensor *dq__exec_tap(const dq__exec *exec, int tap) { return &exec->node[exec->tap[tap]].act; }

/* ---- splitting work into tasks ----------------------------------------------------------------------------------- */

/* Rows of a map (or rows of its tiles) cut into groups, and its channels into parts when there are few groups. It depends
 * on the shape alone, never on the number of threads. */
typedef struct split {
    int rows, group, groups, blocks, parts; /* blocks of 32 channels */
} split;

/* group: rows that make a task of good size */
static split make_split(int rows, int group, int channels) {
    split s = {.rows = rows, .group = group > 1 ? group : 1, .blocks = (channels + 31) / 32, .parts = 1};
    s.groups = (rows + s.group - 1) / s.group;
    while (s.groups * s.parts < 8 && s.parts * 2 <= s.blocks) s.parts *= 2;
    return s;
}

static void split_task(const split *s, int task, int *row, int *rows, int *channel, int *channels, int all) {
    const int group = task / s->parts, part = task % s->parts;
    *row = group * s->group;
    *rows = s->rows - *row < s->group ? s->rows - *row : s->group;
    *channel = s->blocks * part / s->parts * 32;
    const int end = s->blocks * (part + 1) / s->parts * 32;
    *channels = (end < all ? end : all) - *channel;
}

/* What the tasks of one layer need to know. */
typedef struct layer_work {
    const dq__exec *e;
    int i;
    split split;
} layer_work;

/* ---- convolution, forward and backward alike ------------------------------------------------------------------------ */

typedef struct conv_work {
    const dq__exec *e;
    const dq__tensor *x, *y;
    const float *w, *bias;
    int ring; /* pixels around y that are computed too */
    int relu; /* layer of the relu to follow, −1 if none */
    split split;
} conv_work;

static void relu_rows(const dq__exec *e, int i, int row, int rows, int channel, int channels) {
    /* in place on rows of act, channels [channel, channel+channels) */
    const node *n = &e->node[i];
    const int cs = n->act.cs, words = cs / 16;
    for (int y = row; y < row + rows; y++) {
        uint16_t *bits = n->bits + (ptrdiff_t)y * n->act.w * words;
        if (channels == cs) e->kernels->relu(dq__pixel(&n->act, y, 0), bits, (ptrdiff_t)n->act.w * cs);
        else
            for (int x = 0; x < n->act.w; x++)
                e->kernels->relu(dq__pixel(&n->act, y, x) + channel, bits + x * words + channel / 16, channels);
    }
}

static void direct_task(void *user, int task) {
    const conv_work *k = user;
    const dq__tensor *x = k->x, *y = k->y;
    int row, rows, channel, channels;
    split_task(&k->split, task, &row, &rows, &channel, &channels, y->cs);
    dqk_conv3x3 job = {.x = dq__pixel(x, row - k->ring, -k->ring), .x_row = dq__row(x), .x_col = x->cs,
                       .y = dq__pixel(y, row - k->ring, -k->ring) + channel, .y_row = dq__row(y), .y_col = y->cs,
                       .w = k->w + (ptrdiff_t)channel * 9 * x->cs, .bias = k->bias ? k->bias + channel : NULL,
                       .rows = rows, .cols = y->w + 2 * k->ring, .ic = x->cs, .oc = channels};
    k->e->kernels->conv3x3(&job);
    if (k->relu >= 0) relu_rows(k->e, k->relu, row, rows, channel, channels);
}

static void weights_task(void *user, int block) {
    const conv_work *k = user;
    const int ic = k->x->cs;
    k->e->kernels->winograd_weights(k->e->u + (ptrdiff_t)block * 36 * ic * 16, k->w + (ptrdiff_t)block * 9 * ic * 16, ic);
}

static void winograd_task(void *user, int task) {
    const conv_work *k = user;
    const dq__tensor *x = k->x, *y = k->y;
    const int rows = y->h + 2 * k->ring, cols = y->w + 2 * k->ring, per_row = (cols + 3) / 4;
    int row, tile_rows, channel, channels;
    split_task(&k->split, task, &row, &tile_rows, &channel, &channels, y->cs);
    dqk_winograd job = {.x = dq__pixel(x, -k->ring, -k->ring), .x_row = dq__row(x), .x_col = x->cs,
                        .y = dq__pixel(y, -k->ring, -k->ring) + channel, .y_row = dq__row(y), .y_col = y->cs,
                        .u = k->e->u + (ptrdiff_t)channel * 36 * x->cs, .bias = k->bias ? k->bias + channel : NULL,
                        .rows = rows, .cols = cols, .first_tile = row * per_row, .tiles = tile_rows * per_row,
                        .ic = x->cs, .oc = channels,
                        .scratch = k->e->scratch + (size_t)dq__pool_worker() * k->e->scratch_floats};
    k->e->kernels->winograd(&job);
    const int left = rows - 4 * row, done = 4 * tile_rows < left ? 4 * tile_rows : left;
    if (k->relu >= 0) relu_rows(k->e, k->relu, 4 * row, done, channel, channels);
}

static void convolve(conv_work k) {
    const int rows = k.y->h + 2 * k.ring, cols = k.y->w + 2 * k.ring;
    dq__task_fn fn = direct_task;
    if (winograd_pays(k.e, k.x, k.y, k.ring)) {
        dq__pool_run(k.e->pool, k.y->cs / 16, weights_task, &k);
        k.split = make_split((rows + 3) / 4, DQK_WINOGRAD_TILES / ((cols + 3) / 4), k.y->cs);
        fn = winograd_task;
    } else {
        k.split = make_split(rows, 256 / cols, k.y->cs);
    }
    dq__pool_run(k.e->pool, k.split.groups * k.split.parts, fn, &k);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Layer of the relu above layer i, −1 if it has none. */
static int relu_above(const dq__exec *e, int i) {
    return i + 1 < e->layers && e->table->layer[i + 1].kind == DQ__RELU ? i + 1 : -1;
}

static void linear_task(void *user, int task) {
    const layer_work *work = user;
    const dq__exec *e = work->e;
    const dq__tensor *x = below(e, work->i), *y = &e->node[work->i].act;
    const int inputs = dq__linear_inputs(e->table, work->i);
    int row, rows, channel, channels;
    split_task(&work->split, task, &row, &rows, &channel, &channels, y->cs);
    dqk_gemm job = {.x = x->data, .y = y->data + channel, .m = e->packed->forward[work->i] + (ptrdiff_t)channel * inputs,
                    .bias = e->packed->bias[work->i] + channel, .rows = 1, .cols = 1, .ic = inputs, .oc = channels};
    e->kernels->gemm(&job);
    if (relu_above(e, work->i) >= 0) relu_rows(e, work->i + 1, 0, 1, channel, channels);
}

static void pool_task(void *user, int y) {
    const layer_work *work = user;
    const dq__exec *e = work->e;
    const dq__tensor *x = below(e, work->i);
    const node *n = &e->node[work->i];
    const float *top = dq__pixel(x, 2 * y, 0), *bottom = dq__pixel(x, 2 * y + 1, 0);
    float *to = dq__pixel(&n->act, y, 0);
    if (e->table->pooling == DQ__POOL_MAX)
        e->kernels->pool_max(to, n->bits + (ptrdiff_t)y * n->act.w * (n->act.cs / 16) * 2, top, bottom, n->act.w, n->act.cs);
    else
        e->kernels->pool_average(to, top, bottom, n->act.w, n->act.cs);
}

typedef struct input_work {
    const dq__exec *e;
    const float *rgb;
    float *gradient;
} input_work;

static void input_task(void *user, int y) {
    const input_work *work = user;
    const dq__input *in = &work->e->table->input;
    const float *from = work->rgb + (ptrdiff_t)y * work->e->input.w * 3;
    float *to = dq__pixel(&work->e->input, y, 0);
    for (int x = 0; x < work->e->input.w; x++, from += 3, to += 4) {
        for (int c = 0; c < 3; c++)
            to[c] = in->matrix[c][0] * from[0] + in->matrix[c][1] * from[1] + in->matrix[c][2] * from[2] + in->offset[c];
        to[3] = 0;
    }
}

static void forward_layer(const dq__exec *e, int i) {
    const node *n = &e->node[i];
    switch (e->table->layer[i].kind) {
    case DQ__CONV:
        dq__halo_fill(below(e, i), e->table->padding);
        convolve((conv_work){.e = e, .x = below(e, i), .y = &n->act, .w = e->packed->forward[i], .bias = e->packed->bias[i],
                             .relu = relu_above(e, i)});
        break;
    case DQ__LINEAR: {
        layer_work work = {e, i, make_split(1, 1, n->act.cs)};
        dq__pool_run(e->pool, work.split.parts, linear_task, &work);
        break;
    }
    case DQ__POOL:
        dq__pool_run(e->pool, n->act.h, pool_task, &(layer_work){.e = e, .i = i});
        break;
    case DQ__RELU: break; /* done by the tasks of the layer below */
    }
}

void dq__exec_forward(dq__exec *e, const float *rgb) {
    dq__pool_run(e->pool, e->input.h, input_task, &(input_work){.e = e, .rgb = rgb});
    for (int i = 0; i < e->layers; i++) forward_layer(e, i);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

static void relu_back_task(void *user, int y) {
    const layer_work *work = user;
    const node *n = &work->e->node[work->i];
    work->e->kernels->relu_back(dq__pixel(&n->grad, y, 0), n->bits + (ptrdiff_t)y * n->grad.w * (n->grad.cs / 16),
                                (ptrdiff_t)n->grad.w * n->grad.cs);
}

static void pool_back_task(void *user, int y) {
    const layer_work *work = user;
    const dq__exec *e = work->e;
    const node *n = &e->node[work->i];
    const dq__tensor *dx = grad_below(e, work->i);
    const int cs = dx->cs;
    float *top = dq__pixel(dx, 2 * y, 0), *bottom = dq__pixel(dx, 2 * y + 1, 0);
    const float *dy = dq__pixel(&n->grad, y, 0);
    if (e->table->pooling == DQ__POOL_MAX)
        e->kernels->pool_max_back(top, bottom, dy, n->bits + (ptrdiff_t)y * n->grad.w * (cs / 16) * 2, n->grad.w, cs);
    else
        e->kernels->pool_average_back(top, bottom, dy, n->grad.w, cs);
    if (dx->w % 2) { /* the odd column belongs to no window */
        memset(top + (ptrdiff_t)(dx->w - 1) * cs, 0, sizeof(float) * (size_t)cs);
        memset(bottom + (ptrdiff_t)(dx->w - 1) * cs, 0, sizeof(float) * (size_t)cs);
    }
    if (2 * y + 3 == dx->h) memset(dq__pixel(dx, 2 * y + 2, 0), 0, sizeof(float) * (size_t)cs * (size_t)dx->w);
}

static void backward_layer(const dq__exec *e, int i) {
    const node *n = &e->node[i];
    switch (e->table->layer[i].kind) {
    case DQ__RELU:
        dq__pool_run(e->pool, n->grad.h, relu_back_task, &(layer_work){.e = e, .i = i});
        break;
    case DQ__CONV:
        dq__halo_fill(&n->grad, DQ__PAD_ZERO);
        convolve((conv_work){.e = e, .x = &n->grad, .y = grad_below(e, i), .w = e->packed->backward[i], .ring = ring(e),
                             .relu = -1});
        dq__halo_fold(grad_below(e, i), e->table->padding);
        break;
    case DQ__POOL:
        dq__pool_run(e->pool, n->grad.h, pool_back_task, &(layer_work){.e = e, .i = i});
        break;
    case DQ__LINEAR: break; /* refused by shape_layer */
    }
}

static void gradient_task(void *user, int y) {
    const input_work *work = user;
    const dq__input *in = &work->e->table->input;
    const float *from = dq__pixel(&work->e->input_grad, y, 0);
    float *to = work->gradient + (ptrdiff_t)y * work->e->input.w * 3;
    for (int x = 0; x < work->e->input.w; x++, from += 16, to += 3)
        for (int k = 0; k < 3; k++)
            to[k] = in->matrix[0][k] * from[0] + in->matrix[1][k] * from[1] + in->matrix[2][k] * from[2];
}

void dq__exec_backward(dq__exec *e, dq__tap_fn fn, void *user, float *rgb_gradient) {
    dq__tensor_clear(&e->node[e->layers - 1].grad);
    for (int i = e->layers - 1; i >= 0; i--) {
        const node *n = &e->node[i];
        if (n->tap >= 0) fn(user, n->tap, &n->act, &n->grad);
        backward_layer(e, i);
    }
    dq__pool_run(e->pool, e->input.h, gradient_task, &(input_work){.e = e, .gradient = rgb_gradient});
}
