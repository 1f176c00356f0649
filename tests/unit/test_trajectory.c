/* SPDX-License-Identifier: MIT
 * Ten steps of whole jobs against PyTorch (tests/oracle): J before each step, within 0.1 %. Adam as the recipe classic has
 * it, L-BFGS as neural-style; random VGG-19 and the real weights. */
#include "net_test.h"

#include "paint/job.h"

/* option: names and values by turns, ended by NULL. */
static void follow(const dq_model *model, const fixture *f, const char *name, const char *const *option) {
    dq_options *options;
    dq__settings settings;
    assert_ok(dq__options_new(&options, &err));
    for (; *option; option += 2) assert_ok(dq__options_set(options, option[0], option[1], &err));
    assert_ok(dq__options_resolve(options, &settings, &err));
    dq_image *content = synthetic_picture(1, 64, 48), *style = synthetic_picture(2, 56, 40);
    dq__pool *pool;
    dq_job *job;
    assert_ok(dq__pool_new(&pool, 2, &err));
    assert_ok(dq__job_new(&job, pool, model, content, (const dq_image *const *)&style, 1, &settings, NULL, NULL, NULL, &err));
    const record r = get_record(f, name);
    assert_int_equal(r.count, 11);
    double worst = 0;
    for (uint32_t step = 0; step < r.count; step++) {
        int more;
        dq_progress progress;
        assert_ok(dq__job_step(job, &more, &err));
        dq__job_progress(job, &progress);
        assert_int_equal(progress.iteration, step + 1);
        const double error = fabs(progress.cost / (double)r.sample[step] - 1);
        const double bound = step < 8 ? 1e-3 : 3e-3; /* L-BFGS without line search doubles a rounding with every step */
        if (!(error <= bound)) fail_msg("%s: J_%u = %.9g, PyTorch has %.9g", name, step, progress.cost, (double)r.sample[step]);
        worst = fmax(worst, error);
    }
    print_message("%s: J follows within %.1e\n", name, worst);
    dq__job_free(&job);
    dq__options_free(&options);
    dq__image_free(&content), dq__image_free(&style);
    dq__pool_free(&pool);
}

static void both_optimisers(const dq_model *model, const char *fixture_name, const char *content, const char *style) {
    fixture f = open_fixture(fixture_name);
    follow(model, &f, "adam",
           (const char *const[]){"recipe", "classic", "content-layers", content, "style-layers", style, "size", "64",
                                 "iterations", "11", "seed", "1", "learning-rate", "0.003", NULL});
    follow(model, &f, "adam", /* the same in other units: rate and epsilon scale with the pixels */
           (const char *const[]){"recipe", "classic", "content-layers", content, "style-layers", style, "size", "64",
                                 "iterations", "11", "seed", "1", "learning-rate", "0.765", "pixel-range", "255",
                                 "epsilon", "3.92e-10", NULL});
    char weighted[128] = "";
    for (const char *p = style; *p; p++) /* every layer with weight 1 instead of equal shares */
        snprintf(weighted + strlen(weighted), sizeof weighted - strlen(weighted), *p == ',' ? "=1," : "%c", *p);
    snprintf(weighted + strlen(weighted), sizeof weighted - strlen(weighted), "=1");
    follow(model, &f, "lbfgs",
           (const char *const[]){"recipe", "neural-style", "content-layers", content, "style-layers", weighted, "size", "64",
                                 "iterations", "11", "seed", "1", "pixel-range", "1", "init", "content", "noise", "0.1", NULL});
    dq__free(f.bytes);
}

static void random_vgg19(void **state) {
    (void)state;
    dq_model *model = random_vgg19_model();
    both_optimisers(model, "trajectory_max.bin", "relu4_2", "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1");
    dq__model_free(&model);
}

static void real_weights(void **state) {
    (void)state;
    dq_model *model;
    char path[1024];
    snprintf(path, sizeof path, "%s/models/vgg19-relu3_1/vgg_normalised_conv3_1.pth", test_data());
    assert_ok(dq__model_read(&model, path, &err));
    both_optimisers(model, "trajectory_real.bin", "relu3_1", "relu1_1,relu2_1,relu3_1");
    dq__model_free(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_vgg19), cmocka_unit_test(real_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
