/* SPDX-License-Identifier: MIT
 * Unit tests of src/image, good input: the object, every format there and back, orientation, colour spaces, resampling, the
 * record. Bad input and failing output are in test_image_bad.c. */
#include "image_test.h"

#include <vips/vips.h>

/* ---- the object ---- */

static void new_pictures_are_black_and_opaque(void **state) {
    (void)state;
    size_t before = dq__mem_now();
    dq_image *image;
    assert_ok(dq__image_new(&image, 5, 3, true, &err));
    for (size_t i = 0; i < 45; i++) assert_true(image->rgb[i] == 0);
    for (size_t i = 0; i < 15; i++) assert_true(image->alpha[i] == 1);
    assert_null(image->record);
    dq__image_free(&image);
    assert_null(image);
    dq__image_free(&image);
    assert_int_equal(dq__mem_now(), before);
    assert_fails(dq__image_new(&image, 0, 3, false, &err), DQ_USAGE, "0×3");
    assert_fails(dq__image_new(&image, 32769, 1, false, &err), DQ_LIMIT, "32768");
    assert_fails(dq__image_new(&image, 32768, 8193, false, &err), DQ_LIMIT, "268435456");
    assert_null(image);
}

static void copies_are_whole(void **state) {
    (void)state;
    dq_image *image = smooth_picture(9, 7, true), *copy;
    assert_ok(dq__image_set_record(image, "{\"a\":1}", &err));
    assert_ok(dq__image_copy(&copy, image, &err));
    assert_true(difference(image, copy) == 0);
    assert_string_equal(copy->record, "{\"a\":1}");
    assert_true(copy->record != image->record && copy->rgb != image->rgb);
    dq__image_free(&image);
    dq__image_free(&copy);
}

/* ---- files there and back ---- */

/* image → format → picture; for dq__image_free. */
static dq_image *there_and_back(const dq_image *image, const char *format, const char *options) {
    void *bytes;
    size_t size;
    dq_image *back;
    assert_ok(dq__image_encode(image, format, options, &bytes, &size, &err));
    assert_ok(dq__image_read_memory(&back, bytes, size, format, &err));
    dq__free(bytes);
    return back;
}

static void formats_keep_the_pixels(void **state) {
    (void)state;
    const struct {
        const char *format, *options;
        double tolerance;
    } cases[] = {{"png", NULL, 0.501 / 255},  {"png", "depth=16", 0.51 / 65535},    {"tiff", NULL, 0.501 / 255},
                 {"tif", "depth=16", 0.51 / 65535}, {"png", "depth=8", 0.501 / 255}, {"jpg", NULL, 5.0 / 255},
                 {"jpeg", "quality=100", 4.0 / 255}, {"webp", NULL, 10.0 / 255},      {"avif", NULL, 8.0 / 255},
                 {"heic", NULL, 12.0 / 255}};
    for (int alpha = 0; alpha < 2; alpha++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            bool jpeg = cases[i].format[0] == 'j';
            if (alpha && jpeg) continue;
            dq_image *image = smooth_picture(67, 46, alpha);
            dq_image *back = there_and_back(image, cases[i].format, cases[i].options);
            double most = difference(image, back);
            if (most > cases[i].tolerance)
                fail_msg("%s %s, alpha %d: off by %.2f/255", cases[i].format, cases[i].options, alpha, most * 255);
            dq__image_free(&image);
            dq__image_free(&back);
        }
}

static void quality_is_obeyed(void **state) {
    (void)state;
    dq_image *image = smooth_picture(64, 64, false);
    const char *lossy[] = {"jpg", "webp", "avif", "heic"};
    for (int i = 0; i < 4; i++) {
        void *low, *high;
        size_t low_size, high_size;
        assert_ok(dq__image_encode(image, lossy[i], "quality=10", &low, &low_size, &err));
        assert_ok(dq__image_encode(image, lossy[i], "quality=100", &high, &high_size, &err));
        assert_true(low_size < high_size);
        dq__free(low);
        dq__free(high);
    }
    dq__image_free(&image);
}

static void jpeg_drops_alpha_and_keeps_colour(void **state) {
    (void)state;
    dq_image *image = smooth_picture(32, 32, true), *back = there_and_back(image, "jpg", NULL);
    assert_null(back->alpha);
    for (size_t i = 0; i < 32 * 32 * 3; i++) assert_near((double)back->rgb[i], (double)image->rgb[i], 5.0 / 255);
    dq__image_free(&image);
    dq__image_free(&back);
}

