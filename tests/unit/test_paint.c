/* SPDX-License-Identifier: MIT
 * The job: what a whole painting promises. Small synthetic pictures, the random network; golden costs are compared within
 * 0.2 %, since instruction sets round differently (DANQING_BLESS=1 prints the values to put here). */
#include "image/colour.h"
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "image/image.h"
#include "paint/job_state.h"

typedef struct fixture {
    dq_model *model;
    dq_image *photo, *style[2];
} fixture;

static dq_image *picture(int w, int h, bool alpha, double fx, double fy) {
    dq_image *p;
    assert_int_equal(dq__image_new(&p, w, h, alpha, NULL), DQ_OK);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < 3; c++)
                p->rgb[(y * w + x) * 3 + c] = (float)(0.5 + 0.35 * sin(fx * x + c) * cos(fy * y - c)) +
                                              0.1f * dq__rng_uniform(5, (uint64_t)(w * h), (uint64_t)((y * w + x) * 3 + c));
    for (int k = 0; alpha && k < w * h; k++) p->alpha[k] = (float)(k % w) / (float)w;
    return p;
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    if (dq__model_random(&f->model, 1, NULL)) return -1;
    f->photo = picture(80, 60, true, 0.13, 0.09);
    f->style[0] = picture(64, 64, false, 0.9, 0.5);
    f->style[1] = picture(50, 90, false, 0.3, 1.4);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    dq__model_free(&f->model);
    dq__image_free(&f->photo), dq__image_free(&f->style[0]), dq__image_free(&f->style[1]);
    free(f);
    return 0;
}

/* Options as "name=value name=value …"; returns the status of making the job. */
static dq_status make_job(dq_job **job, const fixture *f, dq__pool *pool, int styles, const char *text, dq__error *err) {
    dq_options *options;
    dq__settings settings;
    char copy[512], *save = NULL;
    dq_status status = dq__options_new(&options, err);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *item = strtok_r(copy, " ", &save); item && !status; item = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(item, '=');
        *equals = 0;
        status = dq__options_set(options, item, equals + 1, err);
    }
    if (!status) status = dq__options_resolve(options, &settings, err);
    *job = NULL;
    if (!status)
        status = dq__job_new(job, pool, f->model, f->photo, (const dq_image *const *)f->style, styles, &settings, "{}", NULL,
                             NULL, err);
    dq__options_free(&options);
    return status;
}

/* Runs to the end; J of every step goes to `cost` (at most 64); returns the picture. */
static dq_image *run(const fixture *f, int threads, int styles, const char *text, double *cost, int *steps) {
    dq__error err = {0};
    dq__pool *pool;
    dq_job *job;
    dq_image *out;
    int more = 1, n = 0;
    assert_int_equal(dq__pool_new(&pool, threads, &err), DQ_OK);
    if (make_job(&job, f, pool, styles, text, &err)) fail_msg("%s: %s", text, err.text);
    while (more) {
        dq_progress p;
        if (dq__job_step(job, &more, &err)) fail_msg("%s", err.text);
        dq__job_progress(job, &p);
        assert_true(p.done > 0 && p.done <= 1 && p.iteration <= p.iterations && p.scale <= p.scales);
        if (cost && n < 64) cost[n] = p.cost;
        n++;
    }
    assert_int_equal(dq__job_step(job, &more, &err), DQ_OK); /* past the end: nothing happens */
    assert_int_equal(more, 0);
    assert_int_equal(dq__job_image(job, &out, &err), DQ_OK);
    if (steps) *steps = n;
    dq__job_free(&job);
    dq__pool_free(&pool);
    return out;
}

static const char *const runs[] = {
    "size=64 iterations=4 min-size=32",
    "recipe=classic size=48 iterations=6",
    "recipe=neural-style size=48 iterations=6",
    "size=48 iterations=5 min-size=0 normalization=gatys content-weight=1e-3 style-weight=1e4 pooling=average padding=zero",
};

static void same_bytes_for_any_threads(void **state) {
    if (getenv("DANQING_TEST_FEW")) skip();
    const fixture *f = *state;
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
        dq_image *first = run(f, 1, 2, runs[r], NULL, NULL);
        for (int threads = 1; threads <= 3; threads++) {
            dq_image *again = run(f, threads, 2, runs[r], NULL, NULL);
            assert_int_equal(again->width, first->width);
            assert_memory_equal(again->rgb, first->rgb, sizeof(float) * 3 * (size_t)first->width * (size_t)first->height);
            dq__image_free(&again);
        }
        dq__image_free(&first);
    }
}

