/* SPDX-License-Identifier: MIT
 * Training in the executor: features of every kind of layer against the plain double reference (tests/ref/graph.h), the
 * gradients of weights and pixels against its slopes, on several pictures at once, with branches; the same bytes for any
 * number of threads; memory as planned. */
#include "net_test.h"

#include "../ref/graph.h"
#include "net/executor.h"

/* ---- networks with random weights ---------------------------------------------------------------------------------- */

typedef struct net {
    dq__table table;
    dq__weights weights, gradient;
    dq__packed *packed;
    ref_graph ref;
} net;

static const dq__input mixed_input = {{{1, -0.5f, 0}, {0.25f, 2, 0}, {0, 0.5f, -1}}, {-0.5f, 0.25f, 0.125f}};

static size_t array_count(const dq__layer *l, int array) {
    if (l->kind != DQ__CONV && l->kind != DQ__LINEAR) return 0;
    return (size_t)l->oc * (array ? 1 : (size_t)l->ic * (l->kind == DQ__CONV ? (size_t)(l->kernel * l->kernel) : 1));
}

static float *array_of(const dq__weights *w, int i, int array) { return array ? w->bias[i] : w->weight[i]; }
static float **array_at(dq__weights *w, int i, int array) { return array ? &w->bias[i] : &w->weight[i]; }

static float *random_floats(uint64_t stream, size_t n, double scale) {
    float *v = dq__alloc(sizeof(float) * n);
    for (size_t k = 0; k < n; k++) v[k] = (float)(scale * (double)dq__rng_normal(5, stream, k));
    return v;
}

static void fill_array(net *n, int i, int array) {
    const dq__layer *l = &n->table.layer[i];
    const size_t count = array_count(l, array);
    const double fan_in = (double)(array_count(l, 0) / (size_t)l->oc);
    float *v = random_floats((uint64_t)(REF_ARRAYS * i + array), count, array ? 0.1 : sqrt(2 / fan_in));
    *array_at(&n->weights, i, array) = v;
    *array_at(&n->gradient, i, array) = dq__alloc_zero(sizeof(float) * count);
    n->ref.array[i][array] = dq__alloc(sizeof(double) * count);
    for (size_t k = 0; k < count; k++) n->ref.array[i][array][k] = (double)v[k];
}

static void add_weights(net *n) {
    n->ref.table = &n->table;
    for (int i = 0; i < n->table.count; i++)
        for (int array = 0; array < REF_ARRAYS; array++)
            if (array_count(&n->table.layer[i], array)) fill_array(n, i, array);
    assert_ok(dq__table_check(&n->table, &err));
    assert_ok(dq__packed_new(&n->packed, &n->table, &n->weights, n->table.count - 1, true, &err));
}

static void free_net(net *n) {
    for (int i = 0; i < n->table.count; i++)
        for (int array = 0; array < REF_ARRAYS; array++) {
            dq__free(*array_at(&n->weights, i, array)), dq__free(*array_at(&n->gradient, i, array));
            dq__free(n->ref.array[i][array]);
        }
    ref_graph_free(&n->ref);
    dq__packed_free(&n->packed);
}

static void clear_gradient(net *n) {
    for (int i = 0; i < n->table.count; i++)
        for (int array = 0; array < REF_ARRAYS; array++)
            if (array_of(&n->gradient, i, array))
                memset(array_of(&n->gradient, i, array), 0, sizeof(float) * array_count(&n->table.layer[i], array));
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

/* Pictures, [n][h][w][3], on which no unit is near its kink; the reference has run on them. */
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
        ref_graph_run(&n->ref, 0, *rgb, b->n, b->h, b->w);
        if (n->ref.kink > 1e-5) return x;
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
    if (!(sqrt(difference) <= 1e-5 * (sqrt(size) + 1)))
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
    for (int round = 0; round < 2; round++) {
        dq__exec_forward(exec, x);
        for (int t = 0; t < b->taps; t++) check_features(dq__exec_tap(exec, t), &n->ref.map[b->tap[t]], name);
        dq__exec_train(exec, hand_in, NULL, &n->gradient);
    }
    for (int i = 0; i < n->table.count; i++)
        for (int array = 0; array < 2; array++) {
            snprintf(what, sizeof what, "%s, %s of layer %d", name, array ? "bias" : "weight", i);
            check_slopes(n, b, rgb, n->ref.array[i][array], array_count(&n->table.layer[i], array), i,
                         array_of(&n->gradient, i, array), 2, what);
        }
    dq__exec_free(&exec);
}

static void compare_pixels(dq__pool *pool, net *n, const batch *b, const float *x, double *rgb, const char *name) {
    char what[96];
    const size_t count = (size_t)b->n * (size_t)b->h * (size_t)b->w * 3;
    float *gradient = dq__alloc(sizeof(float) * count);
    dq__exec *exec = new_exec(pool, n, b, false, true);
    dq__exec_forward(exec, x);
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
                    compare(pool, &n, &(batch){.n = 1, .h = 9, .w = 7, .tap = {2}, .taps = 1}, name);
                    compare(pool, &n, &(batch){.n = 3, .h = 6, .w = 9, .tap = {2}, .taps = 1, .direct = true}, name);
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
    add_weights(&n);
    return n;
}

static void branches_add_their_gradients(void **state) {
    (void)state;
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (int kind = 0; kind < 3; kind++) {
        net n = branched_net((dq__padding)kind, (dq__pooling)(kind % 2));
        for (int direct = 0; direct < 2; direct++) {
            compare(pool, &n, &(batch){.n = 3, .h = 7, .w = 6, .tap = {1, 2, 7, 8}, .taps = 4, .direct = direct}, "branches");
            compare(pool, &n, &(batch){.n = 1, .h = 13, .w = 10, .tap = {2, 8}, .taps = 2, .direct = direct}, "heads");
        }
        free_net(&n);
    }
    dq__pool_free(&pool);
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
    for (int k = 0; k < 2 * n->table.count; k++) *count += array_count(&n->table.layer[k / 2], k % 2);
    float *all = dq__alloc(sizeof(float) * *count), *to = all;
    for (int k = 0; k < 2 * n->table.count; k++) {
        const size_t part = array_count(&n->table.layer[k / 2], k % 2);
        if (part) memcpy(to, array_of(&n->gradient, k / 2, k % 2), sizeof(float) * part);
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
        same_bytes(&n, &(batch){.n = 3, .h = 19, .w = 22, .tap = {2, 8}, .taps = 2, .direct = direct});
        free_net(&n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions_of_every_shape),
                                       cmocka_unit_test(branches_add_their_gradients),
                                       cmocka_unit_test(same_bytes_for_any_number_of_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
