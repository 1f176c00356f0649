/* SPDX-License-Identifier: MIT
 * Unit tests of explain/kernel.c and explain/filter.c: templates and matrices from text, convolution against a naive one in
 * double and against libvips, what theory says of constant and step pictures, the same bytes for any threads, bounded memory. */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "explain/filter.h"

#include <vips/vips.h>

enum { SMOOTH, GAUSS, SHARPEN, LAPLACE, LAPLACE8, SOBEL, SOBEL_X, SOBEL_Y, PREWITT, PREWITT_X, PREWITT_Y, ROBERTS, EMBOSS, ALL };

static dq__pool *pool;

static int setup(void **state) {
    (void)state;
    dq__error err;
    return dq__pool_new(&pool, 3, &err) || VIPS_INIT("test");
}

static int teardown(void **state) {
    (void)state;
    dq__pool_free(&pool);
    return 0;
}

static dq_image *noise(int width, int height) {
    dq_image *image;
    dq__error err;
    assert_int_equal(dq__image_new(&image, width, height, true, &err), DQ_OK);
    for (int i = 0; i < 3 * width * height; i++) image->rgb[i] = dq__rng_uniform(1, 2, (uint64_t)i);
    for (int i = 0; i < width * height; i++) image->alpha[i] = dq__rng_uniform(1, 3, (uint64_t)i);
    return image;
}

static dq__kernel template(int number, int side) {
    dq__kernel kernel;
    dq__error err;
    if (dq__kernel_template(&kernel, number, side, 0, &err)) fail_msg("%s", err.text);
    return kernel;
}

static void filter(dq_image *image, const dq__filter *f) {
    dq__error err;
    if (dq__convolve_image(pool, image, f, &err)) fail_msg("%s", err.text);
}

/* ---- the naive convolution --------------------------------------------------------------------------------------- */

static int inside(dq__border border, int i, int n) {
    while (i < 0 || i >= n) {
        if (border == DQ__BORDER_ZERO) return -1;
        if (border == DQ__BORDER_REPLICATE || n == 1) i = i < 0 ? 0 : n - 1;
        else i = i < 0 ? -i : 2 * (n - 1) - i;
    }
    return i;
}

static double luma(const float *p) { return 0.299 * (double)p[0] + 0.587 * (double)p[1] + 0.114 * (double)p[2]; }

static double at(const dq_image *image, const dq__filter *f, int y, int x, int c) {
    y = inside(f->border, y, image->height), x = inside(f->border, x, image->width);
    if (y < 0 || x < 0) return 0;
    const float *pixel = image->rgb + 3 * (y * image->width + x);
    return f->on == DQ__ON_EACH ? (double)pixel[c] : luma(pixel);
}

static double sum_at(const dq_image *image, const dq__filter *f, const double *k, int y, int x, int c) {
    double sum = 0;
    for (int i = 0; i < f->kernel->rows; i++)
        for (int j = 0; j < f->kernel->columns; j++)
            sum += k[i * f->kernel->columns + j] * at(image, f, y + i - f->kernel->rows / 2, x + j - f->kernel->columns / 2, c);
    return sum;
}

static float naive(const dq_image *image, const dq__filter *f, int y, int x, int c) {
    const bool valid = f->border == DQ__BORDER_VALID;
    y = y * f->stride + (valid ? f->kernel->rows / 2 : 0), x = x * f->stride + (valid ? f->kernel->columns / 2 : 0);
    double v = sum_at(image, f, f->kernel->k[0], y, x, c);
    if (f->kernel->count == 2) {
        const double other = sum_at(image, f, f->kernel->k[1], y, x, c);
        v = sqrt(v * v + other * other);
    }
    v = f->gain * v + f->offset;
    const float *pixel = image->rgb + 3 * (y * image->width + x);
    return f->on == DQ__ON_LUMINANCE ? (float)((double)pixel[c] + (v - luma(pixel))) : (float)v;
}

