/* SPDX-License-Identifier: MIT
 * What counts where: guided moments against sums in double, and masks and faces in a whole painting, by what the picture is
 * inside and outside of them. */
#include "map_test.h"

#include "image/face.h"
#include "loss/w2.h"
#include "paint/job.h"

#include <unistd.h>

/* ---- guided moments ------------------------------------------------------------------------------------------------ */

enum { H = 9, W = 8, C = 18, CS = 32 };

/* Σ m·f·fᵀ/N, and less the product of Σ m·f/N where it is centred; the squared distance to target. */
static double guided_distance(const dq__tensor *f, const float *guide, const float *target, bool centred) {
    double mean[C] = {0}, sum = 0;
    for (int k = 0; k < values(f); k++) mean[k % C] += (double)guide[k / C] * (double)*value(f, k) / (H * W);
    for (int a = 0; a < C; a++)
        for (int b = 0; b < C; b++) {
            double g = 0;
            for (int p = 0; p < H * W; p++) g += (double)guide[p] * (double)*value(f, p * C + a) * (double)*value(f, p * C + b);
            g = g / (H * W) - (centred ? mean[a] * mean[b] : 0) - (double)target[a * CS + b];
            sum += g * g;
        }
    return sum;
}

static void uneven_guide(float guide[H * W]) {
    double sum = 0;
    for (int p = 0; p < H * W; p++) sum += (double)(guide[p] = (float)(p % 5 == 2 ? 0 : 1 + p % 7));
    for (int p = 0; p < H * W; p++) guide[p] *= (float)(H * W / sum);
}

static void check_guided(bool centred) {
    dq__tensor f = random_map(11, H, W, C), grad = zero_map(&f);
    float guide[H * W], target[CS * CS] = {0};
    dq__moments m;
    assert_ok(dq__moments_init(&m, CS, &err));
    uneven_guide(guide);
    for (int a = 0; a < C; a++) target[a * CS + a] = 0.5f;
    dq__moments_guide(&m, guide);
    const double expected = 0.5 * guided_distance(&f, guide, target, centred);
    const double cost = centred ? dq__centred_cost(NULL, &m, NULL, &f, target, 0.5, 3, &grad)
                                : dq__gram_cost(NULL, m.gram, &f, target, 0.5, 3, &grad);
    assert_near(cost, expected, 1e-4 * expected);
    for (int k = 0; k < values(&f); k += 5) {
        float *at = value(&f, k);
        const float keep = *at;
        *at = keep + 0x1p-8f;
        const double above = guided_distance(&f, guide, target, centred);
        *at = keep - 0x1p-8f;
        const double slope = 1.5 * (above - guided_distance(&f, guide, target, centred)) / 0x1p-7;
        *at = keep;
        assert_near((double)*value(&grad, k), slope, 1e-3 * (0.1 + fabs(slope)));
    }
    halo_untouched(&grad);
    dq__moments_deinit(&m);
    free_map(&f), free_map(&grad);
}

static void guided_costs_and_their_slopes(void **state) {
    (void)state;
    check_guided(false);
    check_guided(true);
}

