/* SPDX-License-Identifier: MIT
 * Sketches: metrics by their definitions, pairs and what is wrong with them, every method on rendered heads against the floors,
 * energies that never rise, the same bytes for any threads, the cache, a student's gradient and its training. */
#include "sketch_faces.h"

#include "base/pool.h"
#include "model/model.h"
#include "sketch/algebra.h"
#include "sketch/drawing.h"
#include "sketch/eval.h"
#include "sketch/fft.h"
#include "sketch/learn.h"
#include "sketch/lines.h"
#include "sketch/metrics.h"
#include "sketch/net.h"
#include "sketch/sketch.h"
#include "train/config.h"

enum { LEARNT = 16, TESTED = 2, PATH = 4300 };

static dq__pool *pool;
static dq__pairs *learnt, *tested;

static int set_up(void **state) {
    if (make_pairs_folder(state)) return -1;
    assert_ok(dq__pool_new(&pool, 2, &err));
    assert_ok(dq__pairs_read(&learnt, pool, write_pairs("learnt", 0, LEARNT), DQ__TO_SKETCH, &err));
    assert_ok(dq__pairs_read(&tested, pool, write_pairs("tested", 20, 20 + TESTED), DQ__TO_SKETCH, &err));
    return 0;
}

static int tear_down(void **state) {
    dq__pairs_free(&learnt);
    dq__pairs_free(&tested);
    dq__pool_free(&pool);
    return remove_pairs_folder(state);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

static void transform_is_the_sum_of_its_definition(void **state) {
    (void)state;
    static const int sizes[] = {1, 2, 7, 30, 67, 50};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int n = sizes[s];
        enum { WIDTH = 45 };
        dq__fft f;
        float re[67 * WIDTH], im[67 * WIDTH], in[67], scratch[80 * 67];
        assert_ok(dq__fft_init(&f, n, &err));
        for (int j = 0; j < n; j++) in[j] = dq__rng_normal(1, 2, (uint64_t)j);
        for (int i = 0; i < n * WIDTH; i++) re[i] = in[i / WIDTH] * (float)(1 + i % WIDTH), im[i] = 0;
        dq__fft_columns(&f, 1, WIDTH, re, im, scratch);
        for (int k = 0; k < n; k++) {
            double a = 0, b = 0;
            for (int j = 0; j < n; j++) {
                a += (double)in[j] * cos(2 * 3.14159265358979 * j * k / n);
                b -= (double)in[j] * sin(2 * 3.14159265358979 * j * k / n);
            }
            assert_near((double)re[k * WIDTH + 44], 45 * a, 2e-3 * n);
            assert_near((double)im[k * WIDTH], b, 1e-4 * n);
        }
        dq__fft_columns(&f, -1, WIDTH, re, im, scratch);
        for (int j = 0; j < n; j++) assert_near((double)re[j * WIDTH] / n, (double)in[j], 1e-5 * n);
        dq__fft_deinit(&f);
    }
}

static void eigenvectors_give_the_matrix_back(void **state) {
    (void)state;
    enum { N = 9 };
    double a[N * N], copy[N * N], value[N], vector[N * N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) a[i * N + j] = a[j * N + i] = (double)dq__rng_normal(3, (uint64_t)i, (uint64_t)j);
    memcpy(copy, a, sizeof a);
    dq__eigen(a, N, value, vector);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0, one = 0;
            for (int k = 0; k < N; k++) {
                sum += value[k] * vector[k * N + i] * vector[k * N + j];
                one += vector[i * N + k] * vector[j * N + k];
            }
            assert_near(sum, copy[i * N + j], 1e-9);
            assert_near(one, i == j, 1e-12);
        }
    for (int k = 1; k < N; k++) assert_true(value[k - 1] >= value[k]);
}