static void compare(int width, int height, const dq__filter *f) {
    dq_image *before = noise(width, height), *after = noise(width, height);
    filter(after, f);
    const int rows = f->kernel->rows, columns = f->kernel->columns, valid = f->border == DQ__BORDER_VALID;
    assert_int_equal(after->width, (width - (valid ? columns : 1)) / f->stride + 1);
    assert_int_equal(after->height, (height - (valid ? rows : 1)) / f->stride + 1);
    for (int y = 0; y < after->height; y++)
        for (int x = 0; x < after->width; x++) {
            for (int c = 0; c < 3; c++) {
                const float wanted = naive(before, f, y, x, c), got = after->rgb[3 * (y * after->width + x) + c];
                if (got != wanted) fail_msg("%d×%d: (%d,%d,%d) is %.9g, not %.9g", columns, rows, y, x, c, (double)got,
                                            (double)wanted);
            }
            const int from_y = y * f->stride + (valid ? rows / 2 : 0), from_x = x * f->stride + (valid ? columns / 2 : 0);
            assert_true(after->alpha[y * after->width + x] == before->alpha[from_y * width + from_x]);
        }
    dq__image_free(&before);
    dq__image_free(&after);
}

static void every_template_equals_the_naive_sum(void **state) {
    (void)state;
    for (int number = 0; number < ALL; number++)
        for (int side = 3; side <= 9; side += 6) {
            dq__kernel kernel = template(number, side);
            compare(23, 19, &(dq__filter){.kernel = &kernel, .border = DQ__BORDER_REFLECT, .stride = 1, .gain = 0.7,
                                          .offset = 0.1});
            dq__kernel_free(&kernel);
        }
}

/* Taller than a band, wider than the matrix and not; every border, stride and choice of channels. */
static void every_way_equals_the_naive_sum(void **state) {
    (void)state;
    for (int way = 0; way < 4 * 3 * 3; way++) {
        dq__kernel kernel = template(way % 2 ? SOBEL : SHARPEN, way % 5 == 0 ? 31 : 5);
        const dq__filter f = {.kernel = &kernel, .border = (dq__border)(way % 4), .on = (dq__on)(way / 4 % 3),
                              .stride = way / 12 + 1, .gain = 1};
        compare(37, 150, &f);
        if (f.border != DQ__BORDER_VALID) compare(6, 4, &f), compare(1, 1, &f), compare(2, 70, &f);
        dq__kernel_free(&kernel);
    }
}

static void matrices_need_not_be_square(void **state) {
    (void)state;
    static const char *const text[] = {"1 2 3 4 5 6 7", "1;2;-3", "1, 0.5, 2\n-1 1/3 1e-1 # third\n\n0 0 -.5;", "2"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        dq__kernel kernel;
        dq__error err;
        assert_int_equal(dq__kernel_parse(&kernel, text[i], &err), DQ_OK);
        for (int border = 0; border < 4; border++)
            compare(13, 67, &(dq__filter){.kernel = &kernel, .border = (dq__border)border, .stride = 1, .gain = 1});
        dq__kernel_free(&kernel);
    }
}

/* ---- libvips ----------------------------------------------------------------------------------------------------- */

/* libvips' own convolution of floats; it repeats the border. */
static void libvips_agrees(void **state) {
    (void)state;
    for (int number = 0; number < ALL; number++) {
        dq__kernel kernel = template(number, 7);
        VipsImage *in, *out, *mask = vips_image_new_matrix_from_array(7, 7, kernel.k[0], 49);
        dq_image *image = noise(40, 90);
        in = vips_image_new_from_memory_copy(image->rgb, sizeof(float) * 3 * 40 * 90, 40, 90, 3, VIPS_FORMAT_FLOAT);
        assert_int_equal(vips_conv(in, &out, mask, "precision", VIPS_PRECISION_FLOAT, NULL), 0);
        size_t size;
        float *theirs = vips_image_write_to_memory(out, &size);
        assert_int_equal(size, sizeof(float) * 3 * 40 * 90);
        kernel.count = 1;
        filter(image, &(dq__filter){.kernel = &kernel, .border = DQ__BORDER_REPLICATE, .stride = 1, .gain = 1});
        for (int i = 0; i < 3 * 40 * 90; i++) assert_near((double)image->rgb[i], (double)theirs[i], 3e-6);
        g_free(theirs);
        g_object_unref(in), g_object_unref(out), g_object_unref(mask);
        dq__image_free(&image);
        kernel.count = kernel.k[1] ? 2 : 1;
        dq__kernel_free(&kernel);
    }
}

