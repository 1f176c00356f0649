/* SPDX-License-Identifier: MIT
 * Unit tests of src/train/augment.c, noise.c and jpeg.c: every step does what it says, as often as it should, and nothing
 * where its probability is 0. Pictures are in memory. */
#include "test.h"

#include "base/mem.h"
#include "image/image.h"
#include "train/augment.h"
#include "train/jpeg.h"
#include "train/noise.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, VALUES = PIXELS * 3, CROPS = 300 };

static float parts[DQ__PARTS_MAX][VALUES], scratch[2 * VALUES];
static float *const result = parts[0];

/* Parts of one colour each. */
static void fill_flat(const float colour[DQ__PARTS_MAX][3]) {
    for (int p = 0; p < DQ__PARTS_MAX; p++)
        for (int i = 0; i < VALUES; i++) parts[p][i] = colour[p][i % 3];
}

static void fill_grey(float value) {
    for (int p = 0; p < DQ__PARTS_MAX; p++)
        for (int i = 0; i < VALUES; i++) parts[p][i] = value;
}

/* A texture between 0.2 and 0.8, other in each part. */
static void fill_texture(void) {
    for (int p = 0; p < DQ__PARTS_MAX; p++)
        for (int i = 0; i < VALUES; i++) parts[p][i] = 0.2f + (float)((i * 37 + i / 7 * 11 + 5 * p) % 61) / 100;
}

static void apply(const dq__augment *augment, int64_t crop) {
    float *const part[DQ__PARTS_MAX] = {parts[0], parts[1], parts[2], parts[3]};
    dq__augment_apply(augment, 7, crop, part, SIDE, scratch);
}

static double mean_of(const float *values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += (double)values[i];
    return sum / count;
}

static double variance_of(const float *values, int count) {
    double mean = mean_of(values, count), sum = 0;
    for (int i = 0; i < count; i++) sum += ((double)values[i] - mean) * ((double)values[i] - mean);
    return sum / count;
}

/* Correlation of pixels side by side. */
static double neighbour_correlation(const float *rgb) {
    double mean = mean_of(rgb, VALUES), sum = 0;
    for (int y = 0; y < SIDE; y++)
        for (int i = 0; i < 3 * (SIDE - 1); i++)
            sum += ((double)rgb[y * 3 * SIDE + i] - mean) * ((double)rgb[y * 3 * SIDE + i + 3] - mean);
    return sum / (3 * SIDE * (SIDE - 1)) / variance_of(rgb, VALUES);
}

/* ---- fields ---- */

static void fields_are_set_by_name(void **state) {
    (void)state;
    static const char *const names[] = {"scale_min", "scale_max", "flip",        "cutmix",  "blend",           "gain", "offset",
                                        "saturation", "gamma",    "permute",     "sharpen", "sharpen_max",     "noise",
                                        "noise_max", "noise_blend", "noise_blend_max", "jpeg", "jpeg_min",     "jpeg_max"};
    dq__error err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double fields[19];
        dq__augment augment = {0};
        assert_int_equal(dq__augment_set(&augment, names[i], "0.25", &err), DQ_OK);
        memcpy(fields, &augment, sizeof fields);
        for (size_t k = 0; k < 19; k++) assert_true(fields[k] == (k == i ? 0.25 : 0)); /* names stand in the fields' order */
    }
    dq__augment augment = dq__augment_default(), before = augment;
    assert_int_equal(dq__augment_set(&augment, "blur", "1", &err), DQ_USAGE);
    assert_non_null(strstr(err.text, "'blur'; it has scale_min"));
    assert_non_null(strstr(err.text, "jpeg_max"));
    static const char *const wrong[] = {"", "x", "-0.1", "1.5", "0.5x", "nan"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(dq__augment_set(&augment, "flip", wrong[i], &err), DQ_USAGE);
        assert_non_null(strstr(err.text, "flip"));
    }
    assert_memory_equal(&augment, &before, sizeof augment);
}

