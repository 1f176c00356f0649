/* SPDX-License-Identifier: MIT
 * train/jpeg.c: the lossy part of JPEG, block by block. Must not allocate or keep state. */
#include "train/jpeg.h"

#include <math.h>

enum { N = 8, BLOCK = N * N };

/* ITU-T T.81, tables K.1 and K.2. */
static const unsigned char luma[BLOCK] = {
     16,  11,  10,  16,  24,  40,  51,  61,  12,  12,  14,  19,  26,  58,  60,  55,
     14,  13,  16,  24,  40,  57,  69,  56,  14,  17,  22,  29,  51,  87,  80,  62,
     18,  22,  37,  56,  68, 109, 103,  77,  24,  35,  55,  64,  81, 104, 113,  92,
     49,  64,  78,  87, 103, 121, 120, 101,  72,  92,  95,  98, 112, 100, 103,  99};
static const unsigned char chroma[BLOCK] = {
     17,  18,  24,  47,  99,  99,  99,  99,  18,  21,  26,  66,  99,  99,  99,  99,
     24,  26,  56,  99,  99,  99,  99,  99,  47,  66,  99,  99,  99,  99,  99,  99,
     99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,
     99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99};

struct plan {
    float cosine[BLOCK], transposed[BLOCK]; /* the orthonormal cosine transform */
    float step[3][BLOCK];                   /* what a coefficient is rounded to a multiple of; for Y, Cb, Cr */
};

static void make_plan(struct plan *plan, int quality) {
    for (int u = 0; u < N; u++)
        for (int x = 0; x < N; x++) {
            double value = (u ? 0.5 : sqrt(0.125)) * cos((2 * x + 1) * u * 3.14159265358979323846 / 16);
            plan->cosine[u * N + x] = plan->transposed[x * N + u] = (float)value;
        }
    int percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < BLOCK; i++) {
            int step = ((c ? chroma : luma)[i] * percent + 50) / 100;
            plan->step[c][i] = (float)(step < 1 ? 1 : step > 255 ? 255 : step);
        }
}

/* out = a · b */
static void multiply(float out[BLOCK], const float a[BLOCK], const float b[BLOCK]) {
    for (int i = 0; i < N; i++) {
        float row[N] = {0};
        for (int k = 0; k < N; k++)
            for (int j = 0; j < N; j++) row[j] += a[i * N + k] * b[k * N + j];
        for (int j = 0; j < N; j++) out[i * N + j] = row[j];
    }
}

static void round_block(const struct plan *plan, int channel, float block[BLOCK]) {
    const float *cosine = plan->cosine, *transposed = plan->transposed, *step = plan->step[channel];
    float half[BLOCK], coefficient[BLOCK];
    multiply(half, cosine, block);
    multiply(coefficient, half, transposed);
    for (int i = 0; i < BLOCK; i++) coefficient[i] = rintf(coefficient[i] / step[i]) * step[i];
    multiply(half, transposed, coefficient);
    multiply(block, half, cosine);
}

static int inside(int i, int side) { return i < 0 ? 0 : i < side ? i : side - 1; }

/* Pixels outside the picture are those of its border. */
static void load(float block[3][BLOCK], const float *rgb, int side, int left, int top) {
    for (int i = 0; i < BLOCK; i++) {
        const float *p = rgb + 3 * ((long)inside(top + i / N, side) * side + inside(left + i % N, side));
        float y = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        block[0][i] = 255 * y - 128;
        block[1][i] = 255 * 0.564f * (p[2] - y);
        block[2][i] = 255 * 0.713f * (p[0] - y);
    }
}

static void store(float *rgb, int side, int left, int top, float block[3][BLOCK]) {
    for (int i = 0; i < BLOCK; i++) {
        int x = left + i % N, y = top + i / N;
        if (x < 0 || y < 0 || x >= side || y >= side) continue;
        float *p = rgb + 3 * ((long)y * side + x), light = block[0][i] + 128;
        p[0] = (light + 1.402f * block[2][i]) / 255;
        p[1] = (light - 0.344f * block[1][i] - 0.714f * block[2][i]) / 255;
        p[2] = (light + 1.772f * block[1][i]) / 255;
    }
}

void dq__jpeg_blocks(float *rgb, int side, int quality, int shift_x, int shift_y) {
    struct plan plan;
    float block[3][BLOCK];
    make_plan(&plan, quality);
    for (int top = -shift_y; top < side; top += N)
        for (int left = -shift_x; left < side; left += N) {
            load(block, rgb, side, left, top);
            for (int c = 0; c < 3; c++) round_block(&plan, c, block[c]);
            store(rgb, side, left, top, block);
        }
}