/* ---- theory ------------------------------------------------------------------------------------------------------ */

static void templates_are_the_textbooks(void **state) {
    (void)state;
    static const double wanted[][9] = {
        [SHARPEN] = {0, -1, 0, -1, 5, -1, 0, -1, 0}, [LAPLACE] = {0, 1, 0, 1, -4, 1, 0, 1, 0},
        [LAPLACE8] = {1, 1, 1, 1, -8, 1, 1, 1, 1},   [SOBEL] = {-1, 0, 1, -2, 0, 2, -1, 0, 1},
        [SOBEL_X] = {-1, 0, 1, -2, 0, 2, -1, 0, 1},  [SOBEL_Y] = {-1, -2, -1, 0, 0, 0, 1, 2, 1},
        [PREWITT] = {-1, 0, 1, -1, 0, 1, -1, 0, 1},  [PREWITT_X] = {-1, 0, 1, -1, 0, 1, -1, 0, 1},
        [PREWITT_Y] = {-1, -1, -1, 0, 0, 0, 1, 1, 1}, [ROBERTS] = {0, 0, 0, 0, 1, 0, 0, 0, -1},
        [EMBOSS] = {-2, -1, 0, -1, 1, 1, 0, 1, 2},
    };
    for (int number = 0; number < ALL; number++) {
        dq__kernel kernel = template(number, 3);
        for (int i = 0; i < 9; i++) {
            const double binomial = (i % 2 ? 2 : i == 4 ? 4 : 1) / 16.0;
            assert_near(kernel.k[0][i], number == SMOOTH ? 1 / 9.0 : number == GAUSS ? binomial : wanted[number][i], 1e-15);
        }
        dq__kernel_free(&kernel);
    }
}

static bool sums_to_one(int number) { return number <= SHARPEN || number == EMBOSS; }

/* Sum 1: a constant stays. Sum 0: it becomes 0. At any size and strength. */
static void constants_stay_or_vanish(void **state) {
    (void)state;
    for (int number = 0; number < ALL; number++)
        for (int side = 3; side <= 35; side += 16)
            for (double strength = -1; strength <= 3; strength += 2) {
                dq__kernel kernel = template(number, side);
                dq__kernel_strengthen(&kernel, strength);
                assert_true(dq__kernel_sum(&kernel) == (sums_to_one(number) ? 1 : 0));
                dq_image *image = noise(9, 40);
                for (int i = 0; i < 3 * 9 * 40; i++) image->rgb[i] = 0.3f;
                filter(image, &(dq__filter){.kernel = &kernel, .border = DQ__BORDER_REFLECT, .stride = 1, .gain = 1});
                for (int i = 0; i < 3 * 9 * 40; i++)
                    assert_near((double)image->rgb[i], sums_to_one(number) ? (double)0.3f : 0, 1e-6);
                dq__image_free(&image);
                dq__kernel_free(&kernel);
            }
}

/* A step from 0 to 1 between columns 9 and 10. */
static dq_image *step(void) {
    dq_image *image = noise(20, 12);
    for (int i = 0; i < 3 * 20 * 12; i++) image->rgb[i] = i / 3 % 20 >= 10;
    return image;
}

/* On a step Sobel answers 4 on both sides and nothing elsewhere, Laplace +1 and −1, the mean of three a ramp of thirds. */
static void a_step_answers_as_theory_says(void **state) {
    (void)state;
    static const struct {
        int number;
        double left, right, far_left, far_right;
    } cases[] = {{SOBEL, 4, 4, 0, 0},    {PREWITT, 3, 3, 0, 0},            {SOBEL_Y, 0, 0, 0, 0}, {ROBERTS, 1.41421356, 0, 0, 0},
                 {LAPLACE, 1, -1, 0, 0}, {SMOOTH, 1 / 3.0, 2 / 3.0, 0, 1}, {SHARPEN, -1, 2, 0, 1}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        dq__kernel kernel = template(cases[k].number, 3);
        dq_image *image = step();
        filter(image, &(dq__filter){.kernel = &kernel, .border = DQ__BORDER_REPLICATE, .stride = 1, .gain = 1});
        const float *row = image->rgb + 3 * 5 * 20;
        assert_near((double)row[3 * 9], cases[k].left, 1e-6);
        assert_near((double)row[3 * 10], cases[k].right, 1e-6);
        assert_near((double)row[3 * 7], cases[k].far_left, 1e-6);
        assert_near((double)row[3 * 12], cases[k].far_right, 1e-6);
        dq__image_free(&image);
        dq__kernel_free(&kernel);
    }
}