static void costs_are_the_golden_ones(void **state) {
    static const double golden[][3] = {{38.4439, 3.62221, 0.04},
                                       {0.011154, 0.00289729, 2e-3},
                                       {54523.2, 160.388, 2e-3},
                                       {3.29464, 1.16658, 0.01}}; /* J of the first and the last step, how near:
                                                                 L-BFGS makes much of roundings here */
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
        double cost[64];
        int steps;
        dq_image *out = run(*state, 2, 1, runs[r], cost, &steps);
        if (getenv("DANQING_BLESS")) print_message("{%.6g, %.6g},\n", cost[0], cost[steps - 1]);
        else {
            assert_near(cost[0], golden[r][0], 2e-3 * fabs(golden[r][0]));
            assert_near(cost[steps - 1], golden[r][1], golden[r][2] * fabs(golden[r][1]));
        }
        dq__image_free(&out);
    }
}

static void picture_has_size_alpha_and_record(void **state) {
    dq_image *out = run(*state, 1, 1, "size=40 iterations=1 min-size=0", NULL, NULL);
    assert_int_equal(out->width, 40);
    assert_int_equal(out->height, 30);
    assert_non_null(out->alpha);
    assert_true(out->alpha[0] < 0.1f && out->alpha[39] > 0.9f);
    assert_string_equal(out->record, "{}");
    for (int k = 0; k < 40 * 30 * 3; k++) assert_true(out->rgb[k] >= 0 && out->rgb[k] <= 1);
    dq__image_free(&out);
}

static double distance(const dq_image *a, const dq_image *b) {
    double sum = 0;
    for (int k = 0; k < a->width * a->height * 3; k++) sum += fabs((double)a->rgb[k] - (double)b->rgb[k]);
    return sum / (a->width * a->height * 3);
}

/* Each of these options must change the picture, or it would be parsed and ignored. */
static void every_option_counts(void **state) {
    static const char *const change[] = {
        "content-weight=50", "style-weight=0", "style-weights=1,9", "style-scale=0.6", "init=noise", "noise=0.2",
        "content-layers=relu2_1", "style-layers=relu1_1=1,relu2_1=3", "tv-weight=5", "tv-weight=1 tv-kind=sum",
        "normalization=mean", "pooling=average", "padding=zero", "padding=replicate", "optimizer=adam", "learning-rate=0.2",
        "average=0", "pixel-range=255", "min-size=24", "size=44",
        "iterations=4", "colour=content", "colour=match", "colour=luminance",
        "histogram-weight=1", "laplacian-weight=1000", "normalize-gradients=on", "strength=0.7", "colour=oklab",
        "colour=drawing", "style-loss=centred", "style-loss=w2"};
    const char *base = "size=48 iterations=3 min-size=0 ";
    dq_image *plain = run(*state, 2, 2, base, NULL, NULL);
    for (size_t k = 0; k < sizeof change / sizeof *change; k++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s", base, change[k]);
        dq_image *out = run(*state, 2, 2, text, NULL, NULL);
        if (out->width == plain->width && !(distance(out, plain) > 1e-6)) fail_msg("%s changes nothing", change[k]);
        dq__image_free(&out);
    }
    const char *more[][2] = {{"noise=0.2 seed=1", "noise=0.2 seed=2"},
                             {"colour=match", "colour=match colour-strength=0.5"},
                             {"min-size=24 scale-step=1.4", "min-size=24 scale-step=2"},
                             {"min-size=24 initial-iterations=1", "min-size=24 initial-iterations=5"},
                             {"laplacian-weight=1000", "laplacian-weight=1000 laplacian-pool=9"},
                             {"optimizer=adam", "optimizer=adam beta1=0.5"},
                             {"optimizer=adam", "optimizer=adam beta2=0.5"},
                             {"optimizer=adam", "optimizer=adam epsilon=0.1"},
                             {"optimizer=adam learning-rate=0.3", "optimizer=adam learning-rate=0.3 clamp=off"},
                             {"iterations=6 history=1", "iterations=6 history=10"}};
    for (size_t k = 0; k < sizeof more / sizeof *more; k++) {
        char text[2][256];
        for (int i = 0; i < 2; i++) snprintf(text[i], sizeof text[i], "%s%s", base, more[k][i]);
        dq_image *a = run(*state, 2, 2, text[0], NULL, NULL), *b = run(*state, 2, 2, text[1], NULL, NULL);
        if (!(distance(a, b) > 1e-7)) fail_msg("%s equals %s", more[k][0], more[k][1]);
        dq__image_free(&a), dq__image_free(&b);
    }
    dq__image_free(&plain);
}

