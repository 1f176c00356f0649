/* SPDX-License-Identifier: MIT
 * Training in the executor: features of every kind of layer against the plain double reference (tests/ref/graph.h), the
 * gradients of weights and pixels against its slopes, on several pictures at once, with branches; the same bytes for any
 * number of threads; memory as planned. */
#include "net_test.h"

#include "../ref/graph.h"
#include "net/executor.h"

#include <unistd.h>

/* ---- networks with random weights ---------------------------------------------------------------------------------- */

typedef struct net {
    dq__table table;
    dq__weights weights, gradient;
    dq__packed *packed;
    ref_graph ref;
} net;

static const dq__input mixed_input = {{{1, -0.5f, 0}, {0.25f, 2, 0}, {0, 0.5f, -1}}, {-0.5f, 0.25f, 0.125f}};

static float *random_floats(uint64_t stream, size_t n, double scale) {
    float *v = dq__alloc(sizeof(float) * n);
    for (size_t k = 0; k < n; k++) v[k] = (float)(scale * (double)dq__rng_normal(5, stream, k));
    return v;
}

/* Convolutions by He; norms, slopes and variances around 1, ½, 1. */
static void fill_array(net *n, int i, int array) {
    const dq__layer *l = &n->table.layer[i];
    const size_t count = dq__array_count(l, array), outputs = (size_t)(l->kind == DQ__CONV_UP ? l->ic : l->oc);
    const bool matrix = array == DQ__WEIGHT && count > outputs;
    const double spread = matrix ? sqrt(2 / ((double)count / (double)outputs)) : 0.1;
    const float centre = matrix || array == DQ__BIAS || array == DQ__MEAN ? 0 : l->kind == DQ__PRELU ? 0.5f : 1;
    float *v = random_floats((uint64_t)(DQ__ARRAYS * i + array), count, spread);
    for (size_t k = 0; k < count; k++) v[k] += centre;
    *dq__array(&n->weights, i, array) = v;
    *dq__array(&n->gradient, i, array) = dq__alloc_zero(sizeof(float) * count);
    n->ref.array[i][array] = dq__alloc(sizeof(double) * count);
    for (size_t k = 0; k < count; k++) n->ref.array[i][array][k] = (double)v[k];
}

/* The reference points into *n: from here on it must stay where it is. */
static void add_weights(net *n) {
    n->ref.table = &n->table;
    for (int i = 0; i < n->table.count; i++)
        for (int array = 0; array < DQ__ARRAYS; array++)
            if (dq__array_count(&n->table.layer[i], array)) fill_array(n, i, array);
    assert_ok(dq__table_check(&n->table, &err));
    assert_ok(dq__packed_new(&n->packed, &n->table, &n->weights, n->table.count - 1, true, &err));
}

static void free_net(net *n) {
    for (int i = 0; i < n->table.count; i++)
        for (int array = 0; array < DQ__ARRAYS; array++) {
            dq__free(*dq__array(&n->weights, i, array)), dq__free(*dq__array(&n->gradient, i, array));
            dq__free(n->ref.array[i][array]);
        }
    ref_graph_free(&n->ref);
    dq__packed_free(&n->packed);
}

static void clear_gradient(net *n) {
    for (int i = 0; i < n->table.count; i++)
        for (int array = 0; array < DQ__ARRAYS; array++)
            if (*dq__array(&n->gradient, i, array))
                memset(*dq__array(&n->gradient, i, array), 0, sizeof(float) * dq__array_count(&n->table.layer[i], array));
}

static dq__table empty_table(dq__padding padding, dq__pooling pooling) {
    return (dq__table){.name = "test", .padding = padding, .pooling = pooling, .input = mixed_input};
}

/* A layer that reads layer `from`; named by its number. */
static dq__layer *add(dq__table *t, dq__kind kind, int from, int oc) {
    char name[16];
    snprintf(name, sizeof name, "layer%d", t->count);
    dq__layer *l = dq__table_add(t, kind, from < 0 ? 3 : t->layer[from].oc, oc, name);
    l->from = from;
    return l;
}

static dq__layer *add_conv(dq__table *t, int from, int oc, int kernel, int stride, int pad) {
    dq__layer *l = add(t, DQ__CONV, from, oc);
    l->kernel = kernel, l->stride = stride, l->pad = pad;
    return l;
}

