/* SPDX-License-Identifier: MIT
 * Costs that are sums over single values (L1, L2, a discriminator's): the formula in double, its slope, several pictures at
 * once, additivity, the same bytes for any number of threads. */
#include "net_test.h"

#include "loss/adversarial.h"
#include "loss/distance.h"

enum { N = 3, H = 5, W = 4, C = 19 };

static dq__tensor new_map(uint64_t stream, int halo, double size) {
    dq__tensor t = {.n = N, .h = H, .w = W, .c = C, .cs = dq__map_stride(C), .halo = halo};
    const size_t floats = dq__tensor_floats(&t);
    dq__tensor_place(&t, dq__alloc(sizeof(float) * floats));
    float *first = dq__pixel(&t, -halo, -halo);
    for (size_t k = 0; k < floats; k++) first[k] = NAN; /* would show if it were read */
    for (int k = 0; k < N * H * W; k++) {
        const dq__tensor one = dq__picture(&t, k / (H * W));
        for (int c = 0; c < C; c++)
            dq__pixel(&one, k / W % H, k % W)[c] = (float)(size * (double)dq__rng_normal(4, stream, (uint64_t)(k * C + c)));
    }
    return t;
}

static void free_map(const dq__tensor *t) { dq__free(dq__pixel(t, -t->halo, -t->halo)); }

static float *value(const dq__tensor *t, int k) {
    const dq__tensor one = dq__picture(t, k / (H * W * C));
    return dq__pixel(&one, k / (W * C) % H, k / C % W) + k % C;
}

typedef double cost_fn(dq__pool *pool, const dq__tensor *f, const dq__tensor *t, double scale, double weight,
                       const dq__tensor *grad);
typedef double formula_fn(double f, double t);

static double l1(double f, double t) { return fabs(f - t); }
static double l2(double f, double t) { return (f - t) * (f - t); }
static double squares_real(double f, double t) { return (void)t, (f - 1) * (f - 1); }
static double squares_made(double f, double t) { return (void)t, f * f; }
static double logistic_real(double f, double t) { return (void)t, -log(1 / (1 + exp(-f))); }
static double logistic_made(double f, double t) { return (void)t, -log(1 - 1 / (1 + exp(-f))); }

#define ADVERSARIAL(name, call, real) \
    static double name(dq__pool *pool, const dq__tensor *f, const dq__tensor *t, double scale, double weight, \
                       const dq__tensor *grad) { \
        (void)t; \
        return call(pool, f, real, scale, weight, grad); \
    }
ADVERSARIAL(cost_squares_real, dq__adversarial_squares, true)
ADVERSARIAL(cost_squares_made, dq__adversarial_squares, false)
ADVERSARIAL(cost_logistic_real, dq__adversarial_logistic, true)
ADVERSARIAL(cost_logistic_made, dq__adversarial_logistic, false)

static const struct {
    cost_fn *cost;
    formula_fn *formula;
} costs[] = {{dq__l1_cost, l1}, {dq__l2_cost, l2}, {cost_squares_real, squares_real}, {cost_squares_made, squares_made},
             {cost_logistic_real, logistic_real}, {cost_logistic_made, logistic_made}};
enum { COSTS = sizeof costs / sizeof *costs, VALUES = N * H * W * C };

static void costs_are_their_formulas(void **state) {
    (void)state;
    const dq__tensor f = new_map(1, 1, 2), target = new_map(2, 0, 2), grad = new_map(3, 2, 1), before = new_map(3, 2, 1);
    for (int i = 0; i < COSTS; i++) {
        double sum = 0;
        for (int k = 0; k < VALUES; k++) sum += costs[i].formula((double)*value(&f, k), (double)*value(&target, k));
        for (int k = 0; k < VALUES; k++) *value(&grad, k) = *value(&before, k);
        assert_near(costs[i].cost(NULL, &f, &target, 0.25, 0, &grad), 0.25 * sum, 1e-9 * sum);
        for (int k = 0; k < VALUES; k++) assert_true(*value(&grad, k) == *value(&before, k));
        assert_near(costs[i].cost(NULL, &f, &target, 0.25, 3, &grad), 0.25 * sum, 1e-9 * sum);
        for (int k = 0; k < VALUES; k++) {
            const double x = (double)*value(&f, k), t = (double)*value(&target, k), step = 1e-6;
            const double slope = (costs[i].formula(x + step, t) - costs[i].formula(x - step, t)) / (2 * step);
            assert_near((double)*value(&grad, k), (double)*value(&before, k) + 0.75 * slope, 1e-5);
        }
    }
    free_map(&f), free_map(&target), free_map(&grad), free_map(&before);
}

static void equal_values_cost_nothing_and_pull_nowhere(void **state) {
    (void)state;
    const dq__tensor f = new_map(1, 0, 1), grad = new_map(3, 0, 0);
    assert_true(dq__l1_cost(NULL, &f, &f, 1, 1, &grad) == 0);
    assert_true(dq__l2_cost(NULL, &f, &f, 1, 1, &grad) == 0);
    for (int k = 0; k < VALUES; k++) assert_true(*value(&grad, k) == 0.0f);
    free_map(&f), free_map(&grad);
}

static void sure_answers_stay_finite(void **state) {
    (void)state;
    const dq__tensor f = new_map(1, 0, 0), grad = new_map(3, 0, 0);
    for (int k = 0; k < VALUES; k++) *value(&f, k) = k % 2 ? 1000 : -1000;
    const double cost = dq__adversarial_logistic(NULL, &f, true, 1, 1, &grad);
    assert_near(cost, 1000.0 * ((VALUES + 1) / 2), 1e-6);
    for (int k = 0; k < VALUES; k++) assert_near((double)*value(&grad, k), k % 2 ? 0 : -1, 1e-12);
    free_map(&f), free_map(&grad);
}

static void same_bytes_for_any_number_of_threads(void **state) {
    (void)state;
    const dq__tensor f = new_map(1, 1, 2), target = new_map(2, 1, 2);
    for (int i = 0; i < COSTS; i++) {
        const dq__tensor first = new_map(3, 0, 1);
        const double cost = costs[i].cost(NULL, &f, &target, 0.1, 1, &first);
        for (int threads = 2; threads <= 4; threads++) {
            const dq__tensor grad = new_map(3, 0, 1);
            dq__pool *pool;
            assert_ok(dq__pool_new(&pool, threads, &err));
            assert_true(costs[i].cost(pool, &f, &target, 0.1, 1, &grad) == cost);
            for (int k = 0; k < VALUES; k++) assert_true(*value(&grad, k) == *value(&first, k));
            dq__pool_free(&pool);
            free_map(&grad);
        }
        free_map(&first);
    }
    free_map(&f), free_map(&target);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(costs_are_their_formulas),
                                       cmocka_unit_test(equal_values_cost_nothing_and_pull_nowhere),
                                       cmocka_unit_test(sure_answers_stay_finite),
                                       cmocka_unit_test(same_bytes_for_any_number_of_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
