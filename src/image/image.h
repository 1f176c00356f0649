/* SPDX-License-Identifier: MIT
 * image/image.h: pictures in memory and on disk. Pixels are float sRGB in [0,1]; everything about file formats, colour
 * profiles and orientation is done by libvips behind this header, and only here. */
#ifndef DQ_IMAGE_IMAGE_H
#define DQ_IMAGE_IMAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { DQ__MAX_SIDE = 32768 };
#define DQ__MAX_PIXELS ((int64_t)1 << 28)

struct dq_image {
    int width, height;
    float *rgb;   /* [height][width][3] */
    float *alpha; /* [height][width], or NULL */
    char *record; /* JSON of what made it, or NULL */
};

/* ---- image.c: the object ---- */
/* Black, opaque; alpha only if asked for (then 1). DQ_LIMIT over the maxima. */
dq_status dq__image_new(dq_image **out, int width, int height, bool alpha, dq__error *err);
dq_status dq__image_copy(dq_image **out, const dq_image *image, dq__error *err);
void dq__image_free(dq_image **image);
/* Copied; NULL removes it. DQ_USAGE if it is not a JSON object, DQ_LIMIT over 59,000 bytes. */
dq_status dq__image_set_record(dq_image *image, const char *json, dq__error *err);

/* ---- read.c, write.c, resize.c: files and resampling; libvips is started on first use ---- */
/* "-" is not known here: the caller reads stdin and uses the memory form. */
dq_status dq__image_read(dq_image **out, const char *path, dq__error *err);
dq_status dq__image_read_memory(dq_image **out, const void *bytes, size_t size, const char *name, dq__error *err);
/* Whole or not at all; format by ending; options as in dq_image_write. The record travels in the file's XMP packet. */
dq_status dq__image_write(const dq_image *image, const char *path, const char *options, dq__error *err);
/* *bytes is freed with dq__free. */
dq_status dq__image_encode(const dq_image *image, const char *format, const char *options, void **bytes, size_t *size,
                           dq__error *err);
/* A new picture of the given size, antialiased bicubic when shrinking, bicubic when growing, clamped to [0,1], alpha too;
 * colour is resampled premultiplied where there is alpha. Pixel centres align. The record does not come along. */
dq_status dq__image_resize(dq_image **out, const dq_image *image, int width, int height, dq__error *err);

#endif