static void zero_weights_do_nothing(void **state) {
    dq_image *out = run(*state, 2, 1, "init=content size=48 iterations=4 min-size=0 style-weight=0 tv-weight=0", NULL, NULL),
             *photo;
    const fixture *f = *state;
    assert_int_equal(dq__image_resize(&photo, f->photo, 48, 36, NULL), DQ_OK);
    assert_true(distance(out, photo) < 1e-3); /* content alone from the content: it stays */
    dq__image_free(&out), dq__image_free(&photo);
}

/* Without any cost the picture stays as it began: with the mean colours of the paintings, each by its share. */
static void the_palette_is_that_of_the_paintings(void **state) {
    const fixture *f = *state;
    const char *rest = "size=48 iterations=1 min-size=0 content-weight=0 style-weight=0 tv-weight=0";
    const dq__colours photo = dq__colours_of(f->photo), a = dq__colours_of(f->style[0]), b = dq__colours_of(f->style[1]);
    char text[200];
    for (int two = 0; two < 2; two++) {
        snprintf(text, sizeof text, "init=palette style-weights=%s %s", two ? "1,3" : "1,0", rest);
        dq_image *out = run(f, 2, 2, text, NULL, NULL);
        const dq__colours found = dq__colours_of(out);
        double off = 0, before = 0;
        for (int c = 0; c < 3; c++) {
            const double wanted = two ? 0.25 * a.mean[c] + 0.75 * b.mean[c] : a.mean[c];
            off += fabs(found.mean[c] - wanted), before += fabs(photo.mean[c] - wanted);
        }
        if (!(off < 0.1 * before + 0.03)) fail_msg("%d: %g, of the photo %g", two, off, before);
        dq__image_free(&out);
    }
}

/* The slider moves away from the photo step by step, and what it gives between is no blend of the two ends. */
static void strength_goes_from_photo_to_painting(void **state) {
    static const char *const strengths[] = {"0", "0.3", "0.6", "1"};
    const fixture *f = *state;
    dq_image *out[4], *photo;
    double away[4];
    assert_int_equal(dq__image_resize(&photo, f->photo, 48, 36, NULL), DQ_OK);
    for (int i = 0; i < 4; i++) {
        char text[128];
        snprintf(text, sizeof text, "size=48 iterations=20 min-size=34 style-weight=20 strength=%s", strengths[i]);
        out[i] = run(f, 2, 1, text, NULL, NULL);
        away[i] = distance(out[i], photo);
        if (i > 0 && !(away[i] > 1.02 * away[i - 1])) fail_msg("strength %s: %g, before %g", text, away[i], away[i - 1]);
    }
    assert_true(away[0] < 1e-6);
    const float share = (float)(away[2] / away[3]);
    for (int k = 0; k < 48 * 36 * 3; k++) photo->rgb[k] += share * (out[3]->rgb[k] - photo->rgb[k]); /* a blend as far away */
    assert_true(distance(out[2], photo) > 0.1 * away[2]);
    for (int i = 0; i < 4; i++) dq__image_free(&out[i]);
    dq__image_free(&photo);
}

static void without_strength_it_is_the_photo(void **state) {
    static const char *const texts[] = {"recipe=neural-style", "recipe=classic", "init=noise seed=3", "colour=luminance"};
    const fixture *f = *state;
    dq_image *photo;
    assert_int_equal(dq__image_resize(&photo, f->photo, 48, 36, NULL), DQ_OK);
    for (int i = 0; i < 4; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s size=48 iterations=3 strength=0", texts[i]);
        dq_image *out = run(f, 1, 1, text, NULL, NULL);
        assert_true(distance(out, photo) < 1e-6);
        dq__image_free(&out);
    }
    dq__image_free(&photo);
}

