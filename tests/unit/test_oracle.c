/* SPDX-License-Identifier: MIT
 * Features, costs and pixel gradients against PyTorch in double (tests/oracle): full VGG-19 with seeded random weights and
 * the real weights to relu3_1. Bounds: features 1e-5, gradients 1e-4, relative, over the samples. */
#include "net_test.h"

#include "paint/cost.h"

typedef struct scene {
    dq__pool *pool;
    dq_model *model;
    dq__packed *packed;
    dq__settings settings;
    dq__taps taps;
    dq__cost_setup setup;
    double share[2];
    dq_image *x, *content, *style[2];
    fixture fixture;
    char size[16];
    float *gradient;
    double worst_feature, worst_gradient;
} scene;

static const char *const tap_names[] = {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"};

static record find(const scene *s, const char *what, const char *name) {
    char full[48];
    snprintf(full, sizeof full, "%s %s %s", s->size, what, name);
    return get_record(&s->fixture, full);
}

static void open_scene(scene *s, const char *fixture_name) {
    s->fixture = open_fixture(fixture_name);
    assert_ok(dq__pool_new(&s->pool, 2, &err));
    assert_ok(dq__packed_new(&s->packed, &s->model->table, &s->model->weights, s->model->table.count - 1, true, &err));
    s->setup = (dq__cost_setup){.pool = s->pool, .table = &s->model->table, .packed = s->packed, .taps = &s->taps,
                                .settings = &s->settings, .share = s->share};
}

static void close_scene(scene *s) {
    print_message("worst relative error: features %.2e, gradients %.2e\n", s->worst_feature, s->worst_gradient);
    dq__packed_free(&s->packed);
    dq__pool_free(&s->pool);
    dq__model_free(&s->model);
    dq__free(s->fixture.bytes);
}

static void open_pictures(scene *s, int w, int h) {
    snprintf(s->size, sizeof s->size, "%dx%d", w, h);
    char name[32];
    snprintf(name, sizeof name, "%s picture", s->size);
    s->x = synthetic_picture((uint64_t)get_record(&s->fixture, name).sample[0], w, h);
    s->content = synthetic_picture(1, w, h);
    s->style[0] = synthetic_picture(2, 56, 40);
    s->style[1] = synthetic_picture(3, 33, 45);
    s->gradient = dq__alloc(sizeof(float) * 3 * (size_t)w * (size_t)h);
}

static void close_pictures(scene *s) {
    dq__image_free(&s->x), dq__image_free(&s->content);
    dq__image_free(&s->style[0]), dq__image_free(&s->style[1]);
    dq__free(s->gradient);
}

static void check_features(scene *s, const char *name, const dq__tensor *f) {
    const size_t n = (size_t)f->h * (size_t)f->w * (size_t)f->c;
    float *dense = dq__alloc(sizeof(float) * n);
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        const int c = (int)(k % (size_t)f->c), at = (int)(k / (size_t)f->c);
        sum += (double)(dense[k] = dq__pixel(f, at / f->w, at % f->w)[c]);
    }
    record r = find(s, "features", name);
    const double error = sample_error(&r, dense, n);
    if (!(error <= 1e-5)) fail_msg("%s features of %s: relative error %.2e", s->size, name, error);
    assert_near(norm_of(dense, n), r.norm, 1e-5 * r.norm);
    assert_near(sum / (double)n, r.mean, 1e-5 * r.norm / sqrt((double)n));
    s->worst_feature = fmax(s->worst_feature, error);
    dq__free(dense);
}

static void features(scene *s, int taps) {
    int layer[6];
    for (int t = 0; t < taps; t++) layer[t] = dq__table_find(&s->model->table, tap_names[t]);
    const dq__exec_options options = {.h = s->x->height, .w = s->x->width, .tap = layer, .taps = taps};
    dq__exec *exec;
    assert_ok(dq__exec_new(&exec, s->pool, &s->model->table, s->packed, &options, &err));
    dq__exec_forward(exec, s->x->rgb);
    for (int t = 0; t < taps; t++) check_features(s, tap_names[t], dq__exec_tap(exec, t));
    dq__exec_free(&exec);
}