/* ---- one comparison ------------------------------------------------------------------------------------------------ */

typedef struct batch {
    int n, h, w;
    bool direct;
    int tap[4], taps;
} batch;

/* Of every tap, in order: a random slope for each value; the loss is their sum. */
static double tap_slope(int tap, size_t k) { return (double)(float)dq__rng_normal(9, (uint64_t)tap, k); }

static size_t value_at(const ref_batch *m, int picture, int c, int y, int x) {
    return (((size_t)picture * (size_t)m->c + (size_t)c) * (size_t)m->h + (size_t)y) * (size_t)m->w + (size_t)x;
}

/* Hands in the slopes; they are numbered as the reference's values are. */
static void hand_in(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    (void)user;
    const ref_batch m = {f->n, f->c, f->h, f->w, NULL};
    for (int k = 0; k < f->n; k++) {
        const dq__tensor one = dq__picture(grad, k);
        for (int p = 0; p < f->h * f->w; p++)
            for (int c = 0; c < f->c; c++)
                dq__pixel(&one, p / f->w, p % f->w)[c] += (float)tap_slope(tap, value_at(&m, k, c, p / f->w, p % f->w));
    }
}

static double loss(ref_graph *g, int first, const batch *b, const double *rgb) {
    double sum = 0;
    ref_graph_run(g, first, rgb, b->n, b->h, b->w);
    for (int t = 0; t < b->taps; t++) {
        const ref_batch *m = &g->map[b->tap[t]];
        for (size_t k = 0; k < ref_batch_values(m); k++) sum += tap_slope(t, k) * m->v[k];
    }
    return sum;
}

/* dL / d *x, for a number that layers before `first` do not read. */
static double slope(ref_graph *g, int first, const batch *b, const double *rgb, double *x) {
    const double keep = *x, step = 1e-6;
    *x = keep + step;
    const double above = loss(g, first, b, rgb);
    *x = keep - step;
    const double below = loss(g, first, b, rgb);
    *x = keep;
    return (above - below) / (2 * step);
}

/* Pictures, [n][h][w][3], on which no unit is near its kink. */
static float *clear_pictures(net *n, const batch *b, double **rgb) {
    const size_t one = (size_t)b->h * (size_t)b->w * 3, count = (size_t)b->n * one;
    float *x = dq__alloc(sizeof(float) * count);
    *rgb = dq__alloc(sizeof(double) * count);
    for (uint64_t stream = 10;; stream += 10) {
        for (int k = 0; k < b->n; k++) {
            dq_image *image = synthetic_picture(stream + (uint64_t)k, b->w, b->h);
            memcpy(x + (size_t)k * one, image->rgb, sizeof(float) * one);
            dq__image_free(&image);
        }
        for (size_t k = 0; k < count; k++) (*rgb)[k] = (double)x[k];
        double kink = INFINITY;
        for (int train = 0; train < 2; train++) {
            n->ref.train = train;
            ref_graph_run(&n->ref, 0, *rgb, b->n, b->h, b->w);
            kink = fmin(kink, n->ref.kink);
        }
        if (kink > 1e-5) return x;
    }
}

static void check_features(const dq__tensor *f, const ref_batch *m, const char *name) {
    double difference = 0, size = 0;
    assert_int_equal(f->n, m->n);
    assert_int_equal(f->c, m->c);
    assert_int_equal(f->h, m->h);
    assert_int_equal(f->w, m->w);
    for (int k = 0; k < f->n; k++) {
        const dq__tensor one = dq__picture(f, k);
        for (int p = 0; p < f->h * f->w; p++) {
            const float *pixel = dq__pixel(&one, p / f->w, p % f->w);
            for (int c = 0; c < f->c; c++) {
                const double b = m->v[value_at(m, k, c, p / f->w, p % f->w)], d = (double)pixel[c] - b;
                difference += d * d, size += b * b;
            }
            for (int c = f->c; c < f->cs; c++) assert_true(pixel[c] == 0.0f);
        }
    }
    if (!(sqrt(difference) <= 3e-6 * sqrt(size))) fail_msg("%s: features differ by %.2e", name, sqrt(difference / size));
}

enum { SAMPLES = 5 };

