/* SPDX-License-Identifier: MIT
 * net/convolve.c: the work of a convolution cut into tasks, forward and back to its input. The gradient of the weights is in
 * convolve_weights.c. */
#include "net/convolve.h"

#include "net/pack.h"
#include "net/split.h"

#include <string.h>

/* ---- memory -------------------------------------------------------------------------------------------------------- */

/* Each part begins on a line of its own. */
static size_t lines(size_t floats) { return (floats + 15) / 16 * 16; }

static size_t thread_floats(const dq__convolver *c) { return c->scratch_floats * (size_t)dq__pool_threads(c->pool); }

size_t dq__convolver_bytes(const dq__convolver *c) {
    return sizeof(float) * (lines(c->u_floats) + lines(c->v_floats) + lines(c->sum_floats) + lines(thread_floats(c)));
}

void dq__convolver_place(dq__convolver *c, void *memory) {
    c->u = memory;
    c->v = c->u + lines(c->u_floats);
    c->sums = c->v + lines(c->v_floats);
    c->scratch = c->sums + lines(c->sum_floats);
}

/* ---- which variant -------------------------------------------------------------------------------------------------- */

/* Winograd's method takes a quarter of the products but has to transform the layer's weights first, at about the cost of
 * 100 products each; maps of few pixels and the picture itself are convolved directly. A rule of shapes, not of the clock. */
bool dq__winograd_pays(const dq__convolver *c, const dq__tensor *map, int ring, int ic) {
    const int64_t h = map->h + 2 * ring, w = map->w + 2 * ring, padded = (h + 3) / 4 * ((w + 3) / 4) * 16;
    return !c->direct && map->cs >= 16 && ic >= 16 && (9 * h * w - 3 * padded) * map->n > 100;
}

/* Where padding copies pixels, the gradient of the ring around a map is wanted too, to be folded back. */
static int ring_of(dq__padding padding) { return padding == DQ__PAD_ZERO ? 0 : 1; }

bool dq__pools_within(const dq__convolver *c, const dq__convolution *k, dq__padding padding) {
    return dq__is_conv3x3(k->layer) && dq__winograd_pays(c, k->x, 0, k->x->cs) &&
           dq__winograd_pays(c, k->x, ring_of(padding), k->y->cs);
}

/* ---- tasks ---------------------------------------------------------------------------------------------------------- */

/* What the tasks of one pass know: x is read, y written, and one of them may be the map above a pool. */
typedef struct pass {
    const dq__convolver *c;
    const dq__convolution *k;
    dq__tensor x, y;
    bool back;
    int h, w, ring;    /* of the maps that are convolved; pixels around them that are computed too */
    dq__split split;   /* of one picture */
    int chunk, tiles;  /* Winograd: the chunk of tiles under way, tiles in all */
} pass;

/* The pictures and the part of one that a task is about. */
typedef struct part {
    dq__tensor x, y;
    int picture, row, rows, channel, channels;
} part;

static part part_of(const pass *work, int task) {
    part p = {.picture = task / work->split.tasks};
    p.x = dq__picture(&work->x, p.picture), p.y = dq__picture(&work->y, p.picture);
    dq__split_task(&work->split, task % work->split.tasks, &p.row, &p.rows, &p.channel, &p.channels);
    return p;
}

void dq__relu_rows(const dqk_table *kernels, const dq__tensor *y, uint16_t *signs, int row, int rows, int channel, int channels) {
    const int words = y->cs / 16;
    for (int r = row; r < row + rows; r++) {
        uint16_t *bits = signs + (ptrdiff_t)r * y->w * words;
        if (channels == y->cs) kernels->relu(dq__pixel(y, r, 0), bits, (ptrdiff_t)y->w * y->cs);
        else
            for (int x = 0; x < y->w; x++)
                kernels->relu(dq__pixel(y, r, x) + channel, bits + x * words + channel / 16, channels);
    }
}

static const float *bias_of(const pass *work, int channel) {
    return work->back || !work->k->bias ? NULL : work->k->bias + channel;
}

