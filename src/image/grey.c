/* SPDX-License-Identifier: MIT
 * image/grey.c: summed areas; between the corners of pixels they are interpolated, which makes every mean exact. */
#include "image/grey.h"

#include "base/mem.h"

#include <math.h>

dq_status dq__grey_new(dq__grey *grey, const float *values, int w, int h, dq__error *err) {
    const size_t stride = (size_t)w + 1, bytes = sizeof(double) * stride * ((size_t)h + 1);
    *grey = (dq__grey){w, h, dq__alloc_zero(bytes)};
    if (!grey->sums) return dq__no_memory(err, bytes, "a map");
    for (int y = 0; y < h; y++) {
        double *above = grey->sums + (size_t)y * stride, *here = above + stride, row = 0;
        for (int x = 0; x < w; x++) {
            row += (double)values[(size_t)y * (size_t)w + (size_t)x];
            here[x + 1] = above[x + 1] + row;
        }
    }
    return DQ_OK;
}

void dq__grey_free(dq__grey *grey) {
    dq__free(grey->sums);
    *grey = (dq__grey){0};
}

dq_status dq__grey_of(dq__grey *grey, const dq_image *image, int longest, double *scale, dq__error *err) {
    const int own = image->width > image->height ? image->width : image->height;
    const double factor = own > longest ? (double)longest / own : 1;
    const int w = (int)fmax(1, round(image->width * factor)), h = (int)fmax(1, round(image->height * factor));
    dq_image *small = NULL;
    *grey = (dq__grey){0};
    *scale = 1 / factor;
    dq_status status = dq__image_resize(&small, image, w, h, err);
    if (status) return status;
    for (size_t k = 0; k < (size_t)w * (size_t)h; k++) { /* in place: each value lies before the pixel that is read next */
        const float *p = small->rgb + 3 * k;
        small->rgb[k] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
    }
    status = dq__grey_new(grey, small->rgb, w, h, err);
    dq__image_free(&small);
    return status;
}

/* Summed area up to a point between pixels. */
static double sum_to(const dq__grey *g, double x, double y) {
    const int x0 = x < g->w ? (int)x : g->w - 1, y0 = y < g->h ? (int)y : g->h - 1;
    const double fx = x - x0, fy = y - y0, *at = g->sums + (size_t)y0 * ((size_t)g->w + 1) + x0, *below = at + g->w + 1;
    return (1 - fy) * ((1 - fx) * at[0] + fx * at[1]) + fy * ((1 - fx) * below[0] + fx * below[1]);
}

double dq__grey_mean(const dq__grey *g, double x0, double y0, double x1, double y1) {
    x0 = fmin(fmax(x0, 0), g->w - 0.5), y0 = fmin(fmax(y0, 0), g->h - 0.5);
    x1 = fmin(fmax(x1, x0 + 0.01), g->w), y1 = fmin(fmax(y1, y0 + 0.01), g->h);
    return (sum_to(g, x1, y1) - sum_to(g, x0, y1) - sum_to(g, x1, y0) + sum_to(g, x0, y0)) / ((x1 - x0) * (y1 - y0));
}

void dq__grey_resize(const dq__grey *g, float *values, int w, int h) {
    const double dx = (double)g->w / w, dy = (double)g->h / h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            values[(size_t)y * (size_t)w + (size_t)x] = (float)dq__grey_mean(g, x * dx, y * dy, (x + 1) * dx, (y + 1) * dy);
}
