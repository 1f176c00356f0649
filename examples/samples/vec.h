/* SPDX-License-Identifier: MIT
 * vec.h: small float vectors and the scalar helpers that every picture of the samples uses. Knows nothing of pictures. */
#ifndef SAMPLES_VEC_H
#define SAMPLES_VEC_H

#include <math.h>

typedef struct vec2 {
    float x, y;
} vec2;
typedef struct vec3 {
    float x, y, z;
} vec3;

#define PI 3.14159265f

static inline float minf(float a, float b) { return a < b ? a : b; }
static inline float maxf(float a, float b) { return a > b ? a : b; }
static inline float clampf(float v, float low, float high) { return v < low ? low : v > high ? high : v; }
static inline float saturate(float v) { return clampf(v, 0.0f, 1.0f); }
static inline float mixf(float a, float b, float t) { return a + (b - a) * t; }
static inline float square(float v) { return v * v; }
static inline float fractf(float v) { return v - floorf(v); }

/* 0 below `low`, 1 above `high`, smooth between; low > high gives the falling step. */
static inline float smoothstep(float low, float high, float v) {
    float t = saturate((v - low) / (high - low));
    return t * t * (3.0f - 2.0f * t);
}

/* A Gaussian bump of height 1 and the given width (standard deviation). */
static inline float bump(float distance, float width) { return expf(-0.5f * square(distance / width)); }

static inline vec2 v2(float x, float y) { return (vec2){x, y}; }
static inline vec2 add2(vec2 a, vec2 b) { return v2(a.x + b.x, a.y + b.y); }
static inline vec2 sub2(vec2 a, vec2 b) { return v2(a.x - b.x, a.y - b.y); }
static inline vec2 mul2(vec2 a, float s) { return v2(a.x * s, a.y * s); }
static inline float dot2(vec2 a, vec2 b) { return a.x * b.x + a.y * b.y; }
static inline float length2(vec2 a) { return sqrtf(dot2(a, a)); }
static inline vec2 normal2(vec2 a) { return mul2(a, 1.0f / maxf(length2(a), 1e-9f)); }
static inline vec2 turn2(vec2 a, float angle) {
    float c = cosf(angle), s = sinf(angle);
    return v2(c * a.x - s * a.y, s * a.x + c * a.y);
}

static inline vec3 v3(float x, float y, float z) { return (vec3){x, y, z}; }
static inline vec3 add(vec3 a, vec3 b) { return v3(a.x + b.x, a.y + b.y, a.z + b.z); }
static inline vec3 sub(vec3 a, vec3 b) { return v3(a.x - b.x, a.y - b.y, a.z - b.z); }
static inline vec3 mul(vec3 a, float s) { return v3(a.x * s, a.y * s, a.z * s); }
static inline vec3 times(vec3 a, vec3 b) { return v3(a.x * b.x, a.y * b.y, a.z * b.z); }
static inline float dot(vec3 a, vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline float length(vec3 a) { return sqrtf(dot(a, a)); }
static inline vec3 normalize(vec3 a) { return mul(a, 1.0f / maxf(length(a), 1e-9f)); }
static inline vec3 mix3(vec3 a, vec3 b, float t) { return add(a, mul(sub(b, a), t)); }
static inline vec3 along(vec3 origin, vec3 direction, float t) { return add(origin, mul(direction, t)); }
static inline vec3 cross(vec3 a, vec3 b) {
    return v3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}
static inline vec3 grey(float v) { return v3(v, v, v); }
static inline vec3 saturate3(vec3 a) { return v3(saturate(a.x), saturate(a.y), saturate(a.z)); }
static inline float luma(vec3 c) { return 0.2126f * c.x + 0.7152f * c.y + 0.0722f * c.z; }

/* Turned about the y axis, then the x axis, then the z axis (radians). */
static inline vec3 turn_y(vec3 p, float a) {
    float c = cosf(a), s = sinf(a);
    return v3(c * p.x + s * p.z, p.y, c * p.z - s * p.x);
}
static inline vec3 turn_x(vec3 p, float a) {
    float c = cosf(a), s = sinf(a);
    return v3(p.x, c * p.y - s * p.z, s * p.y + c * p.z);
}
static inline vec3 turn_z(vec3 p, float a) {
    float c = cosf(a), s = sinf(a);
    return v3(c * p.x - s * p.y, s * p.x + c * p.y, p.z);
}

#endif