static void values_out_of_range_are_clamped(void **state) {
    (void)state;
    dq_image *image;
    assert_ok(dq__image_new(&image, 3, 1, false, &err));
    const float values[9] = {-1, 2, 0.5f, NAN, INFINITY, -INFINITY, 1, 0, 1e-9f};
    memcpy(image->rgb, values, sizeof values);
    dq_image *back = there_and_back(image, "png", "depth=16");
    assert_pixel(back, 0, 0, 0, 1, 0.5, 1e-5);
    assert_pixel(back, 1, 0, 0, 1, 0, 0);
    assert_pixel(back, 2, 0, 1, 0, 0, 0);
    dq__image_free(&image);
    dq__image_free(&back);
}

static void one_pixel_is_a_picture(void **state) {
    (void)state;
    for (int i = 0; i < FORMATS; i++) {
        dq_image *image = smooth_picture(1, 1, false), *back = there_and_back(image, all_formats[i], NULL);
        assert_true(difference(image, back) < 0.05);
        dq__image_free(&image);
        dq__image_free(&back);
    }
}

static void same_pixels_give_the_same_bytes(void **state) {
    (void)state;
    dq_image *image = smooth_picture(80, 60, true);
    assert_ok(dq__image_set_record(image, "{\"seed\":7}", &err));
    void *first[FORMATS];
    size_t sizes[FORMATS];
    for (int i = 0; i < FORMATS; i++) assert_ok(dq__image_encode(image, all_formats[i], NULL, &first[i], &sizes[i], &err));
    sleep(2); /* so that a time of day in the file would show */
    for (int i = 0; i < FORMATS; i++) {
        void *again;
        size_t size;
        assert_ok(dq__image_encode(image, all_formats[i], NULL, &again, &size, &err));
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(again, first[i], size);
        dq__free(first[i]);
        dq__free(again);
    }
    dq__image_free(&image);
}

/* ---- files of others, made with libvips ---- */

static VipsImage *raw(const void *samples, size_t size, int width, int height, int bands, VipsBandFormat format,
                      VipsInterpretation interpretation) {
    VipsImage *plain = vips_image_new_from_memory_copy(samples, size, width, height, bands, format), *image = NULL;
    assert_non_null(plain);
    assert_int_equal(vips_copy(plain, &image, "interpretation", interpretation, NULL), 0);
    g_object_unref(plain);
    return image;
}

/* Saves with the libvips suffix (".png", ".jpg[Q=100]") and reads with ours; unrefs `image`. */
static dq_image *read_as(VipsImage *image, const char *suffix) {
    void *bytes = NULL;
    size_t size = 0;
    if (vips_image_write_to_buffer(image, suffix, &bytes, &size, NULL)) fail_msg("%s: %s", suffix, vips_error_buffer());
    g_object_unref(image);
    dq_image *back;
    assert_ok(dq__image_read_memory(&back, bytes, size, suffix, &err));
    g_free(bytes);
    return back;
}

static void sixteen_bits_are_exact(void **state) {
    (void)state;
    uint16_t samples[64 * 64 * 3];
    for (size_t i = 0; i < 64 * 64 * 3; i++) samples[i] = (uint16_t)(i * 21 / 4);
    const char *suffixes[] = {".png", ".tif"};
    for (int k = 0; k < 2; k++) {
        dq_image *image = read_as(raw(samples, sizeof samples, 64, 64, 3, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16),
                                  suffixes[k]);
        for (size_t i = 0; i < 64 * 64 * 3; i++) assert_true(image->rgb[i] == (float)samples[i] / 65535.0f);
        dq__image_free(&image);
    }
}

static void grey_becomes_rgb_and_keeps_alpha(void **state) {
    (void)state;
    const uint8_t samples[] = {0, 255, 64, 128, 255, 0};
    const char *suffixes[] = {".png", ".tif"};
    for (int k = 0; k < 2; k++) {
        dq_image *image = read_as(raw(samples, 6, 3, 1, 2, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W), suffixes[k]);
        assert_non_null(image->alpha);
        assert_pixel(image, 1, 0, 64.0 / 255, 64.0 / 255, 64.0 / 255, 1e-6);
        assert_pixel(image, 2, 0, 1, 1, 1, 0);
        assert_near((double)image->alpha[1], 128.0 / 255, 1e-6);
        assert_true(image->alpha[0] == 1 && image->alpha[2] == 0);
        dq__image_free(&image);
    }
    const uint16_t deep[] = {0, 1000, 65535};
    dq_image *image = read_as(raw(deep, 6, 3, 1, 1, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16), ".png");
    assert_null(image->alpha);
    assert_pixel(image, 1, 0, 1000.0 / 65535, 1000.0 / 65535, 1000.0 / 65535, 1e-7);
    dq__image_free(&image);
}

