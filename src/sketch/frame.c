/* SPDX-License-Identifier: MIT
 * sketch/frame.c: similarity transforms, sampling, and the drawing back on the photo. Finds no faces. */
#include "sketch/frame.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { W = DQ__FRAME_W, H = DQ__FRAME_H, N = DQ__FRAME_PIXELS, RADIUS = 3 };

static const dq__eye_pair frame_eyes = {75, 125, 125, 125};

/* ---- eyes ---- */

dq_status dq__eye_pair_parse(dq__eye_pair *e, const char *text, dq__error *err) {
    char end;
    if (sscanf(text, "%lf,%lf,%lf,%lf%c", &e->x1, &e->y1, &e->x2, &e->y2, &end) != 4)
        return dq__fail(err, DQ_USAGE, "eyes are given as x1,y1,x2,y2 in pixels, such as 210,340,330,338, not '%.40s'", text);
    return DQ_OK;
}

static bool inside(double x, double y, int w, int h) { return x >= 0 && y >= 0 && x < w && y < h; }

dq_status dq__eye_pair_similarity(dq__similarity *s, const dq__eye_pair *e, int width, int height, dq__error *err) {
    const double dx = e->x2 - e->x1, dy = e->y2 - e->y1, apart = frame_eyes.x2 - frame_eyes.x1;
    if (!inside(e->x1, e->y1, width, height) || !inside(e->x2, e->y2, width, height))
        return dq__fail(err, DQ_USAGE, "the eyes (%.0f,%.0f) and (%.0f,%.0f) are not within the picture of %d × %d", e->x1, e->y1,
                        e->x2, e->y2, width, height);
    if (dx < 4 || fabs(dy) > dx)
        return dq__fail(err, DQ_USAGE, "the eyes must be 4 pixels apart or more, the left one in the picture first");
    s->a = dx / apart, s->b = dy / apart;
    s->tx = e->x1 - s->a * frame_eyes.x1 + s->b * frame_eyes.y1;
    s->ty = e->y1 - s->b * frame_eyes.x1 - s->a * frame_eyes.y1;
    return DQ_OK;
}

bool dq__is_frame(const dq_image *image) { return image->width == W && image->height == H; }

/* ---- grey ---- */

void dq__rgb_to_grey(const float *rgb, size_t pixels, float *grey) {
    for (size_t i = 0; i < pixels; i++)
        grey[i] = 255.0f * (0.299f * rgb[3 * i] + 0.587f * rgb[3 * i + 1] + 0.114f * rgb[3 * i + 2]);
}

void dq__round_grey(float *grey, size_t n) {
    for (size_t i = 0; i < n; i++) grey[i] = roundf(grey[i] < 0 ? 0 : grey[i] > 255 ? 255 : grey[i]);
}

static void finish(dq__frame *f) {
    dq__rgb_to_grey(f->rgb, N, f->grey);
    for (int i = 0; i < 3 * N; i++) f->rgb[i] *= 255.0f;
    dq__round_grey(f->grey, N);
    dq__round_grey(f->rgb, 3 * (size_t)N);
}

void dq__frame_of(dq__frame *f, const dq_image *image) {
    memcpy(f->rgb, image->rgb, sizeof f->rgb);
    finish(f);
}

dq_status dq__drawing_image(dq_image **out, const float *grey, int width, int height, dq__error *err) {
    dq_status status = dq__image_new(out, width, height, false, err);
    for (size_t i = 0; !status && i < (size_t)width * (size_t)height; i++) {
        const float v = grey[i] / 255.0f;
        for (int c = 0; c < 3; c++) (*out)->rgb[3 * i + (size_t)c] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
    return status;
}

/* ---- into the frame ---- */

static int clamp(int v, int top) { return v < 0 ? 0 : v > top ? top : v; }

/* Bilinear, border replicated; `c` values a pixel. */
static void sample(const float *from, int w, int h, int c, double x, double y, float *to) {
    const int x0 = (int)floor(x), y0 = (int)floor(y);
    const float fx = (float)(x - x0), fy = (float)(y - y0);
    const int xa = clamp(x0, w - 1), xb = clamp(x0 + 1, w - 1), ya = clamp(y0, h - 1), yb = clamp(y0 + 1, h - 1);
    for (int k = 0; k < c; k++) {
        const float p = from[((size_t)ya * (size_t)w + (size_t)xa) * (size_t)c + (size_t)k];
        const float q = from[((size_t)ya * (size_t)w + (size_t)xb) * (size_t)c + (size_t)k];
        const float r = from[((size_t)yb * (size_t)w + (size_t)xa) * (size_t)c + (size_t)k];
        const float s = from[((size_t)yb * (size_t)w + (size_t)xb) * (size_t)c + (size_t)k];
        to[k] = (p + (q - p) * fx) * (1 - fy) + (r + (s - r) * fx) * fy;
    }
}

dq_status dq__frame_take(dq__frame *f, const dq_image *image, const dq__similarity *s, dq__error *err) {
    const double scale = sqrt(s->a * s->a + s->b * s->b);
    const dq_image *from = image;
    dq_image *small = NULL;
    double kx = 1, ky = 1;
    if (scale > 1.2) { /* shrunk first, so that sampling skips no pixels */
        const int w = (int)fmax(1, round(image->width / scale)), h = (int)fmax(1, round(image->height / scale));
        dq_status status = dq__image_resize(&small, image, w, h, err);
        if (status) return status;
        kx = (double)w / image->width, ky = (double)h / image->height;
        from = small;
    }
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const double px = s->a * x - s->b * y + s->tx, py = s->b * x + s->a * y + s->ty;
            sample(from->rgb, from->width, from->height, 3, (px + 0.5) * kx - 0.5, (py + 0.5) * ky - 0.5,
                   f->rgb + 3 * (y * W + x));
        }
    dq__image_free(&small);
    finish(f);
    return DQ_OK;
}

