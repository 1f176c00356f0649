/* SPDX-License-Identifier: MIT
 * Each cost by itself: its value against the formula in double, its gradient against finite differences, additivity, and
 * the same bytes for any number of threads. */
#include "map_test.h"

#include "loss/content.h"
#include "loss/gram.h"
#include "loss/tv.h"

static const double eps = 0x1p-23;

/* ---- content ------------------------------------------------------------------------------------------------------- */

static void content_is_a_squared_distance(void **state) {
    (void)state;
    dq__tensor f = random_map(1, 7, 5, 19), other = random_map(2, 7, 5, 19), grad = zero_map(&f);
    float *target = dq__content_target(&other);
    double sum = 0, energy = 0;
    for (int k = 0; k < values(&f); k++) {
        const double a = (double)*value(&f, k), b = (double)*value(&other, k);
        sum += (a - b) * (a - b), energy += b * b;
    }
    assert_near(dq__content_energy(&other), energy, 1e-12 * energy);
    assert_near(dq__content_cost(NULL, &f, target, NULL, 0.25, 0, &grad), 0.25 * sum, 4 * eps * sum);
    for (int k = 0; k < values(&f); k++) assert_true(*value(&grad, k) == 0.0f); /* weight 0: no gradient */
    for (int twice = 1; twice <= 2; twice++) {                                  /* it adds */
        assert_near(dq__content_cost(NULL, &f, target, NULL, 0.25, 3, &grad), 0.25 * sum, 4 * eps * sum);
        for (int k = 0; k < values(&f); k++)
            assert_near((double)*value(&grad, k), twice * 1.5 * ((double)*value(&f, k) - (double)*value(&other, k)), 1e-5);
    }
    halo_untouched(&grad);
    dq__free(target);
    free_map(&f), free_map(&other), free_map(&grad);
}

/* Positions count by the map: as much as if they were there that many times. */
static void content_counts_by_the_map(void **state) {
    (void)state;
    dq__tensor f = random_map(1, 7, 5, 19), other = random_map(2, 7, 5, 19), grad = zero_map(&f);
    float *target = dq__content_target(&other), map[35];
    double sum = 0;
    for (int p = 0; p < 35; p++) map[p] = (float)(p % 4) / 2; /* 0 too */
    for (int k = 0; k < values(&f); k++) sum += (double)map[k / 19] * pow((double)*value(&f, k) - (double)*value(&other, k), 2);
    assert_near(dq__content_cost(NULL, &f, target, map, 0.25, 3, &grad), 0.25 * sum, 4 * eps * sum);
    for (int k = 0; k < values(&f); k++)
        assert_near((double)*value(&grad, k), 1.5 * (double)map[k / 19] * ((double)*value(&f, k) - (double)*value(&other, k)),
                    1e-5);
    dq__free(target);
    free_map(&f), free_map(&other), free_map(&grad);
}

/* ---- Gram ---------------------------------------------------------------------------------------------------------- */

static double gram_entry(const dq__tensor *f, int a, int b) {
    double sum = 0;
    for (int p = 0; p < f->h * f->w; p++) {
        const float *at = dq__pixel(f, p / f->w, p % f->w);
        sum += (double)at[a] * (double)at[b];
    }
    return sum / (f->h * f->w);
}

static void gram_is_the_mean_product(void **state) {
    (void)state;
    dq__tensor f = random_map(3, 41, 37, 35);
    dq__gram_space *space;
    assert_ok(dq__gram_space_new(&space, f.cs, &err));
    float *g = dq__alloc(sizeof(float) * (size_t)f.cs * (size_t)f.cs);
    dq__gram(NULL, space, &f, g);
    double energy = 0;
    for (int a = 0; a < f.cs; a++)
        for (int b = 0; b < f.cs; b++) {
            const double expected = gram_entry(&f, a, b);
            assert_near((double)g[a * f.cs + b], expected, 8 * eps * sqrt(gram_entry(&f, a, a) * gram_entry(&f, b, b)));
            assert_true(g[a * f.cs + b] == g[b * f.cs + a]);
            energy += expected * expected;
        }
    assert_near(dq__gram_energy(g, f.cs), energy, 1e-5 * energy);
    dq__free(g);
    dq__gram_space_free(&space);
    free_map(&f);
}

static double gram_distance(const dq__tensor *f, const dq__tensor *other) {
    double sum = 0;
    for (int a = 0; a < f->c; a++)
        for (int b = 0; b < f->c; b++) sum += pow(gram_entry(f, a, b) - gram_entry(other, a, b), 2);
    return sum;
}

