/* SPDX-License-Identifier: MIT
 * tests/unit/image_test.h: what the image tests share: small pictures, a folder of their own, PNG files made by hand. */
#ifndef DQ_IMAGE_TEST_H
#define DQ_IMAGE_TEST_H

#include "test.h"

#include "base/mem.h"
#include "image/image.h"
#include "image/parts.h"

#include <dirent.h>
#include <unistd.h>
#include <zlib.h>

static const char *const all_formats[] = {"png", "tiff", "jpg", "webp", "avif", "heic"};
enum { FORMATS = sizeof all_formats / sizeof *all_formats };

static dq__error err;

#define assert_ok(call) \
    do { \
        err.text[0] = 0; \
        if ((call) != DQ_OK) fail_msg("%s: %s", #call, err.text); \
    } while (0)

/* The call fails with this status and one line that holds this text. */
#define assert_fails(call, expected, text_part) \
    do { \
        err.text[0] = 0; \
        assert_int_equal((call), expected); \
        if (!strstr(err.text, text_part)) fail_msg("\"%s\" does not say \"%s\"", err.text, text_part); \
    } while (0)

/* Smooth, every channel different, corners distinct. */
static inline dq_image *smooth_picture(int width, int height, bool alpha) {
    dq_image *image;
    assert_ok(dq__image_new(&image, width, height, alpha, &err));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            size_t i = (size_t)y * (size_t)width + (size_t)x;
            float u = (float)(x + 1) / (float)(width + 1), v = (float)(y + 1) / (float)(height + 1);
            image->rgb[i * 3] = u;
            image->rgb[i * 3 + 1] = v;
            image->rgb[i * 3 + 2] = 0.5f + 0.4f * sinf(3 * u + 2 * v);
            if (alpha) image->alpha[i] = 0.3f + 0.6f * u * v;
        }
    return image;
}

static inline size_t pixel_count(const dq_image *image) { return (size_t)image->width * (size_t)image->height; }

/* The largest difference of any colour or alpha. */
static inline double difference(const dq_image *a, const dq_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->alpha != NULL, b->alpha != NULL);
    float most = 0;
    for (size_t i = 0; i < pixel_count(a) * 3; i++) most = fmaxf(most, fabsf(a->rgb[i] - b->rgb[i]));
    for (size_t i = 0; a->alpha && i < pixel_count(a); i++) most = fmaxf(most, fabsf(a->alpha[i] - b->alpha[i]));
    return (double)most;
}

static inline const float *pixel(const dq_image *image, int x, int y) {
    return image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
}

#define assert_pixel(image, x, y, red, green, blue, tolerance) \
    do { \
        assert_near((double)pixel(image, x, y)[0], red, tolerance); \
        assert_near((double)pixel(image, x, y)[1], green, tolerance); \
        assert_near((double)pixel(image, x, y)[2], blue, tolerance); \
    } while (0)

/* ---- a folder ---- */

static char folder[200];

static inline int make_folder(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/danqing-image-XXXXXX", parent && *parent ? parent : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

/* The number of entries; with `empty`, removes them. */
static inline int walk_folder(bool empty) {
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        count++;
        if (empty) assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
    }
    closedir(dir);
    return count;
}

static inline int remove_folder(void **state) {
    (void)state;
    walk_folder(true);
    return rmdir(folder);
}

/* folder/name; valid until the fourth call from now. */
static inline const char *in_folder(const char *name) {
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

static inline void put_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* ---- a PNG by hand ---- */

struct png {
    unsigned char bytes[4096];
    size_t size;
};

static inline void put_be32(unsigned char *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(v >> (24 - 8 * i));
}

static inline void png_chunk(struct png *png, const char *type, const void *data, size_t size) {
    unsigned char *at = png->bytes + png->size;
    assert_true(png->size + size + 12 <= sizeof png->bytes);
    put_be32(at, (uint32_t)size);
    memcpy(at + 4, type, 4);
    if (size) memcpy(at + 8, data, size);
    put_be32(at + 8 + size, (uint32_t)crc32(0, at + 4, (uInt)size + 4));
    png->size += size + 12;
}

static inline void png_begin(struct png *png, uint32_t width, uint32_t height, int depth, int colour_type) {
    memcpy(png->bytes, "\x89PNG\r\n\x1a\n", 8);
    png->size = 8;
    unsigned char head[13] = {0};
    put_be32(head, width);
    put_be32(head + 4, height);
    head[8] = (unsigned char)depth;
    head[9] = (unsigned char)colour_type;
    png_chunk(png, "IHDR", head, sizeof head);
}

/* `rows` as PNG wants them: a filter byte before each. */
static inline void png_end(struct png *png, const void *rows, size_t size) {
    unsigned char packed[1024];
    uLongf length = sizeof packed;
    assert_int_equal(compress(packed, &length, rows, size), Z_OK);
    png_chunk(png, "IDAT", packed, length);
    png_chunk(png, "IEND", NULL, 0);
}

#endif
