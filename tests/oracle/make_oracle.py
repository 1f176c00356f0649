#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Writes the fixtures that test_oracle.c and test_trajectory.c hold the library to:
#   make_oracle.py FOLDER [REAL.pth]     all fixtures, into FOLDER; those of the real weights only where they are given
#   make_oracle.py --search [REAL.pth]   which pictures stay clear of every unit's kink (see README.md)
# A fixture is a row of records: name (48 bytes), number of samples (u32), 0 (u32), norm, mean, value (f64), samples (f32).
import struct
import sys

import numpy as np
import torch

import inputs
import network
from network import Cost, Targets

SIZES = [(48, 64), (53, 37)]  # height, width
TAPS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]
REAL_TAPS = TAPS[:3]
NORMALIZATIONS = ["mean", "course", "gatys", "relative"]
SHARE = [0.75, 0.25]
FEATURES, GRADIENTS = 200, 400  # samples


def tensor(stream, h, w):
    return torch.tensor(inputs.picture(stream, h, w), dtype=torch.float64)


class Fixture:
    def __init__(self, path):
        self.file = open(path, "wb")

    def add(self, name, array, count, value=0.0):
        array = np.asarray(array, np.float64)
        samples = inputs.sample(array, count).astype("<f4")
        head = struct.pack("<48sIIddd", name.encode(), samples.size, 0, np.linalg.norm(array), array.mean(), value)
        self.file.write(head + samples.tobytes())

    def gradient(self, name, cost, x):
        value, gradient = cost.gradient(x)
        self.add(name, gradient.numpy(), GRADIENTS, value)


def balanced(costs, x):
    """Powers of two that bring the gradients of the costs to about one length."""
    return [2.0 ** -round(float(np.log2(float(c.gradient(x)[1].norm())))) for c in costs]


def write_size(fixture, net, taps, h, w, stream):
    x, content = tensor(stream, h, w), tensor(1, h, w)
    styles = [tensor(2, 40, 56), tensor(3, 45, 33)]
    size = f"{w}x{h}"
    fixture.add(f"{size} picture", [stream], 1)
    with torch.no_grad():
        for name, f in net.run(x, set(taps)).items():
            fixture.add(f"{size} features {name}", f[0].permute(1, 2, 0).numpy(), FEATURES)
    one = Targets(net, taps, content, styles[:1], [1])
    both = Targets(net, taps, content, styles, SHARE)
    for name in taps:
        fixture.gradient(f"{size} content {name}", Cost(net, one, {name: 1}, {}, "mean"), x)
        fixture.gradient(f"{size} style {name}", Cost(net, one, {}, {name: 1}, "mean"), x)
    for name, tv in ("nine", network.tv_nine), ("sum", network.tv_sum):
        fixture.gradient(f"{size} tv {name}", Cost(net, one, {}, {}, "mean", gamma=1, tv=tv), x)
    content_weights = {taps[2]: 0.5, taps[-2]: 1}
    style_weights = {name: (i + 1) / 16 for i, name in enumerate(taps) if name != "relu4_2"}
    for normalization in NORMALIZATIONS:
        def make(a, b, g):
            return Cost(net, both, content_weights, style_weights, normalization, a, b, g)
        weights = balanced([make(1, 0, 0), make(0, 1, 0), make(0, 0, 1)], x)
        fixture.add(f"{size} weights {normalization}", weights, 3)
        fixture.gradient(f"{size} J {normalization}", make(*weights), x)


# ---- trajectories ---------------------------------------------------------------------------------------------------

STEPS = 11  # J before each step: J_0 … J_10


def start(h, w, content, swing):
    """The first picture of a job: [0,1] plus uniform noise from stream 0 of seed 1, clamped."""
    noise = inputs.rng_uniform(1, 0, h * w * 3).reshape(h, w, 3) * np.float32(2) - np.float32(1)
    return np.clip(content.astype(np.float32) + np.float32(swing) * noise, 0, 1)


def adam(net, content_taps, style_taps):
    """Recipe classic with a rate small enough that ten steps are smooth (see README.md)."""
    h, w = SIZES[0]
    content = inputs.picture(1, h, w)
    targets = Targets(net, [*content_taps, *style_taps], torch.tensor(content).double(), [tensor(2, 40, 56)], [1])
    cost = Cost(net, targets, content_taps, style_taps, "course", 10, 40)
    x = torch.tensor(start(h, w, content, 0.25)).double().requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.003, betas=(0.9, 0.999), eps=1e-7)

    def step():
        optimiser.zero_grad()
        value = cost(x)
        value.backward()
        optimiser.step()
        with torch.no_grad():
            x.clamp_(0, 1)
        return float(value)

    return [step() for _ in range(STEPS)]


def lbfgs(net, content_taps, style_taps):
    """Recipe neural-style in units of [0,1] from near the photo; one iteration a call, so that the state is kept."""
    h, w = SIZES[0]
    content = inputs.picture(1, h, w)
    targets = Targets(net, [*content_taps, *style_taps], torch.tensor(content).double(), [tensor(2, 40, 56)], [1])
    cost = Cost(net, targets, content_taps, style_taps, "mean", 5, 100, 0.001, network.tv_sum)
    x = torch.tensor(start(h, w, content, 0.1)).double().requires_grad_()
    optimiser = torch.optim.LBFGS([x], lr=1, max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)

    def closure():
        optimiser.zero_grad()
        value = cost(x)
        value.backward()
        return value

    return [float(optimiser.step(closure)) for _ in range(STEPS)]


def write_trajectories(path, net, content, style):
    fixture = Fixture(path)
    for name, run, even in ("adam", adam, 1 / len(style)), ("lbfgs", lbfgs, 1):
        values = run(net, {content: 1}, {tap: even for tap in style})
        fixture.add(name, values, STEPS)


# ---- all of it ------------------------------------------------------------------------------------------------------

STREAMS = {"max": [117, 124], "average": [105, 105], "real": [135, 135]}  # of the picture, by size; from --search


def networks(real):
    yield "max", network.random_vgg19("max"), TAPS
    yield "average", network.random_vgg19("average"), TAPS
    if real:
        yield "real", network.real_relu3_1(real), REAL_TAPS


def search(real):
    for name, net, taps in networks(real):
        for h, w in SIZES:
            found = []
            for stream in range(100, 140):
                with torch.no_grad():
                    net.run(tensor(stream, h, w), set(taps))
                found.append((net.kink, stream))
            print(name, f"{w}x{h}", max(found))


def main():
    torch.set_num_threads(2)
    arguments = sys.argv[1:]
    if len(arguments) not in (1, 2):
        sys.exit("usage: make_oracle.py FOLDER|--search [REAL.pth]")
    folder, real = arguments[0], arguments[1] if len(arguments) == 2 else None
    if folder == "--search":
        return search(real)
    for name, net, taps in networks(real):
        fixture = Fixture(f"{folder}/oracle_{name}.bin")
        for (h, w), stream in zip(SIZES, STREAMS[name]):
            write_size(fixture, net, taps, h, w, stream)
        if name != "average":
            write_trajectories(f"{folder}/trajectory_{name}.bin", net, "relu4_2" if name == "max" else "relu3_1",
                               [tap for tap in taps if tap != "relu4_2"])


if __name__ == "__main__":
    main()
