/* SPDX-License-Identifier: MIT
 * api/image.c: dq_image_* of danqing.h on top of image/. */
#include "api/context.h"
#include "base/mem.h"
#include "image/image.h"

dq_status dq_image_read(dq_context *ctx, dq_image **out, const char *path) {
    *out = NULL;
    dq_status status = dq__need(ctx, path, "the path of a picture");
    return status ? status : dq__image_read(out, path, &ctx->error);
}

dq_status dq_image_read_memory(dq_context *ctx, dq_image **out, const void *bytes, size_t size, const char *name) {
    *out = NULL;
    dq_status status = dq__need(ctx, bytes, "the bytes of a picture");
    return status ? status : dq__image_read_memory(out, bytes, size, name ? name : "picture", &ctx->error);
}

/* NaN becomes 0. */
static void copy_clamped(float *to, const float *from, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] = from[i] > 0 ? (from[i] < 1 ? from[i] : 1) : 0;
}

dq_status dq_image_from_pixels(dq_context *ctx, dq_image **out, int width, int height, const float *rgb,
                               const float *alpha) {
    *out = NULL;
    dq_status status = dq__need(ctx, rgb, "rgb");
    if (!status) status = dq__image_new(out, width, height, alpha != NULL, &ctx->error);
    if (status) return status;
    size_t pixels = (size_t)width * (size_t)height;
    copy_clamped((*out)->rgb, rgb, 3 * pixels);
    if (alpha) copy_clamped((*out)->alpha, alpha, pixels);
    return DQ_OK;
}

int dq_image_width(const dq_image *image) { return image->width; }
int dq_image_height(const dq_image *image) { return image->height; }
const float *dq_image_pixels(const dq_image *image) { return image->rgb; }
const char *dq_image_record(const dq_image *image) { return image->record; }

dq_status dq_image_set_record(dq_context *ctx, dq_image *image, const char *json) {
    return dq__image_set_record(image, json, &ctx->error);
}

dq_status dq_image_write(dq_context *ctx, const dq_image *image, const char *path, const char *options) {
    dq_status status = dq__need(ctx, path, "the path to write");
    return status ? status : dq__image_write(image, path, options, &ctx->error);
}

dq_status dq_image_encode(dq_context *ctx, const dq_image *image, const char *format, const char *options, void **bytes,
                          size_t *size) {
    *bytes = NULL;
    *size = 0;
    dq_status status = dq__need(ctx, format, "the format");
    return status ? status : dq__image_encode(image, format, options, bytes, size, &ctx->error);
}

void dq_bytes_free(void **bytes) {
    if (!bytes) return;
    dq__free(*bytes);
    *bytes = NULL;
}

void dq_image_free(dq_image **image) {
    if (image) dq__image_free(image);
}
