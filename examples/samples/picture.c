/* SPDX-License-Identifier: MIT
 * picture.c: canvas and layers: memory, sampling, blur, colour encoding. */
#include "picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) {
        fputs("make-samples: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void picture_init(picture *p, float width, float height, float scale, vec3 colour) {
    p->width = (int)lroundf(width * scale);
    p->height = (int)lroundf(height * scale);
    p->scale = scale;
    size_t count = (size_t)p->width * (size_t)p->height;
    p->rgb = allocate(count, sizeof *p->rgb);
    for (size_t i = 0; i < count; i++) p->rgb[i] = colour;
}

void picture_deinit(picture *p) {
    free(p->rgb);
    p->rgb = NULL;
}

void layer_init(layer *l, const picture *like, float value) {
    l->width = like->width;
    l->height = like->height;
    l->scale = like->scale;
    size_t count = (size_t)l->width * (size_t)l->height;
    l->v = allocate(count, sizeof *l->v);
    for (size_t i = 0; i < count; i++) l->v[i] = value;
}

void layer_deinit(layer *l) {
    free(l->v);
    l->v = NULL;
}

static int clampi(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

static float texel(const layer *l, int x, int y) {
    return l->v[(size_t)clampi(y, 0, l->height - 1) * (size_t)l->width + (size_t)clampi(x, 0, l->width - 1)];
}

float layer_at(const layer *l, vec2 p) {
    float x = p.x * l->scale - 0.5f, y = p.y * l->scale - 0.5f;
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float u = x - (float)ix, v = y - (float)iy;
    float low = mixf(texel(l, ix, iy), texel(l, ix + 1, iy), u);
    float high = mixf(texel(l, ix, iy + 1), texel(l, ix + 1, iy + 1), u);
    return mixf(low, high, v);
}

/* One box blur of a row (step 1) or a column (step = width); `line` holds a copy of it. */
static void blur_line(float *v, size_t step, int count, int radius, float *line) {
    for (int i = 0; i < count; i++) line[i] = v[(size_t)i * step];
    double sum = 0.0;
    for (int i = -radius; i <= radius; i++) sum += (double)line[clampi(i, 0, count - 1)];
    for (int i = 0; i < count; i++) {
        v[(size_t)i * step] = (float)(sum / (2 * radius + 1));
        sum += (double)line[clampi(i + radius + 1, 0, count - 1)] - (double)line[clampi(i - radius, 0, count - 1)];
    }
}

void layer_blur(layer *l, float deviation) {
    int radius = (int)lroundf(deviation * l->scale);
    if (radius < 1) return;
    size_t width = (size_t)l->width;
    float *line = allocate((size_t)(l->width > l->height ? l->width : l->height), sizeof *line);
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < l->height; y++) blur_line(l->v + (size_t)y * width, 1, l->width, radius, line);
        for (int x = 0; x < l->width; x++) blur_line(l->v + x, width, l->height, radius, line);
    }
    free(line);
}

vec2 layer_slope(const layer *l, int x, int y) {
    return v2(0.5f * (texel(l, x + 1, y) - texel(l, x - 1, y)), 0.5f * (texel(l, x, y + 1) - texel(l, x, y - 1)));
}

static float encode(float v) {
    return v <= 0.0031308f ? 12.92f * maxf(v, 0.0f) : 1.055f * powf(v, 1.0f / 2.4f) - 0.055f;
}
static float decode(float v) { return v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f); }

vec3 encode_srgb(vec3 c) { return v3(encode(c.x), encode(c.y), encode(c.z)); }
vec3 decode_srgb(vec3 c) { return v3(decode(c.x), decode(c.y), decode(c.z)); }

vec3 hex(unsigned c) {
    return mul(v3((float)(c >> 16 & 255u), (float)(c >> 8 & 255u), (float)(c & 255u)), 1.0f / 255.0f);
}