/* Sampled numbers of an array against the slopes; the gradient was added `times` times. */
static void check_slopes(net *n, const batch *b, const double *rgb, double *x, size_t count, int first, const float *g,
                         double times, const char *name) {
    double difference = 0, size = 0;
    const size_t samples = count < SAMPLES ? count : SAMPLES;
    for (size_t j = 0; j < samples; j++) {
        const size_t k = sample_index(count, SAMPLES, j);
        const double expected = slope(&n->ref, first, b, rgb, &x[k]), d = (double)g[k] / times - expected;
        difference += d * d, size += expected * expected;
    }
    if (!(sqrt(difference) <= 1e-5 * (sqrt(size) + 4))) /* 4: gradients that cancel leave the rounding of their terms */
        fail_msg("%s: gradients differ by %.2e of %.2e", name, sqrt(difference), sqrt(size));
}

static dq__exec *new_exec(dq__pool *pool, const net *n, const batch *b, bool train, bool backward) {
    dq__exec *exec;
    const dq__exec_options options = {.n = b->n, .h = b->h, .w = b->w, .tap = b->tap, .taps = b->taps, .direct = b->direct,
                                      .train = train, .backward = backward};
    const size_t said = dq__exec_bytes(pool, &n->table, &options), before = dq__mem_now();
    assert_ok(dq__exec_new(&exec, pool, &n->table, n->packed, &options, &err));
    const size_t took = dq__mem_now() - before;
    assert_true(said > 0 && took >= said && took < said + 65536);
    return exec;
}

static void compare_weights(dq__pool *pool, net *n, const batch *b, const float *x, const double *rgb, const char *name) {
    char what[96];
    dq__exec *exec = new_exec(pool, n, b, true, false);
    clear_gradient(n);
    n->ref.train = true;
    ref_graph_run(&n->ref, 0, rgb, b->n, b->h, b->w);
    for (int round = 0; round < 2; round++) {
        dq__exec_forward(exec, x);
        for (int t = 0; t < b->taps; t++) check_features(dq__exec_tap(exec, t), &n->ref.map[b->tap[t]], name);
        dq__exec_train(exec, hand_in, NULL, &n->gradient);
    }
    for (int i = 0; i < n->table.count; i++)
        for (int array = DQ__WEIGHT; array <= DQ__BIAS; array++) {
            snprintf(what, sizeof what, "%s, %s of layer %d", name, dq__array_name(array), i);
            check_slopes(n, b, rgb, n->ref.array[i][array], dq__array_count(&n->table.layer[i], array), i,
                         *dq__array(&n->gradient, i, array), 2, what);
        }
    dq__exec_free(&exec);
}

static void compare_pixels(dq__pool *pool, net *n, const batch *b, const float *x, double *rgb, const char *name) {
    char what[96];
    const size_t count = (size_t)b->n * (size_t)b->h * (size_t)b->w * 3;
    float *gradient = dq__alloc(sizeof(float) * count);
    dq__exec *exec = new_exec(pool, n, b, false, true);
    n->ref.train = false;
    ref_graph_run(&n->ref, 0, rgb, b->n, b->h, b->w);
    dq__exec_forward(exec, x);
    for (int t = 0; t < b->taps; t++) check_features(dq__exec_tap(exec, t), &n->ref.map[b->tap[t]], name);
    dq__exec_backward(exec, hand_in, NULL, gradient);
    snprintf(what, sizeof what, "%s, pixels", name);
    check_slopes(n, b, rgb, rgb, count, 0, gradient, 1, what);
    dq__exec_free(&exec);
    dq__free(gradient);
}

static void compare(dq__pool *pool, net *n, const batch *b, const char *name) {
    double *rgb;
    float *x = clear_pictures(n, b, &rgb);
    compare_weights(pool, n, b, x, rgb, name);
    compare_pixels(pool, n, b, x, rgb, name);
    dq__free(x), dq__free(rgb);
    ref_graph_free(&n->ref); /* the next pictures have another size */
}

/* ---- convolutions -------------------------------------------------------------------------------------------------- */