static void sums_of_other_matrices_are_divided_out(void **state) {
    (void)state;
    dq__kernel kernel;
    dq__error err;
    assert_int_equal(dq__kernel_parse(&kernel, "1 1 1; 1 -2 1; 1 1 1", &err), DQ_OK);
    assert_true(dq__kernel_sum(&kernel) == 6 && dq__kernel_positive(&kernel) == 8);
    dq__kernel_divide(&kernel);
    assert_true(dq__kernel_sum(&kernel) == 1);
    dq__kernel_free(&kernel);
}

static void a_bell_curve_has_its_width(void **state) {
    (void)state;
    dq__kernel kernel;
    dq__error err;
    double sum = 0, spread = 0;
    assert_int_equal(dq__kernel_template(&kernel, GAUSS, 25, 3, &err), DQ_OK);
    for (int i = 0; i < 625; i++) sum += kernel.k[0][i], spread += kernel.k[0][i] * (i % 25 - 12) * (i % 25 - 12);
    assert_near(sum, 1, 1e-12);
    assert_near(spread, 9, 0.02);
    dq__kernel_free(&kernel);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void wrong_matrices_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"", "the matrix is empty"},
        {" ;\n;", "the matrix is empty"},
        {"1 2; 3 4", "an odd number of rows and columns, so that it has a middle, not 2 × 2"},
        {"1 2 3; 4 5", "row 2 of the matrix has 2 numbers, the first 3"},
        {"1 2 3; 4 5 6 7; 1 2 3", "row 2 of the matrix has 4 numbers, the first 3"},
        {"1 x 3", "no number at 'x 3'"},
        {"1 2/0 3", "no number at '2/0 3'"},
        {"1 1e999 3", "no number at '1e999 3'"},
        {"nan", "no number at 'nan'"},
        {"1 / 3", "no number at '/ 3'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        dq__kernel kernel;
        dq__error err = {0};
        assert_int_equal(dq__kernel_parse(&kernel, wrong[i][0], &err), DQ_USAGE);
        if (!strstr(err.text, wrong[i][1])) fail_msg("'%s': %s", wrong[i][0], err.text);
    }
    for (int side = 0; side <= 257; side += side < 4 ? 2 : 253) {
        dq__kernel kernel;
        dq__error err;
        assert_int_equal(dq__kernel_template(&kernel, SMOOTH, side, 0, &err), DQ_USAGE);
    }
}

static void nothing_valid_in_a_small_picture(void **state) {
    (void)state;
    dq__kernel kernel = template(SMOOTH, 5);
    dq__error err;
    for (int shape = 0; shape < 2; shape++) {
        dq_image *image = shape ? noise(4, 20) : noise(20, 4);
        const dq__filter f = {.kernel = &kernel, .border = DQ__BORDER_VALID, .stride = 1, .gain = 1};
        assert_int_equal(dq__convolve_image(pool, image, &f, &err), DQ_USAGE);
        dq__image_free(&image);
    }
    dq__kernel_free(&kernel);
}

/* ---- threads and memory ------------------------------------------------------------------------------------------ */

static void threads_change_nothing(void **state) {
    (void)state;
    dq__kernel kernel = template(SOBEL, 15);
    const dq__filter f = {.kernel = &kernel, .border = DQ__BORDER_ZERO, .stride = 1, .gain = 1};
    const dq__lines lines = {.sigma = 1.3, .p = 20, .threshold = 0.7, .softness = 0.15};
    dq_image *one[2], *three[2];
    dq__error err;
    for (int i = 0; i < 2; i++) one[i] = noise(61, 200), three[i] = noise(61, 200);
    assert_int_equal(dq__convolve_image(NULL, one[0], &f, &err), DQ_OK);
    filter(three[0], &f);
    assert_int_equal(dq__draw_lines(NULL, one[1], &lines, &err), DQ_OK);
    assert_int_equal(dq__draw_lines(pool, three[1], &lines, &err), DQ_OK);
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(one[i]->rgb, three[i]->rgb, sizeof(float) * 3 * 61 * 200);
        dq__image_free(&one[i]);
        dq__image_free(&three[i]);
    }
    dq__kernel_free(&kernel);
}

