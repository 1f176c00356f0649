/* SPDX-License-Identifier: MIT
 * Unit tests of src/train/images.c: which files a set has, where crops come from, that neither threads nor cache nor order
 * change one, broken files, running out of memory. The pictures are made here. */
#include "image_test.h"

#include "train/images.h"

#include <ftw.h>
#include <sys/stat.h>

enum { SIDE = 16, VALUES = SIDE * SIDE * 3 };

/* ---- folders of pictures ---- */

static void make_dir(const char *name) { assert_int_equal(mkdir(in_folder(name), 0777), 0); }

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info, (void)type, (void)at;
    return remove(path);
}

static void remove_tree(const char *name) {
    assert_int_equal(nftw(in_folder(name), remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put_picture(const char *name, int width, int height) {
    dq_image *image = smooth_picture(width, height, false);
    assert_ok(dq__image_write(image, in_folder(name), NULL, &err));
    dq__image_free(&image);
}

/* All of one colour. */
static void put_flat(const char *name, int width, int height, const float colour[3]) {
    dq_image *image;
    assert_ok(dq__image_new(&image, width, height, false, &err));
    for (size_t i = 0; i < pixel_count(image) * 3; i++) image->rgb[i] = colour[i % 3];
    assert_ok(dq__image_write(image, in_folder(name), NULL, &err));
    dq__image_free(&image);
}

static void put_garbage(const char *name) { put_file(in_folder(name), "no picture", 10); }

static dq__images *open_one(const char *name, size_t cache_bytes) {
    const char *path = in_folder(name);
    dq__images *images;
    assert_ok(dq__images_open(&images, &path, NULL, 1, cache_bytes, &err));
    return images;
}

/* Eight pictures of different sizes and kinds. */
static void make_eight(void) {
    make_dir("eight");
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "eight/%d.%s", i, i % 2 ? "png" : "jpg");
        put_picture(name, 12 + 9 * i, 60 - 5 * i);
    }
}

/* ---- which files ---- */

static void files_are_found_in_order(void **state) {
    (void)state;
    make_dir("tree");
    make_dir("tree/b");
    make_dir("tree/.hidden");
    const char *names[] = {"tree/b/z.png", "tree/b.png", "tree/a.jpeg", "tree/C.TIF", "tree/.no.png", "tree/.hidden/no.png",
                           "tree/no.txt", "tree/jpg"};
    for (size_t i = 0; i < 8; i++) put_garbage(names[i]); /* nothing is decoded yet */
    assert_int_equal(symlink("..", in_folder("tree/b/loop")), 0);
    assert_int_equal(symlink("../a.jpeg", in_folder("tree/b/link.jpg")), 0);
    assert_int_equal(symlink("nowhere", in_folder("tree/b/nowhere.jpg")), 0);
    const char *expected[] = {"tree/C.TIF", "tree/a.jpeg", "tree/b.png", "tree/b/link.jpg", "tree/b/z.png"};
    dq__images *images = open_one("tree", 0);
    assert_int_equal(dq__images_count(images), 5);
    for (int i = 0; i < 5; i++) assert_string_equal(dq__images_path(images, i), in_folder(expected[i]));
    assert_int_equal(dq__images_broken(images), 0);
    dq__images_free(&images);
    assert_null(images);
    remove_tree("tree");
}

static void folders_without_pictures_are_named(void **state) {
    (void)state;
    make_dir("full");
    make_dir("empty");
    put_garbage("full/a.png");
    put_garbage("empty/a.txt");
    const char *both[] = {in_folder("full"), in_folder("empty")}, *missing = in_folder("missing");
    dq__images *images;
    assert_fails(dq__images_open(&images, both, NULL, 2, 0, &err), DQ_BAD_IMAGE, "empty: holds no pictures");
    assert_null(images);
    assert_fails(dq__images_open(&images, &missing, NULL, 1, 0, &err), DQ_BAD_IMAGE, "missing: cannot be read");
    assert_fails(dq__images_open(&images, both, NULL, 0, 0, &err), DQ_USAGE, "at least one folder");
    const double negative[] = {-1}, nothing[] = {0};
    assert_fails(dq__images_open(&images, both, negative, 1, 0, &err), DQ_USAGE, "full: its share");
    assert_fails(dq__images_open(&images, both, nothing, 1, 0, &err), DQ_USAGE, "add up to 0");
    remove_tree("full");
    remove_tree("empty");
}

/* ---- which crops ---- */

static int count_red(const double *share) {
    enum { CROPS = 2000 };
    static float rgb[CROPS * 8 * 8 * 3];
    const char *folders[] = {in_folder("red"), in_folder("blue")};
    dq__images *set;
    assert_ok(dq__images_open(&set, folders, share, 2, 1 << 20, &err));
    assert_ok(dq__images_batch(set, NULL, NULL, 5, 0, CROPS, 8, rgb, &err));
    dq__images_free(&set);
    int red = 0;
    for (int k = 0; k < CROPS; k++) red += rgb[k * 8 * 8 * 3] > 0.5f;
    return red;
}

static void shares_are_kept(void **state) {
    (void)state;
    make_dir("red");
    make_dir("blue");
    put_flat("red/a.png", 9, 9, (const float[]){1, 0, 0});
    put_flat("blue/a.png", 9, 9, (const float[]){0, 0, 1});
    put_flat("blue/b.png", 9, 9, (const float[]){0, 0, 1});
    put_flat("blue/c.png", 9, 9, (const float[]){0, 0, 1});
    const double cases[][2] = {{3, 1}, {0.1, 0.1}, {0, 2}, {1, 0}};
    for (size_t i = 0; i < 4; i++) {
        double expected = 2000 * cases[i][0] / (cases[i][0] + cases[i][1]);
        assert_near(count_red(cases[i]), expected, expected > 0 && expected < 2000 ? 90 : 0);
    }
    assert_near(count_red(NULL), 500, 90);
    remove_tree("red");
    remove_tree("blue");
}

/* The picture's colours say where a pixel comes from. */
static void plain_crops_are_cut_as_they_are(void **state) {
    (void)state;
    enum { WIDTH = 60, HEIGHT = 40, CROPS = 3000 };
    static float rgb[CROPS * 8 * 8 * 3];
    int seen_x[WIDTH] = {0}, seen_y[HEIGHT] = {0};
    make_dir("map");
    dq_image *image;
    assert_ok(dq__image_new(&image, WIDTH, HEIGHT, false, &err));
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        image->rgb[3 * i] = (float)(i % WIDTH) / 255;
        image->rgb[3 * i + 1] = (float)(i / WIDTH) / 255;
    }
    assert_ok(dq__image_write(image, in_folder("map/a.png"), NULL, &err));
    dq__image_free(&image);
    dq__images *images = open_one("map", 1 << 20);
    assert_ok(dq__images_batch(images, NULL, NULL, 1, 0, CROPS, 8, rgb, &err));
    for (int k = 0; k < CROPS; k++) {
        const float *crop = rgb + k * 8 * 8 * 3;
        int x0 = (int)lrintf(crop[0] * 255), y0 = (int)lrintf(crop[1] * 255);
        seen_x[x0]++;
        seen_y[y0]++;
        for (int i = 0; i < 64; i++) {
            assert_near((double)crop[3 * i], (x0 + i % 8) / 255.0, 1e-6);
            assert_near((double)crop[3 * i + 1], (y0 + i / 8) / 255.0, 1e-6);
        }
    }
    for (int x = 0; x < WIDTH; x++) assert_int_equal(seen_x[x] > 0, x <= WIDTH - 8);
    for (int y = 0; y < HEIGHT; y++) assert_int_equal(seen_y[y] > 0, y <= HEIGHT - 8);

    /* Larger windows are shrunk, too large ones are the whole height, enlarged crops have a gentler slope. */
    const struct {
        double scale;
        int side;
        double slope;
    } cases[] = {{2, 10, 2}, {0.5, 10, 0.5}, {1, 80, 0.5}, {3, 20, 2}};
    for (size_t i = 0; i < 4; i++) {
        dq__augment scaled = {.scale_min = cases[i].scale, .scale_max = cases[i].scale};
        int side = cases[i].side;
        assert_ok(dq__images_batch(images, NULL, &scaled, 2, 0, 20, side, rgb, &err));
        for (int k = 0; k < 20; k++) {
            const float *row = rgb + 3 * (k * side * side + side * side / 2);
            double slope = (double)(row[3 * (side * 3 / 4)] - row[3 * (side / 4)]) * 255 / (side * 3 / 4 - side / 4);
            assert_near(slope, cases[i].slope, 0.02);
        }
    }
    dq__images_free(&images);
    remove_tree("map");
}

