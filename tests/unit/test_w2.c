/* SPDX-License-Identifier: MIT
 * Costs on mean and covariance: values against the formulas in double with eigenvalues by Jacobi's method, gradients against
 * finite differences of those, through a root too; odd maps; the same bytes for any number of threads. */
#include "map_test.h"

#include "loss/w2.h"

enum { C = 10, CS = 16 }; /* channels of the small maps; their stride */

/* ---- the formulas in double ---------------------------------------------------------------------------------------- */

typedef double matrix[C][C];

static void multiply(matrix out, matrix a, matrix b) {
    for (int i = 0; i < C; i++)
        for (int j = 0; j < C; j++) {
            out[i][j] = 0;
            for (int k = 0; k < C; k++) out[i][j] += a[i][k] * b[k][j];
        }
}

/* m becomes diagonal, v its eigenvectors. */
static void diagonalise(matrix m, matrix v) {
    for (int i = 0; i < C; i++)
        for (int j = 0; j < C; j++) v[i][j] = i == j;
    for (int sweep = 0; sweep < 12; sweep++)
        for (int p = 0; p < C; p++)
            for (int q = p + 1; q < C; q++) {
                const double theta = 0.5 * atan2(2 * m[p][q], m[q][q] - m[p][p]), c = cos(theta), s = sin(theta);
                for (int k = 0; k < C; k++) {
                    const double a = m[k][p], b = m[k][q], e = v[k][p], f = v[k][q];
                    m[k][p] = c * a - s * b, m[k][q] = s * a + c * b;
                    v[k][p] = c * e - s * f, v[k][q] = s * e + c * f;
                }
                for (int k = 0; k < C; k++) {
                    const double a = m[p][k], b = m[q][k];
                    m[p][k] = c * a - s * b, m[q][k] = s * a + c * b;
                }
            }
}

static double trace(matrix m) {
    double sum = 0;
    for (int i = 0; i < C; i++) sum += m[i][i];
    return sum;
}

/* Of r·f where r is not NULL. */
static void moments(const dq__tensor *f, const float *r, double mean[C], matrix covariance) {
    const int n = f->h * f->w;
    double(*x)[C] = calloc((size_t)n, sizeof *x);
    for (int c = 0; c < C; c++) mean[c] = 0;
    for (int p = 0; p < n; p++)
        for (int c = 0; c < C; c++) {
            if (!r) x[p][c] = (double)*value(f, p * C + c);
            for (int k = 0; r && k < C; k++) x[p][c] += (double)r[c * C + k] * (double)*value(f, p * C + k);
            mean[c] += x[p][c] / n;
        }
    for (int i = 0; i < C; i++)
        for (int j = 0; j < C; j++) {
            covariance[i][j] = 0;
            for (int p = 0; p < n; p++) covariance[i][j] += (x[p][i] - mean[i]) * (x[p][j] - mean[j]) / n;
        }
    free(x);
}

static double w2_distance(const dq__tensor *f, const dq__tensor *painting, const float *r) {
    double mean[C], wanted[C], sum = 0;
    matrix s, t, v, root, m, scratch;
    moments(f, r, mean, s);
    moments(painting, r, wanted, t);
    const double ridge = 1e-4 * trace(t) / C;
    for (int i = 0; i < C; i++) {
        s[i][i] += ridge, t[i][i] += ridge;
        sum += pow(mean[i] - wanted[i], 2);
    }
    sum += trace(s) + trace(t);
    diagonalise(t, v);
    for (int i = 0; i < C; i++)
        for (int j = 0; j < C; j++) {
            root[i][j] = 0;
            for (int k = 0; k < C; k++) root[i][j] += v[i][k] * sqrt(t[k][k]) * v[j][k];
        }
    multiply(scratch, root, s);
    multiply(m, scratch, root);
    diagonalise(m, v);
    for (int i = 0; i < C; i++) sum -= 2 * sqrt(fmax(m[i][i], 0));
    return sum;
}

static double centred_distance(const dq__tensor *f, const dq__tensor *painting, const float *r) {
    double mean[C], sum = 0;
    matrix s, t;
    moments(f, r, mean, s);
    moments(painting, r, mean, t);
    for (int i = 0; i < C; i++)
        for (int j = 0; j < C; j++) sum += pow(s[i][j] - t[i][j], 2);
    return sum;
}

/* ---- what is tested ------------------------------------------------------------------------------------------------ */

typedef struct tools {
    dq__pool *pool;
    dq__moments m;
    dq__w2 w;
    dq__gaussian target;
} tools;

