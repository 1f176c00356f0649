/* SPDX-License-Identifier: MIT
 * Terms beside the classic costs: histograms against exact sorting, the photo's lines and gradients of one length against
 * their formulas in double, slopes by finite differences. */
#include "map_test.h"

#include "loss/histogram.h"
#include "loss/laplacian.h"
#include "loss/unit.h"

/* ---- histograms ---------------------------------------------------------------------------------------------------- */

enum { H = 40, W = 50, C = 18, CS = 32 };

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sorted_channel(const dq__tensor *f, int c, double *v) {
    for (int p = 0; p < f->h * f->w; p++) v[p] = (double)*value(f, p * f->c + c);
    qsort(v, (size_t)(f->h * f->w), sizeof *v, ascending);
}

/* Σ over channels of the squared distance of sorted values: what matching histograms exactly would cost. */
static double sorted_distance(const dq__tensor *f, const dq__tensor *other) {
    static double a[H * W], b[H * W];
    double sum = 0;
    for (int c = 0; c < f->c; c++) {
        sorted_channel(f, c, a), sorted_channel(other, c, b);
        for (int p = 0; p < f->h * f->w; p++) sum += (a[p] - b[p]) * (a[p] - b[p]);
    }
    return sum;
}

static void bend(const dq__tensor *f) { /* another distribution: shifted, wider, skewed */
    for (int k = 0; k < values(f); k++) {
        const float v = *value(f, k);
        *value(f, k) = 0.7f + 1.5f * v + 0.2f * v * v;
    }
}

static void histogram_cost_is_the_distance_of_sorted_values(void **state) {
    (void)state;
    dq__tensor f = random_map(21, H, W, C), other = random_map(22, H, W, C), grad = zero_map(&f);
    float *quantile = dq__alloc_zero(sizeof(float) * CS * DQ__QUANTILES);
    bend(&other);
    dq__histogram_add(NULL, &other, NULL, 1, quantile);
    double energy = 0, off = 0, size = 0;
    for (int k = 0; k < values(&other); k++) energy += pow((double)*value(&other, k), 2) / (H * W);
    assert_near(dq__histogram_energy(quantile, CS), energy, 0.02 * energy);
    const double expected = 0.5 * sorted_distance(&f, &other);
    assert_near(dq__histogram_cost(NULL, &f, NULL, quantile, 0.5, 0, &grad), expected, 0.02 * expected);
    for (int k = 0; k < values(&f); k++) assert_true(*value(&grad, k) == 0.0f);
    assert_near(dq__histogram_cost(NULL, &f, NULL, quantile, 0.5, 3, &grad), expected, 0.02 * expected);
    for (int k = 0; k < values(&f); k += 191) { /* exact slopes of the exact distance */
        float *at = value(&f, k);
        const float keep = *at;
        *at = keep + 0x1p-7f;
        const double above = sorted_distance(&f, &other);
        *at = keep - 0x1p-7f;
        const double slope = 1.5 * (above - sorted_distance(&f, &other)) / 0x1p-6;
        *at = keep;
        off += pow((double)*value(&grad, k) - slope, 2), size += slope * slope;
    }
    assert_near(sqrt(off), 0, 0.03 * sqrt(size));
    halo_untouched(&grad);
    dq__free(quantile);
    free_map(&f), free_map(&other), free_map(&grad);
}

static void histogram_of_itself_costs_next_to_nothing(void **state) {
    (void)state;
    dq__tensor f = random_map(23, H, W, C), grad = zero_map(&f);
    float *quantile = dq__alloc_zero(sizeof(float) * CS * DQ__QUANTILES);
    for (int k = 0; k < values(&f); k++)
        if (*value(&f, k) < 0) *value(&f, k) = 0; /* as behind a ReLU: half the values are one */
    dq__histogram_add(NULL, &f, NULL, 0.25, quantile), dq__histogram_add(NULL, &f, NULL, 0.75, quantile);
    const double energy = dq__histogram_energy(quantile, CS);
    assert_true(dq__histogram_cost(NULL, &f, NULL, quantile, 1 / (H * W * energy), 1, &grad) < 1e-3);
    dq__free(quantile);
    free_map(&f), free_map(&grad);
}

