/* SPDX-License-Identifier: MIT
 * explain/maximise.c: see maximise.h. */
#include "explain/maximise.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

enum { SCALES = 3, SHIFT = 8, LEVELS = 4 };
static const double STEP = 0.035, TO_GREY = 0.03, COLOUR = 0.4;

/* ---- pictures of one size ---------------------------------------------------------------------------------------- */

/* to = from moved by (dy, dx), around the edges. */
static void roll(float *to, const float *from, int side, int dy, int dx) {
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            memcpy(to + 3 * ((y + dy + side) % side * side + (x + dx + side) % side), from + 3 * (y * side + x),
                   sizeof(float) * 3);
}

/* Blurs by 1 4 6 4 1 with `gap` pixels between the taps, along rows (across = 1) or columns. */
static void blur(float *to, const float *from, int side, int gap, bool across) {
    static const float tap[] = {1 / 16.0f, 4 / 16.0f, 6 / 16.0f, 4 / 16.0f, 1 / 16.0f};
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < 3; c++) {
                float sum = 0;
                for (int t = -2; t <= 2; t++) {
                    int at = (across ? x : y) + t * gap;
                    at = at < 0 ? 0 : at >= side ? side - 1 : at;
                    sum += tap[t + 2] * from[3 * (across ? y * side + at : at * side + x) + c];
                }
                to[3 * (y * side + x) + c] = sum;
            }
}

static double root_mean_square(const float *v, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)v[i] * (double)v[i];
    return sqrt(sum / n);
}

/* Adds a part of the gradient with its root mean square made `share`. */
static void add_even(float *to, const float *part, int n, double share) {
    const double size = root_mean_square(part, n);
    if (size < 1e-30) return;
    for (int i = 0; i < n; i++) to[i] += (float)(share * (double)part[i] / size);
}

/* Takes most of the colour out of a gradient: networks ask for more of it than photos have. */
static void pale(float *rgb, int side) {
    for (int i = 0; i < side * side; i++, rgb += 3) {
        const float grey = (rgb[0] + rgb[1] + rgb[2]) / 3;
        for (int c = 0; c < 3; c++) rgb[c] = grey + (float)COLOUR * (rgb[c] - grey);
    }
}

/* The gradient's bands of frequencies, each as strong as the others: else only the finest would be seen. */
static void even_out(float *to, float *gradient, float *aside, float *rows, int side) {
    const int n = 3 * side * side;
    memset(to, 0, sizeof(float) * (size_t)n);
    for (int level = 0; level < LEVELS && (1 << level) * 4 <= side; level++) {
        blur(rows, gradient, side, 1 << level, true);
        blur(aside, rows, side, 1 << level, false);
        for (int i = 0; i < n; i++) rows[i] = gradient[i] - aside[i];
        add_even(to, rows, n, level ? 1 : 0.5);
        memcpy(gradient, aside, sizeof(float) * (size_t)n);
    }
    add_even(to, gradient, n, 1);
    pale(to, side);
}

/* ---- ascent ------------------------------------------------------------------------------------------------------ */

static void excite(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    const int channel = *(const int *)user;
    const float share = 1 / (float)(f->h * f->w);
    (void)tap;
    for (int y = 0; y < f->h; y++)
        for (int x = 0; x < f->w; x++) dq__pixel(grad, y, x)[channel] += share;
}

/* Steps at one size; `buffer` holds five pictures. */
static void ascend(dq_image *image, dq__exec *exec, const dq__maximisation *m, int scale, int steps, float *buffer) {
    const int side = image->width, n = 3 * side * side;
    float *moved = buffer, *gradient = moved + n, *even = gradient + n, *aside = even + n, *rows = aside + n;
    int channel = m->channel;
    for (int step = 0; step < steps; step++) {
        const uint64_t at = 2 * (uint64_t)step;
        const int dy = (int)(dq__rng_uniform(m->seed, 100 + (uint64_t)scale, at) * (2 * SHIFT + 1)) - SHIFT;
        const int dx = (int)(dq__rng_uniform(m->seed, 100 + (uint64_t)scale, at + 1) * (2 * SHIFT + 1)) - SHIFT;
        roll(moved, image->rgb, side, dy, dx);
        dq__exec_forward(exec, moved);
        dq__exec_backward(exec, excite, &channel, moved);
        roll(gradient, moved, side, -dy, -dx);
        even_out(even, gradient, aside, rows, side);
        const double size = root_mean_square(even, n) + 1e-30, rate = STEP * (1 - 0.7 * step / steps);
        for (int i = 0; i < n; i++) {
            const double grey = 0.5 + (1 - TO_GREY) * ((double)image->rgb[i] - 0.5), v = grey + rate * (double)even[i] / size;
            image->rgb[i] = (float)(v < 0 ? 0 : v > 1 ? 1 : v);
        }
    }
}

static dq_status grow(dq_image **image, int side, dq__error *err) {
    dq_image *larger;
    if ((*image)->width == side) return DQ_OK;
    const dq_status status = dq__image_resize(&larger, *image, side, side, err);
    if (status) return status;
    dq__image_free(image);
    *image = larger;
    return DQ_OK;
}

/* Noise in squares of `cell` pixels. */
static void fill_noise(const dq_image *image, uint64_t seed, int cell, double amplitude) {
    const int side = image->width;
    for (int i = 0; i < 3 * side * side; i++) {
        const uint64_t y = (uint64_t)(i / 3 / side / cell), x = (uint64_t)(i / 3 % side / cell);
        const double v = (double)dq__rng_uniform(seed, 90 + (uint64_t)cell, (y * DQ__MAX_SIDE + x) * 3 + (uint64_t)(i % 3)) - 0.5;
        image->rgb[i] = (float)(0.5 + amplitude * v);
    }
}

static double response(dq__exec *exec, const dq_image *image, int channel) {
    double sum = 0;
    dq__exec_forward(exec, image->rgb);
    const dq__tensor *f = dq__exec_tap(exec, 0);
    for (int i = 0; i < f->h * f->w; i++) sum += (double)dq__pixel(f, i / f->w, i % f->w)[channel];
    return sum;
}

/* Fine faint noise, or the first of some coarser and stronger ones that the channel answers at all: without an answer there is
 * no gradient. */
static void start(const dq_image *image, dq__exec *exec, const dq__maximisation *m) {
    for (int k = 0; k < 8; k++) {
        fill_noise(image, m->seed, 1 << k % 4, k < 4 ? 0.3 : 1);
        if (response(exec, image, m->channel) > 0) return;
    }
}

dq_status dq__maximise(dq_image **out, const dq__sight *sight, const dq__maximisation *m, dq__error *err) {
    float *buffer = dq__alloc(sizeof(float) * 5 * 3 * (size_t)m->side * (size_t)m->side);
    dq_status status = buffer ? DQ_OK : dq__no_memory(err, sizeof(float) * 15 * (size_t)m->side * (size_t)m->side, "a picture");
    *out = NULL;
    if (!status) status = dq__image_new(out, m->side / 2, m->side / 2, false, err);
    for (int scale = 0; scale < SCALES && !status; scale++) {
        const int side = m->side / 2 + m->side / 2 * scale / (SCALES - 1);
        dq__exec *exec = NULL;
        status = grow(out, side, err);
        if (!status) status = dq__sight_exec(&exec, sight, m->layer, side, side, true, err);
        if (!status && scale == 0) start(*out, exec, m);
        if (!status) ascend(*out, exec, m, scale, (m->iterations + SCALES - 1) / SCALES, buffer);
        dq__exec_free(&exec);
    }
    dq__free(buffer);
    if (status) dq__image_free(out);
    return status;
}
