/* SPDX-License-Identifier: MIT
 * hair.h: strands as polylines: growing them on skin and hair mass. Knows the figure, not the lights. */
#ifndef SAMPLES_HAIR_H
#define SAMPLES_HAIR_H

#include "figure.h"
#include "noise.h"

enum { STRAND_POINTS = 40 };

typedef struct strand {
    vec3 point[STRAND_POINTS]; /* world */
    int count;
    float width; /* centimetres at the root; the tip is pointed */
    float opacity;
    float depth; /* 0 on top of the hair, 1 at its bottom: how much light is lost */
    vec3 colour; /* linear */
} strand;

typedef struct strand_list {
    strand *strands;
    int count, capacity;
} strand_list;

void strands_init(strand_list *list, int capacity);
void strands_deinit(strand_list *list);

/* How a patch of hair grows; all in head coordinates. */
typedef struct hair_patch {
    int count, points; /* strands, and points of each (at most STRAND_POINTS) */
    uint32_t seed;
    vec3 low, high;                             /* box of the roots, which are then moved onto the surface */
    float (*density)(const figure *f, vec3 q);  /* 0 … 1 at a root */
    vec3 (*direction)(vec3 q, vec3 n, float t); /* where a strand goes at q; n: normal at its root, t: 0 root, 1 tip */
    float (*surface)(vec3 q); /* distance that the strand keeps to; NULL: rooted in the skin, then free */
    float length, length_spread, width, opacity;
    float lift, lift_spread; /* height kept above the surface */
    float wave, frizz;       /* regular and irregular bending */
    vec3 colour, colour_spread;
} hair_patch;

/* Grows a patch. detail: 1 for a full-size picture; a smaller one gets fewer and thicker strands. */
void grow(strand_list *list, const figure *f, const hair_patch *patch, float detail);
/* Eyelashes: `count` for each upper lid and a third as many, shorter, for each lower lid; of the patch it uses length, width,
 * opacity and colour. */
void grow_lashes(strand_list *list, const figure *f, const hair_patch *patch);

#endif