static void flipped_crops_are_mirrored(void **state) {
    (void)state;
    float plain[8 * VALUES], flipped[8 * VALUES];
    const dq__augment flip = {.flip = 1};
    make_eight();
    dq__images *images = open_one("eight", 1 << 20);
    assert_ok(dq__images_batch(images, NULL, NULL, 9, 0, 8, SIDE, plain, &err));
    assert_ok(dq__images_batch(images, NULL, &flip, 9, 0, 8, SIDE, flipped, &err));
    for (int row = 0; row < 8 * SIDE; row++)
        for (int i = 0; i < SIDE * 3; i++) {
            int mirrored = 3 * (SIDE - 1 - i / 3) + i % 3;
            assert_near((double)flipped[row * SIDE * 3 + i], (double)plain[row * SIDE * 3 + mirrored], 1e-5);
        }
    dq__images_free(&images);
    remove_tree("eight");
}

/* ---- nothing but seed and number counts ---- */

static void crops_are_always_the_same(void **state) {
    (void)state;
    enum { CROPS = 48 };
    static float expected[CROPS * VALUES], rgb[CROPS * VALUES];
    dq__augment augment = dq__augment_default();
    augment.cutmix = augment.blend = augment.noise = augment.jpeg = 0.4;
    make_eight();
    dq__images *reference = open_one("eight", 1 << 30);
    assert_ok(dq__images_batch(reference, NULL, &augment, 3, 100, CROPS, SIDE, expected, &err));
    dq__images_free(&reference);
    const size_t cache[] = {1 << 30, 10000, 0};
    for (int threads = 1; threads <= 3; threads += 2) {
        dq__pool *pool;
        assert_ok(dq__pool_new(&pool, threads, &err));
        for (int i = 0; i < 3; i++) {
            dq__images *images = open_one("eight", cache[i]);
            for (int again = 0; again < 2; again++) {
                memset(rgb, 0, sizeof rgb);
                assert_ok(dq__images_batch(images, pool, &augment, 3, 100, CROPS, SIDE, rgb, &err));
                assert_memory_equal(rgb, expected, sizeof rgb);
                assert_true(dq__images_cached(images) <= cache[i]);
                assert_true(dq__images_cached(images) > 0 || cache[i] == 0);
            }
            /* In another order, one at a time. */
            for (int k = CROPS - 1; k >= 0; k -= 5) {
                assert_ok(dq__images_batch(images, pool, &augment, 3, 100 + k, 1, SIDE, rgb, &err));
                assert_memory_equal(rgb, expected + k * VALUES, VALUES * sizeof *rgb);
            }
            assert_ok(dq__images_batch(images, pool, &augment, 4, 100, CROPS, SIDE, rgb, &err));
            assert_memory_not_equal(rgb, expected, sizeof rgb);
            dq__images_free(&images);
        }
        dq__pool_free(&pool);
    }
    remove_tree("eight");
    assert_int_equal(dq__mem_now(), 0);
}