static void relu_part(const pass *work, const part *p, int row, int rows) {
    if (work->back || !work->k->signs) return;
    uint16_t *signs = work->k->signs + (ptrdiff_t)p->picture * p->y.h * p->y.w * (p->y.cs / 16);
    dq__relu_rows(work->c->kernels, &p->y, signs, row, rows, p->channel, p->channels);
}

/* ---- 3×3, directly --------------------------------------------------------------------------------------------------- */

static void direct_task(void *user, int task) {
    const pass *work = user;
    const part p = part_of(work, task);
    const int ring = work->ring;
    dqk_conv3x3 job = {.x = dq__pixel(&p.x, p.row - ring, -ring), .x_row = dq__row(&p.x), .x_col = p.x.cs,
                       .y = dq__pixel(&p.y, p.row - ring, -ring) + p.channel, .y_row = dq__row(&p.y), .y_col = p.y.cs,
                       .w = (work->back ? work->c->u : work->k->w) + (ptrdiff_t)p.channel * 9 * p.x.cs,
                       .bias = bias_of(work, p.channel),
                       .rows = p.rows, .cols = p.y.w + 2 * ring, .ic = p.x.cs, .oc = p.channels,
                       .accumulate = work->back && work->k->add};
    work->c->kernels->conv3x3(&job);
    relu_part(work, &p, p.row, p.rows);
}

/* The first layer, from a picture. */
static void from_picture_task(void *user, int task) {
    const pass *work = user;
    const part p = part_of(work, task);
    const int words = p.y.cs / 16;
    dqk_from_picture job = {.conv = {.x = dq__pixel(&p.x, p.row, 0), .x_row = dq__row(&p.x), .x_col = p.x.cs,
                                     .y = dq__pixel(&p.y, p.row, 0) + p.channel, .y_row = dq__row(&p.y), .y_col = p.y.cs,
                                     .w = work->k->w + (ptrdiff_t)p.channel * 9 * p.x.cs, .bias = bias_of(work, p.channel),
                                     .rows = p.rows, .cols = p.y.w, .ic = p.x.cs, .oc = p.channels},
                            .words = words};
    if (work->k->signs)
        job.signs = work->k->signs + ((ptrdiff_t)(p.picture * p.y.h + p.row) * p.y.w) * words + p.channel / 16;
    work->c->kernels->conv3x3_from_picture(&job);
}

/* The weights of 16 outputs, turned for the way back, where the tasks find them. */
static void turn_task(void *user, int block) {
    const pass *work = user;
    dq__turn_conv3x3(work->c->u + (ptrdiff_t)block * 9 * work->x.cs * 16, work->k->w, work->x.cs, work->y.cs, block);
}

static void direct(pass *work) {
    const int rows = work->y.h + 2 * work->ring, cols = work->y.w + 2 * work->ring;
    const bool picture = !work->back && work->x.cs == 4;
    if (work->back) dq__pool_run(work->c->pool, work->y.cs / 16, turn_task, work);
    work->split = dq__split_rows(rows, 256 / cols, work->y.cs, work->y.n);
    dq__pool_run(work->c->pool, work->split.tasks * work->y.n, picture ? from_picture_task : direct_task, work);
}

/* ---- 3×3, by Winograd's method --------------------------------------------------------------------------------------- */

/* Of few channels: the weights are transformed first, then each task takes some tiles all the way, and its transformed inputs
 * stay in its processor's cache. Of many channels, transformed weights would be four times the layer's and come from memory
 * for every task. There the inputs of a chunk of tiles are transformed first, then each task takes 32 output channels: it
 * transforms their weights, which stay in cache, and no others. */