static void metrics_know_what_is_the_same_and_what_is_less(void **state) {
    (void)state;
    const float *a = dq__pair_drawn(learnt, 0);
    float *b = dq__alloc(sizeof(float) * 5 * FACE_PIXELS), *fa = b + FACE_PIXELS, *fb = fa + 2 * (size_t)FACE_PIXELS;
    dq__fsim *fsim;
    assert_ok(dq__fsim_new(&fsim, FACE_W, FACE_H, &err));
    double before[3] = {1, 1, 1};
    for (int k = 0; k < 3; k++) { /* more and more noise */
        for (int i = 0; i < FACE_PIXELS; i++) b[i] = a[i] + 25.0f * (float)k * dq__rng_normal(9, 1, (uint64_t)i);
        dq__round_grey(b, FACE_PIXELS);
        assert_true(dq__fsim_features(fsim, a, fa) && dq__fsim_features(fsim, b, fb));
        const double now[3] = {dq__ssim(a, b, FACE_W, FACE_H, false), dq__fsim_compare(fsim, fa, fb), dq__scoot(a, b, FACE_W,
            FACE_H)};
        for (int m = 0; m < 3; m++) {
            if (k == 0) assert_near(now[m], 1, 1e-9);
            else assert_true(now[m] < before[m] - 0.02);
            before[m] = now[m];
        }
    }
    dq__fsim_free(&fsim);
    dq__free(b);
}

/* SSIM of flat pictures is its term of means alone. */
static void ssim_of_flat_pictures_is_known(void **state) {
    (void)state;
    float a[20 * 30], b[20 * 30];
    for (int i = 0; i < 600; i++) a[i] = 100, b[i] = 120;
    const double c1 = 2.55 * 2.55, expected = (2 * 100 * 120 + c1) / (100 * 100 + 120 * 120 + c1);
    assert_near(dq__ssim(a, b, 20, 30, false), expected, 1e-9);
    assert_near(dq__ssim(a, b, 20, 30, true), expected, 1e-9);
}

static void recognition_needs_what_tells_people_apart(void **state) {
    (void)state;
    enum { PEOPLE = 24, PIXELS = 400 };
    float *all = dq__alloc(sizeof(float) * 3 * PEOPLE * PIXELS);
    const float *artist[PEOPLE], *good[PEOPLE], *none[PEOPLE];
    for (int k = 0; k < PEOPLE; k++) {
        float *p = all + (ptrdiff_t)k * 3 * PIXELS;
        artist[k] = p, good[k] = p + PIXELS, none[k] = p + 2 * PIXELS;
        for (int i = 0; i < PIXELS; i++) {
            p[i] = 40 * dq__rng_normal(4, (uint64_t)k, (uint64_t)i);
            p[PIXELS + i] = p[i] + 10 * dq__rng_normal(5, (uint64_t)k, (uint64_t)i);
            p[2 * PIXELS + i] = 40 * dq__rng_normal(6, (uint64_t)k, (uint64_t)i);
        }
    }
    double accuracy;
    assert_ok(dq__nlda(pool, PEOPLE, artist, good, PIXELS, 12, &accuracy, &err));
    assert_true(accuracy > 0.9);
    assert_ok(dq__nlda(pool, PEOPLE, artist, none, PIXELS, 12, &accuracy, &err));
    assert_true(accuracy < 0.4);
    dq__free(all);
}

/* ---- pairs ------------------------------------------------------------------------------------------------------------ */

