/* SPDX-License-Identifier: MIT
 * image/image.c: the picture object: its memory, its limits, its record. Must not know of files or of libvips. */
#include "image/image.h"

#include "base/mem.h"
#include "image/parts.h"

#include <string.h>

dq_status dq__image_check_size(const char *name, int width, int height, dq__error *err) {
    if (width < 1 || height < 1)
        return dq__fail(err, DQ_USAGE, "%s: a picture cannot be %d×%d pixels", name, width, height);
    if (width > DQ__MAX_SIDE || height > DQ__MAX_SIDE || (int64_t)width * height > DQ__MAX_PIXELS)
        return dq__fail(err, DQ_LIMIT, "%s: %d×%d pixels are too many; at most %d a side and %lld in all", name, width,
                        height, DQ__MAX_SIDE, (long long)DQ__MAX_PIXELS);
    return DQ_OK;
}

/* Very large pictures lie in a file without a name, where there is room for one: the system then keeps in memory what it can. */
void *dq__pixels_alloc(size_t bytes) {
    void *pixels = bytes >= (size_t)512 << 20 ? dq__alloc_mapped(bytes) : NULL;
    return pixels ? pixels : dq__alloc(bytes);
}

dq_status dq__image_alloc(dq_image **out, int width, int height, bool alpha, dq__error *err) {
    *out = NULL;
    dq_status status = dq__image_check_size("picture", width, height, err);
    if (status) return status;
    size_t plane, bytes;
    if (!dq__mul((size_t)width * (size_t)height, sizeof(float), &plane) || !dq__mul(plane, 3, &bytes))
        return dq__no_memory(err, SIZE_MAX, "a picture");
    dq_image *image = dq__alloc_zero(sizeof *image);
    if (!image) return dq__no_memory(err, sizeof *image, "a picture");
    image->width = width;
    image->height = height;
    image->rgb = dq__pixels_alloc(bytes);
    image->alpha = alpha ? dq__pixels_alloc(plane) : NULL;
    if (!image->rgb || (alpha && !image->alpha)) {
        dq__image_free(&image);
        return dq__no_memory(err, bytes + (alpha ? plane : 0), "a picture");
    }
    *out = image;
    return DQ_OK;
}

dq_status dq__image_new(dq_image **out, int width, int height, bool alpha, dq__error *err) {
    dq_status status = dq__image_alloc(out, width, height, alpha, err);
    if (status) return status;
    size_t pixels = (size_t)width * (size_t)height;
    memset((*out)->rgb, 0, pixels * 3 * sizeof(float));
    for (size_t i = 0; alpha && i < pixels; i++) (*out)->alpha[i] = 1;
    return DQ_OK;
}

dq_status dq__image_copy(dq_image **out, const dq_image *image, dq__error *err) {
    dq_status status = dq__image_alloc(out, image->width, image->height, image->alpha != NULL, err);
    if (status) return status;
    size_t plane = (size_t)image->width * (size_t)image->height * sizeof(float);
    memcpy((*out)->rgb, image->rgb, plane * 3);
    if (image->alpha) memcpy((*out)->alpha, image->alpha, plane);
    status = dq__image_set_record(*out, image->record, err);
    if (status) dq__image_free(out);
    return status;
}

void dq__image_free(dq_image **image) {
    if (!image || !*image) return;
    dq__free((*image)->rgb);
    dq__free((*image)->alpha);
    dq__free((*image)->record);
    dq__free(*image);
    *image = NULL;
}

dq_status dq__image_set_record(dq_image *image, const char *json, dq__error *err) {
    char *copy = NULL;
    if (json) {
        dq_status status = dq__record_check(json, err);
        if (status) return status;
        copy = dq__strdup(json);
        if (!copy) return dq__no_memory(err, strlen(json) + 1, "a record");
    }
    dq__free(image->record);
    image->record = copy;
    return DQ_OK;
}
