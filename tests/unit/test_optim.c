/* SPDX-License-Identifier: MIT
 * The optimisers on functions whose minimum or path is known: Adam against its closed form and a recursion in double,
 * L-BFGS on a quadratic and on Rosenbrock's valley; the box; what happens without memory. */
#include "net_test.h"

#include "optim/adam.h"
#include "optim/lbfgs.h"

static const dq__box no_box = {0};

/* ---- Adam ---------------------------------------------------------------------------------------------------------- */

static void adam_under_a_constant_gradient(void **state) {
    (void)state;
    dq__adam adam; /* then m̂ = g and v̂ = g², so that every step is rate·g/(|g| + ε) */
    float x[3] = {1, -2, 0.5f};
    const float g[3] = {0.25f, -4, 0};
    assert_ok(dq__adam_init(&adam, 3, 0.01, 0.9, 0.99, 1e-3, &err));
    for (int t = 0; t < 200; t++) dq__adam_step(&adam, x, g, no_box);
    assert_near((double)x[0], 1 - 2 * 0.25 / 0.251, 2e-5);
    assert_near((double)x[1], -2 + 2 * 4 / 4.001, 2e-5);
    assert_true(x[2] == 0.5f);
    dq__adam_deinit(&adam);
}

static void adam_against_the_paper_in_double(void **state) {
    (void)state;
    enum { N = 7 };
    dq__adam adam;
    float x[N];
    double y[N], m[N] = {0}, v[N] = {0};
    for (int i = 0; i < N; i++) x[i] = dq__rng_normal(9, 0, (uint64_t)i), y[i] = (double)x[i];
    assert_ok(dq__adam_init(&adam, N, 0.03, 0.8, 0.95, 1e-6, &err));
    for (int t = 1; t <= 50; t++) {
        float g[N];
        for (int i = 0; i < N; i++) {
            g[i] = dq__rng_normal(9, (uint64_t)t, (uint64_t)i);
            m[i] = 0.8 * m[i] + 0.2 * (double)g[i];
            v[i] = 0.95 * v[i] + 0.05 * (double)g[i] * (double)g[i];
            y[i] -= 0.03 * (m[i] / (1 - pow(0.8, t))) / (sqrt(v[i] / (1 - pow(0.95, t))) + 1e-6);
        }
        dq__adam_step(&adam, x, g, no_box);
        for (int i = 0; i < N; i++) assert_near((double)x[i], y[i], 1e-5);
    }
    dq__adam_deinit(&adam);
}

static void adam_stays_in_its_box(void **state) {
    (void)state;
    dq__adam adam;
    float x[2] = {0.5f, 0.5f};
    assert_ok(dq__adam_init(&adam, 2, 0.3, 0.9, 0.99, 1e-8, &err));
    for (int t = 0; t < 10; t++) {
        dq__adam_step(&adam, x, (const float[]){1, -1}, (dq__box){true, 0.25f, 0.75f});
        assert_true(x[0] >= 0.25f && x[1] <= 0.75f);
    }
    assert_true(x[0] == 0.25f && x[1] == 0.75f);
    dq__adam_deinit(&adam);
}

/* ---- L-BFGS -------------------------------------------------------------------------------------------------------- */

static void lbfgs_first_step_is_short(void **state) {
    (void)state;
    dq__lbfgs l;
    float x[2] = {0, 0};
    assert_ok(dq__lbfgs_init(&l, 2, 5, 0.5, &err));
    dq__lbfgs_step(&l, x, (const float[]){3, -5}, no_box); /* rate·min(1, 1/8)·(−g) */
    assert_near((double)x[0], -0.5 * 3 / 8, 1e-6);
    assert_near((double)x[1], 0.5 * 5 / 8, 1e-6);
    dq__lbfgs_deinit(&l);
    assert_ok(dq__lbfgs_init(&l, 2, 5, 0.5, &err));
    x[0] = x[1] = 0;
    dq__lbfgs_step(&l, x, (const float[]){0.25f, -0.5f}, no_box); /* Σ|g| < 1: rate·(−g) */
    assert_near((double)x[0], -0.125, 1e-7);
    assert_near((double)x[1], 0.25, 1e-7);
    dq__lbfgs_deinit(&l);
}

