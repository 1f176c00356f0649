/* SPDX-License-Identifier: MIT
 * Colours: statistics moved, lightness kept, colours taken, by themselves and as options of a job. Each check looks at
 * statistics of pixels that are wrong without the feature. */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "image/colour.h"
#include "image/tone.h"
#include "paint/job.h"

enum { W = 40, H = 30, N = W * H };

/* Noise of a mean and a covariance of its own: three waves mixed, well inside of [0,1]. */
static dq_image *picture(uint64_t stream, const double base[3], const double mix[3][3]) {
    dq_image *p;
    assert_int_equal(dq__image_new(&p, W, H, false, NULL), DQ_OK);
    for (int k = 0; k < N; k++)
        for (int c = 0; c < 3; c++) {
            double v = base[c];
            for (int m = 0; m < 3; m++)
                v += mix[c][m] * (double)(dq__rng_uniform(3, stream, (uint64_t)(3 * k + m)) - 0.5f) * (m ? 1 : 1 + sin(k * 0.1));
            p->rgb[3 * k + c] = (float)v;
        }
    return p;
}

static dq_image *warm(void) {
    return picture(1, (const double[]){0.6, 0.45, 0.3},
                   (const double[3][3]){{0.2, 0.1, 0.05}, {0.15, 0.05, -0.15}, {0.1, -0.15, 0.05}});
}

static dq_image *cold(void) {
    return picture(2, (const double[]){0.35, 0.45, 0.6},
                   (const double[3][3]){{0.1, 0.12, 0}, {0.1, -0.08, 0.1}, {0.2, 0.05, -0.1}});
}

static double luma_of(const float *p) { return 0.299 * (double)p[0] + 0.587 * (double)p[1] + 0.114 * (double)p[2]; }

static void same_colours(const dq__colours *a, const dq__colours *b, double tolerance) {
    for (int i = 0; i < 3; i++) {
        assert_near(a->mean[i], b->mean[i], tolerance);
        for (int j = 0; j < 3; j++) assert_near(a->covariance[i][j], b->covariance[i][j], tolerance);
    }
}

static void statistics_are_those_of_the_pixels(void **state) {
    (void)state;
    dq_image *p;
    assert_int_equal(dq__image_new(&p, 2, 2, true, NULL), DQ_OK);
    const float pixels[4][3] = {{0, 0, 1}, {1, 0, 1}, {1, 0.5f, 1}, {0.25f, 1, 0}};
    memcpy(p->rgb, pixels, sizeof pixels);
    p->alpha[3] = 0; /* is not seen */
    dq__colours c = dq__colours_of(p);
    assert_near(c.mean[0], 2.0 / 3, 1e-12);
    assert_near(c.mean[1], 0.5 / 3, 1e-12);
    assert_near(c.mean[2], 1, 1e-12);
    assert_near(c.covariance[0][0], 2.0 / 9, 1e-12);
    assert_near(c.covariance[0][1], 0.5 / 3 - 2.0 / 3 * 0.5 / 3, 1e-12);
    assert_near(c.covariance[1][0], c.covariance[0][1], 0);
    assert_near(c.covariance[2][2], 0, 1e-12);
    for (int k = 0; k < 4; k++) p->alpha[k] = 0;
    c = dq__colours_of(p);
    assert_near(c.mean[2], 0, 0); /* nothing is seen: no division by zero */
    dq__image_free(&p);
}

static void match_moves_mean_and_covariance(void **state) {
    (void)state;
    dq_image *from = warm(), *to = cold();
    const dq__colours before = dq__colours_of(from), wanted = dq__colours_of(to);
    assert_true(fabs(before.mean[0] - wanted.mean[0]) > 0.2);
    dq__colour_match(from, &wanted, 1);
    dq__colours after = dq__colours_of(from);
    same_colours(&after, &wanted, 2e-4); /* but for the ridge and what was clamped */
    dq__image_free(&from);
    from = warm();
    dq__colour_match(from, &wanted, 0.25);
    after = dq__colours_of(from);
    for (int c = 0; c < 3; c++) assert_near(after.mean[c], 0.75 * before.mean[c] + 0.25 * wanted.mean[c], 1e-4);
    dq__image_free(&from), dq__image_free(&to);
}