enum {
    FEW = 256 * 256,          /* products of channels that count as few */
    FEWEST = 128 * 128,       /* … whose transformed weights, though not in cache, are near enough to come for a few tiles */
    OWN_FLOATS = 2400,        /* tiles × (channels + 32) of a task's own transformed inputs */
    CHUNK_FLOATS = 64 * 1024, /* tiles × channels of a chunk, shared by all tasks */
    INPUT_TILES = 8,          /* tiles that a task transforms */
    GROUP_TILES = 128,        /* tiles that 32 channels' weights are transformed for */
    PART = 32                 /* output channels of a task */
};

static int at_most(int a, int b) { return a < b ? a : b; }
static int at_least(int a, int b) { return a > b ? a : b; }
static int ceil_div(int a, int b) { return (a + b - 1) / b; }

static int tiles_of(const dq__tensor *x, int ring) { return x->n * ceil_div(x->h + 2 * ring, 4) * ceil_div(x->w + 2 * ring, 4); }

/* Tiles of a task with inputs of its own: as many as whole registers take (6 at a time), and some tasks for every thread. */
static int own_tiles(int ic, int oc, int tiles) {
    const int fit = ic * oc > FEWEST ? DQK_WINOGRAD_TILES : at_least(OWN_FLOATS / (ic + 32) / 12 * 12, 12);
    return at_most(at_most(fit, DQK_WINOGRAD_TILES), at_most(ceil_div(ceil_div(tiles, 8), 6) * 6, tiles));
}

/* Tiles of a chunk: all chunks alike. */
static int chunk_tiles(int ic, int tiles) {
    const int most = at_least(CHUNK_FLOATS / ic, 12), chunks = ceil_div(tiles, most);
    return at_most(ceil_div(ceil_div(tiles, chunks), 12) * 12, tiles);
}

static bool few(int ic, int oc) { return ic * oc <= FEW; }
static size_t v_floats(int tiles, int ic) { return 36 * ((size_t)tiles * (size_t)ic + 16); }
/* Floats of the weights of 16 outputs, as they are packed and transformed. */
static size_t packed_floats(int ic) { return (size_t)9 * (size_t)ic * 16; }
static size_t u_floats(int ic) { return 36 * (size_t)dqk_winograd_u_point(ic); }

static float *thread_scratch(const pass *work) {
    return work->c->scratch + (size_t)dq__pool_worker() * work->c->scratch_floats;
}

/* Transforms the weights of 16 outputs. turned: memory for them, used on the way back. */
static void transform_weights(const pass *work, float *u, int block, float *turned) {
    const float *w = work->back ? turned : work->k->w + (ptrdiff_t)packed_floats(work->x.cs) * block;
    if (work->back) dq__turn_conv3x3(turned, work->k->w, work->x.cs, work->y.cs, block);
    work->c->kernels->winograd_weights(u, w, work->x.cs);
}

static void weights_task(void *user, int block) {
    const pass *work = user;
    transform_weights(work, work->c->u + (ptrdiff_t)u_floats(work->x.cs) * block, block, thread_scratch(work));
}

static void transform_inputs(const pass *work, int first, int tiles, float *v, ptrdiff_t point) {
    const dq__tensor *x = &work->x;
    dqk_winograd_input job = {.x = x->data, .x_picture = dq__picture_stride(x), .x_row = dq__row(x), .x_col = x->cs,
                              .h = work->h, .w = work->w, .halo = work->back ? 0 : 1, .ring = work->ring,
                              .first_tile = first, .tiles = tiles, .ic = x->cs, .v = v, .v_point = point};
    if (work->back) job.pool = work->k->pool, job.signs = work->k->signs, job.choice = work->k->choice;
    work->c->kernels->winograd_input(&job);
}