/* Where half the rows count twice and the others not, all is as if the others were not there. */
static void what_does_not_count_is_not_there(void **state) {
    (void)state;
    dq__tensor all = random_map(12, 2 * H, W, C), painting = random_map(13, H, W, C), grad = zero_map(&all);
    dq__tensor half = all;
    float guide[2 * H * W];
    half.h = H;
    dq__tensor half_grad = zero_map(&half);
    for (int p = 0; p < 2 * H * W; p++) guide[p] = p < H * W ? 2 : 0;
    dq__moments m;
    dq__w2 w;
    dq__gaussian target = {.mean = dq__alloc_zero(sizeof(float) * CS), .matrix = dq__alloc_zero(sizeof(float) * CS * CS)};
    assert_ok(dq__moments_init(&m, CS, &err));
    assert_ok(dq__w2_init(&w, CS, &err));
    dq__mean(NULL, &m, &painting, target.mean);
    dq__gram(NULL, m.gram, &painting, target.matrix);
    dq__w2_target(NULL, &w, &target, C, CS);
    const double expected = dq__w2_cost(NULL, &w, &m, NULL, &half, &target, 1, 1, &half_grad);
    dq__moments_guide(&m, guide);
    assert_near(dq__w2_cost(NULL, &w, &m, NULL, &all, &target, 1, 1, &grad), expected, 1e-4 * expected);
    for (int k = 0; k < values(&all); k++)
        assert_near((double)*value(&grad, k), k < values(&half) ? (double)*value(&half_grad, k) : 0, 1e-4);
    dq__free(target.mean), dq__free(target.matrix);
    dq__w2_deinit(&w);
    dq__moments_deinit(&m);
    free_map(&all), free_map(&painting), free_map(&grad), free_map(&half_grad);
}

/* ---- paintings ----------------------------------------------------------------------------------------------------- */

enum { SIDE = 64 };

typedef struct scene {
    dq_model *model;
    dq_image *photo, *style[2];
    char folder[64];
} scene;

/* Left half and right half of one colour each, or grey waves where that is NULL. */
static dq_image *halves(const float *left, const float *right, double wave) {
    dq_image *p;
    assert_int_equal(dq__image_new(&p, SIDE, SIDE, false, NULL), DQ_OK);
    for (int k = 0; k < SIDE * SIDE * 3; k++) {
        const int x = k / 3 % SIDE, y = k / 3 / SIDE;
        const float *colour = x < SIDE / 2 ? left : right;
        p->rgb[k] = colour ? colour[k % 3] : (float)(0.5 + 0.4 * sin(wave * x) * cos(wave * y));
    }
    return p;
}

static const float red[3] = {1, 0, 0}, blue[3] = {0, 0, 1}, white[3] = {1, 1, 1}, black[3] = {0, 0, 0};

static void save(const scene *f, const char *name, dq_image *image) {
    char path[128];
    dq__error why = {0};
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    if (dq__image_write(image, path, "", &why)) fail_msg("%s", why.text);
    dq__image_free(&image);
}

/* A mask of nine flat colours: one more than there may be. */
static dq_image *nine_colours(void) {
    dq_image *p = halves(black, black, 0);
    for (int k = 0; k < SIDE * SIDE; k++)
        for (int c = 0; c < 3; c++) p->rgb[3 * k + c] = c == 2 ? 0 : (float)((k % SIDE * 9 / SIDE) / (c ? 3 : 1) % 3) / 2;
    return p;
}

static const char *const files[] = {"red-blue.png", "blue-red.png", "white-black.png", "red.png", "black.png", "nine.png"};

static int setup(void **state) {
    scene *f = calloc(1, sizeof *f);
    if (dq__model_random(&f->model, 1, NULL)) return -1;
    snprintf(f->folder, sizeof f->folder, "%s/danqing-maps-XXXXXX", P_tmpdir);
    if (!mkdtemp(f->folder)) return -1;
    f->photo = halves(NULL, NULL, 0.2);
    f->style[0] = halves(NULL, (const float[]){0.5f, 0.5f, 0.5f}, 2); /* waves on the left, nothing on the right */
    f->style[1] = halves(NULL, NULL, 0.7);
    save(f, files[0], halves(red, blue, 0));
    save(f, files[1], halves(blue, red, 0));
    save(f, files[2], halves(white, black, 0));
    save(f, files[3], halves(red, red, 0));
    save(f, files[4], halves(black, black, 0));
    save(f, files[5], nine_colours());
    *state = f;
    return 0;
}

static int teardown(void **state) {
    scene *f = *state;
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", f->folder, files[k]);
        unlink(path);
    }
    const int left = rmdir(f->folder);
    dq__model_free(&f->model);
    dq__image_free(&f->photo), dq__image_free(&f->style[0]), dq__image_free(&f->style[1]);
    free(f);
    return left;
}