static void palette_and_bits_are_expanded(void **state) {
    (void)state;
    struct png png;
    dq_image *image;
    png_begin(&png, 2, 2, 8, 3);
    png_chunk(&png, "PLTE", "\xff\x00\x00\x00\xff\x00\x10\x20\x30", 9);
    png_chunk(&png, "tRNS", "\xff\x80", 2);
    png_end(&png, "\0\0\1\0\2\2", 6);
    assert_ok(dq__image_read_memory(&image, png.bytes, png.size, "palette.png", &err));
    assert_pixel(image, 0, 0, 1, 0, 0, 0);
    assert_pixel(image, 1, 0, 0, 1, 0, 0);
    assert_pixel(image, 0, 1, 16.0 / 255, 32.0 / 255, 48.0 / 255, 1e-6);
    assert_non_null(image->alpha);
    assert_near((double)image->alpha[1], 128.0 / 255, 1e-6);
    dq__image_free(&image);
    png_begin(&png, 3, 1, 1, 0);
    png_end(&png, "\0\xa0", 2); /* 101 */
    assert_ok(dq__image_read_memory(&image, png.bytes, png.size, "bits.png", &err));
    assert_pixel(image, 0, 0, 1, 1, 1, 0);
    assert_pixel(image, 1, 0, 0, 0, 0, 0);
    assert_pixel(image, 2, 0, 1, 1, 1, 0);
    dq__image_free(&image);
}

static void cmyk_becomes_rgb(void **state) {
    (void)state;
    static uint8_t samples[16 * 64 * 4]; /* white, cyan, red, black, 16 columns each */
    const uint8_t inks[4][4] = {{0, 0, 0, 0}, {255, 0, 0, 0}, {0, 255, 255, 0}, {0, 0, 0, 255}};
    for (int i = 0; i < 16 * 64; i++) memcpy(samples + i * 4, inks[i % 64 / 16], 4);
    const char *suffixes[] = {".jpg[Q=95]", ".jpg[Q=95,profile=cmyk]", ".tif"};
    for (int k = 0; k < 3; k++) {
        dq_image *image = read_as(raw(samples, sizeof samples, 64, 16, 4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_CMYK),
                                  suffixes[k]);
        assert_null(image->alpha);
        assert_pixel(image, 8, 8, 1, 1, 1, 0.03);
        const float *cyan = pixel(image, 24, 8), *red = pixel(image, 40, 8), *black = pixel(image, 56, 8);
        assert_true(cyan[0] < 0.3f && cyan[1] > 0.5f && cyan[2] > 0.7f);
        assert_true(red[0] > 0.7f && red[1] < 0.3f && red[2] < 0.3f);
        assert_true(black[0] < 0.25f && black[1] < 0.25f && black[2] < 0.25f);
        dq__image_free(&image);
    }
}

static double linear_light(double v) { return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4); }