/* Output channels from `channel` on of some tiles. u: their weights. */
static void multiply(const pass *work, int first, int tiles, int channel, int channels, const float *u, const float *v,
                     ptrdiff_t point, float *scratch) {
    const dq__convolution *k = work->k;
    const dq__tensor *y = &work->y;
    const int ring = work->ring;
    dqk_winograd job = {.v = v, .v_point = point, .u = u, .bias = bias_of(work, channel),
                        .y = dq__pixel(y, -ring, -ring) + channel, .y_picture = dq__picture_stride(y), .y_row = dq__row(y),
                        .y_col = y->cs, .rows = work->h + 2 * ring, .cols = work->w + 2 * ring, .first_tile = first,
                        .tiles = tiles, .ic = work->x.cs, .oc = channels, .words = y->cs / 16, .scratch = scratch};
    job.accumulate = work->back && k->add;
    if (!work->back) {
        job.pool = k->pool;
        job.signs = k->signs ? k->signs + channel / 16 : NULL;
        job.choice = k->choice ? k->choice + channel / 16 * 2 : NULL;
    }
    work->c->kernels->winograd(&job);
}

/* Few channels: some tiles, from inputs to outputs. */
static void tiles_task(void *user, int task) {
    const pass *work = user;
    const int first = task * work->chunk, tiles = at_most(work->chunk, work->tiles - first), ic = work->x.cs;
    const ptrdiff_t point = (ptrdiff_t)tiles * ic + 16;
    float *m = thread_scratch(work), *v = m + DQK_WINOGRAD_SCRATCH;
    transform_inputs(work, first, tiles, v, point);
    multiply(work, first, tiles, 0, work->y.cs, work->c->u, v, point, m);
}

/* Many channels: the inputs of some tiles of the chunk. */
typedef struct chunk_pass {
    const pass *work;
    int first, tiles, groups; /* groups of tiles, for the products */
    ptrdiff_t point;
} chunk_pass;

static void inputs_task(void *user, int task) {
    const chunk_pass *c = user;
    const int at = task * INPUT_TILES, tiles = at_most(INPUT_TILES, c->tiles - at);
    transform_inputs(c->work, c->first + at, tiles, c->work->c->v + (ptrdiff_t)at * c->work->x.cs, c->point);
}

/* Many channels: 32 outputs of a group of the chunk's tiles. */
static void outputs_task(void *user, int task) {
    const chunk_pass *c = user;
    const pass *work = c->work;
    const int ic = work->x.cs, channel = task / c->groups * PART, channels = at_most(PART, work->y.cs - channel);
    const int group = task % c->groups, at = c->tiles * group / c->groups, end = c->tiles * (group + 1) / c->groups;
    float *m = thread_scratch(work), *u = m + DQK_WINOGRAD_SCRATCH, *turned = u + 2 * u_floats(ic);
    for (int b = 0; b < channels / 16; b++)
        transform_weights(work, u + (ptrdiff_t)u_floats(ic) * b, channel / 16 + b, turned);
    multiply(work, c->first + at, end - at, channel, channels, u, work->c->v + (ptrdiff_t)at * ic, c->point, m);
}

static void winograd(pass *work) {
    const int ic = work->x.cs, oc = work->y.cs;
    dq__pool *pool = work->c->pool;
    work->tiles = tiles_of(work->back ? &work->y : &work->x, work->ring);
    if (few(ic, oc)) {
        work->chunk = own_tiles(ic, oc, work->tiles);
        dq__pool_run(pool, oc / 16, weights_task, work);
        dq__pool_run(pool, ceil_div(work->tiles, work->chunk), tiles_task, work);
        return;
    }
    work->chunk = chunk_tiles(ic, work->tiles);
    for (int first = 0; first < work->tiles; first += work->chunk) {
        const int tiles = at_most(work->chunk, work->tiles - first);
        chunk_pass c = {work, first, tiles, ceil_div(tiles, GROUP_TILES), (ptrdiff_t)tiles * ic + 16};
        dq__pool_run(pool, ceil_div(tiles, INPUT_TILES), inputs_task, &c);
        dq__pool_run(pool, ceil_div(oc, PART) * c.groups, outputs_task, &c);
    }
}

static void want(size_t *floats, size_t wanted) {
    if (wanted > *floats) *floats = wanted;
}

