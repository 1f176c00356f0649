/* SPDX-License-Identifier: MIT
 * paint/bench.c: runs what a job runs, on noise, and times it. Layers are timed through the executor, so that each is run by
 * the method that a job would run it by; nothing here knows which. Their weights are noise too: no time depends on them. */
#include "paint/bench.h"

#include "base/mem.h"
#include "base/rng.h"
#include "loss/gram.h"
#include "paint/cost.h"

#include <stdio.h>
#include <string.h>

typedef struct bench_run {
    const dq__bench_setup *setup;
    dq__bench *out;
    dq__taps taps;
    double start, work, all; /* seconds; in iterations */
    double flops;            /* of the convolutions, forward */
} bench_run;

static int last_layer(const bench_run *r) { return r->taps.layer[r->taps.count - 1]; }

/* Says that so much more work was done. */
static dq_status report(bench_run *r, double work, dq__error *err) {
    r->work += work;
    const dq_progress p = {.seconds = dq__seconds() - r->start, .seconds_left = -1, .done = r->work / r->all,
                           .width = r->setup->size, .height = r->setup->size};
    if (!r->setup->progress || !r->setup->progress(r->setup->user, &p)) return DQ_OK;
    return dq__fail(err, DQ_CANCELLED, "stopped by the caller");
}

/* count floats in [−0.5, 0.5); NULL when there is no memory. */
static float *noise(uint64_t stream, size_t count) {
    float *v = dq__alloc(sizeof(float) * count);
    for (size_t k = 0; v && k < count; k++) v[k] = dq__rng_uniform(1, stream, k) - 0.5f;
    return v;
}

/* ---- a whole iteration ------------------------------------------------------------------------------------------- */

static dq_status noise_image(dq_image **out, uint64_t stream, int size, dq__error *err) {
    dq_status status = dq__image_new(out, size, size, false, err);
    for (size_t k = 0; !status && k < (size_t)size * (size_t)size * 3; k++)
        (*out)->rgb[k] = dq__rng_uniform(1, stream, k);
    return status;
}

static dq_status time_iterations(bench_run *r, dq__cost *cost, const float *x, float *gradient, dq__error *err) {
    double seconds[DQ__MAX_ROUNDS], processor = 0;
    const int rounds = r->setup->rounds;
    dq_status status = DQ_OK;
    for (int k = -1; k < rounds && !status; k++) { /* the first warms up */
        const double start = dq__seconds(), before = dq__processor_seconds();
        dq__cost_evaluate(cost, x, gradient);
        if (k >= 0) seconds[k] = dq__seconds() - start, processor += dq__processor_seconds() - before;
        status = report(r, 1, err);
    }
    if (status) return status;
    r->out->seconds = dq__median(seconds, rounds);
    r->out->processor = processor / rounds;
    return DQ_OK;
}

static void drop_weights(dq_model *model) {
    dq__weights *w = &model->weights;
    for (int i = 0; i < DQ__MAX_LAYERS; i++) {
        dq__free(w->weight[i]), dq__free(w->bias[i]), dq__free(w->mean[i]), dq__free(w->variance[i]);
        w->weight[i] = w->bias[i] = w->mean[i] = w->variance[i] = NULL;
    }
}

static dq_status measure_iteration(bench_run *r, dq__error *err) {
    const dq__bench_setup *s = r->setup;
    static const double share[1] = {1};
    const dq__settings settings = {.normalization = DQ__NORM_MEAN, .content_weight = 1, .style_weight = 1, .pixel_range = 1};
    dq__gram_root roots[DQ__MAX_TAPS] = {{0}};
    dq__packed *packed = NULL;
    dq__cost *cost = NULL;
    dq_image *x = NULL, *content = NULL, *style = NULL;
    const size_t bytes = sizeof(float) * (size_t)s->size * (size_t)s->size * 3;
    float *gradient = dq__alloc(bytes);
    dq_status status = gradient ? DQ_OK : dq__no_memory(err, bytes, "the gradient");
    if (!status) status = noise_image(&x, 1, s->size, err);
    if (!status) status = noise_image(&content, 2, s->size, err);
    if (!status) status = noise_image(&style, 3, s->size, err);
    if (!status) status = dq__packed_new(&packed, &s->model->table, &s->model->weights, last_layer(r), true, err);
    if (!status) status = dq__cost_roots_new(roots, &r->taps, &s->model->table, &s->model->weights, err);
    drop_weights(s->model);
    const dq__cost_setup setup = {.pool = s->pool, .table = &s->model->table, .packed = packed, .taps = &r->taps,
                                  .roots = roots, .settings = &settings, .share = share, .styles = 1};
    if (!status) status = dq__cost_new(&cost, &setup, NULL, content, (const dq_image *const *)&style, err);
    if (!status) status = report(r, 1, err);
    if (!status) status = time_iterations(r, cost, x->rgb, gradient, err);
    r->out->peak_rss = dq__peak_rss();
    dq__cost_free(&cost);
    dq__packed_free(&packed);
    dq__cost_roots_free(roots);
    dq__image_free(&x), dq__image_free(&content), dq__image_free(&style);
    dq__free(gradient);
    return status;
}

