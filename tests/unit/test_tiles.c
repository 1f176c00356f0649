/* SPDX-License-Identifier: MIT
 * Painting in windows against painting whole: J and the pictures are the same numbers, to the last bit, at every step, for every
 * style loss, padding and optimiser, with masks, with state in a file; and a job keeps to the memory it was given. */
#include "test.h"

#include "folder.h"
#include "job_test.h"

#include "paint/job_state.h"

#include <unistd.h>

static job_inputs inputs;

static int setup(void **state) {
    job_inputs_make(&inputs, 150, 117, 0);
    return make_folder(state);
}

static int teardown(void **state) {
    job_inputs_free(&inputs);
    return remove_folder(state);
}

/* ---- the cost, in windows as small as can be ---------------------------------------------------------------------------- */

/* A job stands at its first scale, so that everything that a cost needs is there. */
static dq_job *stand(const char *text) {
    dq__error err = {0};
    dq_job *job;
    dq_image *picture;
    if (job_from(&job, &inputs, NULL, text, &err)) fail_msg("%s: %s", text, err.text);
    assert_int_equal(dq__job_image(job, &picture, &err), DQ_OK); /* enters the scale */
    dq__image_free(&picture);
    return job;
}

/* Puts windows with inner parts of `side` in place of the whole picture. */
static void cut(dq_job *job, int side, dq__keep keep) {
    dq__error err = {0};
    dq__cost_plan plan = job->plan.cost;
    dq_image *content, *style;
    const dq__scale *at = dq__job_scale(job);
    const dq__exec_options options = dq__cost_options(&job->setup, at->w, at->h, true);
    const dq__exec_options there = dq__cost_options(&job->setup, plan.style[0].w, plan.style[0].h, false);
    assert_true(dq__grid_squares(&plan.style[0], &job->table, &there, 2 * side));
    assert_true(dq__grid_squares(&plan.grid, &job->table, &options, side));
    for (int s = 0; s < plan.grid.stages; s++) plan.grid.pane[s].keep = keep;
    plan.grid.mapped = keep == DQ__KEEP_FILE;
    dq__cost_free(&job->cost);
    assert_int_equal(dq__image_resize(&content, inputs.photo, at->w, at->h, &err), DQ_OK);
    assert_int_equal(dq__image_resize(&style, inputs.style, plan.style[0].w, plan.style[0].h, &err), DQ_OK);
    assert_int_equal(dq__cost_new(&job->cost, &job->setup, &plan, content, (const dq_image *const *)&style, &err), DQ_OK);
    dq__image_free(&content), dq__image_free(&style);
}

/* Two jobs side by side: the same J at every step, in the end the same picture. */
static void side_by_side(dq_job *whole, dq_job *parts, int steps, const char *text) {
    dq__error err = {0};
    dq_image *a, *b;
    int more = 1, apart = 0;
    for (int n = 0; n < steps && more; n++) {
        if (dq__job_step(whole, &more, &err) || dq__job_step(parts, &more, &err)) fail_msg("%s: %s", text, err.text);
        const double j = whole->value.total, k = parts->value.total;
        if (j != k) fail_msg("%s: J is %.17g, in windows %.17g at step %d", text, j, k, n + 1);
    }
    assert_int_equal(dq__job_image(whole, &a, &err), DQ_OK);
    assert_int_equal(dq__job_image(parts, &b, &err), DQ_OK);
    for (int k = 0; k < a->width * a->height * 3; k++) apart += a->rgb[k] != b->rgb[k];
    if (apart) fail_msg("%s: %d values of the pictures differ", text, apart);
    dq__image_free(&a), dq__image_free(&b);
}

static void compare(const char *text, int side, dq__keep keep, int steps) {
    dq_job *whole = stand(text), *parts = stand(text);
    cut(parts, side, keep);
    side_by_side(whole, parts, steps, text);
    dq__job_free(&whole), dq__job_free(&parts);
}

#define SMALL "size=150 min-size=0 iterations=60 optimizer=adam content-layers=relu3_1 style-layers=relu1_1,relu2_1,relu3_1 "

static void every_loss_and_padding(void **state) {
    (void)state;
    static const char *const loss[] = {"gram", "centred", "w2"}, *const padding[] = {"zero", "reflect", "replicate"};
    for (int l = 0; l < 3; l++)
        for (int p = 0; p < 3; p++) {
            if (l > 0 && p != l) continue;
            char text[512];
            snprintf(text, sizeof text, SMALL "style-loss=%s padding=%s pooling=%s", loss[l], padding[p], p ? "max" : "average");
            compare(text, 1, p == 1 ? DQ__KEEP_FILE : DQ__KEEP_NOT, 4);
        }
    compare(SMALL "normalization=course pixel-range=255 learning-rate=5 tv-kind=sum", 64, DQ__KEEP_MEMORY, 8);
    compare("size=150 min-size=0 iterations=12 optimizer=lbfgs", 1, DQ__KEEP_MEMORY, 8);
}

