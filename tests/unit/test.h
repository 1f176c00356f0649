/* SPDX-License-Identifier: MIT
 * tests/unit/test.h: what every unit test includes: cmocka in the right order and a few checks of ours. */
#ifndef DQ_TEST_H
#define DQ_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* |a − b| ≤ tolerance, printed when it fails. */
#define assert_near(a, b, tolerance) \
    do { \
        double near_a = (a), near_b = (b), near_t = (tolerance); \
        if (!(fabs(near_a - near_b) <= near_t)) \
            fail_msg("%s = %.9g, %s = %.9g, differ by more than %.3g", #a, near_a, #b, near_b, near_t); \
    } while (0)

/* The folder of pictures and weights that cannot be in the repository; the calling test is skipped, with a word, where
 * DANQING_TEST_DATA does not name it. */
static inline const char *test_data(void) {
    const char *dir = getenv("DANQING_TEST_DATA");
    if (!dir || !*dir) {
        print_message("skipped: DANQING_TEST_DATA does not name a folder of test data\n");
        skip();
    }
    return dir;
}

#endif
