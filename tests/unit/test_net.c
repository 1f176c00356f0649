/* SPDX-License-Identifier: MIT
 * The executor on small random networks: against the plain double reference (tests/ref) and its finite differences, for
 * every padding, pooling and odd size; adjoints; the memory plan; threads; linear layers; refusals. */
#include "net_test.h"

#include "../ref/reference.h"
#include "loss/content.h"
#include "loss/gram.h"
#include "net/executor.h"
#include "net/planner.h"

/* ---- small networks ------------------------------------------------------------------------------------------------ */

typedef struct net {
    dq__table table;
    dq__weights weights;
    dq__packed *packed;
} net;

static const dq__input plain_input = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}};
static const dq__input mixed_input = {{{1, -0.5f, 0}, {0.25f, 2, 0}, {0, 0.5f, -1}}, {-0.5f, 0.25f, 0.125f}};

static float *random_floats(uint64_t stream, size_t n, double scale) {
    float *v = dq__alloc(sizeof(float) * n);
    for (size_t i = 0; i < n; i++) v[i] = (float)(scale * (double)dq__rng_normal(5, stream, i));
    return v;
}

static void add_weights(net *n, bool backward) {
    for (int i = 0; i < n->table.count; i++) {
        const dq__layer *l = &n->table.layer[i];
        if (l->kind != DQ__CONV && l->kind != DQ__LINEAR) continue;
        const size_t fan_in = (size_t)l->ic * (l->kind == DQ__CONV ? 9 : 1);
        n->weights.weight[i] = random_floats(2 * (uint64_t)i, fan_in * (size_t)l->oc, sqrt(2.0 / (double)fan_in));
        n->weights.bias[i] = random_floats(2 * (uint64_t)i + 1, (size_t)l->oc, 0.1);
    }
    assert_ok(dq__table_check(&n->table, &err));
    assert_ok(dq__packed_new(&n->packed, &n->table, &n->weights, n->table.count - 1, backward, &err));
}

static void free_net(net *n) {
    for (int i = 0; i < n->table.count; i++) dq__free(n->weights.weight[i]), dq__free(n->weights.bias[i]);
    dq__packed_free(&n->packed);
}

/* Three stages with channel counts that are no multiple of anything. */
static net staged_net(dq__padding padding, dq__pooling pooling) {
    net n = {0};
    dq__table_stages(&n.table, "small", 3, (const int[]){2, 1, 2}, (const int[]){5, 20, 33});
    n.table.padding = padding, n.table.pooling = pooling, n.table.input = mixed_input;
    add_weights(&n, true);
    return n;
}