/* J of the scene's settings, taps and `styles` pictures: value and gradient. */
static void gradient(scene *s, const char *what, const char *name, int styles) {
    dq__cost *cost;
    s->setup.styles = styles;
    s->share[0] = styles == 1 ? 1 : 0.75, s->share[1] = 0.25;
    assert_ok(dq__cost_new(&cost, &s->setup, NULL, s->content, (const dq_image *const *)s->style, &err));
    const dq__cost_value value = dq__cost_evaluate(cost, s->x->rgb, s->gradient);
    const size_t n = 3 * (size_t)s->x->width * (size_t)s->x->height;
    record r = find(s, what, name);
    const double error = sample_error(&r, s->gradient, n);
    if (!(error <= 1e-4)) fail_msg("%s gradient of %s %s: relative error %.2e", s->size, what, name, error);
    assert_near(norm_of(s->gradient, n), r.norm, 1e-4 * r.norm);
    assert_near(value.total, r.value, 1e-5 * r.value);
    s->worst_gradient = fmax(s->worst_gradient, error);
    dq__cost_free(&cost);
}

static void each_cost_alone(scene *s, int taps) {
    for (int t = 0; t < taps; t++) {
        s->taps = (dq__taps){.count = 1, .layer = {dq__table_find(&s->model->table, tap_names[t])}};
        s->settings = (dq__settings){.normalization = DQ__NORM_MEAN, .content_weight = 1, .style_weight = 1, .pixel_range = 1};
        s->taps.content[0] = 1;
        gradient(s, "content", tap_names[t], 1);
        s->taps.content[0] = 0, s->taps.style[0] = 1;
        gradient(s, "style", tap_names[t], 1);
    }
    s->taps.content[0] = 1, s->taps.style[0] = 0;
    s->settings = (dq__settings){.content_weight = 0, .tv_weight = 1, .pixel_range = 1, .tv_kind = DQ__TV_CHOICE_NINE};
    gradient(s, "tv", "nine", 1);
    s->settings.tv_kind = DQ__TV_CHOICE_SUM;
    gradient(s, "tv", "sum", 1);
}

static void whole_cost(scene *s, int taps) {
    static const char *const normalization[] = {"mean", "course", "gatys", "relative"};
    s->taps = (dq__taps){.count = taps};
    for (int t = 0; t < taps; t++) {
        s->taps.layer[t] = dq__table_find(&s->model->table, tap_names[t]);
        s->taps.style[t] = strcmp(tap_names[t], "relu4_2") ? (t + 1) / 16.0 : 0;
    }
    s->taps.content[2] = 0.5;
    s->taps.content[taps - 2] = 1;
    for (int k = 0; k < 4; k++) {
        const float *weight = find(s, "weights", normalization[k]).sample;
        s->settings = (dq__settings){.normalization = k, .content_weight = (double)weight[0], .style_weight = (double)weight[1],
                                     .tv_weight = (double)weight[2], .pixel_range = 1, .tv_kind = DQ__TV_CHOICE_NINE};
        gradient(s, "J", normalization[k], 2);
    }
}

static void compare(scene *s, const char *fixture_name, int taps) {
    static const int size[][2] = {{64, 48}, {37, 53}};
    open_scene(s, fixture_name);
    for (int k = 0; k < 2; k++) {
        open_pictures(s, size[k][0], size[k][1]);
        features(s, taps);
        each_cost_alone(s, taps);
        whole_cost(s, taps);
        close_pictures(s);
    }
    close_scene(s);
}

static void random_vgg19_with_max_pools(void **state) {
    (void)state;
    scene s = {.model = random_vgg19_model()};
    compare(&s, "oracle_max.bin", 6);
}

static void random_vgg19_with_average_pools(void **state) {
    (void)state;
    scene s = {.model = random_vgg19_model()};
    s.model->table.pooling = DQ__POOL_AVERAGE;
    compare(&s, "oracle_average.bin", 6);
}

static void real_weights_to_relu3_1(void **state) {
    (void)state;
    scene s = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/models/vgg19-relu3_1/vgg_normalised_conv3_1.pth", test_data());
    assert_ok(dq__model_read(&s.model, path, &err));
    compare(&s, "oracle_real.bin", 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_vgg19_with_max_pools),
                                       cmocka_unit_test(random_vgg19_with_average_pools),
                                       cmocka_unit_test(real_weights_to_relu3_1)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
