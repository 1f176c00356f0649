/* SPDX-License-Identifier: MIT
 * base/rng.h: seeded random numbers that are the same everywhere and can be drawn in any order: number i of stream s is a
 * hash of (seed, s, i) (SplitMix64's finaliser), so no state is kept and threads need no care. */
#ifndef DQ_BASE_RNG_H
#define DQ_BASE_RNG_H

#include <stdint.h>

/* 64 random bits: number `index` of stream `stream` of `seed`. */
uint64_t dq__rng_bits(uint64_t seed, uint64_t stream, uint64_t index);
/* Uniform in [0,1), 24 bits: bits >> 40, times 2^-24. */
float dq__rng_uniform(uint64_t seed, uint64_t stream, uint64_t index);
/* Standard normal by Box–Muller in double, rounded to float; uses numbers 2·index and 2·index+1 of the stream:
 * sqrt(-2·log(u1))·cos(2π·u2) with u1 = (b1>>11 + 1)·2^-53, u2 = (b2>>11)·2^-53. */
float dq__rng_normal(uint64_t seed, uint64_t stream, uint64_t index);

#endif