static void convolutions_of_every_shape(void **state) {
    (void)state;
    static const int kernel[] = {1, 3, 5, 9};
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (int k = 0; k < 4; k++)
        for (int stride = 1; stride <= 2; stride++)
            for (int wide = 0; wide < 2; wide++)
                for (int padding = DQ__PAD_ZERO; padding <= DQ__PAD_REPLICATE; padding++) {
                    char name[96];
                    net n = {.table = empty_table((dq__padding)padding, DQ__POOL_MAX)};
                    const int pad = wide ? kernel[k] / 2 : kernel[k] / 4;
                    add_conv(&n.table, -1, 5, kernel[k], 1, kernel[k] / 2);
                    add(&n.table, DQ__RELU, 0, 5);
                    add_conv(&n.table, 1, 18, kernel[k], stride, pad);
                    add_weights(&n);
                    snprintf(name, sizeof name, "kernel %d, stride %d, pad %d, padding %d", kernel[k], stride, pad, padding);
                    compare(pool, &n, &(batch){.n = 1, .h = 7, .w = 6, .tap = {2}, .taps = 1}, name);
                    compare(pool, &n, &(batch){.n = 3, .h = 6, .w = 5, .tap = {2}, .taps = 1, .direct = true}, name);
                    free_net(&n);
                }
    dq__pool_free(&pool);
}

/* relu1_1 is read by conv1_2 and by a head. */
static net branched_net(dq__padding padding, dq__pooling pooling) {
    net n = {.table = empty_table(padding, pooling)};
    dq__table *t = &n.table;
    add_conv(t, -1, 21, 3, 1, 1);
    add(t, DQ__RELU, 0, 21);
    add_conv(t, 1, 7, 1, 1, 0); /* 2: a head */
    add_conv(t, 1, 33, 3, 1, 1);
    add(t, DQ__RELU, 3, 33);
    add(t, DQ__POOL, 4, 33);
    add_conv(t, 5, 17, 3, 1, 1);
    add(t, DQ__RELU, 6, 17);
    add_conv(t, 7, 5, 1, 1, 0); /* 8: a second head */
    return n;
}

static void branches_add_their_gradients(void **state) {
    (void)state;
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (int kind = 0; kind < 3; kind++) {
        net n = branched_net((dq__padding)kind, (dq__pooling)(kind % 2));
        add_weights(&n);
        for (int direct = 0; direct < 2; direct++) {
            compare(pool, &n, &(batch){.n = 2, .h = 5, .w = 6, .tap = {1, 2, 7, 8}, .taps = 4, .direct = direct}, "branches");
            compare(pool, &n, &(batch){.n = 1, .h = 9, .w = 8, .tap = {2, 8}, .taps = 2, .direct = direct}, "heads");
        }
        free_net(&n);
    }
    dq__pool_free(&pool);
}

/* ---- the other kinds ----------------------------------------------------------------------------------------------- */

static dq__layer *add_second(dq__table *t, dq__kind kind, int from, int also) {
    const int oc = t->layer[from].oc + (kind == DQ__CONCAT ? t->layer[also].oc : 0);
    dq__layer *l = add(t, kind, from, oc);
    l->ic = oc;
    l->also = also;
    return l;
}

/* conv, a layer of some kind, conv; on odd sizes. */
static net net_with(dq__kind kind, dq__padding padding, dq__pooling pooling) {
    net n = {.table = empty_table(padding, pooling)};
    add_conv(&n.table, -1, 19, 3, 1, 1);
    dq__layer *l = add(&n.table, kind, 0, 19);
    if (kind == DQ__POOL) l->kernel = 3;
    if (kind == DQ__LEAKY_RELU) l->slope = 0.2f;
    add_conv(&n.table, 1, 6, 3, 1, 1);
    return n;
}

static void kinds_one_by_one(void **state) {
    (void)state;
    static const dq__kind kind[] = {DQ__LEAKY_RELU, DQ__PRELU, DQ__TANH, DQ__SIGMOID, DQ__INSTANCE_NORM, DQ__BATCH_NORM,
                                    DQ__POOL, DQ__POOL, DQ__GLOBAL_POOL, DQ__UP_NEAREST, DQ__UP_BILINEAR};
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
        char name[32];
        net n = net_with(kind[k], (dq__padding)(k % 3), (dq__pooling)(k % 2));
        add_weights(&n);
        snprintf(name, sizeof name, "kind %d", (int)kind[k]);
        compare(pool, &n, &(batch){.n = 2, .h = 5, .w = 7, .tap = {1, 2}, .taps = 2}, name);
        compare(pool, &n, &(batch){.n = 1, .h = 8, .w = 6, .tap = {2}, .taps = 1}, name);
        free_net(&n);
    }
    dq__pool_free(&pool);
}