static void add_layer(dq__table *t, dq__kind kind, int ic, int oc, const char *name) {
    dq__table_add(t, kind, ic, oc, name);
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

typedef struct layer_target {
    int layer;
    float *content; /* dense, of the other picture */
    float *gram;
    dq__gram_space *space;
    double c, n; /* channels, values */
    double cost;
    bool moved; /* its features became their gradient */
    dq__pool *pool;
} layer_target;

/* Content plus style cost, each with weight 1. */
static void add_costs(layer_target *t, const dq__tensor *f, const dq__tensor *grad) {
    t->cost = dq__content_cost(t->pool, f, t->content, NULL, 1 / t->n, 1, grad);
    t->cost += dq__gram_cost(t->pool, t->space, f, t->gram, 1 / (t->c * t->c * t->c * t->c), 1, grad);
}

/* What the tap function does at every tap. In place features move out of the way of their gradient first. */
static void both_costs(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    layer_target *t = (layer_target *)user + tap;
    const size_t row = sizeof(float) * (size_t)f->w * (size_t)f->cs;
    dq__tensor moved = *f;
    if (f->data != grad->data) {
        add_costs(t, f, grad);
        return;
    }
    float *memory = dq__alloc_zero(sizeof(float) * dq__tensor_floats(f));
    dq__tensor_place(&moved, memory);
    for (int y = 0; y < f->h; y++) {
        memcpy(dq__pixel(&moved, y, 0), dq__pixel(f, y, 0), row);
        memset(dq__pixel(grad, y, 0), 0, row);
    }
    add_costs(t, &moved, grad);
    t->moved = true;
    dq__free(memory);
}

enum { DIRECT = 1, IN_PLACE = 2, WAYS = 4 }; /* bits of a way to run a network */

static dq__exec *new_exec(dq__pool *pool, const net *n, const int *tap, int taps, int h, int w, bool backward, int way) {
    dq__exec *exec;
    const dq__exec_options options = {.h = h, .w = w, .tap = tap, .taps = taps, .backward = backward, .direct = way & DIRECT,
                                      .in_place = way & IN_PLACE ? ~0u : 0};
    assert_ok(dq__exec_new(&exec, pool, &n->table, n->packed, &options, &err));
    return exec;
}

static void take_targets(layer_target *target, dq__pool *pool, dq__exec *exec, const int *tap, int taps) {
    for (int t = 0; t < taps; t++) {
        const dq__tensor *f = dq__exec_tap(exec, t);
        target[t] = (layer_target){.layer = tap[t], .pool = pool, .c = f->c, .n = (double)f->c * f->h * f->w};
        assert_ok(dq__gram_space_new(&target[t].space, f->cs, &err));
        target[t].content = dq__content_target(f);
        target[t].gram = dq__alloc(sizeof(float) * (size_t)f->cs * (size_t)f->cs);
        dq__gram(pool, target[t].space, f, target[t].gram);
    }
}

static void free_targets(layer_target *target, int taps) {
    for (int t = 0; t < taps; t++) {
        dq__free(target[t].content), dq__free(target[t].gram);
        dq__gram_space_free(&target[t].space);
    }
}

static double *doubles(const float *x, size_t n) {
    double *d = dq__alloc(sizeof(double) * n);
    for (size_t k = 0; k < n; k++) d[k] = (double)x[k];
    return d;
}

static ref_run run_reference(const net *n, const dq_image *image) {
    double *rgb = doubles(image->rgb, (size_t)image->width * (size_t)image->height * 3);
    ref_run run = ref_forward(&n->table, &n->weights, n->table.count - 1, rgb, image->height, image->width);
    dq__free(rgb);
    return run;
}

/* Is no ReLU and no pool so near its kink that rounding in float could choose the other side? */
static bool clear_of_kinks(const ref_run *run) {
    const double near = 1e-5;
    for (int i = 0; i <= run->last; i++) {
        const ref_map *x = i ? &run->map[i - 1] : &run->input;
        const size_t plane = (size_t)x->h * (size_t)x->w;
        for (size_t k = 0; k < (size_t)x->c * plane; k++) {
            const int r = (int)(k % plane) / x->w, c = (int)(k % plane) % x->w;
            if (run->table->layer[i].kind == DQ__RELU && fabs(x->v[k]) < near) return false;
            if (run->table->layer[i].kind != DQ__POOL || x->v[k] == 0) continue;
            for (int t = 1; t < 4; t++) { /* the others of its window */
                const int rr = r ^ (t / 2), cc = c ^ (t % 2);
                if (rr < x->h && cc < x->w && fabs(x->v[k] - x->v[k - k % plane + (size_t)(rr * x->w + cc)]) < near) return false;
            }
        }
    }
    return true;
}

static dq_image *clear_picture(const net *n, int w, int h, ref_run *run) {
    for (uint64_t stream = 10;; stream++) {
        dq_image *x = synthetic_picture(stream, w, h);
        *run = run_reference(n, x);
        if (clear_of_kinks(run)) return x;
        ref_free(run);
        dq__image_free(&x);
    }
}

static void check_map(const dq__tensor *f, const ref_map *m, const char *name) {
    double difference = 0, size = 0;
    assert_int_equal(f->c, m->c);
    assert_int_equal(f->h, m->h);
    assert_int_equal(f->w, m->w);
    for (int c = 0; c < f->c; c++)
        for (int p = 0; p < f->h * f->w; p++) {
            const double a = (double)dq__pixel(f, p / f->w, p % f->w)[c], b = m->v[(size_t)c * (size_t)(f->h * f->w) + (size_t)p];
            difference += (a - b) * (a - b), size += b * b;
        }
    if (!(sqrt(difference) <= 3e-6 * sqrt(size))) fail_msg("%s: features differ by %.2e", name, sqrt(difference / size));
    for (int c = f->c; c < f->cs; c++)
        for (int p = 0; p < f->h * f->w; p++) assert_true(dq__pixel(f, p / f->w, p % f->w)[c] == 0.0f);
}

static void check_gradient(const float *g, const double *expected, size_t n) {
    double difference = 0, size = 0;
    for (size_t k = 0; k < n; k++) {
        difference += ((double)g[k] - expected[k]) * ((double)g[k] - expected[k]);
        size += expected[k] * expected[k];
    }
    if (!(sqrt(difference) <= 1e-5 * sqrt(size))) fail_msg("gradients differ by %.2e", sqrt(difference / size));
}

/* Layers whose output can be tapped: all but those whose ReLU works in place. */
static int all_taps(const dq__table *table, int *tap) {
    int taps = 0;
    for (int i = 0; i < table->count; i++)
        if (i + 1 == table->count || table->layer[i + 1].kind != DQ__RELU) tap[taps++] = i;
    return taps;
}

/* ---- against the reference ----------------------------------------------------------------------------------------- */

static const struct {
    int w, h;
} sizes[] = {{4, 4}, {7, 5}, {6, 9}, {13, 17}, {31, 22}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* In a chain every convolution with its ReLU can, where a convolution reads it or nothing. */
static bool gets_moved(const net *n, int tap, int deepest) {
    return n->table.layer[tap].kind == DQ__RELU && (tap == deepest || n->table.layer[tap + 1].kind != DQ__POOL);
}

static void compare_taps(dq__pool *pool, const net *n, int w, int h, const int *tap, int taps, int way) {
    dq_image *other = synthetic_picture(1, w, h);
    ref_run at_other = run_reference(n, other), at_x;
    dq_image *x = clear_picture(n, w, h, &at_x);
    const size_t values = (size_t)w * (size_t)h * 3;
    layer_target target[DQ__MAX_TAPS];
    ref_cost cost = {.content_picture = &at_other, .style_picture = &at_other};
    float *gradient = dq__alloc(sizeof(float) * values);
    double *expected = dq__alloc(sizeof(double) * values), sum = 0;
    dq__exec *forward = new_exec(pool, n, tap, taps, h, w, false, way), *exec = new_exec(pool, n, tap, taps, h, w, true, way);
    dq__exec_forward(forward, other->rgb);
    take_targets(target, pool, forward, tap, taps);
    dq__exec_forward(forward, x->rgb);
    for (int t = 0; t < taps; t++) check_map(dq__exec_tap(forward, t), &at_x.map[tap[t]], n->table.layer[tap[t]].name);
    dq__exec_forward(exec, x->rgb);
    dq__exec_backward(exec, both_costs, target, gradient);
    for (int t = 0; t < taps; t++) assert_int_equal(target[t].moved, way & IN_PLACE && gets_moved(n, tap[t], tap[taps - 1]));
    for (int t = 0; t < taps; t++) sum += target[t].cost, cost.content[tap[t]] = cost.style[tap[t]] = 1;
    const double value = ref_value(&cost, &at_x);
    assert_near(sum, value, 1e-5 * value);
    ref_gradient(&cost, &at_x, expected);
    check_gradient(gradient, expected, values);
    dq__exec_free(&forward), dq__exec_free(&exec);
    free_targets(target, taps);
    ref_free(&at_x), ref_free(&at_other);
    dq__image_free(&x), dq__image_free(&other);
    dq__free(gradient), dq__free(expected);
}

static void library_is_the_reference(void **state) {
    (void)state;
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (int kind = 0; kind < 6; kind++) {
        net n = staged_net((dq__padding)(kind / 2), (dq__pooling)(kind % 2));
        int tap[DQ__MAX_TAPS];
        const int taps = all_taps(&n.table, tap);
        for (int k = 0; k < SIZES; k++)
            for (int way = 0; way < WAYS; way++) compare_taps(pool, &n, sizes[k].w, sizes[k].h, tap, taps, way);
        for (int t = 0; t < taps; t++) /* each alone: another plan, another depth */
            compare_taps(pool, &n, 13, 17, &tap[t], 1, (t + kind) % WAYS);
        free_net(&n);
    }
    dq__pool_free(&pool);
}

static double value_at(const net *n, const ref_cost *cost, const double *rgb, int w, int h) {
    ref_run run = ref_forward(&n->table, &n->weights, n->table.count - 1, rgb, h, w);
    const double value = ref_value(cost, &run);
    ref_free(&run);
    return value;
}

static void reference_gradient_is_the_slope(void **state) {
    (void)state;
    enum { W = 9, H = 7, N = W * H * 3 };
    for (int kind = 0; kind < 6; kind++) {
        net n = staged_net((dq__padding)(kind / 2), (dq__pooling)(kind % 2));
        dq_image *content = synthetic_picture(1, W, H), *style = synthetic_picture(2, 5, 8);
        ref_run at_content = run_reference(&n, content), at_style = run_reference(&n, style), at_x;
        dq_image *x = clear_picture(&n, W, H, &at_x);
        ref_cost cost = {.content_picture = &at_content, .style_picture = &at_style};
        cost.content[6] = 1, cost.style[1] = 0.5, cost.style[6] = 0.25, cost.style[n.table.count - 1] = 0.125;
        double gradient[N], *rgb = doubles(x->rgb, N);
        ref_gradient(&cost, &at_x, gradient);
        for (int k = 0; k < N; k++) {
            const double keep = rgb[k], step = 1e-6;
            rgb[k] = keep + step;
            const double above = value_at(&n, &cost, rgb, W, H);
            rgb[k] = keep - step;
            const double below = value_at(&n, &cost, rgb, W, H);
            rgb[k] = keep;
            assert_near((above - below) / (2 * step), gradient[k], 1e-6 * (1 + fabs(gradient[k])));
        }
        dq__free(rgb);
        ref_free(&at_x), ref_free(&at_content), ref_free(&at_style);
        dq__image_free(&x), dq__image_free(&content), dq__image_free(&style);
        free_net(&n);
    }
}

/* ---- adjoints ------------------------------------------------------------------------------------------------------ */

/* The tap function that hands in a given gradient, dense [h][w][c]. */
static void hand_in(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    (void)tap;
    const float *g = user;
    for (int p = 0; p < f->h * f->w; p++)
        for (int c = 0; c < f->c; c++) dq__pixel(grad, p / f->w, p % f->w)[c] += *g++;
}

static void adjoint_case(dq__pool *pool, dq__padding padding, int w, int h, bool direct) {
    net n = {.table = {.padding = padding, .input = plain_input}};
    add_layer(&n.table, DQ__CONV, 3, 20, "conv1_1");
    add_layer(&n.table, DQ__CONV, 20, 37, "conv1_2");
    add_weights(&n, true);
    for (int i = 0; i < 2; i++) memset(n.packed->bias[i], 0, sizeof(float) * 16);
    for (int i = 0; i < 2; i++)
        for (int o = 0; o < n.table.layer[i].oc; o++) n.packed->bias[i][o] = 0; /* linear, not affine */
    const int tap = 1;
    const size_t outputs = (size_t)w * (size_t)h * 37, inputs = (size_t)w * (size_t)h * 3;
    float *x = random_floats(100, inputs, 1), *y = random_floats(101, outputs, 1), *back = dq__alloc(sizeof(float) * inputs);
    dq__exec *exec = new_exec(pool, &n, &tap, 1, h, w, true, direct);
    dq__exec_forward(exec, x);
    const dq__tensor *f = dq__exec_tap(exec, 0);
    double forward = 0, backward = 0, size = 0;
    for (size_t k = 0; k < outputs; k++) {
        const double p = (double)dq__pixel(f, (int)(k / 37) / w, (int)(k / 37) % w)[k % 37] * (double)y[k];
        forward += p, size += p * p;
    }
    dq__exec_backward(exec, hand_in, y, back);
    for (size_t k = 0; k < inputs; k++) backward += (double)back[k] * (double)x[k];
    assert_near(forward, backward, 64 * 0x1p-23 * sqrt(size));
    dq__exec_free(&exec);
    dq__free(x), dq__free(y), dq__free(back);
    free_net(&n);
}

static void backward_is_the_adjoint_of_forward(void **state) {
    (void)state;
    static const int shape[][2] = {{1, 1}, {1, 6}, {5, 1}, {2, 2}, {3, 2}, {7, 5}, {24, 19}, {65, 9}};
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    for (int padding = DQ__PAD_ZERO; padding <= DQ__PAD_REPLICATE; padding++)
        for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
            for (int direct = 0; direct < 2; direct++)
                adjoint_case(pool, (dq__padding)padding, shape[k][0], shape[k][1], direct);
    dq__pool_free(&pool);
}

/* ---- memory -------------------------------------------------------------------------------------------------------- */

static void check_plan(const dq__span *span, int count, size_t total) {
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        size_t alive = 0; /* at the step where span i begins */
        assert_int_equal(span[i].offset % 64, 0);
        if (span[i].bytes && span[i].offset + span[i].bytes > used) used = span[i].offset + span[i].bytes;
        for (int j = 0; j < count; j++) {
            const dq__span *a = &span[i], *b = &span[j];
            if (b->first <= a->first && a->first <= b->last) alive += b->bytes;
            if (i == j || a->first > b->last || b->first > a->last || !a->bytes || !b->bytes) continue;
            assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
        }
        assert_true(alive <= total);
    }
    assert_int_equal(used, total);
}

static void plans_keep_live_buffers_apart(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        dq__span span[200];
        const int count = 1 + (int)(dq__rng_bits(round, 0, 0) % 200);
        for (int i = 0; i < count; i++) {
            const uint64_t bits = dq__rng_bits(round, 1, (uint64_t)i);
            span[i] = (dq__span){.bytes = bits % 5 == 0 ? 0 : (bits >> 8) % 5000, .first = (int)(bits >> 24) & 63};
            span[i].last = span[i].first + ((int)(bits >> 32) & 15);
        }
        check_plan(span, count, dq__plan_place(span, count));
    }
}

