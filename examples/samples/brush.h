/* SPDX-License-Identifier: MIT
 * brush.h: oil paint: strokes with bristles that lay colour and thickness on a canvas, and the light that falls across the
 * thickness in the end. Knows nothing of subjects. */
#ifndef SAMPLES_BRUSH_H
#define SAMPLES_BRUSH_H

#include "noise.h"
#include "picture.h"

enum { STROKE_POINTS = 8 };

typedef struct stroke {
    vec2 point[STROKE_POINTS]; /* units */
    int count;
    float width;         /* units */
    vec3 colour, streak; /* of most bristles, and what a few of them picked up */
    float body;          /* thickness of the paint */
    float wear;          /* 0 wet to the end, 1 runs dry half way */
    uint32_t seed;
} stroke;

typedef struct easel {
    picture *canvas;
    layer thickness;
} easel;

/* Where a point lies in a stroke: x along it in units, y across it, −1 to 1 over `width` (beyond: outside). */
vec2 stroke_place(const stroke *s, vec2 p);
float stroke_length(const stroke *s);
/* The pixels that a stroke can touch on a picture of the given size: x from low.x up to but not including high.x, … */
typedef struct pixel_box {
    int x0, y0, x1, y1;
} pixel_box;
pixel_box stroke_box(const stroke *s, float scale, int width, int height);

void easel_init(easel *e, picture *canvas);
void easel_deinit(easel *e);
void easel_stroke(easel *e, const stroke *s);
/* Lights the relief of the paint from the upper left. */
void easel_light(easel *e, float strength);

/* Lays out a stroke that follows the unit field `flow` from `start` in both directions, `length` units long. */
void stroke_follow(stroke *s, vec2 start, float length, vec2 (*flow)(vec2 p));

#endif
