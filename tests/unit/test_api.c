/* SPDX-License-Identifier: MIT
 * Unit tests of src/api: what danqing.h promises, seen as a host program sees it: a whole job, its record, cancelling, refused
 * arguments and their messages. Weights are random, pictures are made here. */
#include "test.h"

#include <danqing.h>

#include <jansson.h>

struct fixture {
    dq_context *ctx;
    dq_model *model;
    dq_image *photo, *painting;
    dq_options *options;
};

static dq_image *pattern(dq_context *ctx, int width, int height, int kind) {
    float *rgb = malloc(sizeof *rgb * 3 * (size_t)width * (size_t)height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                rgb[(y * width + x) * 3 + c] = 0.5f + 0.5f * sinf(0.1f * (float)((kind + 1) * x + (c + kind) * y));
    dq_image *image = NULL;
    assert_int_equal(dq_image_from_pixels(ctx, &image, width, height, rgb, NULL), DQ_OK);
    free(rgb);
    return image;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    assert_int_equal(dq_context_new(&f->ctx, 2), DQ_OK);
    assert_int_equal(dq_model_open(f->ctx, &f->model, "random"), DQ_OK);
    f->photo = pattern(f->ctx, 80, 60, 0);
    f->painting = pattern(f->ctx, 50, 70, 1);
    assert_int_equal(dq_options_new(f->ctx, &f->options), DQ_OK);
    assert_int_equal(dq_options_set(f->options, "size", "48"), DQ_OK);
    assert_int_equal(dq_options_set(f->options, "iterations", "4"), DQ_OK);
    assert_int_equal(dq_options_set(f->options, "min-size", "32"), DQ_OK);
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    dq_options_free(&f->options);
    dq_image_free(&f->photo);
    dq_image_free(&f->painting);
    dq_model_free(&f->model);
    dq_context_free(&f->ctx);
    assert_null(f->ctx);
    free(f);
    return 0;
}

static dq_job *new_job(struct fixture *f) {
    dq_job *job = NULL;
    const dq_image *styles[] = {f->painting};
    if (dq_job_new(f->ctx, &job, f->model, f->photo, styles, 1, f->options)) fail_msg("%s", dq_last_error(f->ctx));
    return job;
}

static int count_steps(void *user, const dq_progress *p) {
    int *count = user;
    assert_true(p->iteration >= 1 && p->iteration <= p->iterations);
    assert_true(p->scale >= 1 && p->scale <= p->scales);
    assert_true(p->done > 0 && p->done <= 1 + 1e-9);
    assert_true(isfinite(p->cost) && p->cost >= 0);
    (*count)++;
    return 0;
}

static void a_job_runs_to_its_end(void **state) {
    struct fixture *f = *state;
    dq_plan plan;
    dq_image *image = NULL;
    int count = 0, more;
    dq_job *job = new_job(f);
    assert_int_equal(dq_job_plan(job, &plan), DQ_OK);
    assert_int_equal(plan.width, 48);
    assert_int_equal(plan.height, 36);
    assert_true(plan.memory > 0 && plan.flops > 0 && plan.scales >= 2);
    assert_int_equal(dq_job_run(job, count_steps, &count), DQ_OK);
    assert_int_equal(count, plan.iterations);
    assert_int_equal(dq_job_run(job, count_steps, &count), DQ_OK); /* done: no further step */
    assert_int_equal(count, plan.iterations);
    assert_int_equal(dq_job_step(job, &more), DQ_OK);
    assert_int_equal(more, 0);
    assert_int_equal(dq_job_image(job, &image), DQ_OK);
    assert_int_equal(dq_image_width(image), 48);
    assert_int_equal(dq_image_height(image), 36);
    for (int i = 0; i < 48 * 36 * 3; i++) assert_true(dq_image_pixels(image)[i] >= 0 && dq_image_pixels(image)[i] <= 1);
    dq_image_free(&image);
    assert_null(image);
    dq_job_free(&job);
    assert_null(job);
}

static const char *text_at(const json_t *object, const char *a, const char *b) {
    return json_string_value(json_object_get(json_object_get(object, a), b));
}

static void the_record_tells_what_made_it(void **state) {
    struct fixture *f = *state;
    dq_image *image = NULL;
    assert_int_equal(dq_options_set(f->options, "threads", "1"), DQ_OK);
    assert_int_equal(dq_options_set(f->options, "seed", "11"), DQ_OK);
    dq_job *job = new_job(f);
    assert_int_equal(dq_job_run(job, NULL, NULL), DQ_OK);
    assert_int_equal(dq_job_image(job, &image), DQ_OK);
    json_t *record = json_loads(dq_image_record(image), 0, NULL), *info = json_loads(dq_model_info(f->model), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(record, "software")), "danqing");
    assert_string_equal(json_string_value(json_object_get(record, "version")), dq_version());
    assert_string_equal(json_string_value(json_object_get(record, "recipe")), "portrait");
    assert_int_equal(json_integer_value(json_object_get(record, "seed")), 11);
    assert_string_equal(text_at(record, "options", "size"), "48");
    assert_string_equal(text_at(record, "options", "model"), "random:0");
    assert_null(text_at(record, "options", "threads"));
    assert_string_equal(text_at(record, "model", "sha256"), json_string_value(json_object_get(info, "sha256")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(record, "content"), "width")), 80);
    assert_int_equal(json_array_size(json_object_get(record, "styles")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(record, "reached"), "iteration")), 4);
    json_decref(record);
    json_decref(info);
    dq_image_free(&image);
    dq_job_free(&job);
}