static void executors_take_what_they_say(void **state) {
    (void)state;
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    net n = staged_net(DQ__PAD_REFLECT, DQ__POOL_MAX);
    int tap[DQ__MAX_TAPS];
    const int taps = all_taps(&n.table, tap);
    const dq__exec_options options = {.h = 61, .w = 70, .tap = tap, .taps = taps, .backward = true};
    const size_t said = dq__exec_bytes(pool, &n.table, &options), before = dq__mem_now();
    dq__exec *exec;
    assert_ok(dq__exec_new(&exec, pool, &n.table, n.packed, &options, &err));
    const size_t took = dq__mem_now() - before;
    assert_true(took >= said && took < said + 65536);
    dq__exec_free(&exec);
    for (long k = 1; k <= 2; k++) { /* no allocation may be missed */
        dq__mem_fail_at(k);
        assert_int_equal(dq__exec_new(&exec, pool, &n.table, n.packed, &options, &err), DQ_LIMIT);
        dq__mem_fail_at(0);
        assert_null(exec);
        assert_int_equal(dq__mem_now(), before);
    }
    free_net(&n);
    dq__pool_free(&pool);
}

/* ---- threads ------------------------------------------------------------------------------------------------------- */

static void run_with(int threads, const net *n, bool direct, float *features, float *gradient) {
    enum { W = 41, H = 35 };
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, threads, &err));
    const int tap = n->table.count - 1;
    dq_image *other = synthetic_picture(1, W, H), *x = synthetic_picture(2, W, H);
    dq__exec *exec = new_exec(pool, n, &tap, 1, H, W, true, direct);
    layer_target target;
    dq__exec_forward(exec, other->rgb);
    take_targets(&target, pool, exec, &tap, 1);
    dq__exec_forward(exec, x->rgb);
    const dq__tensor *f = dq__exec_tap(exec, 0);
    for (int p = 0; p < f->h * f->w; p++)
        memcpy(features + p * f->cs, dq__pixel(f, p / f->w, p % f->w), sizeof(float) * (size_t)f->cs);
    dq__exec_backward(exec, both_costs, &target, gradient);
    free_targets(&target, 1);
    dq__exec_free(&exec);
    dq__image_free(&other), dq__image_free(&x);
    dq__pool_free(&pool);
}