/* Beside a tall picture no more than a few bands. */
static void memory_does_not_grow_with_the_height(void **state) {
    (void)state;
    dq__kernel kernel = template(GAUSS, 31);
    dq_image *image = noise(50, 20000);
    const size_t before = dq__mem_now();
    filter(image, &(dq__filter){.kernel = &kernel, .border = DQ__BORDER_ZERO, .stride = 1, .gain = 1});
    assert_true(dq__mem_now() == before);
    assert_true(dq__mem_peak() - before < 400000 && sizeof(float) * 3 * 50 * 20000 > 10000000);
    dq__image_free(&image);
    dq__kernel_free(&kernel);
}

static void a_failing_allocation_is_reported(void **state) {
    (void)state;
    const size_t before = dq__mem_now();
    const dq__lines lines = {.sigma = 1, .p = 20, .threshold = 0.7, .softness = 0.15};
    int failed = 0;
    for (long n = 1; n < 12; n++) {
        dq__error err;
        dq__kernel kernel = {0};
        dq_image *image = noise(20, 20);
        dq__mem_fail_at(n);
        dq_status status = dq__kernel_template(&kernel, SOBEL, 5, 0, &err);
        const dq__filter f = {.kernel = &kernel, .stride = 1, .gain = 1};
        if (!status) status = dq__convolve_image(pool, image, &f, &err);
        if (!status) status = dq__draw_lines(pool, image, &lines, &err);
        dq__mem_fail_at(0);
        assert_true(status == DQ_OK || status == DQ_LIMIT);
        failed += status == DQ_LIMIT;
        dq__kernel_free(&kernel);
        dq__image_free(&image);
        assert_true(dq__mem_now() == before);
    }
    assert_int_equal(failed, 2 + 4 + 5);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

/* Even areas are paper, bright or darker; black is ink; a dark line is ink, a step is paper with ink on its dark side. */
static void lines_are_ink_on_paper(void **state) {
    (void)state;
    const dq__lines lines = {.sigma = 1, .p = 20, .threshold = 0.7, .softness = 0.15};
    dq_image *image = noise(120, 40);
    dq__error err;
    for (int i = 0; i < 120 * 40; i++) {
        const int x = i % 120;
        const float v = x < 40 ? (x == 20 ? 0.3f : 0.8f) : x < 80 ? 0.25f : 0.02f;
        for (int c = 0; c < 3; c++) image->rgb[3 * i + c] = v;
    }
    assert_int_equal(dq__draw_lines(pool, image, &lines, &err), DQ_OK);
    const float *row = image->rgb + 3 * 20 * 120;
    assert_true(row[3 * 10] == 1 && row[3 * 30] == 1 && row[3 * 60] == 1); /* even */
    assert_true(row[3 * 20] < 0.01f);                                      /* the line */
    assert_true(row[3 * 41] < 0.01f && row[3 * 38] == 1);                  /* the step */
    assert_true(row[3 * 100] < 0.95f);                                     /* nearly black */
    dq__image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_does_not_grow_with_the_height),
        cmocka_unit_test(every_template_equals_the_naive_sum),
        cmocka_unit_test(every_way_equals_the_naive_sum),
        cmocka_unit_test(matrices_need_not_be_square),
        cmocka_unit_test(libvips_agrees),
        cmocka_unit_test(templates_are_the_textbooks),
        cmocka_unit_test(constants_stay_or_vanish),
        cmocka_unit_test(a_step_answers_as_theory_says),
        cmocka_unit_test(sums_of_other_matrices_are_divided_out),
        cmocka_unit_test(a_bell_curve_has_its_width),
        cmocka_unit_test(wrong_matrices_are_refused),
        cmocka_unit_test(nothing_valid_in_a_small_picture),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_failing_allocation_is_reported),
        cmocka_unit_test(lines_are_ink_on_paper),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
