/* SPDX-License-Identifier: MIT
 * Faces: a cascade written here finds what it describes and nothing else, files that lie are refused, the system's cascades
 * (where they are installed) find the eyes of the sample portraits, and the map of a face is soft and in its place. */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "image/cascade.h"
#include "image/face.h"

static dq__error err;

/* A window of 8×8 whose left half is much darker than the right. Two nodes: the second asks the same of the upper rows. */
static const char left_dark[] =
    "<?xml version=\"1.0\"?>\n<!-- a comment with <tags> -->\n<opencv_storage>\n<cascade type_id=\"x\">\n"
    "<height>8</height><width>8</width><stages><_><maxWeakCount>1</maxWeakCount><stageThreshold>0.5</stageThreshold>\n"
    "<weakClassifiers><_><internalNodes>\n 0 1 0 1.0 -1 -2 1 2e-1</internalNodes>\n"
    "<leafValues> 0. 0. 1.</leafValues></_></weakClassifiers></_></stages>\n"
    "<features><_><rects><_> 0 0 8 8 -1.</_><_> 4 0 4 8 2.</_></rects></_>\n"
    "<_><rects><_> 0 0 8 4 -1.</_><_> 4 0 4 4 2.</_></rects></_></features></cascade></opencv_storage>\n";

static dq_image *grey_noise(int w, int h) {
    dq_image *p;
    assert_int_equal(dq__image_new(&p, w, h, false, &err), DQ_OK);
    for (int k = 0; k < w * h; k++)
        for (int c = 0; c < 3; c++) p->rgb[3 * k + c] = 0.5f + 0.05f * (dq__rng_uniform(1, 2, (uint64_t)k) - 0.5f);
    return p;
}

static void paint_step(dq_image *p, int left, int top, int side) {
    for (int y = top; y < top + side; y++)
        for (int x = left; x < left + side; x++)
            for (int c = 0; c < 3; c++) p->rgb[3 * (y * p->width + x) + c] = x < left + side / 2 ? 0.1f : 0.9f;
}

static void a_cascade_finds_what_it_describes(void **state) {
    (void)state;
    dq__cascade *cascade;
    dq__grey grey;
    dq__hit hits[8];
    double scale;
    if (dq__cascade_parse(&cascade, left_dark, strlen(left_dark), "here", &err)) fail_msg("%s", err.text);
    dq_image *p = grey_noise(100, 80);
    const dq__search search = {.x1 = 100, .y1 = 80, .smallest = 16, .largest = 32, .votes = 3};
    assert_int_equal(dq__grey_of(&grey, p, 200, &scale, &err), DQ_OK);
    assert_near(scale, 1, 0);
    assert_int_equal(dq__cascade_search(cascade, &grey, &search, hits, 8), 0);
    dq__grey_free(&grey);
    paint_step(p, 60, 30, 24);
    assert_int_equal(dq__grey_of(&grey, p, 200, &scale, &err), DQ_OK);
    assert_true(dq__cascade_search(cascade, &grey, &search, hits, 8) >= 1);
    assert_near(hits[0].x, 72, 2);
    assert_near(hits[0].y, 42, 12); /* anywhere along the step */
    assert_near(dq__grey_mean(&grey, 60, 30, 72, 54), 0.1, 1e-6);
    dq__grey_free(&grey);
    assert_int_equal(dq__grey_of(&grey, p, 50, &scale, &err), DQ_OK); /* half the size: the same place */
    assert_near(scale, 2, 0);
    const dq__search half = {.x1 = 50, .y1 = 40, .smallest = 8, .largest = 16, .votes = 2};
    assert_true(dq__cascade_search(cascade, &grey, &half, hits, 8) >= 1);
    assert_near(scale * hits[0].x, 72, 3);
    dq__grey_free(&grey);
    dq__cascade_free(&cascade);
    dq__image_free(&p);
}

/* The text with its first `old` replaced. */
static void refuse(const char *old, const char *new, const char *word) {
    char text[2048];
    const char *at = strstr(left_dark, old);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - left_dark), left_dark, new, at + strlen(old));
    dq__cascade *cascade;
    const dq_status status = dq__cascade_parse(&cascade, text, strlen(text), "here", &err);
    if (status != DQ_BAD_MODEL || !strstr(err.text, word)) fail_msg("%s → %s: %d, %s", old, new, status, err.text);
    assert_null(cascade);
}

static void files_that_lie_are_refused(void **state) {
    (void)state;
    refuse("0 1 0 1.0", "0 1 1.0", "four numbers");
    refuse("0 1 0 1.0", "0 7 0 1.0", "hold together");
    refuse("0 1 0 1.0", "0 1 2 1.0", "hold together");
    refuse("-1 -2 1", "1 -2 1", "hold together"); /* a circle */
    refuse("-1 -2 1", "-1 -3 1", "hold together");
    refuse(" 0. 0. 1.", " 0. 1.", "hold together");
    refuse("4 0 4 8", "5 0 4 8", "leaves the window");
    refuse("4 0 4 8", "4 -1 4 8", "leaves the window");
    refuse("0 0 8 8 -1.", "0 0 8 8", "five numbers");
    refuse("<width>8", "<width>4000000", "width");
    refuse("<width>8", "<width>2000", "window");
    refuse("<rects><_> 0", "<tilted>1</tilted><rects><_> 0", "tilted");
    refuse("<stageThreshold>0.5</stageThreshold>", "", "outside of a stage");
    refuse("<features>", "<!--", "no stages or no features");
    dq__cascade *cascade;
    for (size_t n = 0; n < strlen(left_dark); n++) /* cut anywhere: refused or whole, never a crash */
        if (dq__cascade_parse(&cascade, left_dark, n, "here", &err) == DQ_OK) dq__cascade_free(&cascade);
}