static void fields_are_checked(void **state) {
    (void)state;
    dq__error err;
    dq__augment good = dq__augment_default(), zero = {0};
    assert_int_equal(dq__augment_check(&good, &err), DQ_OK);
    assert_int_equal(dq__augment_check(&zero, &err), DQ_OK);
    dq__augment wrong[] = {{.scale_min = 2, .scale_max = 1}, {.scale_max = 1}, {.jpeg_min = 50, .jpeg_max = 20},
                           {.noise = NAN}, {.flip = -1}, {.gain = 1.5}};
    for (size_t i = 0; i < 6; i++) assert_int_equal(dq__augment_check(&wrong[i], &err), DQ_USAGE);
}

static void windows_lie_inside(void **state) {
    (void)state;
    const dq__augment augment = {.scale_min = 0.25, .scale_max = 4, .flip = 0.25};
    int smaller = 0, flips = 0, smallest = 1000, largest = 0;
    for (int64_t crop = 0; crop < 4000; crop++) {
        dq__window w = dq__augment_window(&augment, 1, crop, 0, 500, 400, 64);
        assert_true(w.x >= 0 && w.y >= 0 && w.size >= 1 && w.x + w.size <= 500 && w.y + w.size <= 400);
        smaller += w.size < 64;
        flips += w.flip;
        if (w.size < smallest) smallest = w.size;
        if (w.size > largest) largest = w.size;
    }
    assert_near(smaller, 2000, 150); /* as many shrunk as enlarged */
    assert_near(flips, 1000, 120);
    assert_near(smallest, 16, 1);
    assert_near(largest, 256, 3);
}

/* ---- nothing without a probability ---- */

static void probability_zero_is_never(void **state) {
    (void)state;
    const dq__augment off = {.sharpen_max = 8, .noise_max = 1, .noise_blend_max = 1, .jpeg_min = 1, .jpeg_max = 1};
    float before[VALUES];
    fill_texture();
    memcpy(before, result, sizeof before);
    for (int64_t crop = 0; crop < CROPS; crop++) {
        assert_int_equal(dq__augment_parts(&off, 7, crop), 1);
        apply(&off, crop);
        assert_true(memcmp(result, before, sizeof before) == 0);
    }
}

/* The default leaves six of ten crops to flip, scale and mild colours. */
static void default_changes_four_of_ten(void **state) {
    (void)state;
    enum { MANY = 2000 };
    dq__augment augment = dq__augment_default();
    augment.gain = augment.offset = augment.saturation = augment.gamma = 0;
    float before[VALUES];
    int changed = 0;
    for (int64_t crop = 0; crop < MANY; crop++) {
        fill_texture();
        memcpy(before, result, sizeof before);
        apply(&augment, crop);
        changed += memcmp(result, before, sizeof before) != 0;
        for (int i = 0; i < VALUES; i++) assert_true(result[i] >= 0 && result[i] <= 1);
    }
    assert_near(changed, 0.4 * MANY, 0.04 * MANY);
}

/* ---- colours ---- */

static void colours_stay_in_their_ranges(void **state) {
    (void)state;
    const float grey[DQ__PARTS_MAX][3] = {{0.4f, 0.4f, 0.4f}}, red[DQ__PARTS_MAX][3] = {{0.8f, 0.4f, 0.2f}};
    const struct {
        dq__augment augment;
        double low, high; /* of the first channel of grey */
    } cases[] = {{{.gain = 0.5}, 0.2, 0.6}, {{.offset = 0.2}, 0.2, 0.6}, {{.gamma = 1}, 0.16, 0.6325}};
    for (size_t i = 0; i < 3; i++) {
        double least = 1, most = 0;
        for (int64_t crop = 0; crop < CROPS; crop++) {
            fill_flat(grey);
            apply(&cases[i].augment, crop);
            least = fmin(least, (double)result[0]);
            most = fmax(most, (double)result[0]);
        }
        assert_true(least > cases[i].low - 1e-5 && most < cases[i].high + 1e-5);
        assert_near(least, cases[i].low, 0.02);
        assert_near(most, cases[i].high, 0.02);
    }
    const dq__augment saturation = {.saturation = 0.5};
    double least = 2, most = 0;
    for (int64_t crop = 0; crop < CROPS; crop++) {
        fill_flat(red);
        apply(&saturation, crop);
        double ratio = ((double)result[0] - (double)result[1]) / 0.4;
        assert_near(0.299 * (double)result[0] + 0.587 * (double)result[1] + 0.114 * (double)result[2], 0.4968, 1e-4);
        least = fmin(least, ratio);
        most = fmax(most, ratio);
    }
    assert_near(least, 0.5, 0.02);
    assert_near(most, 1.5, 0.02);
}

