/* SPDX-License-Identifier: MIT
 * studio/shrink.c: means over rectangles, in two passes, with fractions of pixels counted as such. */
#include "shrink.h"

#include <math.h>
#include <stdlib.h>

/* out[i] is the mean of in over [i·step, (i+1)·step), for `lines` lines of three channels; strides in floats. */
static void mean_along(const float *in, float *out, int from, int to, int lines, size_t in_next, size_t in_line, size_t out_next,
                       size_t out_line) {
    const double step = (double)from / to;
    for (int i = 0; i < to; i++) {
        const double begin = i * step, end = (i + 1) * step;
        const int first = (int)begin, last = end >= from ? from - 1 : (int)end;
        for (int line = 0; line < lines; line++) {
            double sum[3] = {0}, all = 0;
            for (int k = first; k <= last; k++) {
                const double share = fmin(k + 1, end) - fmax(k, begin);
                const float *p = in + (size_t)k * in_next + (size_t)line * in_line;
                for (int c = 0; c < 3; c++) sum[c] += share * (double)p[c];
                all += share;
            }
            for (int c = 0; c < 3; c++) out[(size_t)i * out_next + (size_t)line * out_line + (size_t)c] = (float)(sum[c] / all);
        }
    }
}

static int side(int length, double factor) {
    const int n = (int)lrint(length * factor);
    return n < 1 ? 1 : n;
}

dq_status shrink_to_jpeg(dq_context *ctx, const dq_image *image, int most, const char *options, void **bytes, size_t *size) {
    const int w = dq_image_width(image), h = dq_image_height(image), longer = w > h ? w : h;
    if (longer <= most) return dq_image_encode(ctx, image, "jpeg", options, bytes, size);
    const int nw = side(w, (double)most / longer), nh = side(h, (double)most / longer);
    float *narrow = malloc(sizeof *narrow * 3 * (size_t)nw * (size_t)h);
    float *small = malloc(sizeof *small * 3 * (size_t)nw * (size_t)nh);
    dq_image *copy = NULL;
    dq_status status = DQ_LIMIT;
    if (narrow && small) {
        const size_t row = 3 * (size_t)nw;
        mean_along(dq_image_pixels(image), narrow, w, nw, h, 3, 3 * (size_t)w, 3, row);
        mean_along(narrow, small, h, nh, nw, row, 3, row, 3);
        status = dq_image_from_pixels(ctx, &copy, nw, nh, small, NULL);
    }
    if (!status) status = dq_image_encode(ctx, copy, "jpeg", options, bytes, size);
    dq_image_free(&copy);
    free(narrow);
    free(small);
    return status;
}