/* With the target of a painting, seen through root where it is not NULL. */
static tools make_tools(int threads, const dq__tensor *painting, const dq__gram_root *root, bool w2) {
    tools t;
    const int cs = painting->cs;
    assert_ok(dq__pool_new(&t.pool, threads, &err));
    assert_ok(dq__moments_init(&t.m, cs, &err));
    assert_ok(dq__w2_init(&t.w, cs, &err));
    t.target = (dq__gaussian){.mean = dq__alloc(sizeof(float) * (size_t)cs),
                              .matrix = dq__alloc(sizeof(float) * (size_t)cs * (size_t)cs)};
    dq__mean(t.pool, &t.m, painting, t.target.mean);
    dq__gram(t.pool, t.m.gram, painting, t.target.matrix);
    if (root) dq__gram_through(root, t.target.matrix), dq__vector_through(root, t.target.mean);
    if (w2) dq__w2_target(t.pool, &t.w, &t.target, painting->c, cs);
    else dq__centre(t.target.matrix, t.target.mean, cs);
    return t;
}

static void free_tools(tools *t) {
    dq__free(t->target.mean);
    dq__free(t->target.matrix);
    dq__w2_deinit(&t->w);
    dq__moments_deinit(&t->m);
    dq__pool_free(&t->pool);
}

static double cost_of(tools *t, bool w2, const dq__gram_root *root, const dq__tensor *f, double scale, double weight,
                      const dq__tensor *grad) {
    if (w2) return dq__w2_cost(t->pool, &t->w, &t->m, root, f, &t->target, scale, weight, grad);
    return dq__centred_cost(t->pool, &t->m, root, f, t->target.matrix, scale, weight, grad);
}

static void measured_moments_are_those_of_the_map(void **state) {
    (void)state;
    dq__tensor f = random_map(1, 13, 9, C);
    tools t = make_tools(1, &f, NULL, false);
    double mean[C];
    matrix covariance;
    moments(&f, NULL, mean, covariance);
    dq__moments_measure(NULL, &t.m, NULL, &f);
    for (int i = 0; i < C; i++) {
        assert_near((double)t.m.mean[i], mean[i], 1e-6);
        for (int j = 0; j < C; j++) assert_near((double)t.m.covariance[i * CS + j], covariance[i][j], 1e-5);
    }
    for (int i = C; i < CS; i++) assert_true(t.m.mean[i] == 0 && t.m.covariance[i * CS + i] == 0);
    free_tools(&t);
    free_map(&f);
}

/* Value and gradient of one cost, through a root or not. */
static void check_cost(bool w2, const float *r) {
    const double scale = 0.5, weight = 3;
    double (*distance)(const dq__tensor *, const dq__tensor *, const float *) = w2 ? w2_distance : centred_distance;
    dq__tensor f = random_map(2, 8, 9, C), painting = random_map(3, 12, 10, C), grad = zero_map(&f);
    dq__gram_root made, *root = r ? &made : NULL;
    if (r) assert_ok(dq__gram_root_init(&made, r, C, &err));
    for (int k = 0; k < values(&painting); k++) *value(&painting, k) = 0.5f + 1.5f * *value(&painting, k);
    tools t = make_tools(1, &painting, root, w2);
    const double expected = scale * distance(&f, &painting, r);
    assert_near(cost_of(&t, w2, root, &f, scale, 0, &grad), expected, 1e-4 * expected);
    for (int k = 0; k < values(&f); k++) assert_true(*value(&grad, k) == 0.0f); /* weight 0: no gradient */
    assert_near(cost_of(&t, w2, root, &f, scale, weight, &grad), expected, 1e-4 * expected);
    double off = 0, size = 0;
    for (int k = 0; k < values(&f); k++) {
        float *at = value(&f, k);
        const float keep = *at;
        *at = keep + 0x1p-8f;
        const double above = distance(&f, &painting, r);
        *at = keep - 0x1p-8f;
        const double slope = weight * scale * (above - distance(&f, &painting, r)) / 0x1p-7;
        *at = keep;
        off += pow((double)*value(&grad, k) - slope, 2), size += slope * slope;
    }
    assert_near(sqrt(off / size), 0, 2e-3);
    halo_untouched(&grad);
    free_tools(&t);
    if (r) dq__gram_root_deinit(&made);
    free_map(&f), free_map(&painting), free_map(&grad);
}

static void costs_and_their_slopes(void **state) {
    (void)state;
    float r[C * C];
    for (int k = 0; k < C * C; k++) r[k] = (k % (C + 1) == 0 ? 1.0f : 0.0f) + 0.1f * dq__rng_normal(8, 9, (uint64_t)k);
    check_cost(false, NULL);
    check_cost(true, NULL);
    check_cost(false, r);
    check_cost(true, r);
}

/* A shift of all features: the Gram matrix changes, the covariance does not, and W2 grows by the square of the shift. */
static void what_each_cost_sees_of_the_mean(void **state) {
    (void)state;
    dq__tensor f = random_map(4, 12, 11, C);
    tools w2 = make_tools(1, &f, NULL, true), centred = make_tools(1, &f, NULL, false);
    float gram[CS * CS];
    dq__gram(NULL, w2.m.gram, &f, gram);
    assert_near(cost_of(&w2, true, NULL, &f, 1, 0, NULL), 0, 1e-3);
    assert_near(cost_of(&centred, false, NULL, &f, 1, 0, NULL), 0, 1e-9);
    for (int k = 0; k < values(&f); k++) *value(&f, k) += 0.5f;
    assert_near(cost_of(&w2, true, NULL, &f, 1, 0, NULL), 0.25 * C, 2e-3);
    assert_near(cost_of(&centred, false, NULL, &f, 1, 0, NULL), 0, 1e-9);
    assert_true(dq__gram_cost(NULL, w2.m.gram, &f, gram, 1, 0, NULL) > 1);
    free_tools(&w2), free_tools(&centred);
    free_map(&f);
}