static void match_to_itself_or_from_one_colour_is_harmless(void **state) {
    (void)state;
    dq_image *p = warm(), *flat = warm(), *copy = warm();
    const dq__colours own = dq__colours_of(p);
    dq__colour_match(copy, &own, 1);
    for (int k = 0; k < 3 * N; k++) assert_near((double)copy->rgb[k], (double)p->rgb[k], 1e-5);
    for (int k = 0; k < 3 * N; k++) flat->rgb[k] = 0.5f;
    dq__colour_match(flat, &own, 1);
    for (int k = 0; k < 3 * N; k++) assert_near((double)flat->rgb[k], own.mean[k % 3], 1e-6);
    dq__image_free(&p), dq__image_free(&flat), dq__image_free(&copy);
}

static void grey_keeps_brightness(void **state) {
    (void)state;
    dq_image *p = warm(), *grey = warm();
    dq__colour_grey(grey, 1);
    for (int k = 0; k < N; k++) {
        assert_near((double)grey->rgb[3 * k], luma_of(p->rgb + 3 * k), 1e-6);
        assert_true(grey->rgb[3 * k] == grey->rgb[3 * k + 1] && grey->rgb[3 * k] == grey->rgb[3 * k + 2]);
    }
    dq__image_free(&p), dq__image_free(&grey);
}

static void luma_of_one_colour_of_the_other(void **state) {
    (void)state;
    for (int mixed = 0; mixed <= 1; mixed++) {
        const double strength = mixed ? 0.5 : 1;
        dq_image *painting = warm(), *before = warm(), *photo = cold();
        dq__colour_take(painting, photo, DQ__LUMA, strength);
        for (int k = 0; k < N; k++) {
            const float *p = painting->rgb + 3 * k, *b = before->rgb + 3 * k, *q = photo->rgb + 3 * k;
            assert_near(luma_of(p), luma_of(b), 1e-6);
            for (int c = 0; c < 3; c++) {
                const double own = (double)b[c] - luma_of(b), other = (double)q[c] - luma_of(q);
                assert_near((double)p[c] - luma_of(p), (1 - strength) * own + strength * other, 1e-5);
            }
        }
        dq__image_free(&painting), dq__image_free(&before), dq__image_free(&photo);
    }
}

static void colours_that_do_not_exist_are_paled(void **state) {
    (void)state;
    static const float colours[][3] = {{1, 0, 0}, {0, 0, 1}, {1, 1, 0}, {0, 1, 0}, {0.9f, 0.1f, 0.8f}};
    static const float greys[] = {0, 0.02f, 0.5f, 0.97f, 1};
    enum { COLOURS = 5, GREYS = 5 };
    dq_image *painting, *photo;
    assert_int_equal(dq__image_new(&painting, COLOURS, GREYS, false, NULL), DQ_OK);
    assert_int_equal(dq__image_new(&photo, COLOURS, GREYS, false, NULL), DQ_OK);
    for (int kind = DQ__LUMA; kind <= DQ__OKLAB; kind++) {
        for (int k = 0; k < COLOURS * GREYS; k++)
            for (int c = 0; c < 3; c++) {
                painting->rgb[3 * k + c] = greys[k / COLOURS];
                photo->rgb[3 * k + c] = colours[k % COLOURS][c];
            }
        dq__colour_take(painting, photo, (dq__lightness)kind, 1);
        for (int k = 0; k < COLOURS * GREYS; k++) {
            const float *p = painting->rgb + 3 * k;
            if (kind == DQ__LUMA) assert_near(luma_of(p), (double)greys[k / COLOURS], 1e-6);
            for (int c = 0; c < 3; c++) assert_true(p[c] >= 0 && p[c] <= 1);
            const double spread = (double)p[0] - (double)p[1];
            if (k / COLOURS == 0 || k / COLOURS == GREYS - 1) assert_near(spread, 0, 2e-3); /* black and white stay so */
            else if (k % COLOURS == 0) assert_true(spread > 0.02);                         /* red stays red */
            else if (k % COLOURS == 3) assert_true(spread < -0.02);                        /* and green green */
        }
    }
    dq__image_free(&painting), dq__image_free(&photo);
}

/* OKLab by its author's table: white (1,0,0), red (0.628, 0.225, 0.126), blue (0.452, −0.032, −0.312). Taking the colour of
 * a pixel of the same lightness must give that pixel. */
