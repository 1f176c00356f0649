#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# The network and the costs in PyTorch, written from the papers' formulas and the headers of src/loss, in double precision.
# Shares no code with the library; where the two agree, both are right or both authors made the same mistake.
import numpy as np
import torch
import torch.nn.functional as F

import inputs

STAGES = [(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)]
CAFFE = (np.array([[0, 0, 255], [0, 255, 0], [255, 0, 0]], np.float32),
         np.array([-103.939, -116.779, -123.68], np.float32))


class Network:
    """layers: ("conv", name, weight, bias), ("relu", name), ("pool", name); input: matrix and offset."""

    def __init__(self, layers, matrix, offset, padding, pooling, dtype=torch.float64):
        self.layers = layers
        self.matrix = torch.tensor(matrix, dtype=dtype)
        self.offset = torch.tensor(offset, dtype=dtype)
        self.padding, self.pooling = padding, pooling

    def run(self, rgb, taps):
        """rgb [h][w][3] → {name: (1,c,h,w)}; stops after the last tap. self.kink: how near any unit was to its kink."""
        x = torch.einsum("ck,hwk->chw", self.matrix, rgb) + self.offset[:, None, None]
        x, found, self.kink = x[None], {}, float("inf")
        for layer in self.layers:
            if layer[0] == "conv":
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), self.padding), layer[2], layer[3])
            elif layer[0] == "relu":
                self.note(x.detach().abs() / x.detach().std())
                x = F.relu(x)
            else:
                self.note_pool(x.detach())
                x = F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)
            if layer[1] in taps:
                found[layer[1]] = x
            if len(found) == len(taps):
                return found
        raise SystemExit("the network ends before the taps")

    def note(self, margin):
        self.kink = min(self.kink, float(margin.min()))

    def note_pool(self, x):
        if self.pooling != "max":
            return
        h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
        windows = x[:, :, :h, :w].unfold(2, 2, 2).unfold(3, 2, 2).reshape(*x.shape[:2], h // 2, w // 2, 4)
        top = windows.topk(2, dim=-1).values
        gap = torch.where(top[..., 0] > 0, top[..., 0] - top[..., 1], torch.tensor(float("inf"), dtype=x.dtype))
        self.note(gap / x.std())


def random_vgg19(pooling, dtype=torch.float64):
    layers, k, ic = [], 0, 3
    for s, (convs, width) in enumerate(STAGES, 1):
        for c in range(1, convs + 1):
            weight, bias = inputs.conv_weights(k, width, ic)
            layers.append(("conv", f"conv{s}_{c}", torch.tensor(weight, dtype=dtype), torch.tensor(bias, dtype=dtype)))
            layers.append(("relu", f"relu{s}_{c}"))
            k, ic = k + 1, width
            if s == 5:
                return Network(layers, *CAFFE, "constant", pooling, dtype)
        layers.append(("pool", f"pool{s}"))


def real_relu3_1(path):
    state = torch.load(path)
    layers, names = [], ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"]
    for name, place in zip(names, [2, 5, 9, 12, 16]):
        layers.append(("conv", name, state[f"{place}.weight"].double(), state[f"{place}.bias"].double()))
        layers.append(("relu", name.replace("conv", "relu")))
        if name.endswith("_2"):
            layers.append(("pool", f"pool{name[4]}"))
    return Network(layers, state["0.weight"][:, :, 0, 0].numpy(), state["0.bias"].numpy(), "reflect", "max")


# ---- costs ----------------------------------------------------------------------------------------------------------


def gram(f):
    """(1,c,h,w) → (c,c) = FᵀF / (h·w)"""
    flat = f[0].reshape(f.shape[1], -1)
    return flat @ flat.T / flat.shape[1]


def content_cost(f, target, normalization):
    square = ((f - target) ** 2).sum()
    n = f.numel()
    return {"mean": square / n, "course": square / (4 * n), "gatys": square / 2,
            "relative": square / (target ** 2).sum()}[normalization]


def style_cost(f, target, normalization):
    c, n = f.shape[1], f.shape[2] * f.shape[3]
    square = ((gram(f) - target) ** 2).sum()
    if normalization == "mean":  # Gram matrix over c·h·w, mean over its c² entries
        return (((gram(f) - target) / c) ** 2).mean()
    if normalization in ("course", "gatys"):  # 1/(2·h·w·c)² on unnormalised matrices of pictures of the same size
        return ((gram(f) * n - target * n) ** 2).sum() / (2 * n * c) ** 2
    return square / (target ** 2).sum()


def tv_nine(x):
    """Each pair of neighbours counted from both ends: 1/3 for sides, 1/12 for corners; mean over pixels and channels."""
    total = 0
    h, w = x.shape[:2]
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dy or dx:
                a = x[max(0, dy):h + min(0, dy), max(0, dx):w + min(0, dx)]
                b = x[max(0, -dy):h + min(0, -dy), max(0, -dx):w + min(0, -dx)]
                total = total + ((a - b) ** 2).sum() / (12 if dy and dx else 3)
    return total / x.numel()


def tv_sum(x):
    return 0.5 * (((x[:-1, :-1] - x[:-1, 1:]) ** 2).sum() + ((x[:-1, :-1] - x[1:, :-1]) ** 2).sum())


class Targets:
    """What the pictures ask for: content features, and Gram matrices blended by each style's share."""

    def __init__(self, network, taps, content, styles, share):
        with torch.no_grad():
            self.content = network.run(content, set(taps))
            self.style = {}
            for picture, part in zip(styles, share):
                for name, f in network.run(picture, set(taps)).items():
                    self.style[name] = self.style.get(name, 0) + part * gram(f)


class Cost:
    """J = α·Σ w·content + β·Σ λ·style + γ·TV; content_weights and style_weights by layer."""

    def __init__(self, network, targets, content_weights, style_weights, normalization, alpha=1.0, beta=1.0, gamma=0.0,
                 tv=tv_nine):
        self.network, self.targets, self.normalization = network, targets, normalization
        self.alpha, self.beta, self.gamma, self.tv = alpha, beta, gamma, tv
        self.content_weights, self.style_weights = content_weights, style_weights
        self.taps = set(content_weights) | set(style_weights)

    def __call__(self, x):
        found = self.network.run(x, self.taps) if self.taps else {}
        total = self.gamma * self.tv(x) if self.gamma else 0
        for name, weight in self.content_weights.items():
            total = total + self.alpha * weight * content_cost(found[name], self.targets.content[name], self.normalization)
        for name, weight in self.style_weights.items():
            total = total + self.beta * weight * style_cost(found[name], self.targets.style[name], self.normalization)
        return total

    def gradient(self, x):
        x = x.clone().requires_grad_()
        value = self(x)
        value.backward()
        return float(value), x.grad
