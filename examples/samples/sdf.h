/* SPDX-License-Identifier: MIT
 * sdf.h: signed distances to simple solids (negative inside) and the smooth operations that model with them. */
#ifndef SAMPLES_SDF_H
#define SAMPLES_SDF_H

#include "vec.h"

/* Union and intersection whose seam is rounded over a width of k. */
static inline float smooth_min(float a, float b, float k) {
    float h = maxf(k - fabsf(a - b), 0.0f) / k;
    return minf(a, b) - h * h * k * 0.25f;
}
static inline float smooth_max(float a, float b, float k) { return -smooth_min(-a, -b, k); }
/* a without b. */
static inline float smooth_cut(float a, float b, float k) { return smooth_max(a, -b, k); }

static inline float sd_sphere(vec3 p, vec3 centre, float radius) { return length(sub(p, centre)) - radius; }

/* First-order distance to an ellipsoid: exact on the surface, a little wrong far away. */
static inline float sd_ellipsoid(vec3 p, vec3 centre, vec3 radii) {
    vec3 q = sub(p, centre);
    vec3 a = v3(q.x / radii.x, q.y / radii.y, q.z / radii.z);
    vec3 b = v3(a.x / radii.x, a.y / radii.y, a.z / radii.z);
    float k = length(a);
    return k * (k - 1.0f) / maxf(length(b), 1e-6f);
}

/* A capsule whose radius goes linearly from ra at a to rb at b (distance to the sphere at the nearest axis point). */
static inline float sd_cone(vec3 p, vec3 a, vec3 b, float ra, float rb) {
    vec3 pa = sub(p, a), ba = sub(b, a);
    float h = saturate(dot(pa, ba) / dot(ba, ba));
    return length(sub(pa, mul(ba, h))) - mixf(ra, rb, h);
}

/* A bent capsule through a, b, c: two cones that meet in b. */
static inline float sd_bow(vec3 p, vec3 a, vec3 b, vec3 c, vec3 radii, float k) {
    return smooth_min(sd_cone(p, a, b, radii.x, radii.y), sd_cone(p, b, c, radii.y, radii.z), k);
}

#endif