static void channels_are_permuted_and_inverted(void **state) {
    (void)state;
    const float colour[DQ__PARTS_MAX][3] = {{0.125f, 0.25f, 0.625f}};
    const dq__augment augment = {.permute = 1};
    bool seen[6][6][6] = {{{false}}};
    int kinds = 0;
    for (int64_t crop = 0; crop < 1000; crop++) {
        int source[3] = {-1, -1, -1}, used = 0;
        fill_flat(colour);
        apply(&augment, crop);
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < 6; k++)
                if (result[c] == (k < 3 ? colour[0][k] : 1 - colour[0][k - 3])) source[c] = k;
        for (int c = 0; c < 3; c++) {
            assert_true(source[c] >= 0);
            used |= 1 << source[c] % 3;
        }
        assert_int_equal(used, 7); /* every channel once */
        assert_false(source[0] == 0 && source[1] == 1 && source[2] == 2);
        bool *mark = &seen[source[0]][source[1]][source[2]];
        kinds += !*mark;
        *mark = true;
    }
    assert_int_equal(kinds, 6 * 8 - 1);
}

/* ---- sharpening and noise ---- */

static void sharpening_raises_edges_only(void **state) {
    (void)state;
    const dq__augment augment = {.sharpen = 1, .sharpen_max = 3};
    double most = 0;
    for (int64_t crop = 0; crop < CROPS; crop++) {
        for (int i = 0; i < VALUES; i++) result[i] = i / 3 % SIDE < SIDE / 2 ? 0.375f : 0.625f;
        apply(&augment, crop);
        const float *row = result + 3 * 5 * SIDE;
        assert_near((double)row[0], 0.375, 1e-6);
        assert_near((double)row[3 * (SIDE - 1)], 0.625, 1e-6);
        double step = (double)(row[3 * (SIDE / 2)] - row[3 * (SIDE / 2 - 1)]);
        assert_true(step >= 0.25);
        most = fmax(most, step);
    }
    /* The blurred step is 6/16 of the sharp one: strength 3 makes it 1 + 3·10/16 times as high. */
    assert_near(most, 0.25 * (1 + 3 * 10 / 16.0), 0.02);
}

static void noise_is_white_or_pink_and_within_its_deviation(void **state) {
    (void)state;
    const dq__augment augment = {.noise = 1, .noise_max = 0.125};
    int pink = 0;
    double most = 0;
    for (int64_t crop = 0; crop < CROPS; crop++) {
        fill_grey(0.5f);
        apply(&augment, crop);
        double deviation = sqrt(variance_of(result, VALUES)), correlation = neighbour_correlation(result);
        assert_true(deviation > 0 && deviation < 0.129);
        assert_near(mean_of(result, VALUES), 0.5, 0.01);
        most = fmax(most, deviation);
        if (correlation > 0.4)
            pink++;
        else
            assert_near(correlation, 0, 0.1);
    }
    assert_near(most, 0.125, 0.006);
    assert_near(pink, CROPS / 2, CROPS / 8);
}

static void noise_blends_take_the_contrast(void **state) {
    (void)state;
    const dq__augment grey = {.noise_blend = 1, .noise_blend_max = 0.5}, noisy = {.noise_blend = 1, .noise_blend_max = 1,
                                                                                 .noise_max = 0.25};
    double most = 0;
    for (int64_t crop = 0; crop < CROPS; crop++) {
        for (int i = 0; i < VALUES; i++) result[i] = (float)(i / 3 % 2);
        apply(&grey, crop);
        double contrast = (double)(result[3] - result[0]);
        assert_near((double)(result[3] + result[0]), 1, 1e-6);
        assert_true(contrast <= 1 && contrast > 0.5 - 1e-6);
        most = fmax(most, 1 - contrast);
    }
    assert_near(most, 0.5, 0.02);
    int varied = 0;
    for (int64_t crop = 0; crop < CROPS; crop++) {
        fill_grey(0.5f);
        apply(&noisy, crop);
        varied += variance_of(result, VALUES) > 0.05 * 0.05;
    }
    assert_true(varied > CROPS / 3);
}

