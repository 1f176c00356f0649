/* SPDX-License-Identifier: MIT
 * image/resize.c: resampling by separable bicubic convolution. The kernel is the cubic of Keys with a = −1/2 (Catmull–Rom),
 * stretched by the factor when shrinking (antialiasing), as it is when growing. Pixel centres align: output pixel i looks at
 * (i + 1/2)·from/to; a window that reaches over the border is cut there and its weights made to sum to 1 again.
 * One thread, one order of summation: the same bytes always. Written here because libvips 8.14 places its taps on a grid of
 * 1/64 pixel, refuses strong shrinking without a box filter first, and so is off by up to 13/255. */
#include "image/image.h"

#include "base/mem.h"
#include "image/parts.h"

#include <math.h>
#include <string.h>

static double cubic(double x) {
    x = fabs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0;
}

/* For each of `to` output positions: the first input position it looks at, how many, and their weights. */
struct taps {
    int most; /* weights a position has room for */
    int *first, *count;
    float *weight; /* [to][most] */
};

static void free_taps(struct taps *taps) {
    dq__free(taps->first);
    dq__free(taps->count);
    dq__free(taps->weight);
}

static void place_taps(struct taps *taps, int i, int from, double factor) {
    double stretch = factor > 1 ? factor : 1, centre = (i + 0.5) * factor, sum = 0;
    int first = (int)floor(centre - 2 * stretch), last = (int)ceil(centre + 2 * stretch);
    if (first < 0) first = 0;
    if (last > from) last = from;
    for (int j = first; j < last; j++) sum += cubic((j + 0.5 - centre) / stretch);
    float *weight = taps->weight + (size_t)i * (size_t)taps->most;
    for (int j = first; j < last; j++) weight[j - first] = (float)(cubic((j + 0.5 - centre) / stretch) / sum);
    taps->first[i] = first;
    taps->count[i] = last - first;
}

static dq_status make_taps(struct taps *taps, int from, int to, dq__error *err) {
    double factor = (double)from / to;
    taps->most = (int)ceil(4 * (factor > 1 ? factor : 1)) + 2;
    if (taps->most > from) taps->most = from;
    size_t positions = (size_t)to, bytes = positions * (size_t)taps->most * sizeof(float);
    taps->first = dq__alloc(positions * sizeof(int));
    taps->count = dq__alloc(positions * sizeof(int));
    taps->weight = dq__alloc(bytes);
    if (!taps->first || !taps->count || !taps->weight) return dq__no_memory(err, bytes, "resizing");
    for (int i = 0; i < to; i++) place_taps(taps, i, from, factor);
    return DQ_OK;
}

/* Along one row: `in` has `channels` values a pixel, and so has `out`, of `width` pixels. */
static void resample_row(float *out, const float *in, int width, int channels, const struct taps *taps) {
    for (int x = 0; x < width; x++) {
        const float *weight = taps->weight + (size_t)x * (size_t)taps->most;
        const float *from = in + (size_t)taps->first[x] * (size_t)channels;
        for (int c = 0; c < channels; c++) {
            float sum = 0;
            for (int k = 0; k < taps->count[x]; k++) sum += weight[k] * from[k * channels + c];
            *out++ = sum;
        }
    }
}

/* Across rows: `out`, of `stride` values, is a weighted sum of rows of `in`. */
static void resample_column(float *out, const float *in, size_t stride, int y, const struct taps *taps) {
    const float *weight = taps->weight + (size_t)y * (size_t)taps->most;
    memset(out, 0, stride * sizeof *out);
    for (int k = 0; k < taps->count[y]; k++) {
        const float *row = in + (size_t)(taps->first[y] + k) * stride;
        for (size_t i = 0; i < stride; i++) out[i] += weight[k] * row[i];
    }
}

/* in [height][width][channels] → out [to_height][to_width][channels]. If `alpha` is given, each pixel of `in` is multiplied
 * by it on the way. */
static dq_status resample(float *out, int to_width, int to_height, const float *in, const float *alpha, int width, int height,
                          int channels, dq__error *err) {
    size_t stride = (size_t)width * (size_t)channels, to_stride = (size_t)to_width * (size_t)channels;
    size_t bytes = (size_t)height * to_stride * sizeof(float);
    struct taps across = {0}, down = {0};
    float *narrow = dq__alloc(bytes), *row = dq__alloc(stride * sizeof(float));
    dq_status status = narrow && row ? DQ_OK : dq__no_memory(err, bytes, "resizing");
    if (!status) status = make_taps(&across, width, to_width, err);
    if (!status) status = make_taps(&down, height, to_height, err);
    if (status) goto done;
    for (int y = 0; y < height; y++) {
        const float *from = in + (size_t)y * stride;
        for (size_t i = 0; alpha && i < stride; i++) row[i] = from[i] * alpha[((size_t)y * stride + i) / (size_t)channels];
        resample_row(narrow + (size_t)y * to_stride, alpha ? row : from, to_width, channels, &across);
    }
    for (int y = 0; y < to_height; y++) resample_column(out + (size_t)y * to_stride, narrow, to_stride, y, &down);
done:
    free_taps(&across);
    free_taps(&down);
    dq__free(narrow);
    dq__free(row);
    return status;
}

/* Colour divided by alpha again; where nothing can be seen it becomes black. */
static void unmultiply(dq_image *image) {
    const float invisible = 1.0f / 131072; /* half a step of 16 bits */
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < pixels; i++) {
        float a = dq__clamp01(image->alpha[i]);
        for (size_t c = 0; c < 3; c++) image->rgb[i * 3 + c] = a < invisible ? 0 : image->rgb[i * 3 + c] / a;
    }
}

static void clamp(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = dq__clamp01(values[i]);
}

static dq_status fill(dq_image *to, const dq_image *from, dq__error *err) {
    dq_status status = resample(to->rgb, to->width, to->height, from->rgb, from->alpha, from->width, from->height, 3, err);
    if (status || !from->alpha) return status;
    status = resample(to->alpha, to->width, to->height, from->alpha, NULL, from->width, from->height, 1, err);
    if (!status) unmultiply(to);
    return status;
}

dq_status dq__image_resize(dq_image **out, const dq_image *image, int width, int height, dq__error *err) {
    *out = NULL;
    dq_image *to;
    dq_status status = dq__image_alloc(&to, width, height, image->alpha != NULL, err);
    if (status) return status;
    size_t pixels = (size_t)width * (size_t)height;
    if (width == image->width && height == image->height) {
        memcpy(to->rgb, image->rgb, pixels * 3 * sizeof(float));
        if (to->alpha) memcpy(to->alpha, image->alpha, pixels * sizeof(float));
    } else {
        status = fill(to, image, err);
    }
    if (status) {
        dq__image_free(&to);
        return status;
    }
    clamp(to->rgb, pixels * 3);
    if (to->alpha) clamp(to->alpha, pixels);
    *out = to;
    return DQ_OK;
}