static void pairs_that_do_not_match_are_told(void **state) {
    (void)state;
    dq__pairs *p;
    char path[400];
    const char *bad = write_pairs("bad", 0, 2);
    assert_fails(dq__pairs_read(&p, pool, "/nonexistent", DQ__TO_SKETCH, &err), DQ_BAD_IMAGE, "photos/ and sketches/");
    snprintf(path, sizeof path, "%s/sketches/001.png", bad);
    assert_int_equal(remove(path), 0);
    assert_fails(dq__pairs_read(&p, pool, bad, DQ__TO_SKETCH, &err), DQ_BAD_IMAGE, "photos/001.png has no sketch");
    write_grey(bad, "sketches", 1, dq__pair_drawn(learnt, 1));
    write_grey(bad, "sketches", 2, dq__pair_drawn(learnt, 1));
    assert_fails(dq__pairs_read(&p, pool, bad, DQ__TO_SKETCH, &err), DQ_BAD_IMAGE, "sketches/002.png has no photo");
    snprintf(path, sizeof path, "%s/sketches/002.png", bad);
    assert_int_equal(remove(path), 0);
    snprintf(path, sizeof path, "%s/sketches/001.png", bad);
    dq_image *small = smooth_picture(100, 125, false);
    assert_ok(dq__image_write(small, path, NULL, &err));
    dq__image_free(&small);
    assert_fails(dq__pairs_read(&p, pool, bad, DQ__TO_SKETCH, &err), DQ_BAD_IMAGE, "both must have one size");
    assert_int_equal(truncate(path, 20), 0);
    assert_fails(dq__pairs_read(&p, pool, bad, DQ__TO_SKETCH, &err), DQ_BAD_IMAGE, "001.png");
    assert_null(p);
}

static void cache_is_believed_only_for_the_same_pairs(void **state) {
    (void)state;
    float values[100], found[100] = {0};
    for (int i = 0; i < 100; i++) values[i] = (float)i;
    assert_false(dq__cache_read(learnt, "test 1", found, 100));
    dq__cache_write(learnt, "test 1", values, 100);
    assert_true(dq__cache_read(learnt, "test 1", found, 100));
    assert_memory_equal(values, found, sizeof values);
    assert_false(dq__cache_read(learnt, "test 2", found, 100));
    assert_false(dq__cache_read(learnt, "test 1", found, 99));
    assert_false(dq__cache_read(tested, "test 1", found, 100));
}

static void eyes_must_be_two_eyes(void **state) {
    (void)state;
    dq__eye_pair e;
    dq__similarity s;
    assert_fails(dq__eye_pair_parse(&e, "1,2,3", &err), DQ_USAGE, "x1,y1,x2,y2");
    assert_ok(dq__eye_pair_parse(&e, "300,200,400,200", &err));
    assert_fails(dq__eye_pair_similarity(&s, &e, 350, 300, &err), DQ_USAGE, "not within the picture");
    assert_ok(dq__eye_pair_similarity(&s, &e, 500, 400, &err));
    assert_near(s.a * 75 - s.b * 125 + s.tx, 300, 1e-9);
    assert_near(s.b * 125 + s.a * 125 + s.ty, 200, 1e-9);
    e = (dq__eye_pair){400, 200, 300, 200};
    assert_fails(dq__eye_pair_similarity(&s, &e, 500, 400, &err), DQ_USAGE, "the left one in the picture first");
}

/* A photo twice as large and moved comes into the frame, and its drawing back to where it was. */
static void drawing_comes_back_to_the_photo(void **state) {
    (void)state;
    dq_image *photo, *back;
    const dq__eye_pair eyes = {75 * 2 + 30.5, 125 * 2 + 40.5, 125 * 2 + 30.5, 125 * 2 + 40.5};
    dq__similarity s;
    dq__frame *face = dq__alloc(sizeof *face);
    assert_ok(dq__image_new(&photo, 460, 580, false, &err));
    for (int i = 0; i < 460 * 580; i++) {
        const float v = face_at(30, ((float)(i % 460) - 30.5f) / 2, ((float)(i / 460) - 40.5f) / 2);
        for (int c = 0; c < 3; c++) photo->rgb[3 * i + c] = fminf(1, fmaxf(0, v));
    }
    assert_ok(dq__eye_pair_similarity(&s, &eyes, 460, 580, &err));
    assert_ok(dq__frame_take(face, photo, &s, &err));
    double gap = 0;
    for (int i = 0; i < FACE_PIXELS; i++)
        gap += fabs((double)face->grey[i] - 255 * (double)fminf(1, face_at(30, (float)(i % FACE_W), (float)(i / FACE_W))));
    assert_true(gap / FACE_PIXELS < 3);
    assert_ok(dq__drawing_back(&back, face->grey, face, photo, &s, &err)); /* a drawing that is the photo comes back as it */
    assert_int_equal(back->width, 460);
    gap = 0;
    for (int y = 60; y < 500; y++)
        for (int x = 50; x < 400; x++) {
            const float *p = photo->rgb + 3 * (y * 460 + x), *q = back->rgb + 3 * (y * 460 + x);
            gap += fabs((double)(p[0] - q[0])) * 255;
        }
    assert_true(gap / (440 * 350) < 3);
    dq__image_free(&photo);
    dq__image_free(&back);
    dq__free(face);
}

