/* SPDX-License-Identifier: MIT
 * portrait.h: takes the picture of a figure: camera, lights, background, the marching of rays, the strands of hair on top,
 * the tone of the print. The persons themselves are in portrait1.c and portrait2.c. */
#ifndef SAMPLES_PORTRAIT_H
#define SAMPLES_PORTRAIT_H

#include "hair.h"
#include "picture.h"
#include "skin.h"

typedef struct lamp {
    vec3 direction; /* towards the light, unit */
    vec3 colour;    /* linear */
    float hardness; /* of the shadow's edge; 0 casts none */
} lamp;

enum { LIGHT_COUNT = 3 };

typedef struct setup {
    lamp lights[LIGHT_COUNT]; /* key first */
    vec3 sky, ground;         /* ambient light from above and below */
    vec3 backdrop, glow;      /* background, and the light on it */
    vec2 glow_at;             /* in picture heights from the centre */
    vec2 aim;                 /* what the camera centres on: world x, y */
    float height;             /* of the frame at the face, centimetres */
    float exposure;
} setup;

/* Paints the figure with the strands (hair, brows, lashes, beard), which are in world coordinates. */
void paint_portrait(picture *out, const figure *f, const complexion *c, const setup *s, const strand_list *hair);

#endif