static void transposed_convolutions(void **state) {
    (void)state;
    static const int kernel[] = {2, 3, 4, 9};
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (int k = 0; k < 4; k++) {
        char name[32];
        net n = {.table = empty_table((dq__padding)(k % 3), DQ__POOL_MAX)};
        add_conv(&n.table, -1, 19, 4, 2, 1);
        dq__layer *l = add(&n.table, DQ__CONV_UP, 0, 18);
        l->kernel = kernel[k], l->pad = (kernel[k] - 1) / 2;
        add(&n.table, DQ__RELU, 1, 18); /* not in place */
        add_conv(&n.table, 2, 3, 3, 1, 1);
        add_weights(&n);
        snprintf(name, sizeof name, "kernel %d", kernel[k]);
        compare(pool, &n, &(batch){.n = 2, .h = 7, .w = 6, .tap = {1, 3}, .taps = 2}, name);
        free_net(&n);
    }
    dq__pool_free(&pool);
}

/* A residual block, a skip, a head on a linear layer beside a convolution that reads the same map. */
static net joined_net(dq__padding padding) {
    net n = {.table = empty_table(padding, DQ__POOL_AVERAGE)};
    dq__table *t = &n.table;
    add_conv(t, -1, 17, 3, 1, 1);
    add(t, DQ__RELU, 0, 17);
    add_conv(t, 1, 17, 3, 1, 1);
    add(t, DQ__INSTANCE_NORM, 2, 17);
    add_second(t, DQ__ADD, 3, 1);
    add(t, DQ__POOL, 4, 17);
    add(t, DQ__UP_NEAREST, 5, 17);
    add_second(t, DQ__CONCAT, 4, 6); /* 34 channels */
    add_conv(t, 7, 5, 3, 1, 1);
    dq__layer *fc = add(t, DQ__LINEAR, 4, 18);
    fc->ic = 17 * 6 * 4;
    add(t, DQ__RELU, 9, 18);
    dq__layer *last = add(t, DQ__LINEAR, 10, 3);
    last->ic = 18;
    add_conv(t, 4, 9, 5, 1, 2); /* 12: a halo of two around what the linear layer reads */
    add_conv(t, 4, 9, 5, 1, 2); /* 13: nobody looks at it */
    add_conv(t, 12, 4, 1, 1, 0);
    return n;
}

static void joined_layers(void **state) {
    (void)state;
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (int padding = DQ__PAD_ZERO; padding <= DQ__PAD_REPLICATE; padding++) {
        net n = joined_net((dq__padding)padding);
        add_weights(&n);
        compare(pool, &n, &(batch){.n = 3, .h = 6, .w = 4, .tap = {4, 8, 11, 14}, .taps = 4}, "joined");
        free_net(&n);
    }
    dq__pool_free(&pool);
}

/* ---- against PyTorch ----------------------------------------------------------------------------------------------- */

/* Every kind of layer; tests/oracle/make_layers.py has the same. */
static net pytorch_net(void) {
    net n = {.table = empty_table(DQ__PAD_REFLECT, DQ__POOL_MAX)};
    dq__table *t = &n.table;
    add_conv(t, -1, 18, 5, 1, 2);
    add(t, DQ__BATCH_NORM, 0, 18);
    add(t, DQ__LEAKY_RELU, 1, 18)->slope = 0.2f;
    add(t, DQ__POOL, 2, 18)->kernel = 3;
    add_conv(t, 3, 20, 4, 2, 1);
    add(t, DQ__INSTANCE_NORM, 4, 20);
    add(t, DQ__PRELU, 5, 20);
    add(t, DQ__CONV_UP, 6, 18);
    add_second(t, DQ__ADD, 7, 3);
    add(t, DQ__RELU, 8, 18);
    add(t, DQ__UP_BILINEAR, 9, 18);
    add_second(t, DQ__CONCAT, 10, 2);
    add_conv(t, 11, 7, 3, 1, 1);
    add(t, DQ__TANH, 12, 7);
    add(t, DQ__UP_NEAREST, 4, 20);
    add(t, DQ__SIGMOID, 14, 20);
    add(t, DQ__GLOBAL_POOL, 15, 20);
    add(t, DQ__LINEAR, 16, 9);
    add(t, DQ__LINEAR, 6, 5)->ic = 120;
    return n;
}

