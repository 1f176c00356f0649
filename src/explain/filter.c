/* SPDX-License-Identifier: MIT
 * explain/filter.c: bands of rows, each computed aside by all threads and then put in place; the original rows that the next
 * band still reads are kept. A row depends on its number alone. */
#include "explain/filter.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BAND = 64, MAX_RADIUS = 512 };

typedef struct bands bands;
typedef void (*row_fn)(const bands *b, int y, double *scratch, float *out);

struct bands {
    const dq_image *image;
    int w, h;             /* of the picture as it was */
    int out_w, out_h;
    int rows, columns;    /* read for one pixel of the result */
    int first_y, first_x; /* of these, for pixel (0,0) */
    int stride;
    dq__border border;
    float *kept;          /* original rows from kept_from on, `rows` of them */
    int kept_from;
    float *result;        /* of the band */
    int band_from;
    double *scratch;      /* scratch_size a thread */
    size_t scratch_size;
    row_fn row;
    const void *what;     /* dq__filter or the bell curves of lines */
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The place inside 0 … n−1 that stands for i; −1: nothing does, it is black. */
static int inside(dq__border border, int i, int n) {
    if (i >= 0 && i < n) return i;
    if (border == DQ__BORDER_ZERO) return -1;
    if (border == DQ__BORDER_REPLICATE || n == 1) return i < 0 ? 0 : n - 1;
    i = (i < 0 ? -i : i) % (2 * n - 2);
    return i < n ? i : 2 * n - 2 - i;
}

static const float *original_row(const bands *b, int y) {
    const size_t floats = 3 * (size_t)b->w;
    if (y >= b->kept_from && y < b->kept_from + b->rows) return b->kept + (size_t)(y - b->kept_from) * floats;
    return b->image->rgb + (size_t)y * floats;
}

static double luma(const float *rgb) { return 0.299 * (double)rgb[0] + 0.587 * (double)rgb[1] + 0.114 * (double)rgb[2]; }

/* Row y with its border on both sides, as 3 or 1 numbers a pixel; zeros where y is outside. */
static void load_row(const bands *b, int y, int channels, double *to) {
    const int from = inside(b->border, y, b->h), width = (b->out_w - 1) * b->stride + b->columns;
    memset(to, 0, sizeof *to * (size_t)width * (size_t)channels);
    if (from < 0) return;
    const float *row = original_row(b, from);
    for (int i = 0; i < width; i++) {
        const int x = inside(b->border, i + b->first_x, b->w);
        if (x < 0) continue;
        if (channels == 1) to[i] = luma(row + 3 * x);
        else
            for (int c = 0; c < 3; c++) to[3 * i + c] = (double)row[3 * x + c];
    }
}

/* ---- bands ------------------------------------------------------------------------------------------------------- */

static void row_task(void *user, int task) {
    const bands *b = user;
    b->row(b, b->band_from + task, b->scratch + (size_t)dq__pool_worker() * b->scratch_size,
           b->result + 3 * (size_t)task * (size_t)b->out_w);
}

/* Keeps the rows that the band from row `next` of the result on will read and that lie where results go. */
static void keep(bands *b, int next, float *aside) {
    const int from = next * b->stride + b->first_y < 0 ? 0 : next * b->stride + b->first_y;
    const size_t floats = 3 * (size_t)b->w;
    for (int i = 0; i < b->rows && from + i < b->h; i++)
        memcpy(aside + (size_t)i * floats, original_row(b, from + i), sizeof(float) * floats);
    memcpy(b->kept, aside, sizeof(float) * floats * (size_t)b->rows);
    b->kept_from = from;
}

/* Alpha of the pixels in the middle of what is read. */
static void shrink_alpha(const bands *b, float *alpha) {
    if (!alpha) return;
    const int top = b->first_y + b->rows / 2, left = b->first_x + b->columns / 2;
    for (int y = 0; y < b->out_h; y++)
        for (int x = 0; x < b->out_w; x++)
            alpha[(size_t)y * (size_t)b->out_w + (size_t)x] =
                alpha[(size_t)(y * b->stride + top) * (size_t)b->w + (size_t)(x * b->stride + left)];
}

/* The band's rows, as they were and as they are: they leave the memory of the process where the picture lies in a file. */
static void release_band(const bands *b, int rows) {
    const size_t row = sizeof(float) * 3, from = (size_t)b->band_from * (size_t)b->stride;
    const size_t most = (size_t)rows * (size_t)b->stride, left = (size_t)b->h - from, read = most < left ? most : left;
    dq__release(b->image->rgb + 3 * from * (size_t)b->w, row * read * (size_t)b->w);
    dq__release(b->image->rgb + 3 * (size_t)b->band_from * (size_t)b->out_w, row * (size_t)rows * (size_t)b->out_w);
}

static dq_status run(dq__pool *pool, dq_image *image, bands *b, dq__error *err) {
    const size_t row = 3 * (size_t)b->w;
    float *aside = dq__alloc_zero(sizeof(float) * row * (size_t)b->rows);
    dq_status status = DQ_OK;
    b->kept = dq__alloc_zero(sizeof(float) * row * (size_t)b->rows);
    b->kept_from = -b->rows;
    b->result = dq__alloc(sizeof(float) * 3 * BAND * (size_t)b->out_w);
    b->scratch = dq__alloc(sizeof(double) * b->scratch_size * (size_t)dq__pool_threads(pool));
    if (!aside || !b->kept || !b->result || !b->scratch) {
        status = dq__no_memory(err, sizeof(float) * 3 * BAND * (size_t)b->out_w, "a band of the picture");
        goto done;
    }
    for (b->band_from = 0; b->band_from < b->out_h; b->band_from += BAND) {
        const int rows = b->out_h - b->band_from < BAND ? b->out_h - b->band_from : BAND;
        dq__pool_run(pool, rows, row_task, b);
        keep(b, b->band_from + rows, aside);
        memcpy(image->rgb + 3 * (size_t)b->band_from * (size_t)b->out_w, b->result,
               sizeof(float) * 3 * (size_t)rows * (size_t)b->out_w);
        release_band(b, rows);
    }
    shrink_alpha(b, image->alpha);
    image->width = b->out_w, image->height = b->out_h;
done:
    dq__free(aside);
    dq__free(b->kept);
    dq__free(b->result);
    dq__free(b->scratch);
    return status;
}

/* Shape of the result; with VALID nothing lies outside. */
static bool shape(bands *b) {
    const bool valid = b->border == DQ__BORDER_VALID;
    b->w = b->image->width, b->h = b->image->height;
    b->first_y = valid ? 0 : -(b->rows / 2), b->first_x = valid ? 0 : -(b->columns / 2);
    if (valid && (b->w < b->columns || b->h < b->rows)) return false;
    b->out_w = (b->w - (valid ? b->columns : 1)) / b->stride + 1;
    b->out_h = (b->h - (valid ? b->rows : 1)) / b->stride + 1;
    return true;
}

/* ---- convolution ------------------------------------------------------------------------------------------------- */

/* sum[i] += k·from[i·stride] of pixels of `channels` numbers. */
static void add_scaled(double *sum, const double *from, double k, int pixels, int channels, int stride) {
    if (stride == 1)
        for (int i = 0; i < pixels * channels; i++) sum[i] += k * from[i];
    else
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < channels; c++) sum[i * channels + c] += k * from[i * stride * channels + c];
}