static char said[600];
static void listen(void *user, const char *notice) {
    (void)user;
    snprintf(said, sizeof said, "%s", notice);
}

/* Options as "name=value …", where @ stands for the folder of the masks. */
static dq_status make_job(dq_job **job, const scene *f, const dq_image *photo, int styles, const char *text) {
    dq_options *options;
    dq__settings settings;
    char copy[512], *save_at = NULL, value_of[256];
    dq_status status = dq__options_new(&options, &err);
    snprintf(copy, sizeof copy, "size=64 min-size=0 iterations=12 average=0 style-layers=relu1_1,relu2_1 %s", text);
    *job = NULL;
    for (char *item = strtok_r(copy, " ", &save_at); item && !status; item = strtok_r(NULL, " ", &save_at)) {
        char *equals = strchr(item, '='), *to = value_of;
        *equals = 0;
        for (const char *p = equals + 1; (*to = *p); p++) { /* @ becomes the folder */
            if (*p == '@') to += snprintf(to, 100, "%s/", f->folder);
            else to++;
        }
        status = dq__options_set(options, item, value_of, &err);
    }
    if (!status) status = dq__options_resolve(options, &settings, &err);
    if (!status)
        status = dq__job_new(job, NULL, f->model, photo, (const dq_image *const *)f->style, styles, &settings, NULL, listen,
                             NULL, &err);
    dq__options_free(&options);
    return status;
}

static dq_image *paint(const scene *f, const dq_image *photo, int styles, const char *text) {
    dq_job *job;
    dq_image *out;
    *said = 0;
    if (make_job(&job, f, photo, styles, text)) fail_msg("%s: %s", text, err.text);
    for (int more = 1; more;) assert_ok(dq__job_step(job, &more, &err));
    assert_ok(dq__job_image(job, &out, &err));
    dq__job_free(&job);
    return out;
}

/* Mean difference of neighbours in the left (0) or right (1) half, away from the border between them. */
static double roughness(const dq_image *p, int half) {
    double sum = 0;
    for (int y = 4; y < SIDE - 4; y++)
        for (int x = half * SIDE / 2 + 6; x < half * SIDE / 2 + SIDE / 2 - 6; x++)
            sum += fabs((double)p->rgb[3 * (y * SIDE + x)] - (double)p->rgb[3 * (y * SIDE + x + 1)]);
    return sum / ((SIDE - 8) * (SIDE / 2 - 12));
}

static double moved(const dq_image *p, const dq_image *from, int half) {
    double sum = 0;
    for (int y = 4; y < SIDE - 4; y++)
        for (int k = 3 * (half * SIDE / 2 + 6); k < 3 * (half * SIDE / 2 + SIDE / 2 - 6); k++)
            sum += fabs((double)p->rgb[3 * y * SIDE + k] - (double)from->rgb[3 * y * SIDE + k]);
    return sum / (3 * (SIDE - 8) * (SIDE / 2 - 12));
}

/* Each region of the photo becomes as rough as the region of its colour in the painting, whichever side that is on. */
static void regions_are_painted_after_their_own(void **state) {
    const scene *f = *state;
    static const char *const losses[] = {"gram", "centred", "w2"};
    for (int i = 0; i < 3; i++) {
        char text[160];
        const char *rest = "face=off tv-weight=0 content-weight=0.1 style-mask=@red-blue.png";
        snprintf(text, sizeof text, "style-loss=%s %s mask=@red-blue.png", losses[i], rest);
        dq_image *same = paint(f, f->photo, 1, text);
        snprintf(text, sizeof text, "style-loss=%s %s mask=@blue-red.png", losses[i], rest);
        dq_image *swapped = paint(f, f->photo, 1, text);
        print_message("%s: %.4f %.4f, swapped %.4f %.4f\n", losses[i], roughness(same, 0), roughness(same, 1),
                      roughness(swapped, 0), roughness(swapped, 1));
        assert_true(roughness(same, 0) > 1.3 * roughness(same, 1));
        assert_true(roughness(swapped, 1) > 1.3 * roughness(swapped, 0));
        dq_image *plain = paint(f, f->photo, 1, "face=off tv-weight=0 content-weight=0.1");
        assert_true(roughness(plain, 0) < 1.2 * roughness(plain, 1)); /* without masks the halves are alike */
        dq_image_free(&same), dq_image_free(&swapped), dq_image_free(&plain);
    }
}