/* ---- methods ----------------------------------------------------------------------------------------------------------- */

static dq__drawing_settings settings_of(const char *method) {
    return (dq__drawing_settings){.method = method, .samples = 80};
}

static void draw_one(dq__artist *a, dq__pool *with, const char *method, int person, float *drawing, double *trace) {
    const dq__drawing_settings s = settings_of(method);
    dq__frame *face = dq__alloc(sizeof *face);
    dq__pair_frame(tested, person, face);
    a->method = NULL;
    assert_ok(dq__method_find(&a->method, method, &err));
    a->encoder = NULL;
    assert_ok(dq__artist_learn(a, &s, with, learnt, &err));
    assert_ok(a->method->draw(a->state, face, drawing, trace, &err));
    dq__free(face);
}

/* SSIM of every method over the grey photo's and the mean sketch's. */
static void every_method_beats_both_floors(void **state) {
    (void)state;
    static const char *const names[] = {"lle", "ssd", "mrf", "mwf", "rslcr", "ridge", "dgfl"};
    const dq_tool tool = {.name = "test"};
    const dq__call call = {.tool = &tool, .pool = pool};
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        const dq__drawing_settings s = settings_of(names[m]);
        dq__artist a = {0};
        dq__trial *t;
        double mean[DQ__SHOWN] = {0};
        assert_ok(dq__method_find(&a.method, names[m], &err));
        assert_ok(dq__artist_learn(&a, &s, pool, learnt, &err));
        assert_ok(dq__trial_new(&t, TESTED, &err));
        assert_ok(dq__trial_draw(t, 0, tested, &a, &call, &err));
        for (int k = 0; k < TESTED; k++)
            for (int shown = 0; shown < DQ__SHOWN; shown++)
                mean[shown] += dq__ssim(t->shown[shown] + (size_t)k * FACE_PIXELS, t->artist + (size_t)k * FACE_PIXELS, FACE_W,
                                        FACE_H, false) / TESTED;
        if (mean[DQ__MADE] <= mean[DQ__FLOOR_PHOTO] + 0.01 || mean[DQ__MADE] <= mean[DQ__FLOOR_MEAN] + 0.01)
            fail_msg("%s: SSIM %.4f, photo %.4f, mean %.4f", names[m], mean[0], mean[1], mean[2]);
        dq__trial_free(&t);
        dq__artist_forget(&a);
    }
}

static void energies_never_rise(void **state) {
    (void)state;
    static const char *const names[] = {"mrf", "mwf", "dgfl"};
    float *drawing = dq__alloc(sizeof(float) * FACE_PIXELS);
    for (int m = 0; m < 3; m++) {
        double trace[DQ__TRACE];
        dq__artist a = {0};
        draw_one(&a, pool, names[m], 0, drawing, trace);
        int n = 1;
        for (; trace[n] >= 0; n++)
            if (trace[n] > trace[n - 1] * (1 + 1e-5)) fail_msg("%s: round %d: %g after %g", names[m], n, trace[n], trace[n - 1]);
        assert_true(n >= 8 && (m == 0 || trace[n - 1] < trace[0] * 0.99));
        dq__artist_forget(&a);
    }
    dq__free(drawing);
}