static void threads_do_not_change_a_byte(void **state) {
    struct fixture *f = *state;
    void *bytes[2];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        dq_image *image = NULL;
        assert_int_equal(dq_options_set(f->options, "threads", i ? "3" : "1"), DQ_OK);
        dq_job *job = new_job(f);
        assert_int_equal(dq_job_run(job, NULL, NULL), DQ_OK);
        assert_int_equal(dq_job_image(job, &image), DQ_OK);
        assert_int_equal(dq_image_encode(f->ctx, image, "png", NULL, &bytes[i], &size[i]), DQ_OK);
        dq_image_free(&image);
        dq_job_free(&job);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    dq_bytes_free(&bytes[0]);
    dq_bytes_free(&bytes[1]);
    assert_null(bytes[1]);
}

static int stop_at_three(void *user, const dq_progress *p) {
    (void)p;
    return ++*(int *)user == 3;
}

static void cancelling_keeps_the_picture_so_far(void **state) {
    struct fixture *f = *state;
    dq_image *image = NULL;
    int count = 0;
    dq_job *job = new_job(f);
    assert_int_equal(dq_job_run(job, stop_at_three, &count), DQ_CANCELLED);
    assert_string_equal(dq_last_error(f->ctx), "stopped by the caller");
    assert_int_equal(count, 3);
    assert_int_equal(dq_job_image(job, &image), DQ_OK);
    assert_int_equal(dq_image_width(image), 48);
    assert_int_equal(dq_job_run(job, NULL, NULL), DQ_OK); /* and the job can go on */
    dq_image_free(&image);
    dq_job_free(&job);
}

static void inputs_may_go_before_the_job_runs(void **state) {
    struct fixture *f = *state;
    dq_job *job = new_job(f);
    dq_image_free(&f->photo);
    dq_image_free(&f->painting);
    dq_options_free(&f->options);
    assert_int_equal(dq_job_run(job, NULL, NULL), DQ_OK);
    dq_job_free(&job);
}

static void refused_arguments_say_why(void **state) {
    struct fixture *f = *state;
    dq_context *none = (dq_context *)8;
    dq_job *job = (dq_job *)8;
    dq_image *image = (dq_image *)8;
    dq_model *model = (dq_model *)8;
    const dq_image *styles[] = {f->painting};
    float rgb[3] = {0};
    assert_int_equal(dq_context_new(&none, 257), DQ_USAGE);
    assert_null(none);
    assert_int_equal(dq_job_new(f->ctx, &job, f->model, f->photo, styles, 17, f->options), DQ_USAGE);
    assert_null(job);
    assert_string_equal(dq_last_error(f->ctx), "a job takes 1 to 16 style images, not 17");
    assert_int_equal(dq_job_new(f->ctx, &job, f->model, NULL, styles, 1, f->options), DQ_USAGE);
    assert_string_equal(dq_last_error(f->ctx), "the content image must not be NULL");
    assert_int_equal(dq_options_set(f->options, "content-layers", "relu9_9"), DQ_OK);
    assert_int_equal(dq_job_new(f->ctx, &job, f->model, f->photo, styles, 1, f->options), DQ_USAGE);
    assert_non_null(strstr(dq_last_error(f->ctx), "relu9_9"));
    assert_int_equal(dq_image_read(f->ctx, &image, "/nowhere/face.png"), DQ_BAD_IMAGE);
    assert_null(image);
    assert_int_equal(dq_image_from_pixels(f->ctx, &image, 0, 1, rgb, NULL), DQ_USAGE);
    assert_int_equal(dq_image_from_pixels(f->ctx, &image, 40000, 1, rgb, NULL), DQ_LIMIT);
    assert_int_equal(dq_model_open(f->ctx, &model, "no-such-model"), DQ_BAD_MODEL);
    assert_null(model);
    assert_int_equal(dq_model_save(f->ctx, f->model, "/nowhere/x.safetensors", "fp8"), DQ_USAGE);
    assert_int_equal(dq_model_save(f->ctx, f->model, "/nowhere/x.safetensors", "fp16"), DQ_OUTPUT);
    assert_int_equal(dq_model_fetch(f->ctx, "no-such-model", NULL, NULL), DQ_USAGE);
    assert_int_equal(dq_options_set(f->options, "size", NULL), DQ_USAGE);
    assert_null(dq_options_get(f->options, NULL));
}