static void want_winograd(dq__convolver *c, int ic, int oc, int tiles, bool back) {
    const size_t turned = back ? packed_floats(ic) : 0;
    size_t scratch = DQK_WINOGRAD_SCRATCH;
    if (few(ic, oc)) {
        want(&c->u_floats, u_floats(ic) * (size_t)(oc / 16));
        want(&c->scratch_floats, turned);
        scratch += v_floats(own_tiles(ic, oc, tiles), ic);
    } else {
        want(&c->v_floats, v_floats(chunk_tiles(ic, tiles), ic));
        scratch += 2 * u_floats(ic) + turned;
    }
    want(&c->scratch_floats, scratch);
}

/* ---- forward --------------------------------------------------------------------------------------------------------- */

static void convolve3x3(pass *work) {
    if (dq__winograd_pays(work->c, &work->x, 0, work->x.cs)) winograd(work);
    else direct(work);
}

void dq__want_convolve(dq__convolver *c, const dq__convolution *k) {
    if (!dq__is_conv3x3(k->layer) || !dq__winograd_pays(c, k->x, 0, k->x->cs)) return;
    want_winograd(c, k->x->cs, k->y->cs, tiles_of(k->x, 0), false);
}

void dq__want_convolve_back(dq__convolver *c, const dq__convolution *k, dq__padding padding) {
    const int ring = ring_of(padding);
    if (!dq__is_conv3x3(k->layer) || dq__reads_picture(k->layer)) return;
    if (dq__winograd_pays(c, k->x, ring, k->y->cs)) want_winograd(c, k->y->cs, k->x->cs, tiles_of(k->x, ring), true);
    else want(&c->u_floats, packed_floats(k->y->cs) * (size_t)(k->x->cs / 16));
}

/* Any kernel and stride: a product with a matrix for each tap. */
static void taps_task(void *user, int task) {
    const pass *work = user;
    const dq__layer *l = work->k->layer;
    const part p = part_of(work, task);
    for (int t = 0; t < l->kernel * l->kernel; t++) {
        const int row = p.row * l->stride + t / l->kernel - l->pad, col = t % l->kernel - l->pad;
        dqk_gemm job = {.x = dq__pixel(&p.x, row, col), .x_row = l->stride * dq__row(&p.x), .x_col = l->stride * p.x.cs,
                        .y = dq__pixel(&p.y, p.row, 0) + p.channel, .y_row = dq__row(&p.y), .y_col = p.y.cs,
                        .m = (work->back ? work->k->w_back : work->k->w) + ((ptrdiff_t)t * p.y.cs + p.channel) * p.x.cs,
                        .bias = bias_of(work, p.channel), .rows = p.rows, .cols = p.y.w, .ic = p.x.cs, .oc = p.channels,
                        .accumulate = t > 0 || (work->back && work->k->add)};
        work->c->kernels->gemm(&job);
    }
    relu_part(work, &p, p.row, p.rows);
}

void dq__convolve(const dq__convolver *c, const dq__convolution *k) {
    pass work = {.c = c, .k = k, .x = *k->x, .y = *k->y, .h = k->x->h, .w = k->x->w};
    if (dq__is_conv3x3(k->layer)) {
        convolve3x3(&work);
        return;
    }
    work.split = dq__split_rows(k->y->h, 256 / k->y->w, k->y->cs, k->y->n);
    dq__pool_run(c->pool, work.split.tasks * k->y->n, taps_task, &work);
}

/* ---- back to the input ---------------------------------------------------------------------------------------------- */

/* A part of dx is all rows of some channels, so that no two tasks write to the same place. */
static void scatter_task(void *user, int task) {
    const pass *work = user; /* x is dy, y is dx */
    const dq__layer *l = work->k->layer;
    const part p = part_of(work, task);
    for (int y = -p.y.halo; y < p.y.h + p.y.halo; y++)
        for (int x = -p.y.halo; x < p.y.w + p.y.halo; x++)
            memset(dq__pixel(&p.y, y, x) + p.channel, 0, sizeof(float) * (size_t)p.channels);
    for (int t = 0; t < l->kernel * l->kernel; t++) {
        dqk_gemm job = {.x = p.x.data, .x_row = dq__row(&p.x), .x_col = p.x.cs,
                        .y = dq__pixel(&p.y, t / l->kernel - l->pad, t % l->kernel - l->pad) + p.channel,
                        .y_row = l->stride * dq__row(&p.y), .y_col = l->stride * p.y.cs,
                        .m = work->k->w_back + ((ptrdiff_t)t * p.y.cs + p.channel) * p.x.cs,
                        .rows = p.x.h, .cols = p.x.w, .ic = p.x.cs, .oc = p.channels, .accumulate = 1};
        work->c->kernels->gemm(&job);
    }
}

