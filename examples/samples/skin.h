/* SPDX-License-Identifier: MIT
 * skin.h: how the parts of a person look before light falls on them: colour, gloss and relief of skin, eyes, hair mass
 * and cloth. Knows the shapes' coordinates, not the lights. Colours are linear light. */
#ifndef SAMPLES_SKIN_H
#define SAMPLES_SKIN_H

#include "figure.h"

#include <stdint.h>

typedef struct complexion {
    vec3 skin, flush, lips; /* flush multiplies the skin where blood shows */
    vec3 iris, iris_ring;
    vec3 hair;
    vec3 cloth, cloth_light;         /* ground and pattern */
    float freckles, stubble, makeup; /* 0 … 1 */
    uint32_t seed;
} complexion;

/* What light needs to know about a point. */
typedef struct surface {
    vec3 albedo;
    vec3 normal, soft_normal; /* of the relief, and of the flesh below that scatters light */
    float gloss, roughness;   /* strength and spread of the highlight */
    float scatter;            /* 0 opaque, 1 skin */
} surface;

/* The look of the point p (world) of material m. */
surface surface_at(const figure *f, const complexion *c, vec3 p, material m);

#endif