/* Octaves hang together from pixel to pixel, the more the coarser they begin. */
static void noise_has_mean_zero_and_deviation_one(void **state) {
    (void)state;
    dq__draws draws = dq__draws_at(1, 2, 0);
    dq__noise_white(result, VALUES, &draws);
    assert_near(mean_of(result, VALUES), 0, 0.06);
    assert_near(variance_of(result, VALUES), 1, 0.08);
    for (int finest = 1; finest <= SIDE / 2; finest *= 2) {
        dq__noise_octaves(result, SIDE, 3, finest, &draws, scratch);
        assert_near(mean_of(result, VALUES), 0, 1e-4);
        assert_near(variance_of(result, VALUES), 1, 1e-4);
        assert_true(neighbour_correlation(result) > (finest == 1 ? 0.4 : 0.65));
    }
}

/* ---- mixes ---- */

static const float primaries[DQ__PARTS_MAX][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}};

static void blends_are_between_two_pictures(void **state) {
    (void)state;
    const dq__augment augment = {.blend = 1};
    double least = 1, most = 0;
    for (int64_t crop = 0; crop < CROPS; crop++) {
        fill_flat(primaries);
        assert_int_equal(dq__augment_parts(&augment, 7, crop), 2);
        apply(&augment, crop);
        assert_near((double)(result[0] + result[1]), 1, 1e-6);
        least = fmin(least, (double)result[1]);
        most = fmax(most, (double)result[1]);
        for (int i = 3; i < VALUES; i++) assert_true(result[i] == result[i % 3]);
    }
    assert_near(least, 0.25, 0.01);
    assert_near(most, 0.75, 0.01);
}

static void cutmix_makes_regions(void **state) {
    (void)state;
    const dq__augment augment = {.cutmix = 1};
    int hard = 0, three = 0;
    double share[3] = {0};
    for (int64_t crop = 0; crop < CROPS; crop++) {
        int pure = 0, count = dq__augment_parts(&augment, 7, crop);
        assert_true(count == 2 || count == 3);
        fill_flat(primaries);
        apply(&augment, crop);
        double sum[3] = {0};
        for (int i = 0; i < PIXELS; i++) {
            const float *p = result + 3 * i;
            assert_near((double)(p[0] + p[1] + p[2]), 1, 1e-5);
            pure += fmaxf(p[0], fmaxf(p[1], p[2])) > 0.9999f;
            for (int c = 0; c < 3; c++) sum[c] += (double)p[c] / PIXELS;
        }
        assert_true(count == 3 || sum[2] == 0);
        assert_true(sum[0] < 1); /* never one picture alone */
        for (int c = 0; c < 3; c++) share[c] += sum[c] / CROPS;
        hard += pure == PIXELS;
        three += count == 3;
    }
    assert_near(hard, CROPS / 2, CROPS / 8);
    assert_near(three, CROPS / 2, CROPS / 8);
    assert_near(share[0], 5 / 12.0, 0.05); /* half of a half and a third of the other */
    assert_near(share[1], 5 / 12.0, 0.05);
    assert_near(share[2], 1 / 6.0, 0.05);
}

/* ---- JPEG ---- */

/* A diagonal ramp with a fine pattern on it. */
static void fill_ramp(float *rgb) {
    for (int i = 0; i < VALUES; i++) {
        int x = i / 3 % SIDE, y = i / 3 / SIDE;
        rgb[i] = 0.2f + 0.6f * (float)(x + y) / (2 * SIDE) + 0.05f * (float)((x * 5 + y * 3) % 4 - 1.5);
    }
}

/* The mean step between columns where (x − shift) is a multiple of eight, and elsewhere. */
static void measure_steps(const float *rgb, int shift, double *at_edges, double *inside) {
    double sum[2] = {0};
    int count[2] = {0};
    for (int y = 0; y < SIDE; y++)
        for (int x = 1; x < SIDE; x++) {
            int edge = (x + shift) % 8 == 0;
            sum[edge] += fabs((double)(rgb[3 * (y * SIDE + x)] - rgb[3 * (y * SIDE + x - 1)]));
            count[edge]++;
        }
    *at_edges = sum[1] / count[1];
    *inside = sum[0] / count[0];
}