/* The values of a map in PyTorch's order. */
static float *dense(const dq__tensor *f, size_t *count) {
    const ref_batch m = {f->n, f->c, f->h, f->w, NULL};
    *count = ref_batch_values(&m);
    float *v = dq__alloc(sizeof(float) * *count);
    for (int k = 0; k < f->n; k++) {
        const dq__tensor one = dq__picture(f, k);
        for (int p = 0; p < f->h * f->w; p++)
            for (int c = 0; c < f->c; c++)
                v[value_at(&m, k, c, p / f->w, p % f->w)] = dq__pixel(&one, p / f->w, p % f->w)[c];
    }
    return v;
}

static void like_pytorch(const fixture *f, const char *mode, const char *what, const float *v, size_t count, double bound) {
    char name[48];
    snprintf(name, sizeof name, "%s %s", mode, what);
    const record r = get_record(f, name);
    const double error = sample_error(&r, v, count);
    if (!(error <= bound)) fail_msg("%s: differs by %.2e", name, error);
    assert_near(norm_of(v, count), r.norm, bound * r.norm);
}

static void taps_like_pytorch(const fixture *f, const char *mode, const dq__exec *exec, int taps) {
    for (int t = 0; t < taps; t++) {
        char what[16];
        size_t count;
        float *v = dense(dq__exec_tap(exec, t), &count);
        snprintf(what, sizeof what, "tap %d", t);
        like_pytorch(f, mode, what, v, count, 1e-5);
        dq__free(v);
    }
}

/* The bias of a layer below a norm has no influence in training: its gradient is rounding. */
static bool matters(int layer, int array) { return array != DQ__BIAS || (layer != 0 && layer != 4); }

static void arrays_like_pytorch(const fixture *f, net *n) {
    for (int k = 0; k < 2 * n->table.count; k++) {
        char what[32];
        const size_t count = dq__array_count(&n->table.layer[k / 2], k % 2);
        snprintf(what, sizeof what, "array %d %d", k / 2, k % 2);
        if (count && matters(k / 2, k % 2)) like_pytorch(f, "train", what, *dq__array(&n->gradient, k / 2, k % 2), count, 1e-4);
    }
}

static float *pictures_of(const fixture *f, const batch *b) {
    const int stream = (int)get_record(f, "picture").sample[0];
    const size_t one = (size_t)b->h * (size_t)b->w * 3;
    float *x = dq__alloc(sizeof(float) * (size_t)b->n * one);
    for (int k = 0; k < b->n; k++) {
        dq_image *image = synthetic_picture((uint64_t)(stream + k), b->w, b->h);
        memcpy(x + (size_t)k * one, image->rgb, sizeof(float) * one);
        dq__image_free(&image);
    }
    return x;
}

static void every_kind_is_pytorchs(void **state) {
    (void)state;
    const batch b = {.n = 2, .h = 8, .w = 12, .tap = {13, 17, 18}, .taps = 3};
    enum { PIXELS = 2 * 8 * 12 * 3 };
    float pixels[PIXELS];
    fixture f = open_fixture("oracle_layers.bin");
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    net n = pytorch_net();
    add_weights(&n);
    float *x = pictures_of(&f, &b);
    dq__exec *exec = new_exec(pool, &n, &b, true, true); /* both ways back */
    dq__exec_forward(exec, x);
    taps_like_pytorch(&f, "train", exec, b.taps);
    dq__exec_train(exec, hand_in, NULL, &n.gradient);
    arrays_like_pytorch(&f, &n);
    dq__exec_forward(exec, x);
    dq__exec_statistics(exec, &n.weights, 0.25);
    dq__exec_backward(exec, hand_in, NULL, pixels);
    like_pytorch(&f, "train", "pixels", pixels, PIXELS, 1e-4);
    like_pytorch(&f, "statistics", "mean", n.weights.mean[1], 18, 1e-5);
    like_pytorch(&f, "statistics", "variance", n.weights.variance[1], 18, 1e-5);
    dq__exec_free(&exec);
    exec = new_exec(pool, &n, &b, false, true); /* still with the packed mean and variance */
    dq__exec_forward(exec, x);
    taps_like_pytorch(&f, "use", exec, b.taps);
    dq__exec_backward(exec, hand_in, NULL, pixels);
    like_pytorch(&f, "use", "pixels", pixels, PIXELS, 1e-4);
    dq__exec_free(&exec);
    dq__free(x), dq__free(f.bytes);
    free_net(&n);
    dq__pool_free(&pool);
}

