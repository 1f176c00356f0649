/* SPDX-License-Identifier: MIT
 * net/tensor.c: halos: filled before a convolution reads them, folded back after a gradient was written to them. */
#include "net/tensor.h"

#include <string.h>

size_t dq__tensor_floats(const dq__tensor *t) {
    return (size_t)(t->h + 2 * t->halo) * (size_t)(t->w + 2 * t->halo) * (size_t)t->cs;
}

void dq__tensor_place(dq__tensor *t, float *memory) { t->data = memory + t->halo * dq__row(t) + (ptrdiff_t)t->halo * t->cs; }

/* Which pixel of 0 … n−1 the pixel −1 or n is a copy of. */
static int source(int at, int n, dq__padding padding) {
    if (at >= 0 && at < n) return at;
    int inward = padding == DQ__PAD_REFLECT && n > 1 ? 1 : 0;
    return at < 0 ? inward : n - 1 - inward;
}

typedef void pixel_fn(float *ring, float *inner, int cs);

static void copy(float *ring, float *inner, int cs) { memcpy(ring, inner, sizeof(float) * (size_t)cs); }

static void fold(float *ring, float *inner, int cs) {
    for (int k = 0; k < cs; k++) inner[k] += ring[k];
}

static void each_ring_pixel(const dq__tensor *t, dq__padding padding, pixel_fn *fn) {
    for (int y = -1; y <= t->h; y++) {
        int step = y < 0 || y == t->h ? 1 : t->w + 1;
        for (int x = -1; x <= t->w; x += step)
            fn(dq__pixel(t, y, x), dq__pixel(t, source(y, t->h, padding), source(x, t->w, padding)), t->cs);
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

void dq__halo_fill(const dq__tensor *t, dq__padding padding) {
    if (padding == DQ__PAD_ZERO) zero_halo(t);
    else each_ring_pixel(t, padding, copy);
}

void dq__halo_fold(const dq__tensor *t, dq__padding padding) {
    if (padding != DQ__PAD_ZERO) each_ring_pixel(t, padding, fold);
}

void dq__tensor_clear(const dq__tensor *t) {
    memset(dq__pixel(t, -t->halo, -t->halo), 0, sizeof(float) * dq__tensor_floats(t));
}
