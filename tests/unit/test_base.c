/* SPDX-License-Identifier: MIT
 * Unit tests of src/base: numbers, memory, random numbers, threads, errors. */
#include "test.h"

#include "base/cpu.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/pool.h"
#include "base/rng.h"

static void numbers_are_whole_or_refused(void **state) {
    (void)state;
    int64_t i;
    double d;
    uint64_t b;
    assert_true(dq__parse_int("-42", &i) && i == -42);
    assert_true(dq__parse_double("1e-3", &d) && d == 1e-3);
    assert_true(dq__parse_bytes("1.5G", &b) && b == 1610612736u);
    const char *bad[] = {"", " 1", "1x", "x", "nan", "inf", "1e999", "0x10", "--1", "1 "};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_false(dq__parse_int(bad[k], &i));
        assert_false(dq__parse_double(bad[k], &d));
        assert_false(dq__parse_bytes(bad[k], &b));
    }
    assert_false(dq__parse_int("99999999999999999999", &i));
    assert_false(dq__parse_bytes("-1", &b));
    assert_false(dq__parse_bytes("2GB", &b));
}

static void memory_is_aligned_counted_and_can_fail(void **state) {
    (void)state;
    size_t before = dq__mem_now();
    unsigned char *p = dq__alloc_zero(1000);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (int i = 0; i < 1000; i++) assert_int_equal(p[i], 0);
    assert_int_equal(dq__mem_now() - before, 1000);
    assert_true(dq__mem_peak() >= before + 1000);
    dq__free(p);
    assert_int_equal(dq__mem_now(), before);
    dq__mem_fail_at(2);
    p = dq__alloc(8);
    assert_non_null(p);
    assert_null(dq__alloc(8));
    dq__mem_fail_at(0);
    dq__free(p);
    assert_null(dq__alloc((size_t)-1));
}

static void random_numbers_are_known_and_fair(void **state) {
    (void)state;
    assert_true(dq__rng_bits(1, 2, 3) == dq__rng_bits(1, 2, 3));
    assert_true(dq__rng_bits(1, 2, 3) != dq__rng_bits(1, 3, 3));
    double sum = 0, square = 0, uniform = 0;
    const int n = 100000;
    for (int i = 0; i < n; i++) {
        double v = (double)dq__rng_normal(7, 0, (uint64_t)i), u = (double)dq__rng_uniform(7, 1, (uint64_t)i);
        assert_true(u >= 0 && u < 1);
        sum += v, square += v * v, uniform += u;
    }
    assert_near(sum / n, 0, 0.015);
    assert_near(square / n, 1, 0.03);
    assert_near(uniform / n, 0.5, 0.005);
}

static void add_task(void *work, int task) { ((int *)work)[task] += task; }

static void pool_runs_every_task_once(void **state) {
    (void)state;
    dq__error err;
    for (int threads = 1; threads <= 4; threads++) {
        dq__pool *pool;
        assert_int_equal(dq__pool_new(&pool, threads, &err), DQ_OK);
        int sums[500] = {0};
        for (int round = 0; round < 50; round++) dq__pool_run(pool, 500, add_task, sums);
        for (int i = 0; i < 500; i++) assert_int_equal(sums[i], 50 * i);
        dq__pool_run(pool, 0, add_task, sums);
        dq__pool_free(&pool);
        assert_null(pool);
    }
    dq__pool *pool;
    assert_int_equal(dq__pool_new(&pool, 1000, &err), DQ_USAGE);
}

static void messages_are_one_line(void **state) {
    (void)state;
    dq__error err;
    assert_int_equal(dq__fail(&err, DQ_BAD_IMAGE, "a\nb %d\x1b", 7), DQ_BAD_IMAGE);
    assert_string_equal(err.text, "a?b 7?");
    assert_int_equal(dq__fail(NULL, DQ_LIMIT, "x"), DQ_LIMIT);
    assert_string_equal(dq_status_name(DQ_CANCELLED), "cancelled");
}

static void cpu_mask_only_lowers(void **state) {
    (void)state;
    unsetenv("DANQING_CPU");
    dq__isa best = dq__cpu_isa();
    setenv("DANQING_CPU", "c", 1);
    assert_int_equal(dq__cpu_isa(), DQ__ISA_C);
    setenv("DANQING_CPU", "avx512", 1);
    assert_int_equal(dq__cpu_isa(), best);
    unsetenv("DANQING_CPU");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_or_refused), cmocka_unit_test(memory_is_aligned_counted_and_can_fail),
        cmocka_unit_test(random_numbers_are_known_and_fair), cmocka_unit_test(pool_runs_every_task_once),
        cmocka_unit_test(messages_are_one_line), cmocka_unit_test(cpu_mask_only_lowers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