/* ½·Σ k·(x_k − 1)², k = 1 … n: gradient. */
static void quadratic(const float *x, float *g, int n) {
    for (int k = 0; k < n; k++) g[k] = (float)(k + 1) * (x[k] - 1);
}

static void lbfgs_reaches_the_bottom_of_a_quadratic(void **state) {
    (void)state;
    enum { N = 20 };
    for (int history = 3; history <= 30; history += 9) {
        dq__lbfgs l;
        float x[N] = {0}, g[N];
        assert_ok(dq__lbfgs_init(&l, N, history, 1, &err));
        for (int t = 0; t < 150; t++) {
            quadratic(x, g, N);
            dq__lbfgs_step(&l, x, g, no_box);
        }
        assert_true(l.pairs <= history);
        for (int k = 0; k < N; k++) assert_near((double)x[k], 1, 1e-5);
        dq__lbfgs_deinit(&l);
    }
}

static void lbfgs_follows_rosenbrocks_valley(void **state) {
    (void)state;
    dq__lbfgs l;
    float x[2] = {-1.2f, 1};
    assert_ok(dq__lbfgs_init(&l, 2, 10, 1, &err));
    for (int t = 0; t < 400; t++) {
        const float a = 1 - x[0], b = x[1] - x[0] * x[0];
        dq__lbfgs_step(&l, x, (const float[]){-2 * a - 400 * x[0] * b, 200 * b}, no_box);
    }
    assert_near((double)x[0], 1, 1e-3);
    assert_near((double)x[1], 1, 2e-3);
    dq__lbfgs_deinit(&l);
}

/* A step that is shortened is one that went so far: the pair it makes is that of where it ended. */
static void lbfgs_takes_a_step_back_in_part(void **state) {
    (void)state;
    enum { N = 3 };
    dq__lbfgs l;
    float x[N] = {0}, g[N];
    assert_ok(dq__lbfgs_init(&l, N, 4, 1, &err));
    quadratic(x, g, N);
    dq__lbfgs_step(&l, x, g, no_box); /* −g/Σ|g|: 1/6, 2/6, 3/6 */
    dq__lbfgs_shorten(&l, x, 0.25);
    for (int k = 0; k < N; k++) assert_near((double)x[k], (k + 1) / 24.0, 1e-6);
    quadratic(x, g, N);
    dq__lbfgs_step(&l, x, g, no_box);
    double ys = 0;
    for (int k = 0; k < N; k++) ys += (k + 1) * pow((k + 1) / 24.0, 2);
    assert_int_equal(l.pairs, 1);
    assert_near(1 / l.rho[l.newest], ys, 1e-6);
    dq__lbfgs_deinit(&l);
}

static void lbfgs_drops_pairs_without_curvature(void **state) {
    (void)state;
    dq__lbfgs l;
    float x[2] = {0, 0};
    assert_ok(dq__lbfgs_init(&l, 2, 4, 1, &err));
    for (int t = 0; t < 5; t++) dq__lbfgs_step(&l, x, (const float[]){1, 1}, no_box); /* a slope: y = 0 */
    assert_int_equal(l.pairs, 0);
    assert_true(isfinite(x[0]) && isfinite(x[1]));
    dq__lbfgs_deinit(&l);
}

static void lbfgs_stays_in_its_box(void **state) {
    (void)state;
    enum { N = 6 };
    dq__lbfgs l;
    float x[N] = {0}, g[N];
    assert_ok(dq__lbfgs_init(&l, N, 5, 1, &err));
    for (int t = 0; t < 60; t++) {
        quadratic(x, g, N);
        dq__lbfgs_step(&l, x, g, (dq__box){true, 0, 0.5f});
        for (int k = 0; k < N; k++) assert_true(x[k] >= 0 && x[k] <= 0.5f);
    }
    for (int k = 0; k < N; k++) assert_near((double)x[k], 0.5, 1e-6);
    dq__lbfgs_deinit(&l);
}