static void large_pictures_are_kept_small(void **state) {
    (void)state;
    float rgb[VALUES];
    make_dir("large");
    put_picture("large/a.png", 1000, 700);
    dq__images *images = open_one("large", 1 << 30);
    assert_ok(dq__images_batch(images, NULL, NULL, 1, 0, 1, SIDE, rgb, &err));
    assert_int_equal(dq__images_cached(images), 640 * 448 * 3);
    dq__images_free(&images);
    remove_tree("large");
}

static void transparent_pictures_lie_on_white(void **state) {
    (void)state;
    float rgb[VALUES];
    make_dir("clear");
    dq_image *image;
    assert_ok(dq__image_new(&image, SIDE, SIDE, true, &err));
    for (int i = 0; i < SIDE * SIDE; i++) image->alpha[i] = 0.4f;
    assert_ok(dq__image_write(image, in_folder("clear/a.png"), NULL, &err));
    dq__image_free(&image);
    dq__images *images = open_one("clear", 0);
    assert_ok(dq__images_batch(images, NULL, NULL, 1, 0, 1, SIDE, rgb, &err));
    for (int i = 0; i < VALUES; i++) assert_near((double)rgb[i], 0.6, 0.51 / 255);
    dq__images_free(&images);
    remove_tree("clear");
}

/* ---- what goes wrong ---- */

