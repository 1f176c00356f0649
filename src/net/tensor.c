/* SPDX-License-Identifier: MIT
 * net/tensor.c: halos: filled before a convolution reads them, folded back after a gradient was written to them. */
#include "net/tensor.h"

#include <string.h>

size_t dq__tensor_floats(const dq__tensor *t) { return (size_t)t->n * (size_t)dq__picture_stride(t); }

void dq__tensor_place(dq__tensor *t, float *memory) { t->data = memory + t->halo * dq__row(t) + (ptrdiff_t)t->halo * t->cs; }

dq__tensor dq__picture(const dq__tensor *t, int picture) {
    dq__tensor one = *t;
    one.data += picture * dq__picture_stride(t);
    one.n = 1;
    return one;
}

dq__tensor dq__part(const dq__tensor *t, int y, int x, int h, int w) {
    dq__tensor part = *t;
    part.data = dq__pixel(t, y, x);
    part.h = h, part.w = w, part.halo = 0;
    part.gap = dq__row(t) - (ptrdiff_t)w * t->cs;
    return part;
}

float *dq__map_row(const dq__tensor *t, int row) {
    return dq__pixel(t, row % t->h, 0) + row / t->h * dq__picture_stride(t);
}

/* Which pixel of 0 … n−1 a pixel outside is a copy of. */
static int source(int at, int n, dq__padding padding) {
    if (padding != DQ__PAD_REFLECT || n == 1) return at < 0 ? 0 : at >= n ? n - 1 : at;
    while (at < 0 || at >= n) at = at < 0 ? -at : 2 * (n - 1) - at;
    return at;
}

typedef void pixel_fn(float *ring, float *inner, int cs);

static void copy(float *ring, float *inner, int cs) { memcpy(ring, inner, sizeof(float) * (size_t)cs); }

static void fold(float *ring, float *inner, int cs) {
    for (int k = 0; k < cs; k++) inner[k] += ring[k];
}

static void each_ring_pixel(const dq__tensor *t, dq__padding padding, int ring, pixel_fn *fn) {
    for (int y = -ring; y < t->h + ring; y++) {
        const bool whole = y < 0 || y >= t->h;
        for (int x = -ring; x < t->w + ring; x++) {
            if (!whole && x == 0) x = t->w; /* inner pixels are nobody's copy */
            if (x >= t->w + ring) break;
            fn(dq__pixel(t, y, x), dq__pixel(t, source(y, t->h, padding), source(x, t->w, padding)), t->cs);
        }
    }
}

static void zero_halo(const dq__tensor *t) {
    const size_t side = sizeof(float) * (size_t)t->halo * (size_t)t->cs, whole = sizeof(float) * (size_t)dq__row(t);
    for (int y = -t->halo; y < t->h + t->halo; y++) {
        float *row = dq__pixel(t, y, -t->halo);
        if (y < 0 || y >= t->h) memset(row, 0, whole);
        else memset(row, 0, side), memset(dq__pixel(t, y, t->w), 0, side);
    }
}

void dq__halo_fill(const dq__tensor *t, dq__padding padding, int ring) {
    for (int k = 0; k < t->n; k++) {
        const dq__tensor one = dq__picture(t, k);
        if (padding == DQ__PAD_ZERO) zero_halo(&one);
        else each_ring_pixel(&one, padding, ring, copy);
    }
}

void dq__halo_fold(const dq__tensor *t, dq__padding padding, int ring) {
    if (padding == DQ__PAD_ZERO) return;
    for (int k = 0; k < t->n; k++) {
        const dq__tensor one = dq__picture(t, k);
        each_ring_pixel(&one, padding, ring, fold);
    }
}

void dq__tensor_clear(const dq__tensor *t) {
    memset(dq__pixel(t, -t->halo, -t->halo), 0, sizeof(float) * dq__tensor_floats(t));
}