/* With half the rows counting twice and the others not, all is as if the others were not there. */
static void guided_histograms_are_those_of_a_region(void **state) {
    (void)state;
    dq__tensor all = random_map(24, 2 * H, W, C), other = random_map(25, H, W, C), grad = zero_map(&all), half = all;
    half.h = H;
    dq__tensor half_grad = zero_map(&half);
    float *quantile = dq__alloc_zero(sizeof(float) * CS * DQ__QUANTILES), *guide = dq__alloc(sizeof(float) * 2 * H * W);
    for (int p = 0; p < 2 * H * W; p++) guide[p] = p < H * W ? 2 : 0;
    bend(&other);
    dq__histogram_add(NULL, &other, NULL, 1, quantile);
    const double expected = dq__histogram_cost(NULL, &half, NULL, quantile, 1, 1, &half_grad);
    assert_near(dq__histogram_cost(NULL, &all, guide, quantile, 0.5, 1, &grad), expected, 1e-6 * expected);
    for (int k = 0; k < values(&all); k++)
        assert_near((double)*value(&grad, k), k < values(&half) ? (double)*value(&half_grad, k) : 0, 1e-5);
    dq__free(quantile), dq__free(guide);
    free_map(&all), free_map(&other), free_map(&grad), free_map(&half_grad);
}

static void histograms_do_not_depend_on_threads(void **state) {
    (void)state;
    dq__tensor f = random_map(26, H, W, 64), grad[2] = {zero_map(&f), zero_map(&f)};
    double cost[2];
    for (int i = 0; i < 2; i++) {
        dq__pool *pool;
        float *quantile = dq__alloc_zero(sizeof(float) * 64 * DQ__QUANTILES);
        assert_ok(dq__pool_new(&pool, 1 + 2 * i, &err));
        dq__tensor other = random_map(27, H, W, 64);
        dq__histogram_add(pool, &other, NULL, 1, quantile);
        cost[i] = dq__histogram_cost(pool, &f, NULL, quantile, 1, 1, &grad[i]);
        dq__free(quantile);
        free_map(&other);
        dq__pool_free(&pool);
    }
    assert_true(cost[0] == cost[1]);
    for (int k = 0; k < values(&f); k++) assert_true(*value(&grad[0], k) == *value(&grad[1], k));
    free_map(&f), free_map(&grad[0]), free_map(&grad[1]);
}

/* ---- the photo's lines --------------------------------------------------------------------------------------------- */

enum { PH = 11, PW = 13, SIDE = 3, ROWS = PH / SIDE, COLS = PW / SIDE };

static double mean_of(const float *x, int row, int col) {
    double sum = 0;
    for (int k = 0; k < SIDE * SIDE * 3; k++)
        sum += (double)x[((row * SIDE + k / 3 / SIDE) * PW + col * SIDE + k / 3 % SIDE) * 3 + k % 3];
    return sum / (SIDE * SIDE * 3);
}

static double line_at(const float *x, int row, int col) {
    static const int step[4][2] = {{0, 1}, {0, -1}, {1, 0}, {-1, 0}};
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        const int r = row + step[k][0], c = col + step[k][1];
        if (r >= 0 && r < ROWS && c >= 0 && c < COLS) sum += mean_of(x, row, col) - mean_of(x, r, c);
    }
    return sum;
}

static double lines_apart(const float *x, const float *photo, const float *map) {
    double sum = 0;
    for (int p = 0; p < ROWS * COLS; p++)
        sum += (map ? (double)map[p] : 1) * pow(line_at(x, p / COLS, p % COLS) - line_at(photo, p / COLS, p % COLS), 2);
    return sum / (ROWS * COLS);
}