static void black_of_a_mask_alone_stays_the_photo(void **state) {
    const scene *f = *state;
    dq_image *p = paint(f, f->photo, 1, "face=off tv-weight=0 mask=@white-black.png");
    print_message("moved %.4f and %.4f\n", moved(p, f->photo, 0), moved(p, f->photo, 1));
    assert_true(moved(p, f->photo, 0) > 0.05);
    assert_true(moved(p, f->photo, 1) < 0.2 * moved(p, f->photo, 0));
    dq_image_free(&p);
}

static void white_of_a_content_mask_keeps_the_photo(void **state) {
    const scene *f = *state;
    const char *keeping = "face=off tv-weight=0 content-layers=relu2_1 content-weight=300 content-mask=@white-black.png";
    dq_image *p = paint(f, f->photo, 1, keeping);
    print_message("moved %.4f and %.4f\n", moved(p, f->photo, 0), moved(p, f->photo, 1));
    assert_true(moved(p, f->photo, 1) > 1.5 * moved(p, f->photo, 0));
    dq_image_free(&p);
    dq_image *whole = paint(f, f->photo, 2, "face=off mask=@red.png style-mask=@red.png"), /* all is one region: no masks */
             *plain = paint(f, f->photo, 2, "face=off init=content");
    for (int k = 0; k < SIDE * SIDE * 3; k++) assert_near((double)whole->rgb[k], (double)plain->rgb[k], 0.02);
    dq_image_free(&whole), dq_image_free(&plain);
}

static void one_painting_for_each_region(void **state) {
    const scene *f = *state;
    dq_image *two = paint(f, f->photo, 2, "face=off mask=@red-blue.png style-mask=@red-blue.png,@red.png"),
             *one = paint(f, f->photo, 1, "face=off mask=@red-blue.png style-mask=@red-blue.png");
    assert_true(moved(two, one, 0) > 4 * moved(two, one, 1)); /* the second painting has red only */
    dq_image_free(&two), dq_image_free(&one);
}

static void refuse(const scene *f, int styles, const char *text, dq_status wanted, const char *word) {
    dq_job *job;
    const dq_status status = make_job(&job, f, f->photo, styles, text);
    if (status != wanted || !strstr(err.text, word)) fail_msg("%s: status %d, '%s'", text, status, err.text);
    assert_null(job);
}

static void bad_masks_are_explained(void **state) {
    const scene *f = *state;
    refuse(f, 1, "mask=@none.png", DQ_BAD_IMAGE, "none.png");
    refuse(f, 1, "content-mask=@none.png", DQ_BAD_IMAGE, "none.png");
    refuse(f, 1, "mask=@red-blue.png style-mask=@red.png", DQ_USAGE, "#0000ff");
    refuse(f, 1, "mask=@nine.png style-mask=@nine.png", DQ_USAGE, "more than 8 colours");
    refuse(f, 1, "style-mask=@red.png", DQ_USAGE, "--mask");
    refuse(f, 1, "mask=@red.png style-mask=@red.png,@red.png", DQ_USAGE, "paintings (1)");
    refuse(f, 1, "mask=@black.png", DQ_USAGE, "black");
    refuse(f, 1, "face=maybe", DQ_USAGE, "on, off");
    refuse(f, 1, "face=-1", DQ_USAGE, "face");
}

/* ---- faces --------------------------------------------------------------------------------------------------------- */