static void same_bytes_for_any_number_of_threads(void **state) {
    (void)state;
    enum { FEATURES = 48 * 8 * 10, GRADIENT = 41 * 35 * 3 };
    float *first = dq__alloc_zero(sizeof(float) * (FEATURES + GRADIENT)),
          *again = dq__alloc_zero(sizeof(float) * (FEATURES + GRADIENT));
    for (int direct = 0; direct < 2; direct++) {
        net n = staged_net(DQ__PAD_REPLICATE, DQ__POOL_MAX);
        run_with(1, &n, direct, first, first + FEATURES);
        for (int threads = 1; threads <= 4; threads++)
            for (int round = 0; round < 2; round++) {
                run_with(threads, &n, direct, again, again + FEATURES);
                assert_memory_equal(first, again, sizeof(float) * (FEATURES + GRADIENT));
            }
        free_net(&n);
    }
    dq__free(first), dq__free(again);
}

/* ---- linear layers, refusals, names -------------------------------------------------------------------------------- */

static net linear_net(int w, int h) {
    net n = {.table = {.padding = DQ__PAD_ZERO, .pooling = DQ__POOL_MAX, .input = mixed_input}};
    add_layer(&n.table, DQ__CONV, 3, 21, "conv1_1");
    add_layer(&n.table, DQ__RELU, 21, 21, "relu1_1");
    add_layer(&n.table, DQ__POOL, 21, 21, "pool1");
    add_layer(&n.table, DQ__LINEAR, 21 * (w / 2) * (h / 2), 50, "fc6");
    add_layer(&n.table, DQ__RELU, 50, 50, "relu6");
    add_layer(&n.table, DQ__LINEAR, 50, 7, "fc8");
    add_weights(&n, false);
    return n;
}

