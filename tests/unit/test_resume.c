/* SPDX-License-Identifier: MIT
 * Checkpoints of paintings: a job that was stopped or killed anywhere goes on to the same bytes; damaged files and those of
 * other jobs are refused with a line that names them. */
#include "test.h"

#include "folder.h"
#include "job_test.h"

#include <signal.h>
#include <sys/wait.h>

static job_inputs inputs;

static int setup(void **state) {
    job_inputs_make(&inputs, 48, 40, 0);
    return make_folder(state);
}

static int teardown(void **state) {
    job_inputs_free(&inputs);
    return remove_folder(state);
}

#define FEW " content-layers=relu2_1 style-layers=relu1_1,relu2_1"

static const char *const runs[] = {
    "size=40 iterations=4 min-size=28 optimizer=adam" FEW,
    "size=40 iterations=4 min-size=20 optimizer=lbfgs history=2" FEW,
    "size=32 iterations=9 min-size=0 optimizer=lbfgs history=3 average=0 clamp=off" FEW,
    "size=36 iterations=3 min-size=24 strength=0.5 style-loss=w2" FEW,
};

/* Makes up to `most` steps (−1: all) and gives the picture, or NULL where the job is not at its end. */
static dq_image *paint(const char *text, int most, bool *resumed) {
    dq__error err = {0};
    dq_job *job;
    dq_image *out = NULL;
    dq_progress p;
    int more = 1;
    if (job_from(&job, &inputs, NULL, text, &err)) fail_msg("%s: %s", text, err.text);
    for (int n = 0; more && n != most; n++) {
        if (dq__job_step(job, &more, &err)) fail_msg("%s: %s", text, err.text);
        dq__job_progress(job, &p);
        if (resumed && n == 0) *resumed = p.scale > 1 || p.iteration > 1;
    }
    if (!more) assert_int_equal(dq__job_image(job, &out, &err), DQ_OK);
    dq__job_free(&job);
    return out;
}

static void same_bytes(const dq_image *a, const dq_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->rgb, b->rgb, sizeof(float) * 3 * (size_t)a->width * (size_t)a->height);
}

static void a_stopped_job_goes_on_to_the_same_bytes(void **state) {
    (void)state;
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
        dq_image *whole = paint(runs[r], -1, NULL);
        for (int most = 1; most < 30; most += 6) {
            char text[600];
            bool resumed;
            snprintf(text, sizeof text, "%s checkpoint=%s", runs[r], in_folder("job"));
            dq_image *first = paint(text, most, NULL); /* freeing it writes the checkpoint */
            dq_image *rest = paint(text, -1, &resumed);
            assert_true(resumed);
            same_bytes(rest, whole);
            dq_image *again = paint(text, -1, &resumed); /* from the checkpoint of the end */
            same_bytes(again, whole);
            const bool done = first != NULL;
            dq__image_free(&first), dq__image_free(&rest), dq__image_free(&again);
            assert_int_equal(unlink(in_folder("job")), 0);
            if (done) break;
        }
        dq__image_free(&whole);
    }
}

static void a_killed_job_goes_on_to_the_same_bytes(void **state) {
    (void)state;
    for (size_t r = 0; r < 2; r++)
        for (int steps = 2; steps < 9; steps += 3) {
            char text[600];
            bool resumed;
            int how;
            snprintf(text, sizeof text, "%s checkpoint-every=2 checkpoint=%s", runs[r], in_folder("job"));
            const pid_t child = fork();
            if (child == 0) {
                dq__error err = {0};
                dq_job *job;
                int more = 1;
                if (job_from(&job, &inputs, NULL, text, &err)) _exit(1);
                for (int n = 0; n < steps; n++)
                    if (dq__job_step(job, &more, &err)) _exit(1);
                raise(SIGKILL);
            }
            assert_int_equal(waitpid(child, &how, 0), child);
            assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
            dq_image *whole = paint(runs[r], -1, NULL), *rest = paint(text, -1, &resumed);
            assert_true(resumed);
            same_bytes(rest, whole);
            dq__image_free(&whole), dq__image_free(&rest);
            assert_int_equal(unlink(in_folder("job")), 0);
        }
}

static void refuse(const char *text, dq_status expected, const char *part) {
    dq__error err = {0};
    dq_job *job;
    dq_status status = job_from(&job, &inputs, NULL, text, &err);
    int more;
    if (!status) status = dq__job_step(job, &more, &err);
    if (status != expected || !strstr(err.text, part)) fail_msg("%s: %d, %s", text, (int)status, err.text);
    dq__job_free(&job);
}

static void another_job_is_refused(void **state) {
    (void)state;
    static const char *const other[] = {"seed=1", "style-weight=3", "size=47", "iterations=6", "style-layers=relu1_1"};
    char text[600];
    snprintf(text, sizeof text, "%s checkpoint=%s", runs[0], in_folder("job"));
    paint(text, 2, NULL);
    for (size_t k = 0; k < sizeof other / sizeof *other; k++) {
        char more[700];
        snprintf(more, sizeof more, "%s %s", text, other[k]);
        refuse(more, DQ_USAGE, "another job");
    }
    dq_image *photo = inputs.photo;
    inputs.photo = waves(48, 40, 0.13, 0.08);
    refuse(text, DQ_USAGE, "another job");
    dq__image_free(&inputs.photo);
    inputs.photo = photo;
    assert_int_equal(unlink(in_folder("job")), 0);
    snprintf(text, sizeof text, "%s checkpoint=/nowhere/at/all/job", runs[0]);
    refuse(text, DQ_OK, ""); /* nothing to go on from; it cannot be written, which the second step of two would say */
    snprintf(text, sizeof text, "%s checkpoint-every=1 checkpoint=/nowhere/at/all/job", runs[0]);
    refuse(text, DQ_OUTPUT, "/nowhere/at/all/job: the checkpoint cannot be written");
}

static void damaged_files_are_refused(void **state) {
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        char text[600];
        snprintf(text, sizeof text, "%s checkpoint=%s", runs[r], in_folder("job"));
        paint(text, 4, NULL);
        struct bytes b = read_bytes(in_folder("job"));
        for (size_t at = 40; at < b.n; at += at < 300 ? 19 : b.n / 5) {
            b.p[at] ^= 0x41;
            write_file(in_folder("job"), b.p, b.n);
            refuse(text, DQ_BAD_IMAGE, "the checkpoint is damaged");
            b.p[at] ^= 0x41;
        }
        const size_t cut[] = {0, 7, 100, 200, b.n / 2, b.n - 1};
        for (size_t k = 0; k < sizeof cut / sizeof *cut; k++) {
            write_file(in_folder("job"), b.p, cut[k]);
            refuse(text, DQ_BAD_IMAGE, "the checkpoint is damaged");
        }
        free(b.p);
        assert_int_equal(unlink(in_folder("job")), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_stopped_job_goes_on_to_the_same_bytes),
                                       cmocka_unit_test(a_killed_job_goes_on_to_the_same_bytes),
                                       cmocka_unit_test(another_job_is_refused), cmocka_unit_test(damaged_files_are_refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