/* ---- norms folded away ------------------------------------------------------------------------------------------------ */

static net normed_net(void) {
    net n = {.table = empty_table(DQ__PAD_ZERO, DQ__POOL_MAX)};
    dq__table *t = &n.table;
    add_conv(t, -1, 18, 3, 1, 1);
    add(t, DQ__BATCH_NORM, 0, 18); /* goes */
    add(t, DQ__RELU, 1, 18);
    add(t, DQ__BATCH_NORM, 2, 18); /* stays: it is above a ReLU */
    add(t, DQ__CONV_UP, 3, 7);
    add(t, DQ__BATCH_NORM, 4, 7); /* goes */
    add_conv(t, 5, 7, 1, 1, 0);
    add(t, DQ__BATCH_NORM, 6, 7); /* stays: the add reads below it too */
    add_second(t, DQ__ADD, 7, 6);
    return n;
}

static void norms_fold_into_what_they_read(void **state) {
    (void)state;
    batch b = {.n = 1, .h = 5, .w = 6, .tap = {8}, .taps = 1};
    net n = normed_net();
    add_weights(&n);
    float *x = random_floats(77, 5 * 6 * 3, 1);
    size_t count, same;
    dq__exec *exec = new_exec(NULL, &n, &b, false, false);
    dq__exec_forward(exec, x);
    float *before = dense(dq__exec_tap(exec, 0), &count);
    dq__exec_free(&exec);
    dq__packed_free(&n.packed);
    dq__fold_norms(&n.table, &n.weights);
    assert_int_equal(n.table.count, 7);
    assert_ok(dq__table_check(&n.table, &err));
    assert_true(dq__relu_in_place(&n.table, 1));
    assert_string_equal(n.table.layer[6].name, "layer8");
    assert_int_equal(n.table.layer[6].from, 5);
    assert_int_equal(n.table.layer[6].also, 4);
    assert_ok(dq__packed_new(&n.packed, &n.table, &n.weights, 6, false, &err));
    b.tap[0] = 6;
    exec = new_exec(NULL, &n, &b, false, false);
    dq__exec_forward(exec, x);
    float *after = dense(dq__exec_tap(exec, 0), &same);
    assert_int_equal(same, count);
    for (size_t k = 0; k < count; k++) assert_near((double)after[k], (double)before[k], 1e-5);
    dq__exec_free(&exec);
    dq__free(x), dq__free(before), dq__free(after);
    n.table.count = 9; /* what the test itself keeps for each layer */
    free_net(&n);
}

/* ---- files and refusals ----------------------------------------------------------------------------------------------- */

static void every_kind_travels_in_a_file(void **state) {
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "train_net_%ld.safetensors", (long)getpid());
    net n = pytorch_net();
    add_weights(&n);
    dq_model *model, *again;
    assert_ok(dq__model_new(&model, &err));
    model->table = n.table;
    model->weights = n.weights;
    assert_ok(dq__model_check(model, "made here", &err));
    assert_ok(dq__model_write(model, path, false, &err));
    assert_ok(dq__model_read(&again, path, &err));
    unlink(path);
    assert_int_equal(again->table.count, n.table.count);
    for (int i = 0; i < n.table.count; i++) {
        const dq__layer *a = &n.table.layer[i], *b = &again->table.layer[i];
        assert_string_equal(a->name, b->name);
        assert_true(a->kind == b->kind && a->ic == b->ic && a->oc == b->oc && a->from == b->from && a->kernel == b->kernel &&
                    a->stride == b->stride && a->pad == b->pad && a->slope == b->slope && a->also == b->also);
        for (int array = 0; array < DQ__ARRAYS; array++) {
            const size_t count = dq__array_count(a, array);
            const float *one = *dq__array(&n.weights, i, array), *other = *dq__array(&again->weights, i, array);
            if (count) assert_memory_equal(one, other, sizeof(float) * count);
        }
    }
    again->weights.variance[1][3] = -1;
    assert_int_equal(dq__model_check(again, "bent", &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "negative variance"));
    model->weights = (dq__weights){{0}, {0}, {0}, {0}}; /* they are the net's */
    dq__model_free(&model), dq__model_free(&again);
    free_net(&n);
}