static void linear_layers_follow_the_chain(void **state) {
    (void)state;
    net n = linear_net(7, 10);
    const int tap[] = {2, 4, 5};
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 2, &err));
    dq_image *x = synthetic_picture(4, 7, 10);
    ref_run run = run_reference(&n, x);
    dq__exec *exec = new_exec(pool, &n, tap, 3, 10, 7, false, false);
    dq__exec_forward(exec, x->rgb);
    for (int t = 0; t < 3; t++) check_map(dq__exec_tap(exec, t), &run.map[tap[t]], n.table.layer[tap[t]].name);
    dq__exec_free(&exec);
    const dq__exec_options options = {.h = 10, .w = 9, .tap = tap, .taps = 3};
    assert_int_equal(dq__exec_new(&exec, pool, &n.table, n.packed, &options, &err), DQ_LIMIT); /* another size does not fit */
    assert_non_null(strstr(err.text, "does not fit"));
    ref_free(&run);
    dq__image_free(&x);
    dq__pool_free(&pool);
    free_net(&n);
}

static void too_small_pictures_are_refused(void **state) {
    (void)state;
    net n = staged_net(DQ__PAD_ZERO, DQ__POOL_AVERAGE);
    const int tap = n.table.count - 1;
    assert_int_equal(dq__exec_min_side(&n.table, tap), 4);
    dq__exec *exec = new_exec(NULL, &n, &tap, 1, 4, 4, true, false);
    dq__exec_free(&exec);
    dq__exec_options options = {.h = 3, .w = 40, .tap = &tap, .taps = 1, .backward = true};
    assert_int_equal(dq__exec_new(&exec, NULL, &n.table, n.packed, &options, &err), DQ_LIMIT);
    assert_non_null(strstr(err.text, "40 x 3"));
    assert_non_null(strstr(err.text, "4 px"));
    assert_int_equal(dq__exec_bytes(NULL, &n.table, &options), 0);
    free_net(&n);
}

