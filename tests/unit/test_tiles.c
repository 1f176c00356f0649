/* SPDX-License-Identifier: MIT
 * Painting in windows against painting whole: J agrees within 1e-5 at every step and pictures within 1/255, for every style
 * loss, padding and optimiser, with masks, with state in a file; and a job keeps to the memory it was given. */
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

/* Puts windows in place of the whole picture. */
static void cut(dq_job *job, int rows, int cols, size_t keep) {
    dq__error err = {0};
    dq__reach reach;
    dq__cost_plan plan = job->plan.cost;
    dq_image *content, *style;
    const dq__scale *at = dq__job_scale(job);
    assert_true(dq__reach_of(&job->table, job->taps.layer, job->taps.count, &reach));
    plan.grid = dq__grid_make(at->h, at->w, &reach, rows, cols);
    plan.style[0] = dq__grid_make(plan.style[0].h, plan.style[0].w, &reach, 2, 1);
    plan.keep = keep;
    assert_true(plan.grid.rows * plan.grid.cols > 1);
    dq__cost_free(&job->cost);
    assert_int_equal(dq__image_resize(&content, inputs.photo, at->w, at->h, &err), DQ_OK);
    assert_int_equal(dq__image_resize(&style, inputs.style, plan.style[0].w, plan.style[0].h, &err), DQ_OK);
    assert_int_equal(dq__cost_new(&job->cost, &job->setup, &plan, content, (const dq_image *const *)&style, &err), DQ_OK);
    dq__image_free(&content), dq__image_free(&style);
}

/* What differs by more than 1/255. Adam's first steps are as long where the gradient is nothing but rounding: there, and there
 * alone, a pixel may go the other way. The first pair of L-BFGS is the difference of two gradients that are nearly the same. */
static int values_apart(const dq_image *a, const dq_image *b) {
    int apart = 0;
    for (int k = 0; k < a->width * a->height * 3; k++) apart += fabsf(a->rgb[k] - b->rgb[k]) > 1.0f / 255;
    return apart;
}

/* Two jobs side by side: J within `close` of itself at every step, in the end the pictures. */
static void side_by_side(dq_job *whole, dq_job *parts, int steps, double close, const char *text) {
    dq__error err = {0};
    dq_image *a, *b;
    int more = 1;
    for (int n = 0; n < steps && more; n++) {
        if (dq__job_step(whole, &more, &err) || dq__job_step(parts, &more, &err)) fail_msg("%s: %s", text, err.text);
        const double j = whole->value.total, k = parts->value.total;
        if (!(fabs(j - k) <= close * fabs(j))) fail_msg("%s: J is %.9g, in windows %.9g at step %d", text, j, k, n + 1);
    }
    assert_int_equal(dq__job_image(whole, &a, &err), DQ_OK);
    assert_int_equal(dq__job_image(parts, &b, &err), DQ_OK);
    const int apart = values_apart(a, b), allowed = a->width * a->height * 3 / (strstr(text, "lbfgs") ? 30 : 10000);
    if (apart > allowed) fail_msg("%s: %d values of the pictures are more than 1/255 apart", text, apart);
    dq__image_free(&a), dq__image_free(&b);
}

static void compare(const char *text, int rows, int cols, size_t keep, int steps, double close) {
    dq_job *whole = stand(text), *parts = stand(text);
    cut(parts, rows, cols, keep);
    side_by_side(whole, parts, steps, close, text);
    dq__job_free(&whole), dq__job_free(&parts);
}

#define SMALL "size=150 min-size=0 iterations=60 optimizer=adam content-layers=relu3_1 style-layers=relu1_1,relu2_1,relu3_1 "

static void every_loss_and_padding(void **state) {
    (void)state;
    static const char *const loss[] = {"gram", "centred", "w2"}, *const padding[] = {"zero", "reflect", "replicate"};
    for (int l = 0; l < 3; l++) /* covariances are differences of larger numbers */
        for (int p = 0; p < 3; p++) {
            if (l > 0 && p != l) continue;
            char text[512];
            snprintf(text, sizeof text, SMALL "style-loss=%s padding=%s pooling=%s", loss[l], padding[p], p ? "max" : "average");
            compare(text, 2, 3, p == 1 ? 1 << 20 : 0, l == 0 ? 8 : 4, l == 0 ? 1e-5 : 5e-5);
        }
    compare(SMALL "normalization=course pixel-range=255 learning-rate=5 tv-kind=sum", 3, 1, 0, 16, 1e-5);
    compare("size=150 min-size=0 iterations=12 optimizer=lbfgs", 1, 2, 0, 2, 1e-5); /* its steps multiply roundings */
}

static void masks_are_cut_with_the_picture(void **state) {
    (void)state;
    dq__error err = {0};
    char text[900];
    dq_image *mask = waves(75, 60, 0.05, 0.07);
    for (int k = 0; k < 75 * 60 * 3; k++) mask->rgb[k] = k / 3 % 75 + k / 225 < 70 ? 0 : 1; /* two regions */
    assert_int_equal(dq__image_write(mask, in_folder("mask.png"), NULL, &err), DQ_OK);
    snprintf(text, sizeof text, SMALL "content-mask=%s", in_folder("mask.png"));
    compare(text, 2, 2, 0, 6, 1e-5);
    snprintf(text, sizeof text, SMALL "mask=%s style-mask=%s", in_folder("mask.png"), in_folder("mask.png"));
    compare(text, 2, 2, 0, 6, 1e-5);
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
        const dq__grid *g = &parts->last_plan.cost.grid;
        print_message("%s: %d x %d windows of %d x %d, %.1f of %.1f MB, %.1f MB in a file, %.2f passes\n", optimizer[k],
                      g->rows, g->cols, g->window_h, g->window_w, (double)parts->last_plan.memory / 1e6, (double)limit / 1e6,
                      (double)parts->last_plan.file / 1e6, parts->last_plan.passes);
        assert_true((g->rows * g->cols > 1 || parts->last_plan.file > 0) && parts->last_plan.memory <= limit);
        if (share == 4) assert_true(parts->last_plan.file > 0);
        side_by_side(again, parts, 2, 1e-5, limited);
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
    assert_true(job->last_plan.cost.grid.cols * job->last_plan.cost.grid.rows > 1);
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