static void masks_are_cut_with_the_picture(void **state) {
    (void)state;
    dq__error err = {0};
    char text[900];
    dq_image *mask = waves(75, 60, 0.05, 0.07);
    for (int k = 0; k < 75 * 60 * 3; k++) mask->rgb[k] = k / 3 % 75 + k / 225 < 70 ? 0 : 1; /* two regions */
    assert_int_equal(dq__image_write(mask, in_folder("mask.png"), NULL, &err), DQ_OK);
    snprintf(text, sizeof text, SMALL "content-mask=%s", in_folder("mask.png"));
    compare(text, 1, DQ__KEEP_NOT, 4);
    snprintf(text, sizeof text, SMALL "mask=%s style-mask=%s", in_folder("mask.png"), in_folder("mask.png"));
    compare(text, 1, DQ__KEEP_NOT, 4);
    dq__image_free(&mask);
    assert_int_equal(unlink(in_folder("mask.png")), 0);
}

/* ---- jobs that plan for themselves ----------------------------------------------------------------------------------------- */

#define LARGE "size=640 min-size=0 iterations=2 content-layers=relu3_1 style-layers=relu1_1,relu2_1,relu3_1 "

static dq_job *make(const char *text) {
    dq__error err = {0};
    dq_job *job;
    if (job_from(&job, &inputs, NULL, text, &err)) fail_msg("%s: %s", text, err.text);
    return job;
}

static void a_limit_makes_windows_and_files(void **state) {
    (void)state;
    static const char *const optimizer[] = {"adam", "lbfgs"};
    for (int k = 0; k < 2; k++) {
        char text[512];
        snprintf(text, sizeof text, LARGE "optimizer=%s", optimizer[k]);
        dq_job *whole = make(text);
        const uint64_t all = whole->last_plan.memory, room = all - (48 << 20);
        assert_int_equal(whole->last_plan.file, 0);
        const int share = k == 0 ? 6 : 4;
        char limited[600];
        const uint64_t limit = (48 << 20) + room * (uint64_t)share / 8;
        snprintf(limited, sizeof limited, "%s max-memory=%llu", text, (unsigned long long)limit);
        dq_job *again = make(text), *parts = make(limited);
        dq_plan plan;
        dq__job_plan(parts, &plan);
        print_message("%s: %d x %d windows of %d x %d, %.1f of %.1f MB, %.1f MB in a file, %.2f passes\n", optimizer[k],
                      plan.window_rows, plan.window_cols, plan.window_height, plan.window_width, (double)plan.memory / 1e6,
                      (double)limit / 1e6, (double)plan.file / 1e6, plan.passes);
        assert_true(parts->last_plan.cost.grid.stages > 0 && plan.memory <= limit);
        if (share == 4) assert_true(plan.file > 0);
        side_by_side(again, parts, 2, limited);
        if (share == 4) assert_true(dq__mem_mapped() > 0);
        dq__job_free(&again), dq__job_free(&parts);
        assert_int_equal(dq__mem_mapped(), 0);
        dq__job_free(&whole);
    }
}

static void a_checkpoint_of_windows_goes_on_to_the_same_bytes(void **state) {
    (void)state;
    dq__error err = {0};
    char text[600];
    dq_image *a, *b;
    int more = 1;
    snprintf(text, sizeof text, LARGE "max-memory=98M");
    dq_job *job = make(text);
    assert_true(job->last_plan.cost.grid.stages > 0);
    while (more) assert_int_equal(dq__job_step(job, &more, &err), DQ_OK);
    assert_int_equal(dq__job_image(job, &a, &err), DQ_OK);
    dq__job_free(&job);
    snprintf(text + strlen(text), sizeof text - strlen(text), " checkpoint=%s", in_folder("job"));
    job = make(text);
    assert_int_equal(dq__job_step(job, &more, &err), DQ_OK);
    dq__job_free(&job);
    job = make(text);
    for (more = 1; more;) assert_int_equal(dq__job_step(job, &more, &err), DQ_OK);
    assert_int_equal(dq__job_image(job, &b, &err), DQ_OK);
    dq__job_free(&job);
    assert_memory_equal(a->rgb, b->rgb, sizeof(float) * 3 * (size_t)a->width * (size_t)a->height);
    dq__image_free(&a), dq__image_free(&b);
    assert_int_equal(unlink(in_folder("job")), 0);
}

static void what_cannot_fit_is_told(void **state) {
    (void)state;
    dq__error err = {0};
    dq_job *job;
    assert_int_equal(job_from(&job, &inputs, NULL, "size=8192 max-memory=120M", &err), DQ_LIMIT);
    const char *size = strstr(err.text, "size ");
    if (!size) fail_msg("%s", err.text);
    char text[64];
    snprintf(text, sizeof text, "size=%d max-memory=120M", (int)strtol(size + 5, NULL, 10));
    assert_int_equal(job_from(&job, &inputs, NULL, text, &err), DQ_OK);
    dq__job_free(&job);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_and_padding), cmocka_unit_test(masks_are_cut_with_the_picture),
        cmocka_unit_test(a_limit_makes_windows_and_files),
        cmocka_unit_test(a_checkpoint_of_windows_goes_on_to_the_same_bytes), cmocka_unit_test(what_cannot_fit_is_told)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
