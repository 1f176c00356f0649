#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# The inputs of the oracle, made by the same rules as in C: random numbers (src/base/rng.h), synthetic pictures and random
# weights (tests/unit/net_test.h), and which values of an array are sampled. Knows nothing of networks.
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SEED = 20150826


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def rng_bits(seed, stream, index):
    with np.errstate(over="ignore"):
        key = mix(mix(np.uint64(seed) + GOLDEN) + np.uint64(stream) * GOLDEN + GOLDEN)
        return mix(key + (np.asarray(index, np.uint64) + np.uint64(1)) * GOLDEN)


def rng_uniform(seed, stream, count):
    return (rng_bits(seed, stream, np.arange(count)) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def rng_normal(seed, stream, count):
    even = np.arange(count, dtype=np.uint64) * np.uint64(2)
    u1 = ((rng_bits(seed, stream, even) >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53
    u2 = (rng_bits(seed, stream, even + np.uint64(1)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return (np.sqrt(-2 * np.log(u1)) * np.cos(6.283185307179586476925 * u2)).astype(np.float32)


def picture(stream, h, w):
    """[h][w][3] float32 in [0,1]: waves plus noise, sixteenths so that no rounding differs between the languages."""
    x, y, c = np.meshgrid(np.arange(w), np.arange(h), np.arange(3), indexing="xy")
    wave = ((3 + stream) * x + 5 * y * (c + 1) + 7 * c) % 32
    wave = np.minimum(wave, 32 - wave) / 16.0
    noise = rng_uniform(SEED, stream, h * w * 3).reshape(h, w, 3).astype(np.float64)
    return (0.5 * wave + 0.5 * noise).astype(np.float32)


def conv_weights(k, oc, ic):
    """Weights and bias of convolution number k, as dq__model_random_vgg has them."""
    weight = rng_normal(SEED, 2 * k, oc * ic * 9).astype(np.float64) * np.sqrt(2.0 / (9 * ic))
    bias = rng_normal(SEED, 2 * k + 1, oc).astype(np.float64) * 0.1
    return weight.astype(np.float32).reshape(oc, ic, 3, 3), bias.astype(np.float32)


def sample(array, count):
    """`count` values of a flattened array, chosen by the generator; all of them when there are no more."""
    flat = np.asarray(array, np.float64).reshape(-1)
    if flat.size <= count:
        return flat
    return flat[(rng_bits(7, count, np.arange(count)) % np.uint64(flat.size)).astype(np.int64)]
