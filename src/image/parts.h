/* SPDX-License-Identifier: MIT
 * image/parts.h: what the files of src/image share with each other, with their tests and with the fuzz target. Nobody else
 * includes it. */
#ifndef DQ_IMAGE_PARTS_H
#define DQ_IMAGE_PARTS_H

#include "image/image.h"

/* Above this many bytes (as it stands in the file) a record is refused: libvips leaves XMP over 60,000 out of a JPEG. */
enum { DQ__RECORD_MAX = 59000 };

/* ---- image.c ---- */
/* As dq__image_new, but the pixels (and the alpha) are not filled. */
dq_status dq__image_alloc(dq_image **out, int width, int height, bool alpha, dq__error *err);
/* Memory for samples of a picture, not filled; NULL when there is none. Free with dq__free. */
void *dq__pixels_alloc(size_t bytes);
/* DQ_USAGE below 1, DQ_LIMIT over the maxima; `name` says which picture. */
dq_status dq__image_check_size(const char *name, int width, int height, dq__error *err);
/* [0,1]; what is not a number becomes 0. */
static inline float dq__clamp01(float v) { return v > 0 ? (v < 1 ? v : 1) : 0; }

/* ---- vips.c ---- */
/* Starts libvips once in this process, from any thread. */
dq_status dq__vips_start(dq__error *err);
/* The first telling line of libvips' error text without the name of the operation; libvips forgets the text. */
void dq__vips_reason(char *text, size_t size);
/* A file name for a message: the whole, or the end of a long one, so that the reason behind it still fits. */
const char *dq__shown_name(const char *name);

/* ---- record.c ---- */
/* DQ_USAGE if `json` is not a JSON object, DQ_LIMIT if it is too long for a file. */
dq_status dq__record_check(const char *json, dq__error *err);
/* The XMP packet that carries `json`; NULL without memory. Free with dq__free. */
char *dq__xmp_packet(const char *json);
/* The record in an XMP packet (any bytes at all), or NULL if it holds none of ours. Free with dq__free. */
char *dq__xmp_record(const void *bytes, size_t size);

#endif