static void pointwise_back(pass *work) {
    work->split = dq__split_rows(work->y.h, 256 / work->y.w, work->y.cs, work->y.n);
    dq__pool_run(work->c->pool, work->split.tasks * work->y.n, taps_task, work);
}

/* The picture has three channels. */
static void picture_task(void *user, int task) {
    const pass *work = user;
    const part p = part_of(work, task);
    const int ring = work->ring;
    dqk_conv3x3 job = {.x = dq__pixel(&p.x, p.row - ring, -ring), .x_row = dq__row(&p.x), .x_col = p.x.cs,
                       .y = dq__pixel(&p.y, p.row - ring, -ring), .y_row = dq__row(&p.y), .y_col = p.y.cs,
                       .w = work->k->w_back, .rows = p.rows, .cols = work->w + 2 * ring, .ic = p.x.cs, .oc = 4};
    work->c->kernels->conv3x3_to_picture(&job);
}

static void picture_back(pass *work) {
    work->split = dq__split_rows(work->h + 2 * work->ring, 1024 / (work->w + 2 * work->ring), 4, work->y.n);
    dq__pool_run(work->c->pool, work->split.tasks * work->y.n, picture_task, work);
}

typedef struct relu_work {
    const dqk_table *kernels;
    const dq__tensor *dy;
    const uint16_t *signs;
} relu_work;

static void relu_back_task(void *user, int row) {
    const relu_work *work = user;
    const ptrdiff_t words = (ptrdiff_t)work->dy->w * (work->dy->cs / 16);
    work->kernels->relu_back(dq__map_row(work->dy, row), work->signs + row * words, words * 16);
}

void dq__relu_back(const dq__convolver *c, const dq__tensor *dy, const uint16_t *signs) {
    dq__pool_run(c->pool, dy->n * dy->h, relu_back_task, &(relu_work){c->kernels, dy, signs});
}

bool dq__adds_back(const dq__layer *l) { return dq__is_conv3x3(l) ? !dq__reads_picture(l) : l->kernel == 1 && l->stride == 1; }

void dq__convolve_back(const dq__convolver *c, const dq__convolution *k, dq__padding padding) {
    pass work = {.c = c, .k = k, .x = *k->y, .y = *k->x, .back = true, .h = k->x->h, .w = k->x->w};
    const bool fast = dq__is_conv3x3(k->layer);
    if (fast) work.ring = ring_of(padding);
    if (k->add) dq__halo_fill(&work.y, DQ__PAD_ZERO, k->layer->pad);
    if (fast && dq__winograd_pays(c, k->x, work.ring, work.x.cs)) {
        winograd(&work);
        dq__halo_fold(&work.y, padding, k->layer->pad);
        return;
    }
    if (k->signs) dq__relu_back(c, k->y, k->signs);
    if (fast) {
        dq__halo_fill(&work.x, DQ__PAD_ZERO, 1);
        if (dq__reads_picture(k->layer)) picture_back(&work);
        else direct(&work);
    } else if (k->layer->kernel == 1 && k->layer->stride == 1) {
        pointwise_back(&work);
    } else {
        work.split = dq__split_rows(1, 1, work.y.cs, work.y.n);
        dq__pool_run(c->pool, work.split.tasks * work.y.n, scatter_task, &work);
    }
    dq__halo_fold(&work.y, padding, k->layer->pad);
}