static void a_missing_folder_is_explained(void **state) {
    (void)state;
    dq__face_finder *finder;
    assert_int_equal(dq__face_finder_new(&finder, "/nowhere/at/all", &err), DQ_BAD_MODEL);
    assert_null(finder);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

static dq__face_finder *system_finder(void) {
    dq__face_finder *finder;
    if (dq__face_finder_new(&finder, NULL, &err)) {
        print_message("skipped: %s\n", err.text);
        skip();
    }
    return finder;
}

static dq_image *sample(const char *name) {
    char path[1024];
    dq_image *p;
    snprintf(path, sizeof path, "%s/examples/samples/%s", getenv("DANQING_SOURCE"), name);
    if (dq__image_read(&p, path, &err)) fail_msg("%s", err.text);
    return p;
}

/* The irises of the samples, measured by hand. */
static void eyes_of_the_samples_are_found(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double eye[2][2];
    } samples[] = {{"portrait1.png", {{277, 240}, {372, 237}}}, {"portrait2.png", {{188, 247}, {298, 251}}}};
    dq__face_finder *finder = system_finder();
    for (int i = 0; i < 2; i++)
        for (int size = 640; size >= 200; size /= 2) {
            dq_image *p = sample(samples[i].name), *small;
            dq__face faces[4];
            int count;
            const double k = size / 640.0;
            assert_int_equal(dq__image_resize(&small, p, size * 4 / 5, size, &err), DQ_OK);
            assert_int_equal(dq__face_find(finder, small, faces, 4, &count, &err), DQ_OK);
            assert_int_equal(count, 1);
            assert_true(faces[0].eyes_seen);
            for (int e = 0; e < 2; e++)
                for (int c = 0; c < 2; c++) assert_near(faces[0].eye[e][c], k * samples[i].eye[e][c], 4 * k + 1);
            dq__image_free(&p), dq__image_free(&small);
        }
    dq__face_finder_free(&finder);
}

static void no_face_where_there_is_none(void **state) {
    (void)state;
    dq__face_finder *finder = system_finder();
    static const char *const names[] = {"night.png", "mosaic.png"};
    dq__face faces[4];
    int count;
    for (int i = 0; i < 2; i++) {
        dq_image *p = sample(names[i]);
        assert_int_equal(dq__face_find(finder, p, faces, 4, &count, &err), DQ_OK);
        assert_int_equal(count, 0);
        dq__image_free(&p);
    }
    dq_image *tiny = grey_noise(3, 1);
    assert_int_equal(dq__face_find(finder, tiny, faces, 4, &count, &err), DQ_OK);
    assert_int_equal(count, 0);
    dq__image_free(&tiny);
    dq__face_finder_free(&finder);
}

static void the_map_is_soft_and_in_its_place(void **state) {
    (void)state;
    enum { W = 160, H = 200 };
    const dq__face face = {.x = 160, .y = 180, .side = 160, .eye = {{130, 160}, {190, 160}}}; /* in a picture of 320×400 */
    float *map = dq__alloc(sizeof(float) * W * H);
    dq__face_map(map, W, H, 320, 400, &face, 1);
    assert_true(map[80 * W + 65] == 1.0f && map[80 * W + 95] == 1.0f); /* eyes */
    assert_true(map[(80 + 33) * W + 80] == 1.0f);                      /* mouth */
    assert_near((double)map[62 * W + 80], 0.5, 0.01);                  /* forehead */
    assert_true(map[0] == 0.0f && map[199 * W + 80] == 0.0f && map[80 * W + 20] == 0.0f);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            assert_near((double)map[y * W + x], (double)map[y * W + W - 1 - x], 1e-5); /* the eyes are symmetric */
            if (x > 0) assert_near((double)map[y * W + x], (double)map[y * W + x - 1], 0.25);
        }
    dq__face_map(map, W, H, 320, 400, &face, 0);
    for (int k = 0; k < W * H; k++) assert_true(map[k] == 0.0f);
    dq__free(map);
}

static void no_memory_is_no_crash(void **state) {
    (void)state;
    dq__face_finder *finder = system_finder();
    dq_image *p = sample("portrait1.png"), *small;
    assert_int_equal(dq__image_resize(&small, p, 120, 150, &err), DQ_OK);
    const size_t before = dq__mem_now();
    dq_status status = DQ_LIMIT;
    for (long n = 1; status && n < 2000; n += 23) {
        dq__face faces[4];
        int count;
        dq__mem_fail_at(n);
        status = dq__face_find(finder, small, faces, 4, &count, &err);
        dq__mem_fail_at(0);
        if (status) assert_int_equal(status, DQ_LIMIT);
        assert_int_equal(dq__mem_now(), before);
    }
    assert_int_equal(status, DQ_OK);
    dq__image_free(&p), dq__image_free(&small);
    dq__face_finder_free(&finder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cascade_finds_what_it_describes), cmocka_unit_test(files_that_lie_are_refused),
        cmocka_unit_test(a_missing_folder_is_explained),     cmocka_unit_test(eyes_of_the_samples_are_found),
        cmocka_unit_test(no_face_where_there_is_none),       cmocka_unit_test(the_map_is_soft_and_in_its_place),
        cmocka_unit_test(no_memory_is_no_crash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