static void taps_below_a_relu_are_refused(void **state) {
    (void)state;
    net n = staged_net(DQ__PAD_ZERO, DQ__POOL_MAX);
    const int tap[] = {0, 3}; /* conv1_1, whose map relu1_1 overwrites, and relu1_2 */
    const dq__exec_options options = {.h = 8, .w = 8, .tap = tap, .taps = 2, .backward = true};
    dq__exec *exec;
    assert_int_equal(dq__exec_new(&exec, NULL, &n.table, n.packed, &options, &err), DQ_USAGE);
    assert_non_null(strstr(err.text, "conv1_1"));
    assert_int_equal(dq__exec_bytes(NULL, &n.table, &options), 0);
    free_net(&n);
}

static void layers_are_found_by_every_name(void **state) {
    (void)state;
    dq__table t;
    char names[320];
    dq__table_vgg(&t, 19);
    assert_ok(dq__table_check(&t, &err));
    const int relu4_2 = dq__table_exact(&t, "relu4_2");
    assert_string_equal(t.layer[relu4_2].name, "relu4_2");
    assert_int_equal(dq__table_find(&t, "relu4_2"), relu4_2);
    assert_int_equal(dq__table_find(&t, "conv4_2"), relu4_2);
    assert_int_equal(dq__table_find(&t, "block4_conv2"), relu4_2);
    assert_string_equal(t.layer[dq__table_find(&t, "pool3")].name, "pool3");
    static const char *const wrong[] = {"", "relu4_5", "relu6_1", "Relu1_1", "block4_conv2x", "block0_conv1", "relu1_1 "};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) assert_int_equal(dq__table_find(&t, wrong[k]), -1);
    dq__table_names(&t, names, sizeof names);
    assert_non_null(strstr(names, "relu1_1, relu1_2, relu2_1"));
    int convs = 0;
    for (int i = 0; i < t.count; i++) convs += t.layer[i].kind == DQ__CONV;
    assert_int_equal(convs, 16);
    assert_near(dq__exec_flops(&t, dq__table_exact(&t, "pool5"), 224, 224), 2 * 19.508e9,
                0.01e9); /* the published 19.5 G products */
    dq__table_truncate(&t, relu4_2 - 1);
    assert_string_equal(t.layer[dq__table_find(&t, "conv4_2")].name, "conv4_2"); /* without its relu: itself */
    t.layer[4].ic++;
    assert_int_equal(dq__table_check(&t, &err), DQ_BAD_MODEL);
    dq__table_vgg(&t, 16);
    assert_ok(dq__table_check(&t, &err));
    assert_int_equal(dq__table_find(&t, "relu5_4"), -1);
}