static double gamma_encoded(double v) {
    if (v <= 0) return 0;
    if (v >= 1) return 1;
    return v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

/* Display P3 → sRGB by the matrix of their primaries. */
static void profiles_are_converted(void **state) {
    (void)state;
    const uint8_t colours[4][4] = {{200, 100, 50, 255}, {60, 180, 90, 128}, {128, 128, 128, 0}, {255, 0, 0, 7}};
    const double m[3][3] = {{1.2249401, -0.2249404, 0}, {-0.0420569, 1.0420571, 0}, {-0.0196376, -0.0786361, 1.0982735}};
    dq_image *image = read_as(raw(colours, 16, 4, 1, 4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB), ".png[profile=p3]");
    for (int x = 0; x < 4; x++) {
        for (int c = 0; c < 3; c++) {
            double light = 0;
            for (int k = 0; k < 3; k++) light += m[c][k] * linear_light(colours[x][k] / 255.0);
            assert_near((double)pixel(image, x, 0)[c], gamma_encoded(light), 1.5 / 255);
        }
        assert_near((double)image->alpha[x], colours[x][3] / 255.0, 1e-6);
    }
    assert_true(fabs((double)pixel(image, 0, 0)[0] - 200.0 / 255) > 0.02); /* it did change */
    dq__image_free(&image);
}

static void broken_profiles_are_passed_over(void **state) {
    (void)state;
    const uint8_t colours[] = {200, 100, 50, 60, 180, 90};
    VipsImage *vips = raw(colours, 6, 2, 1, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
    vips_image_set_blob_copy(vips, VIPS_META_ICC_NAME, "this is not a profile", 21);
    dq_image *image = read_as(vips, ".tif");
    assert_pixel(image, 1, 0, 60.0 / 255, 180.0 / 255, 90.0 / 255, 1e-6);
    dq__image_free(&image);
}

static void float_tiff_is_linear_light(void **state) {
    (void)state;
    const float light[] = {0, 0.5f, 1, 0.18f, 2, -1};
    dq_image *image = read_as(raw(light, sizeof light, 2, 1, 3, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_scRGB), ".tif");
    assert_pixel(image, 0, 0, 0, gamma_encoded(0.5), 1, 0.002);
    assert_pixel(image, 1, 0, gamma_encoded(0.18), 1, 0, 0.002);
    dq__image_free(&image);
}

/* Where pixel (x, y) of the upright picture lies in a stored one of w×h, for the EXIF orientations 1 … 8. */
static void stored_place(int orientation, int w, int h, int x, int y, int *sx, int *sy) {
    int across[] = {0, x, w - 1 - x, w - 1 - x, x, y, y, w - 1 - y, w - 1 - y};
    int down[] = {0, y, y, h - 1 - y, h - 1 - y, x, h - 1 - x, h - 1 - x, x};
    *sx = across[orientation];
    *sy = down[orientation];
}

static void orientation_is_applied(void **state) {
    (void)state;
    enum { W = 6, H = 4, BLOCK = 8 }; /* blocks of 8, so that JPEG keeps them flat */
    static uint8_t samples[W * BLOCK * H * BLOCK * 3];
    for (int i = 0; i < W * BLOCK * H * BLOCK; i++) {
        int x = i % (W * BLOCK) / BLOCK, y = i / (W * BLOCK) / BLOCK;
        samples[i * 3] = (uint8_t)(x * 40), samples[i * 3 + 1] = (uint8_t)(y * 60), samples[i * 3 + 2] = 128;
    }
    const char *suffixes[] = {".tif", ".jpg[Q=100,subsample_mode=off]", ".webp[lossless]"};
    for (int k = 0; k < 3; k++)
        for (int orientation = 1; orientation <= 8; orientation++) {
            VipsImage *vips = raw(samples, sizeof samples, W * BLOCK, H * BLOCK, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
            vips_image_set_int(vips, VIPS_META_ORIENTATION, orientation);
            dq_image *image = read_as(vips, suffixes[k]);
            int w = orientation > 4 ? H : W, h = orientation > 4 ? W : H, sx, sy;
            assert_int_equal(image->width, w * BLOCK);
            assert_int_equal(image->height, h * BLOCK);
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    stored_place(orientation, W, H, x, y, &sx, &sy);
                    assert_pixel(image, x * BLOCK + 3, y * BLOCK + 4, sx * 40 / 255.0, sy * 60 / 255.0, 128 / 255.0, 2.0 / 255);
                }
            dq__image_free(&image);
        }
}

static void place_and_orientation_stay_out_of_results(void **state) {
    (void)state;
    const uint8_t samples[4 * 2 * 3] = {0};
    VipsImage *vips = raw(samples, sizeof samples, 4, 2, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
    vips_image_set_int(vips, VIPS_META_ORIENTATION, 6);
    vips_image_set_string(vips, "exif-ifd0-Make", "SECRETCAMERA (SECRETCAMERA, ASCII, 13 components, 13 bytes)");
    vips_image_set_string(vips, "exif-ifd3-GPSLatitude", "48/1 51/1 30/1 (48, 51, 30, Rational, 3 components, 24 bytes)");
    void *source;
    size_t source_size;
    assert_int_equal(vips_jpegsave_buffer(vips, &source, &source_size, NULL), 0);
    g_object_unref(vips);
    assert_non_null(memmem(source, source_size, "SECRETCAMERA", 12)); /* it was there */
    dq_image *image;
    assert_ok(dq__image_read_memory(&image, source, source_size, "phone.jpg", &err));
    g_free(source);
    assert_int_equal(image->width, 2);
    for (int i = 0; i < FORMATS; i++) {
        void *bytes;
        size_t size;
        assert_ok(dq__image_encode(image, all_formats[i], NULL, &bytes, &size, &err));
        assert_null(memmem(bytes, size, "SECRETCAMERA", 12));
        vips = vips_image_new_from_buffer(bytes, size, "", NULL);
        assert_non_null(vips);
        assert_int_equal(vips_image_get_typeof(vips, "exif-ifd3-GPSLatitude"), 0);
        assert_int_equal(vips_image_get_orientation(vips), 1);
        assert_int_not_equal(vips_image_get_typeof(vips, VIPS_META_ICC_NAME), 0);
        g_object_unref(vips);
        dq__free(bytes);
    }
    dq__image_free(&image);
}

static void only_the_first_page_is_read(void **state) {
    (void)state;
    uint8_t samples[32 * 64 * 3];
    memset(samples, 200, sizeof samples / 2);
    memset(samples + sizeof samples / 2, 20, sizeof samples / 2);
    const char *suffixes[] = {".tif", ".webp[lossless]"};
    for (int k = 0; k < 2; k++) {
        VipsImage *vips = raw(samples, sizeof samples, 32, 64, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
        vips_image_set_int(vips, VIPS_META_PAGE_HEIGHT, 32);
        dq_image *image = read_as(vips, suffixes[k]);
        assert_int_equal(image->height, 32);
        assert_pixel(image, 31, 31, 200.0 / 255, 200.0 / 255, 200.0 / 255, 1e-6);
        dq__image_free(&image);
    }
}

static void real_photographs_are_read(void **state) {
    (void)state;
    const char *names[] = {"portraits/face01.jpg", "portraits/face02.jpg", "styles/starry_night_google.jpg"};
    for (int i = 0; i < 3; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/images/%s", test_data(), names[i]);
        dq_image *image;
        assert_ok(dq__image_read(&image, path, &err));
        double sum = 0;
        for (size_t k = 0; k < pixel_count(image) * 3; k++) sum += (double)image->rgb[k];
        double mean = sum / (double)(pixel_count(image) * 3);
        assert_true(mean > 0.05 && mean < 0.95);
        dq__image_free(&image);
    }
}

/* ---- resampling ---- */

static dq_image *resized(const dq_image *image, int width, int height) {
    dq_image *to;
    assert_ok(dq__image_resize(&to, image, width, height, &err));
    assert_int_equal(to->width, width);
    assert_int_equal(to->height, height);
    return to;
}

/* Values of torch.nn.functional.interpolate(mode="bicubic", align_corners=False, antialias=True) in double. */
static void resize_agrees_with_pytorch(void **state) {
    (void)state;
    const struct {
        int h, w, to_h, to_w;
        struct {
            int y, x;
            double v;
        } at[4];
    } cases[] = {
        {13, 17, 5, 6, {{0, 0, 0.6869866}, {2, 3, 0.3342897}, {4, 5, 0.3109291}, {1, 4, 0.4319218}}},
        {7, 5, 16, 19, {{0, 0, 0.6924282}, {8, 9, 0.6695857}, {15, 18, 0.0985368}, {1, 17, 0.5552576}}},
        {20, 9, 3, 14, {{0, 0, 0.6865053}, {1, 7, 0.5855809}, {2, 13, 0.3638374}, {1, 12, 0.4482794}}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int h = cases[i].h, w = cases[i].w;
        dq_image *image;
        assert_ok(dq__image_new(&image, w, h, false, &err));
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                for (int c = 0; c < 3; c++)
                    image->rgb[(y * w + x) * 3 + c] =
                        (float)(0.5 + 0.25 * sin(0.9 * x + 0.3 * y) + 0.2 * cos(1.7 * y - 0.2 * x * y / w)) / (float)(c + 1);
        dq_image *to = resized(image, cases[i].to_w, cases[i].to_h);
        for (int k = 0; k < 4; k++) {
            double v = cases[i].at[k].v;
            assert_pixel(to, cases[i].at[k].x, cases[i].at[k].y, v, v / 2, v / 3, 1e-6);
        }
        dq__image_free(&image);
        dq__image_free(&to);
    }
}

static void resize_gives_any_size_and_keeps_constants(void **state) {
    (void)state;
    const int sizes[][2] = {{1, 1}, {1, 300}, {300, 1}, {7, 5}, {64, 48}, {63, 49}, {1000, 3}, {2, 700}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            dq_image *image;
            assert_ok(dq__image_new(&image, sizes[i][0], sizes[i][1], true, &err));
            for (size_t p = 0; p < pixel_count(image) * 3; p++) image->rgb[p] = 0.3f;
            for (size_t p = 0; p < pixel_count(image); p++) image->alpha[p] = 0.6f;
            dq_image *to = resized(image, sizes[k][0], sizes[k][1]);
            for (size_t p = 0; p < pixel_count(to) * 3; p++) assert_near((double)to->rgb[p], 0.3, 1e-6);
            for (size_t p = 0; p < pixel_count(to); p++) assert_near((double)to->alpha[p], 0.6, 1e-6);
            dq__image_free(&image);
            dq__image_free(&to);
        }
}

/* A ramp stays the same ramp of position (i + 1/2)/n: pixel centres align. */
static void resize_moves_nothing(void **state) {
    (void)state;
    const int sizes[] = {100, 37, 250, 99, 101, 400};
    dq_image *image;
    assert_ok(dq__image_new(&image, 100, 4, false, &err));
    for (int i = 0; i < 400; i++) image->rgb[i * 3] = (float)((i % 100 + 0.5) / 100);
    for (int k = 0; k < 6; k++) {
        int n = sizes[k];
        dq_image *to = resized(image, n, 4);
        for (int x = n / 10; x < n - n / 10; x++) assert_near((double)pixel(to, x, 2)[0], (x + 0.5) / n, 1e-4);
        dq__image_free(&to);
    }
    dq__image_free(&image);
}

static void resize_to_the_same_size_copies(void **state) {
    (void)state;
    dq_image *image = smooth_picture(31, 17, true);
    assert_ok(dq__image_set_record(image, "{}", &err));
    dq_image *to = resized(image, 31, 17);
    assert_true(difference(image, to) == 0);
    assert_null(to->record); /* it tells of another picture */
    dq__image_free(&image);
    dq__image_free(&to);
}

static void resize_clamps_overshoot(void **state) {
    (void)state;
    dq_image *image;
    assert_ok(dq__image_new(&image, 16, 16, true, &err));
    for (int i = 0; i < 256; i++) {
        image->alpha[i] = i % 16 < 8 ? 1 : 0;
        for (int c = 0; c < 3; c++) image->rgb[i * 3 + c] = i / 16 < 8 ? 1 : 0;
    }
    const int sizes[] = {5, 11, 40};
    for (int k = 0; k < 3; k++) {
        dq_image *to = resized(image, sizes[k], sizes[k]);
        for (size_t p = 0; p < pixel_count(to) * 3; p++) assert_true(to->rgb[p] >= 0 && to->rgb[p] <= 1);
        for (size_t p = 0; p < pixel_count(to); p++) assert_true(to->alpha[p] >= 0 && to->alpha[p] <= 1);
        dq__image_free(&to);
    }
    dq__image_free(&image);
}

/* Green that nobody sees must not bleed into red that is seen. */
static void resize_premultiplies(void **state) {
    (void)state;
    dq_image *image;
    assert_ok(dq__image_new(&image, 40, 40, true, &err));
    for (int i = 0; i < 1600; i++) {
        bool seen = i % 40 < 20;
        image->alpha[i] = seen ? 1 : 0;
        image->rgb[i * 3] = seen ? 1 : 0;
        image->rgb[i * 3 + 1] = seen ? 0 : 1;
    }
    const int sizes[] = {13, 90};
    for (int k = 0; k < 2; k++) {
        dq_image *to = resized(image, sizes[k], sizes[k]);
        int half = 0;
        for (size_t p = 0; p < pixel_count(to); p++) {
            assert_true(to->rgb[p * 3 + 1] == 0);
            if (to->alpha[p] > 0.01f) assert_near((double)to->rgb[p * 3], 1, 1e-4);
            half += to->alpha[p] > 0.01f && to->alpha[p] < 0.99f;
        }
        assert_true(half > 0);
        dq__image_free(&to);
    }
    dq__image_free(&image);
}

static void resize_refuses_impossible_sizes(void **state) {
    (void)state;
    dq_image *image = smooth_picture(4, 4, false), *to;
    assert_fails(dq__image_resize(&to, image, 0, 5, &err), DQ_USAGE, "0×5");
    assert_null(to);
    assert_fails(dq__image_resize(&to, image, 40000, 5, &err), DQ_LIMIT, "40000×5");
    dq__image_free(&image);
}

/* ---- the record ---- */

static const char a_record[] = "{\"recipe\": \"portrait\", \"note\": \"丹青 <a> & 'b' \\\"c\\\" ]]> \\u0007\",\n\t\"seed\": 7}\r\n";

static void records_travel_in_every_format(void **state) {
    (void)state;
    for (int i = 0; i < FORMATS; i++) {
        dq_image *image = smooth_picture(20, 20, false);
        assert_ok(dq__image_set_record(image, a_record, &err));
        dq_image *back = there_and_back(image, all_formats[i], NULL);
        assert_non_null(back->record);
        assert_string_equal(back->record, a_record);
        dq__image_free(&back);
        assert_ok(dq__image_set_record(image, NULL, &err));
        back = there_and_back(image, all_formats[i], NULL);
        assert_null(back->record);
        dq__image_free(&image);
        dq__image_free(&back);
    }
}

/* The longest record that is accepted fits every format; a longer one is refused at once. */
static void long_records_fit_or_are_refused(void **state) {
    (void)state;
    static char json[DQ__RECORD_MAX + 2];
    memset(json, 'x', sizeof json);
    memcpy(json, "{\"a\":\"", 6);
    memcpy(json + DQ__RECORD_MAX - 2, "\"}", 3);
    dq_image *image = smooth_picture(20, 20, false);
    assert_ok(dq__image_set_record(image, json, &err));
    for (int i = 0; i < FORMATS; i++) {
        dq_image *back = there_and_back(image, all_formats[i], NULL);
        if (!back->record) fail_msg("%s lost the record", all_formats[i]);
        assert_string_equal(back->record, json);
        dq__image_free(&back);
    }
    memcpy(json + DQ__RECORD_MAX - 2, "x\"}", 4);
    assert_fails(dq__image_set_record(image, json, &err), DQ_LIMIT, "59001");
    assert_fails(dq__image_set_record(image, "[1]", &err), DQ_USAGE, "JSON object");
    assert_fails(dq__image_set_record(image, "{\"a\":", &err), DQ_USAGE, "JSON object");
    assert_int_equal(strlen(image->record), DQ__RECORD_MAX); /* the old one stays */
    dq__image_free(&image);
}

#define XMP(inside) "<x:xmpmeta xmlns:danqing=\"urn:danqing:xmp#\"><rdf:RDF>" inside "</rdf:RDF></x:xmpmeta>"

static void xmp_of_others_is_understood_or_passed_over(void **state) {
    (void)state;
    const struct {
        const char *packet, *record;
    } cases[] = {
        {XMP("<danqing:record>{\"a\":1}</danqing:record>"), "{\"a\":1}"},
        {XMP("<danqing:record >{&quot;a&quot;:&#x31;&#10;}</danqing:record\n>"), "{\"a\":1\n}"},
        {XMP("<rdf:Description danqing:record='{\"a\":1}'/>"), "{\"a\":1}"},
        {XMP("<rdf:Description\ndanqing:record = \"{&quot;a&quot;:&apos;}\" danqing:record=\"{}\"/>"), NULL},
        {XMP("<danqing:record/><danqing:record>{\"b\":2}</danqing:record>"), "{\"b\":2}"},
        {XMP("<danqing:records>{}</danqing:records>"), NULL},
        {XMP("<danqing:record>[1]</danqing:record>"), NULL},
        {XMP("<danqing:record>{\"a\":1}"), NULL},
        {XMP("<danqing:record>{\"a\":&bogus;}</danqing:record>"), NULL},
        {XMP("<danqing:record>{\"a\":1}&#0;</danqing:record>"), NULL},
        {XMP("<danqing:record>{\"a\":\"\xff\"}</danqing:record>"), NULL},
        {XMP("<danqing:record"), NULL},
        {XMP("<xmp:CreatorTool>Some Editor 1.0</xmp:CreatorTool>"), NULL},
        {"<danqing:record>{}</danqing:record>", NULL}, /* a name that nobody declared */
        {"urn:danqing:xmp# danqing:record", NULL},
        {"urn:danqing:xmp# danqing:record=", NULL},
        {"urn:danqing:xmp# danqing:record='", NULL},
        {"urn:danqing:xmp#<danqing:record>", NULL},
        {"urn:danqing:xmp#<danqing:record>&", NULL},
        {"urn:danqing:xmp#<danqing:record><", NULL},
        {"urn:danqing:xmp#<danqing:record></danqing:record", NULL},
        {"urn:danqing:xmp#<danqing:record", NULL},
        {"", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i].packet);
        char *bytes = malloc(size + 1); /* without the zero, for the address sanitizer */
        memcpy(bytes, cases[i].packet, size);
        bytes = realloc(bytes, size ? size : 1);
        char *record = dq__xmp_record(bytes, size);
        if (!cases[i].record)
            assert_null(record);
        else if (!record || strcmp(record, cases[i].record) != 0)
            fail_msg("%s gives %s", cases[i].packet, record ? record : "nothing");
        dq__free(record);
        free(bytes);
    }
}

static void foreign_xmp_in_a_file_is_harmless(void **state) {
    (void)state;
    const uint8_t samples[12] = {0};
    const char *packets[] = {"garbage \xff\xfe <danqing:record>", "", XMP("<danqing:record>{{{</danqing:record>")};
    for (int i = 0; i < 3; i++) {
        VipsImage *vips = raw(samples, sizeof samples, 2, 2, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
        vips_image_set_blob_copy(vips, VIPS_META_XMP_NAME, packets[i], strlen(packets[i]));
        dq_image *image = read_as(vips, ".png");
        assert_null(image->record);
        dq__image_free(&image);
    }
}

/* ---- beside a host that uses libvips itself ---- */

static int warnings;

static void count_warning(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer user) {
    (void)domain, (void)level, (void)text, (void)user;
    warnings++;
}

/* A host started libvips before us and set it up in its way. */
static int start_as_host(void **state) {
    (void)state;
    if (VIPS_INIT("host")) return -1;
    vips_cache_set_max(7);
    g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING, count_warning, NULL);
    return dq__vips_start(&err) != DQ_OK;
}

static void settings_of_a_host_stay(void **state) {
    (void)state;
    assert_int_equal(vips_cache_get_max(), 7);
    warnings = 0;
    g_log("VIPS", G_LOG_LEVEL_WARNING, "one for the host");
    assert_int_equal(warnings, 1);
}

/* Very large pictures lie in a file, so that memory is not what limits them. */
static void very_large_pictures_lie_in_a_file(void **state) {
    (void)state;
    dq_image *small, *large;
    const int before = dq__mem_mapped();
    assert_ok(dq__image_alloc(&small, 4000, 4000, true, &err));
    assert_int_equal(dq__mem_mapped(), before);
    assert_ok(dq__image_alloc(&large, 16384, 16384, false, &err));
    assert_int_equal(dq__mem_mapped(), before + 1);
    dq__image_free(&small), dq__image_free(&large);
    assert_int_equal(dq__mem_mapped(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(very_large_pictures_lie_in_a_file),
        cmocka_unit_test(new_pictures_are_black_and_opaque),
        cmocka_unit_test(copies_are_whole),
        cmocka_unit_test(formats_keep_the_pixels),
        cmocka_unit_test(quality_is_obeyed),
        cmocka_unit_test(jpeg_drops_alpha_and_keeps_colour),
        cmocka_unit_test(values_out_of_range_are_clamped),
        cmocka_unit_test(one_pixel_is_a_picture),
        cmocka_unit_test(same_pixels_give_the_same_bytes),
        cmocka_unit_test(sixteen_bits_are_exact),
        cmocka_unit_test(grey_becomes_rgb_and_keeps_alpha),
        cmocka_unit_test(palette_and_bits_are_expanded),
        cmocka_unit_test(cmyk_becomes_rgb),
        cmocka_unit_test(profiles_are_converted),
        cmocka_unit_test(broken_profiles_are_passed_over),
        cmocka_unit_test(float_tiff_is_linear_light),
        cmocka_unit_test(orientation_is_applied),
        cmocka_unit_test(place_and_orientation_stay_out_of_results),
        cmocka_unit_test(only_the_first_page_is_read),
        cmocka_unit_test(real_photographs_are_read),
        cmocka_unit_test(resize_agrees_with_pytorch),
        cmocka_unit_test(resize_gives_any_size_and_keeps_constants),
        cmocka_unit_test(resize_moves_nothing),
        cmocka_unit_test(resize_to_the_same_size_copies),
        cmocka_unit_test(resize_clamps_overshoot),
        cmocka_unit_test(resize_premultiplies),
        cmocka_unit_test(resize_refuses_impossible_sizes),
        cmocka_unit_test(records_travel_in_every_format),
        cmocka_unit_test(long_records_fit_or_are_refused),
        cmocka_unit_test(xmp_of_others_is_understood_or_passed_over),
        cmocka_unit_test(foreign_xmp_in_a_file_is_harmless),
        cmocka_unit_test(settings_of_a_host_stay)};
    return cmocka_run_group_tests(tests, start_as_host, NULL);
}