/* Maps of one colour, of fewer positions than channels, and huge ones: everything stays finite. */
static void maps_without_a_full_covariance(void **state) {
    (void)state;
    static const double factors[] = {0, 1e-6, 1, 1e4};
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) {
            dq__tensor f = random_map(5, 2, 2, C), painting = random_map(6, 3, 1, C), grad = zero_map(&f);
            for (int k = 0; k < values(&f); k++) *value(&f, k) *= (float)factors[a];
            for (int k = 0; k < values(&painting); k++) *value(&painting, k) *= (float)factors[b];
            tools t = make_tools(1, &painting, NULL, true);
            assert_true(isfinite(cost_of(&t, true, NULL, &f, 1, 1, &grad)));
            for (int k = 0; k < values(&f); k++) assert_true(isfinite(*value(&grad, k)));
            free_tools(&t);
            free_map(&f), free_map(&painting), free_map(&grad);
        }
}

/* Maps of one position have none at all: what rounding leaves there has no root, and must not be looked for. */
static void a_single_position_has_a_mean_only(void **state) {
    (void)state;
    enum { MANY = 130 };
    for (uint64_t seed = 1; seed <= 16; seed++) {
        dq__tensor f = random_map(seed, 1, 1, MANY), painting = random_map(seed + 100, 1, 1, MANY), grad = zero_map(&f);
        double apart = 0;
        for (int k = 0; k < MANY; k++) {
            *value(&f, k) *= 30, *value(&painting, k) *= 50;
            apart += pow((double)*value(&f, k) - (double)*value(&painting, k), 2);
        }
        tools t = make_tools(1, &painting, NULL, true);
        assert_near(cost_of(&t, true, NULL, &f, 1, 1, &grad), apart, 1e-3 * apart);
        for (int k = 0; k < MANY; k++) assert_true(isfinite(*value(&grad, k)));
        free_tools(&t);
        free_map(&f), free_map(&painting), free_map(&grad);
    }
}

static void same_bytes_for_any_number_of_threads(void **state) {
    (void)state;
    dq__tensor f = random_map(6, 40, 31, 64), painting = random_map(7, 40, 31, 64);
    const size_t bytes = sizeof(float) * dq__tensor_floats(&f);
    for (int w2 = 0; w2 <= 1; w2++) {
        float *first = NULL;
        double cost = 0;
        for (int threads = 1; threads <= 3; threads++) {
            dq__tensor grad = zero_map(&f);
            tools t = make_tools(threads, &painting, NULL, w2);
            const double here = cost_of(&t, w2, NULL, &f, 1, 1, &grad);
            float *map = dq__pixel(&grad, -1, -1);
            if (!first) first = map, cost = here;
            assert_true(here == cost);
            assert_memory_equal(first, map, bytes);
            if (map != first) dq__free(map);
            free_tools(&t);
        }
        dq__free(first);
    }
    free_map(&f), free_map(&painting);
}

static void spaces_survive_failed_allocations_and_say_their_size(void **state) {
    (void)state;
    const size_t before = dq__mem_now();
    dq__moments m;
    dq__w2 w;
    for (long k = 1; k <= 5; k++) {
        dq__mem_fail_at(k);
        assert_int_equal(dq__w2_init(&w, 64, &err), DQ_LIMIT);
        dq__mem_fail_at(k + 19); /* behind those of the Gram matrices */
        assert_int_equal(dq__moments_init(&m, 64, &err), DQ_LIMIT);
        dq__mem_fail_at(0);
        assert_int_equal(dq__mem_now(), before);
    }
    assert_ok(dq__w2_init(&w, 64, &err));
    size_t took = dq__mem_now() - before;
    assert_true(took >= dq__w2_bytes(64) && took < dq__w2_bytes(64) + 4096);
    dq__w2_deinit(&w);
    assert_ok(dq__moments_init(&m, 64, &err));
    took = dq__mem_now() - before;
    assert_true(took >= dq__moments_bytes(64) && took < dq__moments_bytes(64) + 4096);
    dq__moments_deinit(&m);
    assert_int_equal(dq__mem_now(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(measured_moments_are_those_of_the_map),
                                       cmocka_unit_test(costs_and_their_slopes),
                                       cmocka_unit_test(what_each_cost_sees_of_the_mean),
                                       cmocka_unit_test(maps_without_a_full_covariance),
                                       cmocka_unit_test(a_single_position_has_a_mean_only),
                                       cmocka_unit_test(same_bytes_for_any_number_of_threads),
                                       cmocka_unit_test(spaces_survive_failed_allocations_and_say_their_size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