/* A layer that is called a root and is none is a layer like others. */
static void roots_are_square_and_read_their_relu(void **state) {
    (void)state;
    dq__table t;
    dq__table_stages(&t, "small", 2, (const int[]){1, 1}, (const int[]){4, 8});
    const int relu1_1 = dq__table_exact(&t, "relu1_1"), relu2_1 = dq__table_exact(&t, "relu2_1"), root = t.count;
    assert_int_equal(dq__table_deepest(&t), relu2_1);
    dq__layer *l = dq__table_add(&t, DQ__CONV, 4, 4, "root1_1");
    l->from = relu1_1, l->kernel = 1, l->pad = 0;
    assert_ok(dq__table_check(&t, &err));
    assert_int_equal(dq__table_find(&t, "relu1_1"), root);
    l->oc = 16;
    assert_ok(dq__table_check(&t, &err));
    assert_int_equal(dq__table_find(&t, "relu1_1"), relu1_1);
    l->oc = l->ic = 3, l->from = -1;
    assert_ok(dq__table_check(&t, &err));
    assert_int_equal(dq__table_find(&t, "relu1_1"), relu1_1);
    l->oc = l->ic = 8, l->from = relu2_1;
    assert_ok(dq__table_check(&t, &err));
    assert_int_equal(dq__table_find(&t, "relu1_1"), relu1_1);
    assert_int_equal(dq__table_deepest(&t), relu2_1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(library_is_the_reference),
                                       cmocka_unit_test(reference_gradient_is_the_slope),
                                       cmocka_unit_test(backward_is_the_adjoint_of_forward),
                                       cmocka_unit_test(plans_keep_live_buffers_apart),
                                       cmocka_unit_test(executors_take_what_they_say),
                                       cmocka_unit_test(same_bytes_for_any_number_of_threads),
                                       cmocka_unit_test(linear_layers_follow_the_chain),
                                       cmocka_unit_test(too_small_pictures_are_refused),
                                       cmocka_unit_test(taps_below_a_relu_are_refused),
                                       cmocka_unit_test(layers_are_found_by_every_name),
                                       cmocka_unit_test(roots_are_square_and_read_their_relu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