static void oklab_is_oklab(void **state) {
    (void)state;
    dq_image *grey, *photo;
    static const float pure[][3] = {{1, 1, 1}, {1, 0, 0}, {0, 0, 1}, {0.25f, 0.5f, 0.75f}};
    static const double lightness[] = {1, 0.627955, 0.452014, 0};
    assert_int_equal(dq__image_new(&grey, 4, 1, false, NULL), DQ_OK);
    assert_int_equal(dq__image_new(&photo, 4, 1, false, NULL), DQ_OK);
    for (int k = 0; k < 4; k++)
        for (int c = 0; c < 3; c++) {
            const double linear = pow(lightness[k], 3); /* of the grey of this L */
            const double v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
            photo->rgb[3 * k + c] = pure[k][c];
            grey->rgb[3 * k + c] = k < 3 ? (float)v : pure[k][c];
        }
    dq__colour_take(grey, photo, DQ__OKLAB, 1);
    for (int k = 0; k < 12; k++) assert_near((double)grey->rgb[k], (double)photo->rgb[k], k < 3 ? 1e-4 : 0.02);
    dq__image_free(&grey), dq__image_free(&photo);
}

/* ---- as options of a job ------------------------------------------------------------------------------------------- */

typedef struct fixture {
    dq_model *model;
    dq_image *photo, *style;
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    if (dq__model_random(&f->model, 1, NULL)) return -1;
    f->photo = cold(), f->style = warm();
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    dq__model_free(&f->model);
    dq__image_free(&f->photo), dq__image_free(&f->style);
    free(f);
    return 0;
}

static dq_image *paint(const fixture *f, const char *colour, const char *strength) {
    static const char *const common[][2] = {{"size", "40"}, {"min-size", "0"}, {"iterations", "12"}, {"style-weight", "400"}};
    dq_options *options;
    dq__settings settings;
    dq_job *job;
    dq_image *out;
    dq__error err = {0};
    assert_int_equal(dq__options_new(&options, &err), DQ_OK);
    for (size_t k = 0; k < sizeof common / sizeof *common; k++) dq__options_set(options, common[k][0], common[k][1], &err);
    assert_int_equal(dq__options_set(options, "colour", colour, &err), DQ_OK);
    assert_int_equal(dq__options_set(options, "colour-strength", strength, &err), DQ_OK);
    assert_int_equal(dq__options_resolve(options, &settings, &err), DQ_OK);
    if (dq__job_new(&job, NULL, f->model, f->photo, (const dq_image *const[]){f->style}, 1, &settings, "{}", NULL, NULL, &err))
        fail_msg("%s: %s", colour, err.text);
    for (int more = 1; more;) assert_int_equal(dq__job_step(job, &more, &err), DQ_OK);
    assert_int_equal(dq__job_image(job, &out, &err), DQ_OK);
    dq__job_free(&job);
    dq__options_free(&options);
    return out;
}

/* Mean |colour without lightness, of a − of b|. */
static double colour_distance(const dq_image *a, const dq_image *b) {
    double sum = 0;
    for (int k = 0; k < N; k++)
        for (int c = 0; c < 3; c++) {
            const float *p = a->rgb + 3 * k, *q = b->rgb + 3 * k;
            sum += fabs((double)p[c] - luma_of(p) - (double)q[c] + luma_of(q)) / (3 * N);
        }
    return sum;
}

static double luma_distance(const dq_image *a, const dq_image *b) {
    double sum = 0;
    for (int k = 0; k < N; k++) sum += fabs(luma_of(a->rgb + 3 * k) - luma_of(b->rgb + 3 * k)) / N;
    return sum;
}

static void a_job_keeps_the_colours_of_the_photo(void **state) {
    const fixture *f = *state;
    dq_image *plain = paint(f, "style", "1");
    const double apart = colour_distance(plain, f->photo);
    assert_true(apart > 0.005);
    static const char *const names[] = {"content", "oklab", "luminance"};
    for (int i = 0; i < 3; i++) {
        dq_image *whole = paint(f, names[i], "1"), *half = paint(f, names[i], "0.5");
        assert_true(colour_distance(whole, f->photo) < 0.2 * apart);
        assert_true(i == 2 || colour_distance(half, f->photo) < 0.6 * apart);
        assert_true(colour_distance(half, f->photo) > colour_distance(whole, f->photo));
        if (i == 0) assert_true(luma_distance(whole, plain) < 1e-5); /* the strokes are those of the plain painting … */
        if (i == 2) assert_true(luma_distance(whole, plain) > 1e-3); /* … or made from grey pictures */
        assert_true(luma_distance(whole, f->photo) > 1e-3);
        dq__image_free(&whole), dq__image_free(&half);
    }
    dq__image_free(&plain);
}

