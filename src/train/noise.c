/* SPDX-License-Identifier: MIT
 * train/noise.c: white noise and octaves of value noise. Must not allocate or keep state. */
#include "train/noise.h"

#include <math.h>
#include <string.h>

/* The sum of four uniform numbers of 16 bits is near enough to normal, and needs one hash and no logarithm. */
static float nearly_normal(uint64_t bits) {
    uint64_t sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    return ((float)sum / 65535 - 2) * 1.7320508f;
}

void dq__noise_white(float *out, size_t count, dq__draws *draws) {
    for (size_t i = 0; i < count; i++) out[i] = nearly_normal(dq__draw_bits(draws));
}

/* Adds values that stand on a grid of cells of `cell` pixels, at a random shift, interpolated bilinearly. */
static void add_octave(float *out, int side, int channels, int cell, dq__draws *draws, float *grid) {
    int nodes = (side - 1) / cell + 3; /* the shift may reach into one more cell */
    double shift_x = dq__draw(draws), shift_y = dq__draw(draws);
    dq__noise_white(grid, (size_t)nodes * (size_t)nodes * (size_t)channels, draws);
    for (int y = 0; y < side; y++) {
        double at_y = shift_y + (double)y / cell;
        int node_y = (int)at_y;
        float v = (float)(at_y - node_y);
        const float *row = grid + (size_t)node_y * (size_t)nodes * (size_t)channels, *next = row + nodes * channels;
        for (int x = 0; x < side; x++) {
            double at_x = shift_x + (double)x / cell;
            int node_x = (int)at_x;
            float u = (float)(at_x - node_x);
            const float *a = row + node_x * channels, *b = next + node_x * channels;
            for (int c = 0; c < channels; c++) {
                float above = a[c] + u * (a[c + channels] - a[c]), below = b[c] + u * (b[c + channels] - b[c]);
                *out++ += above + v * (below - above);
            }
        }
    }
}

static void normalise(float *values, size_t count) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i];
    float mean = (float)(sum / (double)count);
    for (size_t i = 0; i < count; i++) {
        values[i] -= mean;
        squares += (double)values[i] * (double)values[i];
    }
    float scale = squares > 0 ? (float)sqrt((double)count / squares) : 0;
    for (size_t i = 0; i < count; i++) values[i] *= scale;
}

void dq__noise_octaves(float *out, int side, int channels, int finest, dq__draws *draws, float *grid) {
    size_t count = (size_t)side * (size_t)side * (size_t)channels;
    if (finest <= 1)
        dq__noise_white(out, count, draws);
    else
        memset(out, 0, count * sizeof *out);
    for (int cell = finest <= 1 ? 2 : finest; cell <= side / 2; cell *= 2) add_octave(out, side, channels, cell, draws, grid);
    normalise(out, count);
}
