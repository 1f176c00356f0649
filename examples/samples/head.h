/* SPDX-License-Identifier: MIT
 * head.h: the shape of a human head as signed distances. Centimetres; the origin lies between the centres of the
 * eyeballs, x to the beholder's right, y up, z out of the face. Proportions follow the drawing canon: eyes at half
 * height, nose base halfway from brow to chin, mouth one third below it. Knows no colours, no light, no pose. */
#ifndef SAMPLES_HEAD_H
#define SAMPLES_HEAD_H

#include "sdf.h"

/* What makes one head differ from another; 0 is the average of each, ±1 a strong deviation, unless units are given. */
typedef struct head {
    float masculine; /* jaw, brow ridge, neck; 0 a woman, 1 a man */
    float face_width, jaw_width, chin_length;
    float nose_length, nose_width, nose_bridge;
    float lip_fullness, mouth_width, smile;
    float eye_size, lid_open; /* lid_open: 1 is awake, 0 is closed */
    float eye_tilt;           /* outer corners up */
    float cheeks;             /* soft and full, or hollow */
    float age;                /* 0 young, 1 old: folds, bags, loose skin */
    float gaze_x, gaze_y;     /* radians, where the eyes look */
} head;

/* Skin of face, scalp and ears; the neck is the figure's. Conservative enough to march with steps of 0.75. */
float head_skin(const head *h, vec3 p);
/* The eyeballs with their cornea. */
float head_eyes(const head *h, vec3 p);
/* The bare skull cap that hair grows from. */
float head_scalp(vec3 p);
/* Centre of the eyeball on the side of sign x. */
vec3 eye_centre(float side);
/* Heights of the lid edges above the eye centre at distance t from it, t = -1 inner corner, 1 outer corner. */
float upper_lid(const head *h, float t);
float lower_lid(const head *h, float t);
/* Half the width of the eye opening. */
float eye_half_width(const head *h);
/* Height of the line between the lips at distance x from the middle. */
float mouth_line(const head *h, float x);

#endif
