/* SPDX-License-Identifier: MIT
 * tests/arm/cmocka.h: as much of cmocka's interface as the tests that run under emulation use, because Debian's cross
 * compiler comes without cmocka. A failed check ends its test by longjmp; the group's result is the number of failures. */
#ifndef DQ_TEST_ARM_CMOCKA_H
#define DQ_TEST_ARM_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

static jmp_buf leave_test;
enum { TEST_FAILED = 1, TEST_SKIPPED };

#define cmocka_unit_test(function) { #function, function }

__attribute__((format(printf, 1, 2))) static inline void print_message(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
}

#define fail_msg(...) \
    do { \
        printf("%s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__); \
        putchar('\n'); \
        longjmp(leave_test, TEST_FAILED); \
    } while (0)
#define skip() longjmp(leave_test, TEST_SKIPPED)

#define assert_holds_(condition, text) \
    do { \
        if (!(condition)) fail_msg("%s", text); \
    } while (0)
#define assert_true(x) assert_holds_(x, "false: " #x)
#define assert_false(x) assert_holds_(!(x), "true: " #x)
#define assert_null(x) assert_holds_((x) == NULL, "not NULL: " #x)
#define assert_non_null(x) assert_holds_((x) != NULL, "NULL: " #x)
#define assert_int_equal(a, b) assert_holds_((uintmax_t)(a) == (uintmax_t)(b), "not equal: " #a ", " #b)
#define assert_string_equal(a, b) assert_holds_(strcmp(a, b) == 0, "not equal: " #a ", " #b)
#define assert_memory_equal(a, b, size) assert_holds_(memcmp(a, b, size) == 0, "not the same bytes: " #a ", " #b)

#define cmocka_run_group_tests(tests, setup, teardown) run_tests(tests, sizeof(tests) / sizeof *(tests))

/* A function of its own, so that longjmp finds no local variable changed. */
__attribute__((noinline)) static int run_test(const struct CMUnitTest *test) {
    const int end = setjmp(leave_test);
    if (end == 0) test->run(&(void *){NULL});
    return end;
}

/* The environment may name one test to run alone, or one to leave out. */
static inline int is_wanted(const char *name) {
    const char *only = getenv("ONLY_TEST"), *leave = getenv("LEAVE_TEST");
    return (!only || strcmp(only, name) == 0) && (!leave || strcmp(leave, name) != 0);
}

static inline int run_tests(const struct CMUnitTest *test, size_t count) {
    int failed = 0;
    for (size_t k = 0; k < count; k++) {
        if (!is_wanted(test[k].name)) continue;
        const int end = run_test(&test[k]);
        printf("%-7s %s\n", end == TEST_FAILED ? "FAILED" : end == TEST_SKIPPED ? "skipped" : "ok", test[k].name);
        fflush(stdout);
        failed += end == TEST_FAILED;
    }
    return failed;
}

#endif