static void same_bytes_for_any_threads(void **state) {
    (void)state;
    static const char *const names[] = {"ssd", "mrf", "rslcr", "dgfl"};
    float *drawing = dq__alloc(sizeof(float) * 2 * FACE_PIXELS);
    dq__pool *one;
    assert_ok(dq__pool_new(&one, 1, &err));
    for (size_t m = 0; m < sizeof names / sizeof *names; m++)
        for (int k = 0; k < 2; k++) {
            dq__artist a = {0};
            draw_one(&a, k ? one : pool, names[m], 1, drawing + (ptrdiff_t)k * FACE_PIXELS, NULL);
            dq__artist_forget(&a);
            if (k && memcmp(drawing, drawing + FACE_PIXELS, sizeof(float) * FACE_PIXELS) != 0) fail_msg("%s", names[m]);
        }
    dq__pool_free(&one);
    dq__free(drawing);
}

/* What the pencil is for: strokes that were blurred away come back as the artist would draw them, and what is drawn stays. */
static void pencil_brings_the_strokes_back(void **state) {
    (void)state;
    const float *wanted = dq__pair_drawn(tested, 0);
    float *plain = dq__alloc(sizeof(float) * 2 * FACE_PIXELS), *made = plain + FACE_PIXELS;
    dq__frame *face = dq__alloc(sizeof *face);
    dq_model *model = NULL;
    dq__finish *finish = NULL;
    dq__pair_frame(tested, 0, face);
    for (int i = 0; i < FACE_PIXELS; i++) plain[i] = made[i] = mean_around(wanted, i % FACE_W, i / FACE_W, 3);
    assert_ok(dq__model_open(&model, NULL, &err));
    assert_ok(dq__finish_new(&finish, pool, learnt, model, &err));
    assert_ok(dq__finish_draw(finish, face, made, &err));
    dq__round_grey(plain, FACE_PIXELS);
    dq__round_grey(made, FACE_PIXELS);
    const double before = dq__scoot(plain, wanted, FACE_W, FACE_H), after = dq__scoot(made, wanted, FACE_W, FACE_H);
    const double kept = dq__ssim(made, plain, FACE_W, FACE_H, false);
    if (after < before + 0.03 || kept < 0.4) fail_msg("Scoot %.3f after %.3f, SSIM to the drawing %.3f", after, before, kept);
    dq__finish_free(&finish);
    dq__model_free(&model);
    dq__free(face);
    dq__free(plain);
}

static void settings_without_effect_are_refused(void **state) {
    (void)state;
    dq__artist a;
    dq__drawing_settings s = {.method = "mwf", .samples = 800};
    assert_fails(dq__artist_choose(&a, &s, false, &err), DQ_USAGE, "--pairs DIR");
    s.fast = true;
    assert_fails(dq__artist_choose(&a, &s, true, &err), DQ_USAGE, "fast has no effect on the method mwf");
    s = (dq__drawing_settings){.method = "lines", .samples = 800, .finish = 1};
    assert_fails(dq__artist_choose(&a, &s, false, &err), DQ_USAGE, "finish has no effect on the method lines");
    s = (dq__drawing_settings){.student = "a.safetensors", .samples = 800, .finish = 1};
    assert_fails(dq__artist_choose(&a, &s, false, &err), DQ_USAGE, "a pencil needs an artist's hand");
    assert_ok(dq__artist_choose(&a, &s, true, &err));
    s = (dq__drawing_settings){.samples = 800, .direction = 1, .finish = 1};
    assert_fails(dq__artist_choose(&a, &s, true, &err), DQ_USAGE, "no finish from sketch to photo");
    s = (dq__drawing_settings){.method = "nothing", .samples = 800};
    assert_fails(dq__artist_choose(&a, &s, true, &err), DQ_USAGE, "there are: lle");
    s = (dq__drawing_settings){.samples = 800};
    assert_ok(dq__artist_choose(&a, &s, false, &err));
    assert_string_equal(a.method->name, "lines");
    assert_ok(dq__artist_choose(&a, &s, true, &err));
    assert_string_equal(a.method->name, "mwf");
}