static void gram_cost_and_its_slope(void **state) {
    (void)state;
    const double scale = 0.5, weight = 3;
    dq__tensor f = random_map(4, 6, 5, 18), other = random_map(5, 9, 4, 18), grad = zero_map(&f);
    dq__gram_space *space;
    assert_ok(dq__gram_space_new(&space, f.cs, &err));
    float *target = dq__alloc(sizeof(float) * (size_t)f.cs * (size_t)f.cs);
    dq__gram(NULL, space, &other, target);
    const double expected = scale * gram_distance(&f, &other);
    assert_near(dq__gram_cost(NULL, space, &f, target, scale, 0, &grad), expected, 1e-5 * expected);
    for (int k = 0; k < values(&f); k++) assert_true(*value(&grad, k) == 0.0f);
    assert_near(dq__gram_cost(NULL, space, &f, target, scale, weight, &grad), expected, 1e-5 * expected);
    for (int k = 0; k < values(&f); k++) {
        float *at = value(&f, k);
        const float keep = *at;
        *at = keep + 0x1p-8f;
        const double above = gram_distance(&f, &other);
        *at = keep - 0x1p-8f;
        const double below = gram_distance(&f, &other);
        *at = keep;
        const double slope = weight * scale * (above - below) / 0x1p-7;
        assert_near((double)*value(&grad, k), slope, 1e-3 * (0.1 + fabs(slope)));
    }
    halo_untouched(&grad);
    dq__free(target);
    dq__gram_space_free(&space);
    free_map(&f), free_map(&other), free_map(&grad);
}

static void gram_space_survives_every_failed_allocation(void **state) {
    (void)state;
    const size_t before = dq__mem_now();
    dq__gram_space *space;
    for (long k = 1; k <= 19; k++) {
        dq__mem_fail_at(k);
        assert_int_equal(dq__gram_space_new(&space, 64, &err), DQ_LIMIT);
        dq__mem_fail_at(0);
        assert_null(space);
        assert_int_equal(dq__mem_now(), before);
    }
    assert_ok(dq__gram_space_new(&space, 64, &err));
    const size_t took = dq__mem_now() - before, said = dq__gram_space_bytes(64);
    assert_true(took >= said && took < said + 4096);
    dq__gram_space_free(&space);
}

static void same_bytes_for_any_number_of_threads(void **state) {
    (void)state;
    dq__tensor f = random_map(6, 60, 43, 64), other = random_map(7, 60, 43, 64);
    float *content = dq__content_target(&other), *first = NULL;
    const size_t bytes = sizeof(float) * dq__tensor_floats(&f);
    double cost = 0;
    for (int threads = 1; threads <= 3; threads++) {
        dq__pool *pool;
        dq__gram_space *space;
        dq__tensor grad = zero_map(&f);
        assert_ok(dq__pool_new(&pool, threads, &err));
        assert_ok(dq__gram_space_new(&space, f.cs, &err));
        float *gram = dq__alloc(sizeof(float) * 64 * 64);
        dq__gram(pool, space, &other, gram);
        const double here =
            dq__gram_cost(pool, space, &f, gram, 1, 1, &grad) + dq__content_cost(pool, &f, content, NULL, 1, 1, &grad);
        float *map = dq__pixel(&grad, -1, -1);
        if (!first) first = map, cost = here;
        assert_true(here == cost);
        assert_memory_equal(first, map, bytes);
        if (map != first) dq__free(map);
        dq__free(gram);
        dq__gram_space_free(&space);
        dq__pool_free(&pool);
    }
    dq__free(first), dq__free(content);
    free_map(&f), free_map(&other);
}

/* Features R·f, made one by one. */
static dq__tensor mapped(const dq__tensor *f, const float *r) {
    dq__tensor y = zero_map(f);
    for (int p = 0; p < f->h * f->w; p++)
        for (int o = 0; o < f->c; o++) {
            double sum = 0;
            for (int i = 0; i < f->c; i++) sum += (double)r[o * f->c + i] * (double)*value(f, p * f->c + i);
            *value(&y, p * f->c + o) = (float)sum;
        }
    return y;
}