static void convolve_row(const bands *b, int y, double *scratch, float *out) {
    const dq__filter *f = b->what;
    const int channels = f->on == DQ__ON_EACH ? 3 : 1, n = b->out_w * channels;
    double *sum = scratch, *line = scratch + 2 * n;
    memset(sum, 0, sizeof *sum * 2 * (size_t)n);
    for (int i = 0; i < b->rows; i++) {
        load_row(b, y * b->stride + b->first_y + i, channels, line);
        for (int t = 0; t < f->kernel->count; t++)
            for (int j = 0; j < b->columns; j++)
                add_scaled(sum + t * n, line + j * channels, f->kernel->k[t][i * b->columns + j], b->out_w, channels, b->stride);
    }
    for (int i = 0; i < n; i++) {
        const double v = f->kernel->count == 2 ? sqrt(sum[i] * sum[i] + sum[n + i] * sum[n + i]) : sum[i];
        sum[i] = f->gain * v + f->offset;
    }
    const float *middle = original_row(b, y * b->stride + b->first_y + b->rows / 2) + 3 * (b->first_x + b->columns / 2);
    for (int i = 0; i < 3 * b->out_w; i++) {
        const float *pixel = middle + 3 * (i / 3) * b->stride;
        if (channels == 3) out[i] = (float)sum[i];
        else if (f->on == DQ__ON_GREY) out[i] = (float)sum[i / 3];
        else out[i] = (float)((double)pixel[i % 3] + (sum[i / 3] - luma(pixel)));
    }
}