static void freeing_nothing_is_allowed(void **state) {
    (void)state;
    dq_context *ctx = NULL;
    dq_image *image = NULL;
    dq_model *model = NULL;
    dq_options *options = NULL;
    dq_job *job = NULL;
    dq_context_free(&ctx), dq_context_free(NULL);
    dq_image_free(&image), dq_image_free(NULL);
    dq_model_free(&model), dq_model_free(NULL);
    dq_options_free(&options), dq_options_free(NULL);
    dq_job_free(&job), dq_job_free(NULL);
    dq_bytes_free(NULL);
}

static void pixels_are_clamped_and_copied(void **state) {
    struct fixture *f = *state;
    const float rgb[6] = {-1, 0.25f, 2, NAN, 0.5f, 1}, alpha[2] = {0.5f, 3};
    dq_image *image = NULL, *again = NULL;
    void *bytes;
    size_t size;
    assert_int_equal(dq_image_from_pixels(f->ctx, &image, 2, 1, rgb, alpha), DQ_OK);
    const float *p = dq_image_pixels(image), expected[6] = {0, 0.25f, 1, 0, 0.5f, 1};
    for (int i = 0; i < 6; i++) assert_near(p[i], expected[i], 0);
    assert_null(dq_image_record(image));
    assert_int_equal(dq_image_set_record(f->ctx, image, "{\"a\":1}"), DQ_OK);
    assert_int_equal(dq_image_encode(f->ctx, image, "png", "depth=16", &bytes, &size), DQ_OK);
    assert_int_equal(dq_image_read_memory(f->ctx, &again, bytes, size, NULL), DQ_OK);
    assert_string_equal(dq_image_record(again), "{\"a\":1}");
    for (int i = 0; i < 6; i++) assert_near(dq_image_pixels(again)[i], expected[i], 1e-4);
    dq_bytes_free(&bytes);
    dq_image_free(&image);
    dq_image_free(&again);
}

static void notices_reach_the_log(void *user, const char *text) {
    assert_null(strchr(text, '\n'));
    ++*(int *)user;
}

static void a_missing_optional_layer_is_a_notice(void **state) {
    struct fixture *f = *state;
    int count = 0;
    dq_context_set_log(f->ctx, notices_reach_the_log, &count);
    assert_int_equal(dq_options_set(f->options, "style-layers", "relu1_1,relu9_1?"), DQ_OK);
    dq_job *job = new_job(f);
    assert_int_equal(count, 1);
    dq_job_free(&job);
    dq_context_set_log(f->ctx, NULL, NULL);
}

static void lists_are_json(void **state) {
    struct fixture *f = *state;
    char *text = NULL;
    assert_int_equal(dq_model_list(f->ctx, &text), DQ_OK);
    json_t *list = json_loads(text, 0, NULL);
    assert_true(json_array_size(list) > 1);
    json_decref(list);
    dq_bytes_free((void **)&text);
    assert_non_null(dq_recipe_at(0, NULL));
    assert_non_null(dq_option_at(0));
    assert_true(strlen(dq_context_isa(f->ctx)) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_job_runs_to_its_end), TEST(the_record_tells_what_made_it), TEST(threads_do_not_change_a_byte),
        TEST(cancelling_keeps_the_picture_so_far), TEST(inputs_may_go_before_the_job_runs), TEST(refused_arguments_say_why),
        TEST(freeing_nothing_is_allowed), TEST(pixels_are_clamped_and_copied), TEST(a_missing_optional_layer_is_a_notice),
        TEST(lists_are_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