static void a_job_that_matches_has_paintings_in_the_colours_of_the_photo(void **state) {
    const fixture *f = *state;
    dq_image *plain = paint(f, "style", "1"), *matched = paint(f, "match", "1");
    const dq__colours photo = dq__colours_of(f->photo), a = dq__colours_of(plain), b = dq__colours_of(matched);
    double of_plain = 0, of_matched = 0;
    for (int c = 0; c < 3; c++) {
        of_plain += fabs(a.mean[c] - photo.mean[c]);
        of_matched += fabs(b.mean[c] - photo.mean[c]);
    }
    assert_true(of_matched < 0.5 * of_plain);
    dq__image_free(&plain), dq__image_free(&matched);
}

/* A colourful photo, drawn: its hue is the drawing's everywhere, its tones are as light and as wide as the drawing's, dark stays
 * darker than light, and what is darker than its surroundings is drawn out. */
static void a_photo_is_toned_as_a_drawing(void **state) {
    const fixture *f = *state;
    dq_image *drawing, *photo;
    assert_int_equal(dq__image_new(&drawing, W, H, false, NULL), DQ_OK);
    for (int k = 0; k < 3 * N; k++) { /* brown ink on yellow paper */
        static const float paper[3] = {0.95f, 0.9f, 0.75f}, ink[3] = {0.3f, 0.2f, 0.1f};
        drawing->rgb[k] = k / 3 % 5 == 0 ? ink[k % 3] : paper[k % 3];
    }
    assert_int_equal(dq__image_copy(&photo, f->photo, NULL), DQ_OK);
    for (int y = 0; y < H; y++)
        for (int c = 0; c < 3; c++) photo->rgb[3 * (y * W + W / 2) + c] *= 0.6f; /* a line */
    const dq__colours wanted = dq__colours_of(drawing);
    assert_int_equal(dq__tone_as_drawn(photo, (const dq_image *const *)&drawing, (const double[]){1}, 1, 1, NULL), DQ_OK);
    const dq__colours own = dq__colours_of(photo);
    for (int c = 0; c < 3; c++) assert_near(own.mean[c], wanted.mean[c], 0.12);
    double line = 0, beside = 0;
    for (int y = 0; y < H; y++) {
        line += luma_of(photo->rgb + 3 * (y * W + W / 2)) / H;
        beside += luma_of(photo->rgb + 3 * (y * W + W / 2 + 2)) / H;
    }
    assert_true(line < beside - 0.2);
    for (int k = 0; k < N; k++) { /* every pixel lies on the line from ink to paper */
        const float *p = photo->rgb + 3 * k;
        const double t = ((double)p[0] - 0.3) / 0.65;
        if (p[2] > 0.01f) assert_near((double)p[2], 0.1 + 0.65 * t, 0.01);
    }
    dq__image_free(&drawing), dq__image_free(&photo);
}

static void a_drawing_has_the_colours_of_the_drawing(void **state) {
    const fixture *f = *state;
    dq_image *plain = paint(f, "style", "1"), *drawn = paint(f, "drawing", "1"), *toned;
    assert_int_equal(dq__image_copy(&toned, f->photo, NULL), DQ_OK);
    assert_int_equal(dq__tone_as_drawn(toned, (const dq_image *const *)&f->style, (const double[]){1}, 1, 1, NULL), DQ_OK);
    assert_true(colour_distance(drawn, toned) < 0.1 * colour_distance(plain, toned));
    assert_true(luma_distance(drawn, toned) > 1e-3);
    dq__image_free(&plain), dq__image_free(&drawn), dq__image_free(&toned);
}

static void without_strength_it_is_style(void **state) {
    const fixture *f = *state;
    static const char *const names[] = {"content", "match", "luminance", "oklab", "drawing"};
    dq_image *plain = paint(f, "style", "1");
    for (int i = 0; i < 5; i++) {
        dq_image *out = paint(f, names[i], "0");
        assert_memory_equal(out->rgb, plain->rgb, sizeof(float) * 3 * N);
        dq__image_free(&out);
    }
    dq__image_free(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_those_of_the_pixels),
        cmocka_unit_test(match_moves_mean_and_covariance),
        cmocka_unit_test(match_to_itself_or_from_one_colour_is_harmless),
        cmocka_unit_test(grey_keeps_brightness),
        cmocka_unit_test(luma_of_one_colour_of_the_other),
        cmocka_unit_test(colours_that_do_not_exist_are_paled),
        cmocka_unit_test(oklab_is_oklab),
        cmocka_unit_test(a_job_keeps_the_colours_of_the_photo),
        cmocka_unit_test(a_job_that_matches_has_paintings_in_the_colours_of_the_photo),
        cmocka_unit_test(a_photo_is_toned_as_a_drawing),
        cmocka_unit_test(a_drawing_has_the_colours_of_the_drawing),
        cmocka_unit_test(without_strength_it_is_style)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
