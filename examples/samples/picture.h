/* SPDX-License-Identifier: MIT
 * picture.h: the canvas that the samples are painted on, and single-channel layers (heights, masks). Coordinates are in
 * units: one unit is a pixel of the full-size picture, whatever size is being made; (0,0) is the top left corner. */
#ifndef SAMPLES_PICTURE_H
#define SAMPLES_PICTURE_H

#include "vec.h"

#include <stddef.h>

typedef struct picture {
    int width, height; /* pixels */
    float scale;       /* pixels per unit */
    vec3 *rgb;         /* [height][width], sRGB in [0,1] when finished */
} picture;

typedef struct layer {
    int width, height;
    float scale;
    float *v; /* [height][width] */
} layer;

/* Zeroed memory; the program ends with a message where there is none. */
void *allocate(size_t count, size_t size);

/* A picture of round(units × scale) pixels, filled with one colour. */
void picture_init(picture *p, float width, float height, float scale, vec3 colour);
void picture_deinit(picture *p);
/* A layer as large as the picture. */
void layer_init(layer *l, const picture *like, float value);
void layer_deinit(layer *l);

/* Centre of a pixel in units. */
static inline vec2 unit_at(float scale, int x, int y) {
    return v2(((float)x + 0.5f) / scale, ((float)y + 0.5f) / scale);
}
/* Bilinear value at a point in units, edges repeated. */
float layer_at(const layer *l, vec2 p);
/* Gaussian blur, deviation in units (three box blurs). */
void layer_blur(layer *l, float deviation);
/* The slope of the layer at a pixel, per pixel. */
vec2 layer_slope(const layer *l, int x, int y);

/* sRGB from linear light, and back. */
vec3 encode_srgb(vec3 linear);
vec3 decode_srgb(vec3 encoded);
/* Colour from 0xRRGGBB. */
vec3 hex(unsigned colour);

#endif