/* The crops are those of a set in which the next file stands in the broken one's place. */
static void broken_files_are_replaced_by_the_next(void **state) {
    (void)state;
    enum { CROPS = 40 };
    static float expected[CROPS * VALUES], rgb[CROPS * VALUES];
    const float colour[4][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}};
    const int stands_for[2][4] = {{0, 2, 2, 0}, {0, 1, 2, 3}};
    make_dir("whole");
    make_dir("part");
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "whole/%d.png", i);
        put_flat(name, 20, 20, colour[stands_for[0][i]]);
        snprintf(name, sizeof name, "part/%d.png", i);
        if (i % 2)
            put_garbage(name);
        else
            put_flat(name, 20, 20, colour[i]);
    }
    dq__images *whole = open_one("whole", 1 << 20), *part = open_one("part", 1 << 20);
    dq__pool *pool;
    assert_ok(dq__pool_new(&pool, 3, &err));
    assert_ok(dq__images_batch(whole, pool, NULL, 1, 0, CROPS, SIDE, expected, &err));
    for (int again = 0; again < 2; again++) {
        assert_ok(dq__images_batch(part, pool, NULL, 1, 0, CROPS, SIDE, rgb, &err));
        assert_memory_equal(rgb, expected, sizeof rgb);
        assert_int_equal(dq__images_broken(part), 2);
    }
    assert_int_equal(dq__images_broken(whole), 0);
    dq__pool_free(&pool);
    dq__images_free(&whole);
    dq__images_free(&part);

    assert_int_equal(unlink(in_folder("part/0.png")) + unlink(in_folder("part/2.png")), 0);
    part = open_one("part", 1 << 20);
    assert_fails(dq__images_batch(part, NULL, NULL, 1, 0, 2, SIDE, rgb, &err), DQ_BAD_IMAGE,
                 "part: none of its 2 pictures can be read");
    dq__images_free(&part);
    remove_tree("whole");
    remove_tree("part");
}

static void wrong_requests_are_refused(void **state) {
    (void)state;
    float rgb[VALUES];
    const dq__augment wrong = {.flip = 2};
    make_eight();
    dq__images *images = open_one("eight", 0);
    assert_fails(dq__images_batch(images, NULL, NULL, 1, 0, 1, 7, rgb, &err), DQ_USAGE, "7 pixels");
    assert_fails(dq__images_batch(images, NULL, NULL, 1, 0, 1, 1025, rgb, &err), DQ_USAGE, "1025 pixels");
    assert_fails(dq__images_batch(images, NULL, NULL, 1, -1, 1, SIDE, rgb, &err), DQ_USAGE, "cannot be made");
    assert_fails(dq__images_batch(images, NULL, NULL, 1, INT64_MAX, 1, SIDE, rgb, &err), DQ_USAGE, "cannot be made");
    assert_fails(dq__images_batch(images, NULL, &wrong, 1, 0, 1, SIDE, rgb, &err), DQ_USAGE, "flip");
    assert_ok(dq__images_batch(images, NULL, NULL, 1, 0, 0, SIDE, rgb, &err));
    dq__images_free(&images);
    remove_tree("eight");
}

/* Too little memory is an error, never a broken file. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    float rgb[2 * VALUES];
    const dq__augment mixed = {.cutmix = 1, .blend = 1};
    make_eight();
    const char *path = in_folder("eight");
    dq_status status = DQ_LIMIT;
    int failures = 0;
    for (long n = 1; status != DQ_OK; n++) {
        dq__images *images;
        dq__mem_fail_at(n);
        status = dq__images_open(&images, &path, NULL, 1, 1 << 20, &err);
        if (status == DQ_OK) {
            status = dq__images_batch(images, NULL, &mixed, 1, 0, 2, SIDE, rgb, &err);
            assert_int_equal(dq__images_broken(images), 0);
        }
        dq__mem_fail_at(0);
        dq__images_free(&images);
        assert_int_equal(dq__mem_now(), 0);
        if (status == DQ_OK) break;
        assert_int_equal(status, DQ_LIMIT);
        failures++;
    }
    assert_true(failures > 30);
    remove_tree("eight");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_found_in_order),
        cmocka_unit_test(folders_without_pictures_are_named),
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(plain_crops_are_cut_as_they_are),
        cmocka_unit_test(flipped_crops_are_mirrored),
        cmocka_unit_test(crops_are_always_the_same),
        cmocka_unit_test(large_pictures_are_kept_small),
        cmocka_unit_test(transparent_pictures_lie_on_white),
        cmocka_unit_test(broken_files_are_replaced_by_the_next),
        cmocka_unit_test(wrong_requests_are_refused),
        cmocka_unit_test(memory_may_run_out_anywhere)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
