/* SPDX-License-Identifier: MIT
 * noise.c: integer hash, random streams and the noises made from them. */
#include "noise.h"

/* An avalanche of two multiplications and shifts: every input bit reaches every output bit. */
uint32_t hash_int(uint32_t v) {
    v = (v ^ (v >> 16)) * 0x7feb352du;
    v = (v ^ (v >> 15)) * 0x846ca68bu;
    return v ^ (v >> 16);
}

static float unit(uint32_t bits) { return (float)(bits >> 8) * 0x1p-24f; }

float hash2(int x, int y, uint32_t seed) {
    return unit(hash_int((uint32_t)x * 0x9e3779b1u ^ hash_int((uint32_t)y * 0x85ebca77u ^ seed)));
}

float hash3(int x, int y, int z, uint32_t seed) { return hash2(x, y, seed ^ hash_int((uint32_t)z * 0xc2b2ae3du + 1u)); }

float random_unit(random_stream *r) {
    r->state += 0x9e3779b9u;
    return unit(hash_int(r->state));
}

float random_between(random_stream *r, float low, float high) { return mixf(low, high, random_unit(r)); }

/* Twelve uniform numbers less six have variance 1; four scaled ones come close enough here. */
float random_normal(random_stream *r) {
    float sum = random_unit(r) + random_unit(r) + random_unit(r) + random_unit(r) - 2.0f;
    return clampf(sum * 1.7320508f, -3.0f, 3.0f);
}

static float fade(float t) { return t * t * t * (t * (t * 6.0f - 15.0f) + 10.0f); }

float noise2(float x, float y, uint32_t seed) {
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float u = fade(x - (float)ix), v = fade(y - (float)iy);
    float low = mixf(hash2(ix, iy, seed), hash2(ix + 1, iy, seed), u);
    float high = mixf(hash2(ix, iy + 1, seed), hash2(ix + 1, iy + 1, seed), u);
    return 2.0f * mixf(low, high, v) - 1.0f;
}

static float noise_layer(int ix, int iy, int iz, float u, float v, uint32_t seed) {
    float low = mixf(hash3(ix, iy, iz, seed), hash3(ix + 1, iy, iz, seed), u);
    float high = mixf(hash3(ix, iy + 1, iz, seed), hash3(ix + 1, iy + 1, iz, seed), u);
    return mixf(low, high, v);
}

float noise3(vec3 p, uint32_t seed) {
    int ix = (int)floorf(p.x), iy = (int)floorf(p.y), iz = (int)floorf(p.z);
    float u = fade(p.x - (float)ix), v = fade(p.y - (float)iy), w = fade(p.z - (float)iz);
    return 2.0f * mixf(noise_layer(ix, iy, iz, u, v, seed), noise_layer(ix, iy, iz + 1, u, v, seed), w) - 1.0f;
}

/* Each octave is turned a little so that the lattices do not line up. */
float fbm2(float x, float y, int octaves, uint32_t seed) {
    float sum = 0.0f, height = 0.5f;
    vec2 p = v2(x, y);
    for (int i = 0; i < octaves; i++, height *= 0.5f) {
        sum += height * noise2(p.x, p.y, seed + (uint32_t)i);
        p = mul2(v2(0.8f * p.x - 0.6f * p.y, 0.6f * p.x + 0.8f * p.y), 2.03f);
    }
    return sum;
}

float fbm3(vec3 p, int octaves, uint32_t seed) {
    float sum = 0.0f, height = 0.5f;
    for (int i = 0; i < octaves; i++, height *= 0.5f) {
        sum += height * noise3(p, seed + (uint32_t)i);
        p = mul(v3(0.8f * p.x - 0.6f * p.y, 0.6f * p.x + 0.8f * p.y, p.z + 0.31f), 2.03f);
    }
    return sum;
}

vec2 curl2(float x, float y, int octaves, uint32_t seed) {
    const float step = 0.02f;
    float dx = fbm2(x + step, y, octaves, seed) - fbm2(x - step, y, octaves, seed);
    float dy = fbm2(x, y + step, octaves, seed) - fbm2(x, y - step, octaves, seed);
    return mul2(v2(dy, -dx), 0.5f / step);
}

vec2 cells2(float x, float y, uint32_t seed) {
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float nearest = 9.0f, second = 9.0f;
    for (int j = iy - 1; j <= iy + 1; j++)
        for (int i = ix - 1; i <= ix + 1; i++) {
            vec2 point = v2((float)i + hash2(i, j, seed), (float)j + hash2(i, j, seed + 101u));
            float d = length2(sub2(point, v2(x, y)));
            second = d < nearest ? nearest : minf(second, d);
            nearest = minf(nearest, d);
        }
    return v2(nearest, second);
}
