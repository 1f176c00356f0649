/* SPDX-License-Identifier: MIT
 * tests/unit/test_ranks.c: what ranks tell each other. Started alone the program starts itself again as three ranks, of which
 * each runs all tests; without mpirun, or built without MPI, it says so. */
#include "test.h"

#include "base/ranks.h"

#include <unistd.h>

enum { RANKS = 3, SKIPPED = 77 };

static dq__ranks *ranks;

static void everybody_has_a_number(void **state) {
    (void)state;
    assert_int_equal(dq__ranks_count(ranks), RANKS);
    assert_in_range(dq__ranks_own(ranks), 0, RANKS - 1);
    assert_int_equal(dq__ranks_beside(ranks), RANKS);
}

static void what_one_has_all_get(void **state) {
    dq__error err;
    (void)state;
    for (int root = 0; root < RANKS; root++) {
        int numbers[1000];
        for (int i = 0; i < 1000; i++) numbers[i] = dq__ranks_own(ranks) == root ? 7 * i + root : -1;
        assert_int_equal(dq__ranks_share(ranks, root, numbers, sizeof numbers, &err), DQ_OK);
        for (int i = 0; i < 1000; i++) assert_int_equal(numbers[i], 7 * i + root);
    }
}

/* Parts of 5, 0 and 70,000 bytes. */
static void parts_become_a_whole(void **state) {
    static const size_t end[RANKS] = {5, 5, 70005};
    static unsigned char all[70005];
    const int own = dq__ranks_own(ranks);
    dq__error err;
    (void)state;
    memset(all, 255, sizeof all);
    for (size_t i = own ? end[own - 1] : 0; i < end[own]; i++) all[i] = (unsigned char)(i % 251);
    assert_int_equal(dq__ranks_gather(ranks, all, end, &err), DQ_OK);
    for (size_t i = 0; i < sizeof all; i++) assert_int_equal(all[i], i % 251);
}

static void the_failure_of_one_is_everybodys(void **state) {
    (void)state;
    for (int bad = 0; bad < RANKS; bad++) {
        dq__error err = {0};
        dq_status own = DQ_OK;
        if (dq__ranks_own(ranks) >= bad) own = dq__fail(&err, DQ_LIMIT, "rank %d has no room", dq__ranks_own(ranks));
        assert_int_equal(dq__ranks_agree(ranks, own, &err), DQ_LIMIT);
        assert_int_equal(err.text[5], '0' + bad); /* the lowest one's */
    }
    assert_int_equal(dq__ranks_agree(ranks, DQ_OK, NULL), DQ_OK);
}

static void alone_there_is_nobody_to_ask(void **state) {
    const size_t end[1] = {1};
    dq__ranks *none = NULL;
    dq__error err = {0};
    (void)state;
    assert_int_equal(dq__ranks_open(&none, &err), DQ_OK);
    assert_null(none);
    assert_int_equal(dq__ranks_count(none), 1);
    assert_int_equal(dq__ranks_own(none), 0);
    assert_int_equal(dq__ranks_gather(none, (char[]){1}, end, &err), DQ_OK);
    assert_int_equal(dq__ranks_share(none, 0, (char[]){1}, 1, &err), DQ_OK);
    assert_int_equal(dq__ranks_agree(none, DQ_LIMIT, &err), DQ_LIMIT);
    dq__ranks_close(&none);
}

#ifndef DQ_HAVE_MPI
/* What was started as several must not do the same work several times. */
static void without_mpi_several_are_refused(void **state) {
    dq__ranks *none;
    dq__error err = {0};
    (void)state;
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    assert_int_equal(dq__ranks_open(&none, &err), DQ_USAGE);
    assert_null(none);
    assert_non_null(strstr(err.text, "without MPI"));
}
#endif

static int alone(char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_there_is_nobody_to_ask),
#ifndef DQ_HAVE_MPI
        cmocka_unit_test(without_mpi_several_are_refused),
#endif
    };
    const int failed = cmocka_run_group_tests_name("alone", tests, NULL, NULL);
    if (failed) return failed;
#ifdef DQ_HAVE_MPI
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1), setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 1);
    execlp("mpirun", "mpirun", "-n", "3", argv[0], "ranks", (char *)NULL);
    printf("skipped: there is no mpirun to start ranks with\n");
#else
    (void)argv;
    printf("skipped: built without MPI\n");
#endif
    return SKIPPED;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_has_a_number),
        cmocka_unit_test(what_one_has_all_get),
        cmocka_unit_test(parts_become_a_whole),
        cmocka_unit_test(the_failure_of_one_is_everybodys),
    };
    dq__error err = {0};
    if (argc < 2) return alone(argv);
    if (dq__ranks_open(&ranks, &err) || !ranks) {
        fprintf(stderr, "no ranks: %s\n", err.text);
        return 1;
    }
    const int failed = cmocka_run_group_tests_name("ranks", tests, NULL, NULL);
    dq__ranks_close(&ranks);
    return failed;
}