dq_status dq__convolve_image(dq__pool *pool, dq_image *image, const dq__filter *filter, dq__error *err) {
    bands b = {.image = image, .rows = filter->kernel->rows, .columns = filter->kernel->columns, .stride = filter->stride,
               .border = filter->border, .row = convolve_row, .what = filter};
    if (!shape(&b))
        return dq__fail(err, DQ_USAGE, "a picture of %d × %d has no place where a matrix of %d × %d lies inside it; choose "
                        "another padding", b.w, b.h, b.columns, b.rows);
    b.scratch_size = 3 * (2 * (size_t)b.out_w + (size_t)b.w + (size_t)b.columns);
    return run(pool, image, &b, err);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

typedef struct curves {
    const dq__lines *lines;
    int radius;
    double narrow[MAX_RADIUS + 1], wide[MAX_RADIUS + 1]; /* by distance from the middle, radius + 1 of them */
} curves;

static const double DARK = 0.03; /* lifts the threshold, so that the darkest places are ink whatever surrounds them */

static void bell(double *v, int radius, double sigma) {
    double sum = 0;
    for (int i = 0; i <= radius; i++) {
        v[i] = exp(-0.5 * i * i / (sigma * sigma));
        sum += i ? 2 * v[i] : v[i];
    }
    for (int i = 0; i <= radius; i++) v[i] /= sum;
}

/* Both curves down the columns, then along the row. */
static void lines_row(const bands *b, int y, double *scratch, float *out) {
    const curves *c = b->what;
    const dq__lines *l = c->lines;
    const int width = b->out_w + 2 * c->radius;
    double *line = scratch, *narrow = scratch + width, *wide = narrow + width;
    memset(narrow, 0, sizeof *narrow * 2 * (size_t)width);
    for (int i = 0; i < b->rows; i++) {
        const int distance = abs(i - c->radius);
        load_row(b, y + b->first_y + i, 1, line);
        add_scaled(narrow, line, c->narrow[distance], width, 1, 1);
        add_scaled(wide, line, c->wide[distance], width, 1, 1);
    }
    for (int x = 0; x < b->out_w; x++) {
        double near = 0, far = 0;
        for (int i = 0; i < b->rows; i++) {
            near += c->narrow[abs(i - c->radius)] * narrow[x + i];
            far += c->wide[abs(i - c->radius)] * wide[x + i];
        }
        const double u = (1 + l->p) * near - l->p * far - (l->threshold * far + DARK);
        const float v = (float)(u >= 0 ? 1 : 1 + tanh(u / l->softness));
        out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = v;
    }
}

dq_status dq__draw_lines(dq__pool *pool, dq_image *image, const dq__lines *lines, dq__error *err) {
    const double k = 1.6;
    curves *c = dq__alloc(sizeof *c);
    if (!c) return dq__no_memory(err, sizeof *c, "two bell curves");
    c->lines = lines;
    c->radius = (int)ceil(3 * k * lines->sigma) < MAX_RADIUS ? (int)ceil(3 * k * lines->sigma) : MAX_RADIUS;
    bell(c->narrow, c->radius, lines->sigma);
    bell(c->wide, c->radius, k * lines->sigma);
    bands b = {.image = image, .rows = 2 * c->radius + 1, .columns = 2 * c->radius + 1, .stride = 1,
               .border = DQ__BORDER_REPLICATE, .row = lines_row, .what = c};
    shape(&b);
    b.scratch_size = 3 * ((size_t)b.w + (size_t)b.columns);
    const dq_status status = run(pool, image, &b, err);
    dq__free(c);
    return status;
}

void dq__clamp_image(dq_image *image) {
    const size_t row = 3 * (size_t)image->width;
    for (size_t i = 0; i < row * (size_t)image->height; i++) {
        const float v = image->rgb[i];
        image->rgb[i] = v > 0 ? (v < 1 ? v : 1) : 0;
        if ((i + 1) % row == 0) dq__release(image->rgb + i + 1 - row, sizeof(float) * row);
    }
}