/* ---- a convolution ----------------------------------------------------------------------------------------------- */

/* The executor reads pictures of three channels, so a deeper layer is measured above a small convolution that widens the
 * picture to the layer's channels. That one is timed by itself and taken off. */
typedef struct chain {
    dq__table table;
    dq__weights weights;
    dq__packed *packed;
    dq__exec *whole, *below; /* below: NULL for a layer that reads the picture itself */
    float *first, *own;      /* weights and bias of the small convolution, and of the layer */
    float *x, *gradient;
    dq__gram_space *space;   /* NULL where there is no style cost */
    float *target;
    dq__pool *pool;
} chain;

static void chain_free(chain *c) {
    dq__exec_free(&c->whole);
    dq__exec_free(&c->below);
    dq__packed_free(&c->packed);
    dq__gram_space_free(&c->space);
    dq__free(c->first), dq__free(c->own), dq__free(c->x), dq__free(c->gradient), dq__free(c->target);
}

static bool style_tap(const dq__taps *taps, int layer) {
    for (int t = 0; t < taps->count; t++)
        if (taps->layer[t] == layer) return taps->style[t] != 0;
    return false;
}

/* A convolution with its ReLU; 3×3, stride 1. */
static dq__layer *add_convolution(chain *c, int ic, int oc, float *weight, float *bias) {
    const int i = c->table.count;
    dq__layer *l = dq__table_add(&c->table, DQ__CONV, ic, oc, "conv");
    dq__table_add(&c->table, DQ__RELU, oc, oc, "relu");
    c->weights.weight[i] = weight, c->weights.bias[i] = bias;
    return l;
}

/* Layer i of the model with a ReLU, above the small convolution where it needs one. */
static dq_status chain_layers(chain *c, const dq_model *model, int i, dq__error *err) {
    const dq__layer *l = &model->table.layer[i];
    c->table = model->table;
    c->table.count = 0;
    if (l->from >= 0) {
        const size_t floats = 28 * (size_t)l->ic;
        c->first = noise(4, floats);
        if (!c->first) return dq__no_memory(err, sizeof(float) * floats, "weights");
        add_convolution(c, 3, l->ic, c->first, c->first + 27 * (size_t)l->ic);
    }
    const size_t weights = (size_t)(l->kernel * l->kernel * l->ic) * (size_t)l->oc, floats = weights + (size_t)l->oc;
    c->own = noise(6, floats);
    if (!c->own) return dq__no_memory(err, sizeof(float) * floats, "weights");
    dq__layer *own = add_convolution(c, l->ic, l->oc, c->own, c->own + weights);
    own->kernel = l->kernel, own->stride = l->stride, own->pad = l->pad;
    return dq__packed_new(&c->packed, &c->table, &c->weights, c->table.count - 1, true, err);
}

static dq_status chain_gram(chain *c, int channels, dq__error *err) {
    const size_t cs = (size_t)dq__channel_stride(channels);
    c->target = dq__alloc_zero(sizeof(float) * cs * cs);
    if (!c->target) return dq__no_memory(err, sizeof(float) * cs * cs, "Gram matrices");
    return dq__gram_space_new(&c->space, (int)cs, err);
}

static dq_status chain_new(chain *c, const bench_run *r, int i, int side, dq__error *err) {
    static const int both[2] = {1, 3};
    const size_t floats = (size_t)side * (size_t)side * 3;
    c->pool = r->setup->pool;
    dq_status status = chain_layers(c, r->setup->model, i, err);
    if (status) return status;
    dq__exec_options o = {.h = side, .w = side, .tap = both, .taps = c->table.count / 2, .backward = true};
    status = dq__exec_new(&c->whole, c->pool, &c->table, c->packed, &o, err);
    o.taps = 1, o.backward = false;
    if (!status && c->first) status = dq__exec_new(&c->below, c->pool, &c->table, c->packed, &o, err);
    if (!status && style_tap(&r->taps, i + 1)) status = chain_gram(c, r->setup->model->table.layer[i].oc, err);
    c->x = noise(5, floats);
    c->gradient = dq__alloc(sizeof(float) * floats);
    if (!status && (!c->x || !c->gradient)) status = dq__no_memory(err, sizeof(float) * floats, "a picture");
    return status;
}

typedef struct times {
    double forward, backward, gram;
} times;

/* One way back under way. */
typedef struct back_run {
    const chain *chain;
    double left, reached, gram; /* when it left the tap above the layer, when it reached what is below; seconds of the cost */
} back_run;