static void jpeg_makes_blocks(void **state) {
    (void)state;
    for (int shift = 0; shift < 8; shift += 3) {
        double edges, inside;
        fill_ramp(result);
        dq__jpeg_blocks(result, SIDE, 5, shift, 2);
        measure_steps(result, shift, &edges, &inside);
        assert_true(edges > 3 * inside);
    }
    float before[VALUES];
    fill_ramp(before);
    memcpy(result, before, sizeof before);
    dq__jpeg_blocks(result, SIDE, 100, 0, 0);
    for (int i = 0; i < VALUES; i++) assert_near((double)result[i], (double)before[i], 2.5 / 255);
}

/* On grey pictures, whose colour cannot be subsampled, the result is that of a real encoder. */
static void jpeg_is_what_an_encoder_makes(void **state) {
    (void)state;
    static const char *const qualities[] = {"quality=5", "quality=30", "quality=60", "quality=90"};
    const int quality[] = {5, 30, 60, 90};
    dq__error err;
    for (size_t q = 0; q < 4; q++) {
        dq_image *image, *back;
        void *bytes;
        size_t size;
        assert_int_equal(dq__image_new(&image, SIDE, SIDE, false, &err), DQ_OK);
        fill_ramp(image->rgb);
        for (int i = 0; i < VALUES; i++) image->rgb[i] = roundf(image->rgb[i] * 255) / 255;
        memcpy(result, image->rgb, sizeof parts[0]);
        assert_int_equal(dq__image_encode(image, "jpg", qualities[q], &bytes, &size, &err), DQ_OK);
        assert_int_equal(dq__image_read_memory(&back, bytes, size, "jpg", &err), DQ_OK);
        dq__jpeg_blocks(result, SIDE, quality[q], 0, 0);
        double squares = 0;
        for (int i = 0; i < VALUES; i++) squares += pow((double)(result[i] - back->rgb[i]), 2);
        assert_true(sqrt(squares / VALUES) * 255 < 1);
        dq__image_free(&image);
        dq__image_free(&back);
        dq__free(bytes);
    }
}

static void jpeg_quality_is_drawn_from_its_range(void **state) {
    (void)state;
    const dq__augment coarse = {.jpeg = 1, .jpeg_min = 0, .jpeg_max = 10}, fine = {.jpeg = 1, .jpeg_min = 80, .jpeg_max = 95};
    double error[2] = {0};
    float before[VALUES];
    fill_ramp(before);
    for (int64_t crop = 0; crop < 40; crop++)
        for (int kind = 0; kind < 2; kind++) {
            memcpy(result, before, sizeof before);
            apply(kind ? &fine : &coarse, crop);
            assert_memory_not_equal(result, before, sizeof before);
            for (int i = 0; i < VALUES; i++) error[kind] += fabs((double)(result[i] - before[i]));
        }
    assert_true(error[0] > 4 * error[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_set_by_name),
        cmocka_unit_test(fields_are_checked),
        cmocka_unit_test(windows_lie_inside),
        cmocka_unit_test(probability_zero_is_never),
        cmocka_unit_test(default_changes_four_of_ten),
        cmocka_unit_test(colours_stay_in_their_ranges),
        cmocka_unit_test(channels_are_permuted_and_inverted),
        cmocka_unit_test(sharpening_raises_edges_only),
        cmocka_unit_test(noise_is_white_or_pink_and_within_its_deviation),
        cmocka_unit_test(noise_blends_take_the_contrast),
        cmocka_unit_test(noise_has_mean_zero_and_deviation_one),
        cmocka_unit_test(blends_are_between_two_pictures),
        cmocka_unit_test(cutmix_makes_regions),
        cmocka_unit_test(jpeg_makes_blocks),
        cmocka_unit_test(jpeg_is_what_an_encoder_makes),
        cmocka_unit_test(jpeg_quality_is_drawn_from_its_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
