/* SPDX-License-Identifier: MIT
 * noise.h: repeatable randomness from an integer hash: random numbers, value noise, fractal sums, curl. No state that is
 * not in the caller's hands, so the same program always makes the same picture. */
#ifndef SAMPLES_NOISE_H
#define SAMPLES_NOISE_H

#include "vec.h"

#include <stdint.h>

uint32_t hash_int(uint32_t v);
/* A number in [0,1) that belongs to a lattice point. */
float hash2(int x, int y, uint32_t seed);
float hash3(int x, int y, int z, uint32_t seed);

/* A sequence of random numbers; start it with any seed. */
typedef struct random_stream {
    uint32_t state;
} random_stream;
float random_unit(random_stream *r); /* [0,1) */
float random_between(random_stream *r, float low, float high);
float random_normal(random_stream *r); /* mean 0, deviation 1, within ±3 */

/* Smooth noise in [-1,1] with lattice distance 1. */
float noise2(float x, float y, uint32_t seed);
float noise3(vec3 p, uint32_t seed);
/* Sums of `octaves` noises of doubling frequency and halving height, within about [-1,1]. */
float fbm2(float x, float y, int octaves, uint32_t seed);
float fbm3(vec3 p, int octaves, uint32_t seed);
/* A flow without sources: the rotated gradient of fbm2. */
vec2 curl2(float x, float y, int octaves, uint32_t seed);
/* Distances to the nearest and second nearest of one random point per lattice cell. */
vec2 cells2(float x, float y, uint32_t seed);

#endif