/* Above the layer: the style cost or, where there is none, the features as their own gradient. Below it nothing is added. */
static void at_tap(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    back_run *b = user;
    const chain *c = b->chain;
    const double start = b->reached = dq__seconds(), n = f->c;
    if (tap == 0 && c->below) return;
    if (c->space) dq__gram_cost(c->pool, c->space, f, c->target, 1 / (n * n * n * n), 1, grad);
    else
        for (int y = 0; y < f->h; y++)
            memcpy(dq__pixel(grad, y, 0), dq__pixel(f, y, 0), sizeof(float) * (size_t)f->w * (size_t)f->cs);
    b->left = dq__seconds();
    b->gram = b->left - start;
}

static double time_forward(dq__exec *exec, const float *x) {
    const double start = dq__seconds();
    dq__exec_forward(exec, x);
    return dq__seconds() - start;
}

static void time_backward(const chain *c, double *backward, double *gram) {
    back_run b = {.chain = c};
    dq__exec_backward(c->whole, at_tap, &b, c->gradient);
    if (!c->below) b.reached = dq__seconds();
    *backward = b.reached - b.left;
    *gram = b.gram;
}

/* Medians of the rounds. */
static times time_chain(const chain *c, int rounds) {
    double whole[DQ__MAX_ROUNDS], below[DQ__MAX_ROUNDS], back[DQ__MAX_ROUNDS], gram[DQ__MAX_ROUNDS];
    for (int k = -1; k < rounds; k++) { /* the first warms up */
        const int at = k < 0 ? 0 : k;
        below[at] = c->below ? time_forward(c->below, c->x) : 0;
        whole[at] = time_forward(c->whole, c->x);
        time_backward(c, &back[at], &gram[at]);
    }
    const double all = dq__median(whole, rounds), first = dq__median(below, rounds);
    /* on a disturbed machine a small layer may seem to take no time: then what is below it counts too */
    return (times){all > first ? all - first : all, dq__median(back, rounds), dq__median(gram, rounds)};
}

static void add_row(dq__bench_row *row, const char *name, double seconds, double flops) {
    snprintf(row->name, sizeof row->name, "%s", name);
    row->seconds = seconds, row->flops = flops;
}

/* side: of what the layer reads, and of its map. */
static dq_status measure_layer(bench_run *r, int i, int side, int own_side, dq__error *err) {
    const dq__layer *l = &r->setup->model->table.layer[i];
    const double pixels = (double)own_side * own_side, flops = 2.0 * l->kernel * l->kernel * l->ic * l->oc * pixels;
    dq__bench *out = r->out;
    chain c = {0};
    dq_status status = chain_new(&c, r, i, side, err);
    if (!status) {
        const times t = time_chain(&c, r->setup->rounds);
        add_row(&out->forward[out->layers], l->name, t.forward, flops);
        add_row(&out->backward[out->layers++], l->name, t.backward, flops);
        if (c.space) add_row(&out->gram[out->grams++], l[1].name, t.gram, 4.0 * l->oc * l->oc * pixels);
        status = report(r, (r->setup->rounds + 1) * flops / r->flops, err);
    }
    chain_free(&c);
    return status;
}

/* ---- everything -------------------------------------------------------------------------------------------------- */

static int side_above(const dq__layer *l, int side) {
    if (l->kind == DQ__POOL) return side / 2;
    return l->kind == DQ__CONV ? (side + 2 * l->pad - l->kernel) / l->stride + 1 : side;
}

static dq_status measure_layers(bench_run *r, dq__error *err) {
    const dq__table *table = &r->setup->model->table;
    int side[DQ__MAX_LAYERS + 1] = {r->setup->size}; /* of the picture, then the layers' */
    dq_status status = DQ_OK;
    for (int i = 0; i <= last_layer(r) && !status; i++) {
        const dq__layer *l = &table->layer[i];
        const int below = side[l->from + 1];
        side[i + 1] = side_above(l, below);
        if (l->kind == DQ__CONV) status = measure_layer(r, i, below, side[i + 1], err);
    }
    return status;
}

static double sum_of_flops(const dq__bench *b) {
    double sum = 0;
    for (int k = 0; k < b->layers; k++) sum += b->forward[k].flops + b->backward[k].flops;
    for (int k = 0; k < b->grams; k++) sum += b->gram[k].flops;
    return sum;
}

dq_status dq__bench_run(dq__bench *bench, const dq__bench_setup *setup, dq__error *err) {
    const dq__table *table = &setup->model->table;
    char left_out[256];
    bench_run r = {.setup = setup, .out = bench, .start = dq__seconds(), .all = 2 * setup->rounds + 3};
    *bench = (dq__bench){0};
    dq_status status = dq__taps_parse(&r.taps, table, setup->content, setup->style, left_out, err);
    if (status) return status;
    r.flops = dq__exec_flops(table, last_layer(&r), setup->size, setup->size);
    status = measure_iteration(&r, err);
    if (!status) status = measure_layers(&r, err);
    if (status) return status;
    bench->flops = sum_of_flops(bench);
    bench->peak_flops = dq__peak_flops(setup->pool, dq__cpu_isa(), setup->rounds);
    return DQ_OK;
}