static void refuse(const fixture *f, int styles, const char *text, dq_status wanted, const char *word) {
    dq__error err = {0};
    dq_job *job;
    dq_status status = make_job(&job, f, NULL, styles, text, &err);
    if (status != wanted || !strstr(err.text, word)) fail_msg("%s: status %d, '%s'", text, status, err.text);
    assert_null(job);
}

static void bad_requests_are_explained(void **state) {
    const fixture *f = *state;
    refuse(f, 1, "size=64 style-layers=conv9_9", DQ_USAGE, "relu5_1");
    refuse(f, 1, "size=64 content-layers=relu4_2=x", DQ_USAGE, "weight");
    refuse(f, 1, "size=64 content-layers=relu1_1,relu1_1", DQ_USAGE, "twice");
    refuse(f, 1, "size=64 style-weights=1,2", DQ_USAGE, "1 painting");
    refuse(f, 2, "size=64 style-weights=0,0", DQ_USAGE, "zero");
    refuse(f, 1, "size=16", DQ_LIMIT, "larger size");
    refuse(f, 1, "size=64 init=/nowhere/at/all.png", DQ_BAD_IMAGE, "all.png");
    refuse(f, 1, "size=64 content-layers= style-layers=", DQ_USAGE, "layer");
}

static void too_little_memory_for_anything_is_told(void **state) {
    refuse(*state, 1, "size=64 max-memory=1M", DQ_LIMIT, "no size fits");
}

static void the_plan_is_what_is_used(void **state) {
    const fixture *f = *state;
    dq__error err = {0};
    dq_job *job;
    dq_plan plan;
    int more = 1;
    const size_t before = dq__mem_now();
    assert_int_equal(make_job(&job, f, NULL, 1, "size=512 iterations=1 min-size=0", &err), DQ_OK);
    dq__job_plan(job, &plan);
    assert_int_equal(dq__job_step(job, &more, &err), DQ_OK);
    const double used = (double)(dq__mem_peak() - before) / 1e6, planned = (double)plan.memory / 1e6 - 42;
    print_message("planned %.1f MB beside the process, used %.1f MB\n", planned, used);
    assert_true(used < 1.1 * planned && used > 0.8 * planned);
    dq__job_free(&job);
    assert_int_equal(dq__mem_now(), before);
}

static void a_cost_that_blows_up_is_named(void **state) {
    const fixture *f = *state;
    dq__error err = {0};
    dq_job *job;
    dq_image *out;
    dq_status status = DQ_OK;
    assert_int_equal(make_job(&job, f, NULL, 1, "size=48 min-size=0 iterations=50 clamp=off average=0 learning-rate=1e6", &err),
                     DQ_OK);
    for (int more = 1; more && !status;) status = dq__job_step(job, &more, &err);
    if (status) {
        assert_int_equal(status, DQ_FAILED);
        assert_non_null(strstr(err.text, "finite"));
    }
    assert_int_equal(dq__job_image(job, &out, &err), DQ_OK); /* the picture is still there */
    dq__image_free(&out);
    dq__job_free(&job);
}

static int told;
static void count_notices(void *user, const char *notice) {
    (void)user;
    if (strstr(notice, "no longer finite at iteration 4")) told++;
}

/* A pixel becomes no number between two steps: the job goes on from the picture before, and ends near where it would have. */
static void numbers_that_are_none_are_recovered_from(void **state) {
    const fixture *f = *state;
    static const char *const optimizers[] = {"lbfgs", "adam"};
    for (int o = 0; o < 2; o++) {
        char text[128];
        dq__error err = {0};
        dq_job *job;
        dq_image *out;
        snprintf(text, sizeof text, "size=48 min-size=0 iterations=12 optimizer=%s", optimizers[o]);
        dq_image *whole = run(f, 2, 1, text, NULL, NULL), *photo;
        assert_int_equal(dq__image_resize(&photo, f->photo, 48, 36, NULL), DQ_OK);
        assert_int_equal(make_job(&job, f, NULL, 1, text, &err), DQ_OK);
        job->log = count_notices;
        told = 0;
        for (int more = 1, step = 0; more; step++) {
            if (step == 3) job->x[500] = NAN, job->average[500] = NAN;
            if (dq__job_step(job, &more, &err)) fail_msg("%s", err.text);
        }
        assert_int_equal(told, 1);
        assert_int_equal(dq__job_image(job, &out, &err), DQ_OK);
        for (int k = 0; k < 48 * 36 * 3; k++) assert_true(isfinite(out->rgb[k]));
        assert_true(distance(out, photo) > 0.2 * distance(whole, photo));
        dq__image_free(&out), dq__image_free(&whole), dq__image_free(&photo);
        dq__job_free(&job);
    }
}