static void refused(const dq__table *table, const char *why) {
    assert_int_equal(dq__table_check(table, &err), DQ_BAD_MODEL);
    if (!strstr(err.text, why)) fail_msg("'%s' does not say '%s'", err.text, why);
}

static void tables_that_make_no_sense_are_refused(void **state) {
    (void)state;
    net n = pytorch_net();
    add_weights(&n);
    const dq__table good = n.table;
    dq__table t = good;
    t.layer[1].from = -1, t.layer[1].ic = t.layer[1].oc = 3, refused(&t, "reads the picture");
    t = good, t.layer[8].also = 7, refused(&t, "twice");
    t = good, t.layer[8].also = -1, refused(&t, "does not come before");
    t = good, t.layer[8].also = 4, refused(&t, "takes 18 channels");
    t = good, t.layer[11].oc = 35, refused(&t, "cannot make 35 channels of 36");
    t = good, t.layer[3].kernel = 4, refused(&t, "pools 4 pixels");
    t = good, t.layer[7].pad = 0, refused(&t, "double the size");
    t = good, t.layer[4].kernel = 10, refused(&t, "kernel of 10");
    t = good, t.layer[2].slope = 1.5f, refused(&t, "slope of 1.5");
    const dq__exec_options odd = {.h = 9, .w = 12, .tap = (const int[]){11}, .taps = 1}; /* 9 is not twice what comes up again */
    assert_int_equal(dq__exec_bytes(NULL, &good, &odd), 0);
    free_net(&n);
}

/* ---- threads ------------------------------------------------------------------------------------------------------- */

static float *train_with(int threads, net *n, const batch *b, const float *x, size_t *count) {
    dq__pool *pool;
    *count = 0;
    assert_ok(dq__pool_new(&pool, threads, &err));
    dq__exec *exec = new_exec(pool, n, b, true, false);
    clear_gradient(n);
    dq__exec_forward(exec, x);
    dq__exec_train(exec, hand_in, NULL, &n->gradient);
    for (int k = 0; k < 2 * n->table.count; k++) *count += dq__array_count(&n->table.layer[k / 2], k % 2);
    float *all = dq__alloc(sizeof(float) * *count), *to = all;
    for (int k = 0; k < 2 * n->table.count; k++) {
        const size_t part = dq__array_count(&n->table.layer[k / 2], k % 2);
        if (part) memcpy(to, *dq__array(&n->gradient, k / 2, k % 2), sizeof(float) * part);
        to += part;
    }
    dq__exec_free(&exec);
    dq__pool_free(&pool);
    return all;
}

static void same_bytes(net *n, const batch *b) {
    double *rgb;
    size_t count;
    float *x = clear_pictures(n, b, &rgb), *one = train_with(1, n, b, x, &count);
    for (int threads = 2; threads <= 4; threads++) {
        float *more = train_with(threads, n, b, x, &count);
        assert_memory_equal(one, more, sizeof(float) * count);
        dq__free(more);
    }
    dq__free(x), dq__free(rgb), dq__free(one);
    ref_graph_free(&n->ref);
}

static void same_bytes_for_any_number_of_threads(void **state) {
    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        net n = branched_net(DQ__PAD_REFLECT, DQ__POOL_MAX);
        add_weights(&n);
        same_bytes(&n, &(batch){.n = 3, .h = 19, .w = 22, .tap = {2, 8}, .taps = 2, .direct = direct});
        free_net(&n);
    }
    net n = joined_net(DQ__PAD_REFLECT);
    add_weights(&n);
    same_bytes(&n, &(batch){.n = 3, .h = 6, .w = 4, .tap = {8, 11, 14}, .taps = 3});
    free_net(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions_of_every_shape),
                                       cmocka_unit_test(branches_add_their_gradients),
                                       cmocka_unit_test(kinds_one_by_one),
                                       cmocka_unit_test(transposed_convolutions),
                                       cmocka_unit_test(joined_layers),
                                       cmocka_unit_test(every_kind_is_pytorchs),
                                       cmocka_unit_test(norms_fold_into_what_they_read),
                                       cmocka_unit_test(every_kind_travels_in_a_file),
                                       cmocka_unit_test(tables_that_make_no_sense_are_refused),
                                       cmocka_unit_test(same_bytes_for_any_number_of_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