/* ---- and back ---- */

/* Means over (2·RADIUS+1)² pixels, border replicated. */
static void box(const float *from, float *scratch, float *to) {
    const float share = 1.0f / (2 * RADIUS + 1);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            float sum = 0;
            for (int d = -RADIUS; d <= RADIUS; d++) sum += from[y * W + clamp(x + d, W - 1)];
            scratch[y * W + x] = sum * share;
        }
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            float sum = 0;
            for (int d = -RADIUS; d <= RADIUS; d++) sum += scratch[clamp(y + d, H - 1) * W + x];
            to[y * W + x] = sum * share;
        }
}

/* line: [H][W][3] = slope, offset and what they leave of the drawing at each pixel of the frame. `work`: 6·N floats. */
static void fit_lines(const float *photo, const float *drawing, float *work, float *line) {
    float *p = work, *d = p + N, *pp = d + N, *pd = pp + N, *t = pd + N, *u = t + N;
    const float calm = 60.0f; /* variance of grey below which the photo has no edge to follow */
    box(photo, t, p);
    box(drawing, t, d);
    for (int i = 0; i < N; i++) u[i] = photo[i] * photo[i];
    box(u, t, pp);
    for (int i = 0; i < N; i++) u[i] = photo[i] * drawing[i];
    box(u, t, pd);
    for (int i = 0; i < N; i++) {
        const float slope = (pd[i] - p[i] * d[i]) / (pp[i] - p[i] * p[i] + calm);
        line[3 * i] = slope, line[3 * i + 1] = d[i] - slope * p[i];
        line[3 * i + 2] = drawing[i] - slope * photo[i] - line[3 * i + 1];
    }
}

/* The tone of the paper: what one pixel in twenty is lighter than. */
static float paper(const float *drawing) {
    int count[256] = {0}, left = N / 20, v = 255;
    for (int i = 0; i < N; i++) count[clamp((int)drawing[i], 255)]++;
    for (; v > 0 && (left -= count[v]) > 0; v--) continue;
    return (float)v;
}

/* 1 well inside the frame, 0 outside, falling over the outermost pixels. */
static float share_of_frame(double x, double y) {
    const double edge = fmin(fmin(x, W - 1 - x), fmin(y, H - 1 - y)) / 6.0;
    return edge <= 0 ? 0 : edge >= 1 ? 1 : (float)(edge * edge * (3 - 2 * edge));
}

static void draw_back(const float *line, const float *drawing, const float *grey, const dq__similarity *s, dq_image *to) {
    const double square = s->a * s->a + s->b * s->b;
    const float blank = paper(drawing);
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++) {
            const size_t at = (size_t)y * (size_t)to->width + (size_t)x;
            const double dx = x - s->tx, dy = y - s->ty;
            const double fx = (s->a * dx + s->b * dy) / square, fy = (s->a * dy - s->b * dx) / square;
            const float share = share_of_frame(fx, fy);
            float l[3], v = blank;
            if (share > 0) {
                sample(line, W, H, 3, fx, fy, l);
                v += share * (l[0] * grey[at] + l[1] + l[2] - blank);
            }
            v = v < 0 ? 0 : v > 255 ? 1 : v / 255.0f;
            for (size_t c = 0; c < 3; c++) to->rgb[3 * at + c] = v;
        }
}

dq_status dq__drawing_back(dq_image **out, const float *drawing, const dq__frame *frame, const dq_image *photo,
                           const dq__similarity *s, dq__error *err) {
    const size_t pixels = (size_t)photo->width * (size_t)photo->height;
    float *work = dq__alloc(sizeof(float) * (9 * (size_t)N + pixels));
    *out = NULL;
    if (!work) return dq__no_memory(err, sizeof(float) * pixels, "a drawing");
    float *line = work + 6 * (size_t)N, *grey = line + 3 * (size_t)N;
    dq_status status = dq__image_new(out, photo->width, photo->height, false, err);
    if (!status) {
        fit_lines(frame->grey, drawing, work, line);
        dq__rgb_to_grey(photo->rgb, pixels, grey);
        draw_back(line, drawing, grey, s, *out);
    }
    dq__free(work);
    return status;
}