static void lines_cost_and_their_slope(void **state) {
    (void)state;
    float x[PH * PW * 3], photo[PH * PW * 3], grad[PH * PW * 3], map[ROWS * COLS];
    dq__laplacian l;
    for (int k = 0; k < PH * PW * 3; k++)
        x[k] = dq__rng_uniform(1, 2, (uint64_t)k), photo[k] = dq__rng_uniform(1, 3, (uint64_t)k);
    for (int k = 0; k < ROWS * COLS; k++) map[k] = (float)(k % 3);
    const size_t before = dq__mem_now();
    assert_ok(dq__laplacian_init(&l, photo, PH, PW, SIDE, &err));
    assert_int_equal(l.rows, ROWS);
    for (int mapped = 0; mapped < 2; mapped++) {
        const float *m = mapped ? map : NULL;
        for (int k = 0; k < PH * PW * 3; k++) grad[k] = 1;
        const double expected = lines_apart(x, photo, m);
        assert_near(dq__laplacian_cost(NULL, &l, x, m, 0, NULL), expected, 1e-5 * expected);
        assert_near(dq__laplacian_cost(NULL, &l, x, m, 40, grad), expected, 1e-5 * expected);
        for (int k = 0; k < PH * PW * 3; k++) {
            const float keep = x[k];
            x[k] = keep + 0.125f;
            const double above = lines_apart(x, photo, m), up = (double)x[k];
            x[k] = keep - 0.125f;
            const double slope = 40 * (above - lines_apart(x, photo, m)) / (up - (double)x[k]); /* exact for a square */
            x[k] = keep;
            assert_near((double)grad[k], 1 + slope, 1e-5);
        }
        assert_near(dq__laplacian_cost(NULL, &l, photo, m, 0, NULL), 0, 1e-12);
    }
    dq__laplacian_deinit(&l);
    assert_int_equal(dq__mem_now(), before);
    for (long n = 1; n <= 4; n++) {
        dq__mem_fail_at(n);
        assert_int_equal(dq__laplacian_init(&l, photo, PH, PW, 100, &err), DQ_LIMIT);
        dq__mem_fail_at(0);
        assert_int_equal(dq__mem_now(), before);
    }
}

/* ---- gradients of one length --------------------------------------------------------------------------------------- */

static void gradients_get_the_length_of_their_weight(void **state) {
    (void)state;
    dq__tensor own = random_map(31, 70, 5, C), grad = zero_map(&own);
    double sum = 0, length = 0;
    for (int k = 0; k < values(&own); k++) sum += fabs((double)*value(&own, k));
    dq__add_unit(NULL, &own, 2, &grad), dq__add_unit(NULL, &own, 3, &grad);
    for (int k = 0; k < values(&own); k++) {
        assert_near((double)*value(&grad, k), 5 * (double)*value(&own, k) / sum, 1e-5 / sum);
        length += fabs((double)*value(&grad, k));
    }
    assert_near(length, 5, 1e-4);
    halo_untouched(&grad);
    dq__tensor none = zero_map(&own); /* no gradient stays none */
    dq__add_unit(NULL, &none, 1e6, &grad);
    for (int k = 0; k < values(&own); k++) assert_near((double)*value(&grad, k), 5 * (double)*value(&own, k) / sum, 1e-5 / sum);
    free_map(&own), free_map(&grad), free_map(&none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram_cost_is_the_distance_of_sorted_values),
        cmocka_unit_test(histogram_of_itself_costs_next_to_nothing), cmocka_unit_test(guided_histograms_are_those_of_a_region),
        cmocka_unit_test(histograms_do_not_depend_on_threads), cmocka_unit_test(lines_cost_and_their_slope),
        cmocka_unit_test(gradients_get_the_length_of_their_weight)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
