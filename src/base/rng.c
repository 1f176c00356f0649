/* SPDX-License-Identifier: MIT
 * base/rng.c: counter-based random numbers (the SplitMix64 output function of Steele, Lea, Flood 2014). */
#include "base/rng.h"

#include <math.h>

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t dq__rng_bits(uint64_t seed, uint64_t stream, uint64_t index) {
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = mix(mix(seed + golden) + stream * golden + golden);
    return mix(key + (index + 1) * golden);
}

float dq__rng_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    return (float)(dq__rng_bits(seed, stream, index) >> 40) * 0x1p-24f;
}

float dq__rng_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    double u1 = ((double)(dq__rng_bits(seed, stream, 2 * index) >> 11) + 1.0) * 0x1p-53;
    double u2 = (double)(dq__rng_bits(seed, stream, 2 * index + 1) >> 11) * 0x1p-53;
    return (float)(sqrt(-2.0 * log(u1)) * cos(6.283185307179586476925 * u2));
}