static void gram_is_measured_through_a_root(void **state) {
    (void)state;
    enum { C = 18 };
    float r[C * C], g[32 * 32], target[32 * 32];
    for (int k = 0; k < C * C; k++) r[k] = dq__rng_normal(8, 9, (uint64_t)k);
    dq__tensor f = random_map(4, 6, 5, C), other = random_map(5, 9, 4, C), grad = zero_map(&f), grad_there = zero_map(&f);
    dq__tensor there = mapped(&f, r), other_there = mapped(&other, r);
    dq__gram_space *space;
    dq__gram_root root;
    assert_ok(dq__gram_space_new(&space, f.cs, &err));
    assert_ok(dq__gram_root_init(&root, r, C, &err));
    dq__gram(NULL, space, &other_there, target);
    dq__gram(NULL, space, &other, g);
    dq__gram_through(&root, g);
    const double scale = 1 / dq__gram_energy(target, f.cs);
    for (int k = 0; k < 32 * 32; k++) assert_near((double)g[k], (double)target[k], 1e-5 / sqrt(scale));
    const double cost = dq__gram_cost(NULL, space, &there, target, scale, 2, &grad_there);
    assert_near(dq__gram_cost_through(NULL, space, &root, &f, target, scale, 2, &grad), cost, 1e-5 * cost);
    double norm = 0;
    for (int k = 0; k < values(&f); k++) norm = fmax(norm, fabs((double)*value(&grad, k)));
    for (int k = 0; k < values(&f); k++) { /* the gradient at R·f goes back through Rᵀ */
        double sum = 0;
        for (int o = 0; o < C; o++) sum += (double)r[o * C + k % C] * (double)*value(&grad_there, k / C * C + o);
        assert_near((double)*value(&grad, k), sum, 1e-4 * norm);
    }
    halo_untouched(&grad);
    free_map(&f), free_map(&other), free_map(&grad), free_map(&grad_there), free_map(&there), free_map(&other_there);
    dq__gram_root_deinit(&root);
    dq__gram_space_free(&space);
}

/* ---- total variation ----------------------------------------------------------------------------------------------- */

static double tv_of(dq__tv_kind kind, const float *x, int h, int w) {
    double rows[64];
    return dq__tv_cost(NULL, kind, x, h, w, 0, NULL, rows);
}

static void tv_of_pictures_known_by_hand(void **state) {
    (void)state;
    float flat[5 * 4 * 3], x[2 * 2 * 3] = {0};
    for (int k = 0; k < 60; k++) flat[k] = 0.7f;
    assert_true(tv_of(DQ__TV_NINE, flat, 5, 4) == 0 && tv_of(DQ__TV_SUM, flat, 5, 4) == 0);
    assert_true(tv_of(DQ__TV_NINE, flat, 1, 1) == 0 && tv_of(DQ__TV_SUM, flat, 1, 1) == 0);
    x[0] = 1; /* red of the first pixel: one right, one down, one diagonal neighbour */
    assert_near(tv_of(DQ__TV_NINE, x, 2, 2), 2.0 / 12 * (2 / 3.0 + 1 / 12.0), 1e-15);
    assert_near(tv_of(DQ__TV_SUM, x, 2, 2), 1, 1e-15);
    x[0] = 0, x[9] = 1; /* of the last one, where no pair of the sum begins */
    assert_near(tv_of(DQ__TV_NINE, x, 2, 2), 2.0 / 12 * (2 / 3.0 + 1 / 12.0), 1e-15);
    assert_near(tv_of(DQ__TV_SUM, x, 2, 2), 0, 0);
}

static void tv_gradient_is_its_slope(void **state) {
    (void)state;
    enum { H = 5, W = 6, N = H * W * 3 };
    float x[N], grad[N];
    double rows[H];
    for (int k = 0; k < N; k++) x[k] = dq__rng_uniform(8, 9, (uint64_t)k);
    for (int kind = DQ__TV_NINE; kind <= DQ__TV_SUM; kind++) {
        for (int k = 0; k < N; k++) grad[k] = 1;
        dq__tv_cost(NULL, (dq__tv_kind)kind, x, H, W, 2.5, grad, rows);
        for (int k = 0; k < N; k++) {
            const float keep = x[k];
            x[k] = keep + 0.125f;
            const double above = tv_of((dq__tv_kind)kind, x, H, W), up = (double)x[k];
            x[k] = keep - 0.125f;
            const double below = tv_of((dq__tv_kind)kind, x, H, W), down = (double)x[k];
            x[k] = keep;
            assert_near((double)grad[k], 1 + 2.5 * (above - below) / (up - down), 1e-5); /* exact for a square */
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(content_is_a_squared_distance),
                                       cmocka_unit_test(content_counts_by_the_map),
                                       cmocka_unit_test(gram_is_the_mean_product),
                                       cmocka_unit_test(gram_cost_and_its_slope),
                                       cmocka_unit_test(gram_is_measured_through_a_root),
                                       cmocka_unit_test(gram_space_survives_every_failed_allocation),
                                       cmocka_unit_test(same_bytes_for_any_number_of_threads),
                                       cmocka_unit_test(tv_of_pictures_known_by_hand),
                                       cmocka_unit_test(tv_gradient_is_its_slope)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
