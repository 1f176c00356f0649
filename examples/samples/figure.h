/* SPDX-License-Identifier: MIT
 * figure.h: a posed person: the head on its neck and shoulders, hair mass and clothes, as one signed distance in world
 * coordinates (the camera looks along −z). Knows shapes and poses, no colours and no light. */
#ifndef SAMPLES_FIGURE_H
#define SAMPLES_FIGURE_H

#include "head.h"

/* A rigid frame: axes and origin in world coordinates. */
typedef struct frame {
    vec3 x, y, z, origin;
} frame;

/* Turned by yaw, pitch, roll (radians) about `pivot`, which is the same point before and after. */
frame frame_about(vec3 pivot, float yaw, float pitch, float roll);
/* The same frame, moved. */
frame frame_moved(frame f, vec3 way);
vec3 to_local(const frame *f, vec3 world);
vec3 to_world(const frame *f, vec3 local);
vec3 direction_to_local(const frame *f, vec3 world);
vec3 direction_to_world(const frame *f, vec3 local);

typedef enum material { SKIN, EYE, HAIR, CLOTH, PEARL } material;

typedef struct figure {
    head head;
    frame head_frame, body_frame;
    /* The mass of the hair in head coordinates, and the clothes over a bust at distance `bust` in body coordinates. */
    float (*hair)(vec3 q);
    float (*cloth)(vec3 b, float bust);
    vec3 pearls[2];             /* earrings, in head coordinates */
    float pearl_radius;         /* 0 for none */
    vec3 neck[2], tendon[2][2]; /* ends in world coordinates, set by figure_pose */
} figure;

/* Places head and body (frames) and joins them. */
void figure_pose(figure *f, frame of_head, frame of_body);

/* Distance to the figure and what is nearest. */
float figure_distance(const figure *f, vec3 p, material *nearest);
/* Distance to the skin alone. */
float figure_skin(const figure *f, vec3 p);
/* Outward unit normal of the figure, from differences over `step`. */
vec3 figure_normal(const figure *f, vec3 p, float step);

#endif