/* Lines are drawn where it darkens, whatever the light. */
static void lines_follow_edges(void **state) {
    (void)state;
    enum { SIDE = 60 };
    float grey[SIDE * SIDE], drawing[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) grey[i] = (i % SIDE < 30 ? 200 : 100) * (i / SIDE < 30 ? 1 : 0.4f);
    assert_ok(dq__lines_draw(grey, SIDE, SIDE, 1.5, drawing, &err));
    for (int y = 10; y < SIDE; y += 40) {
        assert_true(drawing[y * SIDE + 31] < drawing[y * SIDE + 10] - 60);
        assert_true(drawing[y * SIDE + 50] > 180);
    }
}

/* ---- students ---------------------------------------------------------------------------------------------------------- */

static void make_task(dq__task *task, const char *method) {
    char text[64], pairs[PATH];
    const char *set[] = {text, pairs, "batch=1", "vary=0"};
    dq__config *config;
    snprintf(text, sizeof text, "method=%s", method);
    snprintf(pairs, sizeof pairs, "pairs=%s", learnt->folder);
    assert_ok(dq__config_new(&config, "test", dq__sketch_recipe, set, 4, dq__sketch_lists, &err));
    assert_ok(dq__sketch_task(task, pool, config, &err));
    dq__config_free(&config);
}

/* Of everything but the judge and what it says, whose gradients are of two losses. */
static void gradient_is_the_slope_of_the_loss(void **state) {
    (void)state;
    static const char *const methods[] = {"kt-light", "dcf"};
    for (int m = 0; m < 2; m++) {
        dq__task task;
        double loss[2], none, part[DQ__MAX_PARTS];
        make_task(&task, methods[m]);
        float *theta = dq__alloc(sizeof(float) * 3 * task.parameters), *slope = theta + task.parameters,
            *way = slope + task.parameters;
        task.init(task.self, 3, theta);
        assert_ok(task.gradient(task.self, theta, 0, slope, &none, part, &err));
        double along = 0, length = 0;
        for (size_t i = 0; i < task.parameters; i++) length += (double)slope[i] * (double)slope[i];
        for (size_t i = 0; i < task.parameters; i++) way[i] = slope[i] / (float)sqrt(length);
        along = sqrt(length);
        for (int k = 0; k < 2; k++) {
            const float step = (k ? -1.0f : 1.0f) / 512;
            for (size_t i = 0; i < task.parameters; i++) theta[i] += step * way[i];
            assert_ok(task.gradient(task.self, theta, 0, slope, &loss[k], part, &err));
            for (size_t i = 0; i < task.parameters; i++) theta[i] -= step * way[i];
        }
        const double numeric = (loss[0] - loss[1]) * 256;
        if (fabs(numeric - along) > 0.03 * along) fail_msg("%s: slope %g, by differences %g", methods[m], along, numeric);
        dq__free(theta);
        task.free(task.self);
    }
}

/* All losses are there, and a saved student draws what the trained one did. */
static void student_learns_is_saved_and_draws(void **state) {
    (void)state;
    dq__task task;
    double first = 0, loss, part[DQ__MAX_PARTS];
    char path[400];
    make_task(&task, "kd+");
    float *theta = dq__alloc(sizeof(float) * 2 * task.parameters), *slope = theta + task.parameters;
    task.init(task.self, 1, theta);
    for (int step = 0; step < 4; step++) {
        assert_ok(task.gradient(task.self, theta, 0, slope, &loss, part, &err));
        if (!step) first = loss;
        double length = 0;
        for (size_t i = 0; i < task.parameters; i++) length += (double)slope[i] * (double)slope[i];
        for (size_t i = 0; i < task.parameters; i++) theta[i] -= 0.05f * slope[i] / (float)sqrt(length);
    }
    assert_true(loss < first);
    for (int p = 0; p < task.parts; p++)
        assert_true(isfinite(part[p]) && (part[p] > 0) == (strcmp(task.part_name[p], "latent") != 0));
    snprintf(path, sizeof path, "%s/student.safetensors", pairs_folder);
    assert_ok(task.save(task.self, theta, 4, path, &err));
    dq__artist a = {0};
    const dq__drawing_settings s = {.student = path, .samples = 800};
    dq__frame *face = dq__alloc(sizeof *face);
    float *drawing = dq__alloc(sizeof(float) * FACE_PIXELS);
    dq__pair_frame(learnt, 0, face);
    assert_ok(dq__artist_choose(&a, &s, false, &err));
    assert_ok(dq__artist_learn(&a, &s, pool, NULL, &err));
    assert_ok(a.method->draw(a.state, face, drawing, NULL, &err));
    double gap = 0;
    for (int i = 0; i < FACE_PIXELS; i++) gap += fabs((double)(drawing[i] - dq__pair_drawn(learnt, 0)[i])) / FACE_PIXELS;
    assert_true(gap < 64);
    dq__artist_forget(&a);
    const dq__drawing_settings wrong = {.student = "/nonexistent.safetensors", .samples = 800};
    assert_ok(dq__artist_choose(&a, &wrong, false, &err));
    assert_fails(dq__artist_learn(&a, &wrong, pool, NULL, &err), DQ_BAD_MODEL, "nonexistent");
    dq__artist_forget(&a);
    dq__free(face);
    dq__free(drawing);
    dq__free(theta);
    task.free(task.self);
}