/* L-BFGS makes steps without looking: one from which the cost jumps is taken back, as often as it must be, and the picture
 * comes out as it would have. */
static void a_step_too_far_is_taken_back(void **state) {
    const fixture *f = *state;
    const char *text = "size=48 min-size=0 iterations=20";
    dq__error err = {0};
    dq_job *job;
    dq_image *out, *whole = run(f, 2, 1, text, NULL, NULL);
    dq_progress p;
    double before = 0, most = 0;
    assert_int_equal(make_job(&job, f, NULL, 1, text, &err), DQ_OK);
    for (int more = 1, step = 0; more; step++) {
        for (int k = 0; step == 5 && k < 48 * 36 * 3; k++) job->average[k] -= 0.2f * job->x[k];
        if (step == 5) dq__lbfgs_shorten(&job->lbfgs, job->x, 400); /* far out of the region */
        for (int k = 0; step == 5 && k < 48 * 36 * 3; k++) job->average[k] += 0.2f * job->x[k];
        if (dq__job_step(job, &more, &err)) fail_msg("%s", err.text);
        dq__job_progress(job, &p);
        if (step > 0) most = fmax(most, p.cost / before);
        before = p.cost;
    }
    assert_true(most < 1.5);
    assert_int_equal(dq__job_image(job, &out, &err), DQ_OK);
    assert_true(distance(out, whole) < 0.08);
    dq__image_free(&out), dq__image_free(&whole);
    dq__job_free(&job);
}

static void a_job_that_stays_without_numbers_gives_up(void **state) {
    const fixture *f = *state;
    dq__error err = {0};
    dq_job *job;
    dq_image *out;
    dq_status status = DQ_OK;
    int steps = 0;
    assert_int_equal(make_job(&job, f, NULL, 1, "size=48 min-size=0 iterations=50", &err), DQ_OK);
    for (int more = 1; more && !status; steps++) {
        status = dq__job_step(job, &more, &err);
        job->x[7] = NAN;
    }
    assert_int_equal(status, DQ_FAILED);
    assert_non_null(strstr(err.text, "no longer finite"));
    assert_true(steps > 5 && steps < 30);
    assert_int_equal(dq__job_image(job, &out, &err), DQ_OK); /* the picture is still there */
    for (int k = 0; k < 48 * 36 * 3; k++) assert_true(isfinite(out->rgb[k]));
    dq__image_free(&out);
    dq__job_free(&job);
}

static void no_memory_is_no_crash(void **state) {
    const fixture *f = *state;
    for (long n = 1; n < 400; n += n < 60 ? 1 : 7) {
        dq__error err = {0};
        dq_job *job = NULL;
        int more = 1;
        const size_t before = dq__mem_now();
        dq__mem_fail_at(n);
        dq_status status = make_job(&job, f, NULL, 1, "size=32 iterations=1 min-size=0", &err);
        if (!status) status = dq__job_step(job, &more, &err);
        dq__mem_fail_at(0);
        dq__job_free(&job);
        if (status) assert_int_equal(status, DQ_LIMIT);
        assert_int_equal(dq__mem_now(), before);
        if (!status) return;
    }
    fail_msg("memory never sufficed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_is_what_is_used),    cmocka_unit_test(same_bytes_for_any_threads),
        cmocka_unit_test(costs_are_the_golden_ones),   cmocka_unit_test(picture_has_size_alpha_and_record),
        cmocka_unit_test(every_option_counts),         cmocka_unit_test(zero_weights_do_nothing),
        cmocka_unit_test(strength_goes_from_photo_to_painting), cmocka_unit_test(the_palette_is_that_of_the_paintings),
        cmocka_unit_test(without_strength_it_is_the_photo),
        cmocka_unit_test(bad_requests_are_explained),  cmocka_unit_test(too_little_memory_for_anything_is_told),
        cmocka_unit_test(a_cost_that_blows_up_is_named),
        cmocka_unit_test(numbers_that_are_none_are_recovered_from),
        cmocka_unit_test(a_step_too_far_is_taken_back),
        cmocka_unit_test(a_job_that_stays_without_numbers_gives_up), cmocka_unit_test(no_memory_is_no_crash)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