static void lbfgs_learns_from_the_step_the_box_left(void **state) {
    (void)state;
    dq__lbfgs l;
    float x[2] = {0, 0};
    assert_ok(dq__lbfgs_init(&l, 2, 5, 1, &err));
    dq__lbfgs_step(&l, x, (const float[]){-0.25f, -0.5f}, (dq__box){true, 0, 0.125f}); /* cut from (0.25, 0.5) */
    assert_true(x[0] == 0.125f && x[1] == 0.125f);
    dq__lbfgs_step(&l, x, (const float[]){-0.125f, -0.25f}, (dq__box){true, 0, 0.125f});
    assert_int_equal(l.pairs, 1);
    assert_near(l.rho[l.newest], 1 / (0.125 * 0.125 + 0.125 * 0.25), 1e-9);
    dq__lbfgs_deinit(&l);
}

static void lbfgs_steps_alike_with_any_threads(void **state) {
    (void)state;
    enum { N = 100003 };
    float *x[2], *g = dq__alloc(sizeof(float) * N);
    for (int run = 0; run < 2; run++) {
        dq__lbfgs l;
        dq__pool *pool;
        assert_ok(dq__pool_new(&pool, 1 + 2 * run, &err));
        assert_ok(dq__lbfgs_init(&l, N, 3, 1, &err));
        l.pool = pool;
        x[run] = dq__alloc_zero(sizeof(float) * N);
        for (int t = 0; t < 12; t++) {
            for (int k = 0; k < N; k++) g[k] = (float)(1 + k % 7) * (x[run][k] - 1 / (1 + (float)(k % 13)));
            dq__lbfgs_step(&l, x[run], g, (dq__box){true, 0, 0.8f});
        }
        dq__lbfgs_deinit(&l);
        dq__pool_free(&pool);
    }
    assert_memory_equal(x[0], x[1], sizeof(float) * N);
    for (int k = 0; k < N; k += 1000) assert_near((double)x[0][k], fmin(1.0 / (1 + k % 13), 0.8), 0.01);
    dq__free(x[0]), dq__free(x[1]), dq__free(g);
}

static void optimisers_survive_every_failed_allocation(void **state) {
    (void)state;
    const size_t before = dq__mem_now();
    dq__adam adam;
    dq__lbfgs l;
    for (long k = 1; k <= 2; k++) {
        dq__mem_fail_at(k);
        assert_int_equal(dq__adam_init(&adam, 100, 1, 0.9, 0.9, 0, &err), DQ_LIMIT);
        assert_int_equal(dq__mem_now(), before);
    }
    for (long k = 1; k <= 4 + 2 * 4; k++) {
        dq__mem_fail_at(k);
        assert_int_equal(dq__lbfgs_init(&l, 100, 3, 1, &err), DQ_LIMIT);
        assert_int_equal(dq__mem_now(), before);
    }
    dq__mem_fail_at(0);
    assert_ok(dq__lbfgs_init(&l, 100000, 3, 1, &err));
    const size_t took = dq__mem_now() - before, said = dq__lbfgs_bytes(100000, 3);
    assert_true(took >= said && took < said + 4096);
    dq__lbfgs_deinit(&l);
    assert_int_equal(dq__mem_now(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(adam_under_a_constant_gradient),
                                       cmocka_unit_test(adam_against_the_paper_in_double),
                                       cmocka_unit_test(adam_stays_in_its_box),
                                       cmocka_unit_test(lbfgs_first_step_is_short),
                                       cmocka_unit_test(lbfgs_reaches_the_bottom_of_a_quadratic),
                                       cmocka_unit_test(lbfgs_follows_rosenbrocks_valley),
                                       cmocka_unit_test(lbfgs_takes_a_step_back_in_part),
                                       cmocka_unit_test(lbfgs_drops_pairs_without_curvature),
                                       cmocka_unit_test(lbfgs_stays_in_its_box),
                                       cmocka_unit_test(lbfgs_learns_from_the_step_the_box_left),
                                       cmocka_unit_test(lbfgs_steps_alike_with_any_threads),
                                       cmocka_unit_test(optimisers_survive_every_failed_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