/* ---- the tools --------------------------------------------------------------------------------------------------------- */

static void tools_draw_and_measure(void **state) {
    (void)state;
    char *json = NULL, photo[PATH], pairs[PATH], out[400], csv[400];
    snprintf(photo, sizeof photo, "%s/photos/020.png", tested->folder);
    snprintf(pairs, sizeof pairs, "pairs=%s", learnt->folder);
    snprintf(out, sizeof out, "%s/out.png", pairs_folder);
    snprintf(csv, sizeof csv, "%s/out.csv", pairs_folder);
    const char *inputs[] = {photo}, *settings[] = {pairs, "method=lle"};
    dq_tool tool = {.name = "sketch", .inputs = inputs, .input_count = 1, .settings = settings, .setting_count = 2,
                    .output = out};
    const dq__call call = {.tool = &tool, .pool = pool, .json = &json};
    assert_ok(dq__sketch_tool(&call, &err));
    assert_non_null(strstr(json, "\"method\":\"lle\""));
    settings[1] = "eyes=0,0,1,1";
    assert_fails(dq__sketch_tool(&call, &err), DQ_USAGE, "4 pixels apart");
    inputs[0] = tested->folder, settings[1] = "method=ssd";
    tool = (dq_tool){.name = "sketch eval", .inputs = inputs, .input_count = 1, .settings = settings, .setting_count = 2,
                     .output = csv};
    assert_ok(dq__sketch_eval_tool(&call, &err));
    assert_non_null(strstr(json, "\"mean sketch\""));
    tool.input_count = 0;
    assert_fails(dq__sketch_eval_tool(&call, &err), DQ_USAGE, "one --pairs for each");
    dq__free(json);
}

int main(void) {
    setenv("XDG_CACHE_HOME", "/nonexistent", 1); /* what is kept stays in the folder of the test */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transform_is_the_sum_of_its_definition),
        cmocka_unit_test(eigenvectors_give_the_matrix_back),
        cmocka_unit_test(metrics_know_what_is_the_same_and_what_is_less),
        cmocka_unit_test(ssim_of_flat_pictures_is_known),
        cmocka_unit_test(recognition_needs_what_tells_people_apart),
        cmocka_unit_test(pairs_that_do_not_match_are_told),
        cmocka_unit_test(cache_is_believed_only_for_the_same_pairs),
        cmocka_unit_test(eyes_must_be_two_eyes),
        cmocka_unit_test(drawing_comes_back_to_the_photo),
        cmocka_unit_test(every_method_beats_both_floors),
        cmocka_unit_test(energies_never_rise),
        cmocka_unit_test(same_bytes_for_any_threads),
        cmocka_unit_test(pencil_brings_the_strokes_back),
        cmocka_unit_test(settings_without_effect_are_refused),
        cmocka_unit_test(lines_follow_edges),
        cmocka_unit_test(gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(student_learns_is_saved_and_draws),
        cmocka_unit_test(tools_draw_and_measure),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
