/* SPDX-License-Identifier: MIT
 * tests/unit/sketch_faces.h: pairs for the tests of sketches: heads rendered in the frame from a few drawn numbers, and a pencil
 * that draws them by rule: lines where the photo darkens, hatching by its tone, and the grain of paper. */
#ifndef DQ_SKETCH_FACES_H
#define DQ_SKETCH_FACES_H

#include "image_test.h"

#include "base/rng.h"
#include "sketch/frame.h"

#include <ftw.h>
#include <glib.h>

enum { FACE_W = DQ__FRAME_W, FACE_H = DQ__FRAME_H, FACE_PIXELS = DQ__FRAME_PIXELS };

static inline float draw_number(int person, int index, float low, float high) {
    return low + (high - low) * dq__rng_uniform(77, (uint64_t)person, (uint64_t)index);
}

/* 1 inside an ellipse, 0 outside, soft at the edge. */
static inline float in_ellipse(float x, float y, float cx, float cy, float rx, float ry) {
    const float r = sqrtf((x - cx) * (x - cx) / (rx * rx) + (y - cy) * (y - cy) / (ry * ry));
    return 1 / (1 + expf((r - 1) * 0.5f * (rx + ry) / 1.2f));
}

/* Grey of a person's photo at a pixel, 0 … 1. */
static inline float face_at(int person, float x, float y) {
    const float skin = draw_number(person, 0, 0.4f, 0.85f), hair = draw_number(person, 1, 0.05f, 0.55f);
    const float wide = draw_number(person, 2, 46, 74), chin = draw_number(person, 3, 192, 236), brow = draw_number(person, 4,
        103, 115);
    const float mouth = draw_number(person, 5, 166, 186), lips = draw_number(person, 6, 14, 28);
    const float side = draw_number(person, 7, -0.25f, 0.25f), length = draw_number(person, 8, 45, 150);
    const float eye = draw_number(person, 9, 8, 13), cloth = draw_number(person, 10, 0.1f, 0.7f), wall = draw_number(person, 11,
        0.5f, 0.95f);
    float v = wall + 0.04f * sinf(x / 40 + 6 * side);
    v += (hair + 0.04f * sinf(x * 0.9f + 0.15f * y) - v) * in_ellipse(x, y, 100, 100, wide + 16, length);
    v += (cloth - v) * in_ellipse(x, y, 100, 262, 95, 42 + 60 * fabsf(side));
    v += (0.85f * skin - v) * in_ellipse(x, y, 100, 215, 24, 32);
    const float shade = 1 - 0.25f * (x - 100) / wide * side * 4 - 0.12f * (y - 125) * (y - 125) / 8000;
    v += (skin * shade - v) * in_ellipse(x, y, 100, 0.5f * (chin + 70), wide, 0.5f * (chin - 70));
    for (int s = -1; s <= 1; s += 2) {
        const float cx = 100 + 25 * (float)s;
        v += (0.95f - v) * in_ellipse(x, y, cx, 125, eye, 4.5f);
        v += (0.12f - v) * in_ellipse(x, y, cx, 125, 4, 4.2f);
        v += (hair - v) * in_ellipse(x, y, cx, brow, 14, 3);
    }
    v += (0.72f * skin - v) * in_ellipse(x, y, 100 + 20 * side, 152, 9, 5);
    v += (0.5f * skin - v) * in_ellipse(x, y, 100, mouth, lips, 4.5f);
    return v;
}

static inline void render_face(int person, float *grey) {
    for (int i = 0; i < FACE_PIXELS; i++) {
        const float v = 255 * face_at(person, (float)(i % FACE_W), (float)(i / FACE_W));
        grey[i] = v < 0 ? 0 : v > 255 ? 255 : v;
    }
}

static inline float mean_around(const float *grey, int x, int y, int reach) {
    float sum = 0;
    int n = 0;
    for (int v = y - reach; v <= y + reach; v++)
        for (int u = x - reach; u <= x + reach; u++)
            if (u >= 0 && v >= 0 && u < FACE_W && v < FACE_H) sum += grey[v * FACE_W + u], n++;
    return sum / (float)n;
}

static inline void draw_pencil(int person, const float *photo, float *sketch) {
    for (int i = 0; i < FACE_PIXELS; i++) {
        const int x = i % FACE_W, y = i / FACE_W;
        const float near = mean_around(photo, x, y, 1), wide = mean_around(photo, x, y, 5), line = fmaxf(0, wide - near - 3);
        const float dark = 1 - near / 255, hatch = dark > 0.35f ? 25 * dark * (0.5f + 0.5f * sinf((float)(x + y) * 1.1f)) : 0;
        const float grain = 1.5f * dq__rng_normal(5, (uint64_t)person, (uint64_t)i);
        const float v = 242 - 4 * line - 90 * dark * dark - hatch + grain;
        sketch[i] = v < 0 ? 0 : v > 255 ? 255 : v;
    }
}

/* ---- folders ---- */

static char pairs_folder[256];

static inline void write_grey(const char *into, const char *kind, int person, const float *grey) {
    char path[400];
    dq_image *image;
    snprintf(path, sizeof path, "%s/%s", into, kind);
    assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/%03d.png", into, kind, person);
    assert_ok(dq__drawing_image(&image, grey, FACE_W, FACE_H, &err));
    assert_ok(dq__image_write(image, path, NULL, &err));
    dq__image_free(&image);
}

/* Persons first … last−1 as FOLDER/NAME/photos and sketches; the folder's path. */
static inline const char *write_pairs(const char *name, int first, int last) {
    static char path[4][320];
    static int turn;
    char *to = path[turn = (turn + 1) % 4];
    float *photo = dq__alloc(sizeof(float) * 2 * FACE_PIXELS), *sketch = photo + FACE_PIXELS;
    snprintf(to, sizeof path[0], "%s/%s", pairs_folder, name);
    for (int person = first; person < last; person++) {
        render_face(person, photo);
        draw_pencil(person, photo, sketch);
        write_grey(to, "photos", person, photo);
        write_grey(to, "sketches", person, sketch);
    }
    dq__free(photo);
    return to;
}

static inline int make_pairs_folder(void **state) {
    (void)state;
    snprintf(pairs_folder, sizeof pairs_folder, "%s/danqing-sketch-XXXXXX", P_tmpdir);
    return mkdtemp(pairs_folder) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info, (void)kind, (void)at;
    return remove(path);
}

static inline int remove_pairs_folder(void **state) {
    (void)state;
    return nftw(pairs_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
