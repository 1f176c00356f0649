/* SPDX-License-Identifier: MIT
 * Unit tests of base/measure.c and paint/bench.c: medians, the rows of a network, and that stopping or running out of memory at
 * any point leaves nothing behind. No test says how fast a machine must be. */
#include "test.h"

#include "base/mem.h"
#include "paint/bench.h"

static dq__pool *pool;
static dq_model *model;

static int setup(void **state) {
    (void)state;
    dq__error err;
    return dq__pool_new(&pool, 2, &err);
}

static int teardown(void **state) {
    (void)state;
    dq__model_free(&model);
    dq__pool_free(&pool);
    return 0;
}

/* Stops at the call whose number `user` counts down to 0. */
static int stop_after(void *user, const dq_progress *p) {
    int *left = user;
    assert_true(p->done > 0 && p->done <= 1.0001);
    return --*left == 0;
}

/* With a new model: a run takes its weights. */
static dq__bench_setup small(int *calls) {
    dq__error err;
    dq__model_free(&model);
    assert_int_equal(dq__model_random(&model, 1, &err), DQ_OK);
    return (dq__bench_setup){.pool = pool, .model = model, .content = "relu4_2", .style = "relu1_1,relu3_1", .size = 16,
                             .rounds = 2, .progress = stop_after, .user = calls};
}

static void medians(void **state) {
    (void)state;
    double one[] = {3}, two[] = {5, 2}, odd[] = {9, 1, 4}, even[] = {8, 1, 2, 4};
    assert_true(dq__median(one, 1) == 3 && dq__median(two, 2) == 3.5 && dq__median(odd, 3) == 4 && dq__median(even, 4) == 3);
}

static void every_set_of_vectors_has_a_peak(void **state) {
    (void)state;
    for (int isa = DQ__ISA_C; isa <= (int)dq__cpu_isa(); isa++) assert_true(dq__peak_flops(pool, (dq__isa)isa, 1) > 1e6);
}

static void rows_are_the_layers_to_the_last_tap(void **state) {
    (void)state;
    dq__error err;
    dq__bench b;
    int calls = 1000;
    const dq__bench_setup s = small(&calls);
    assert_int_equal(dq__bench_run(&b, &s, &err), DQ_OK);
    assert_int_equal(calls, 1000 - 1 - 3 - 8); /* targets; warm-up and rounds; layers */
    assert_int_equal(b.layers, 8);
    assert_int_equal(b.grams, 2);
    assert_string_equal(b.forward[7].name, "conv4_2");
    assert_string_equal(b.gram[1].name, "relu3_1");
    assert_true(b.forward[1].flops == 18.0 * 32 * 32 * 16 * 16 && b.backward[7].flops == 18.0 * 192 * 192 * 2 * 2);
    assert_true(b.gram[1].flops == 4.0 * 128 * 128 * 4 * 4);
    double sum = 0;
    for (int k = 0; k < b.layers; k++) {
        assert_true(b.forward[k].seconds > 0 && b.backward[k].seconds > 0);
        sum += b.forward[k].flops + b.backward[k].flops;
    }
    assert_true(fabs(b.flops - sum - b.gram[0].flops - b.gram[1].flops) < 1e-9 * sum);
    assert_true(b.seconds > 0 && b.processor > 0 && b.peak_rss > 1e6 && b.peak_flops > 1e6);
}

static void it_can_be_stopped_after_any_part(void **state) {
    (void)state;
    dq__model_free(&model);
    const size_t before = dq__mem_now();
    for (int part = 1; part <= 12; part++) {
        dq__error err;
        dq__bench b;
        int calls = part;
        const dq__bench_setup s = small(&calls);
        assert_int_equal(dq__bench_run(&b, &s, &err), DQ_CANCELLED);
        dq__model_free(&model);
        assert_true(dq__mem_now() == before);
    }
}

/* Every allocation at first, then fewer and fewer: they repeat from layer to layer. */
static void a_failing_allocation_is_reported(void **state) {
    (void)state;
    dq__model_free(&model);
    const size_t before = dq__mem_now();
    dq_status status = DQ_LIMIT;
    long n = 1;
    for (; status; n += 1 + n / 16) {
        dq__error err;
        dq__bench b;
        int calls = 1000;
        const dq__bench_setup s = small(&calls);
        dq__mem_fail_at(n);
        status = dq__bench_run(&b, &s, &err);
        dq__mem_fail_at(0);
        dq__model_free(&model);
        assert_true(status == DQ_OK || status == DQ_LIMIT);
        assert_true(dq__mem_now() == before);
    }
    assert_true(n > 100);
}

static void an_unknown_layer_is_refused(void **state) {
    (void)state;
    dq__error err;
    dq__bench b;
    int calls = 1000;
    dq__bench_setup s = small(&calls);
    s.style = "relu7_7";
    assert_int_equal(dq__bench_run(&b, &s, &err), DQ_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians),
        cmocka_unit_test(every_set_of_vectors_has_a_peak),
        cmocka_unit_test(rows_are_the_layers_to_the_last_tap),
        cmocka_unit_test(it_can_be_stopped_after_any_part),
        cmocka_unit_test(a_failing_allocation_is_reported),
        cmocka_unit_test(an_unknown_layer_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