static dq_image *sample_portrait(void) {
    char path[1024];
    dq_image *p, *small;
    dq__face_finder *finder;
    if (dq__face_finder_new(&finder, NULL, &err)) {
        print_message("skipped: %s\n", err.text);
        skip();
    }
    dq__face_finder_free(&finder);
    snprintf(path, sizeof path, "%s/examples/samples/portrait2.png", getenv("DANQING_SOURCE"));
    if (dq__image_read(&p, path, &err)) fail_msg("%s", err.text);
    assert_ok(dq__image_resize(&small, p, 96, 120, &err));
    dq__image_free(&p);
    return small;
}

/* Squared distance to the photo in the face of the sample, and outside of it. */
static void distances(const dq_image *p, const dq_image *photo, double *face, double *rest) {
    const dq__face known = {.x = 45, .y = 51, .side = 58, .eye = {{35, 46}, {56, 47}}};
    float *map = dq__alloc(sizeof(float) * (size_t)(p->width * p->height));
    dq_image *small;
    double sum[2] = {0}, weight[2] = {0};
    assert_ok(dq__image_resize(&small, photo, p->width, p->height, &err));
    dq__face_map(map, p->width, p->height, 96, 120, &known, 1);
    for (int k = 0; k < p->width * p->height * 3; k++) {
        const double d = (double)p->rgb[k] - (double)small->rgb[k], m = (double)map[k / 3];
        sum[0] += m * d * d, sum[1] += (1 - m) * d * d, weight[0] += m, weight[1] += 1 - m;
    }
    *face = sum[0] / weight[0], *rest = sum[1] / weight[1];
    dq__free(map);
    dq__image_free(&small);
}

static void a_face_is_found_and_kept(void **state) {
    const scene *f = *state;
    dq_image *photo = sample_portrait(), *on, *off, *none;
    double face[2], rest[2];
    off = paint(f, photo, 1, "size=120 content-layers=relu2_1 style-weight=3 face=off");
    on = paint(f, photo, 1, "size=120 content-layers=relu2_1 style-weight=3 face=40");
    distances(off, photo, &face[0], &rest[0]);
    distances(on, photo, &face[1], &rest[1]);
    print_message("face %.5f → %.5f, rest %.5f → %.5f\n", face[0], face[1], rest[0], rest[1]);
    assert_true(face[1] < 0.6 * face[0]);
    assert_true(rest[1] > 0.7 * rest[0]);
    dq_image_free(&on);
    on = paint(f, photo, 1, "size=120 content-weight=0 init=content face=40"); /* the style alone counts less in a face, too */
    none = paint(f, photo, 1, "size=120 content-weight=0 init=content face=off");
    distances(none, photo, &face[0], &rest[0]);
    distances(on, photo, &face[1], &rest[1]);
    print_message("style alone: face %.5f → %.5f, rest %.5f → %.5f\n", face[0], face[1], rest[0], rest[1]);
    assert_true(face[1] < 0.8 * face[0]);
    assert_true(rest[1] > 0.7 * rest[0]);
    dq_image_free(&none);
    setenv("DANQING_CASCADES", "/nowhere/at/all", 1); /* nothing to find faces with: a notice, no failure */
    none = paint(f, photo, 1, "size=120 content-layers=relu2_1 style-weight=3 face=40");
    unsetenv("DANQING_CASCADES");
    assert_non_null(strstr(said, "/nowhere/at/all"));
    assert_memory_equal(none->rgb, off->rgb, sizeof(float) * 3 * (size_t)(off->width * off->height));
    dq_image_free(&on), dq_image_free(&off), dq_image_free(&none), dq_image_free(&photo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guided_costs_and_their_slopes),        cmocka_unit_test(what_does_not_count_is_not_there),
        cmocka_unit_test(regions_are_painted_after_their_own),  cmocka_unit_test(black_of_a_mask_alone_stays_the_photo),
        cmocka_unit_test(white_of_a_content_mask_keeps_the_photo), cmocka_unit_test(one_painting_for_each_region),
        cmocka_unit_test(bad_masks_are_explained),              cmocka_unit_test(a_face_is_found_and_kept)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
