#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Writes tests/fixtures/oracle_layers.bin: one network with every kind of layer, in training and in use, its features and all its
# gradients, by PyTorch in double: make_layers.py FOLDER. The network is `pytorch_net` of tests/unit/test_train_net.c.
import sys

import numpy as np
import torch
import torch.nn.functional as F

import inputs
from make_oracle import Fixture

N, H, W = 2, 8, 12
TAPS = [13, 17, 18]
SAMPLES = 60
MATRIX = np.array([[1, -0.5, 0], [0.25, 2, 0], [0, 0.5, -1]], np.float32)
OFFSET = np.array([-0.5, 0.25, 0.125], np.float32)
# layer: shapes of its arrays (weight, bias, mean, variance); of a matrix, how many outputs it has by He's rule
ARRAYS = {0: ([(18, 3, 5, 5), (18,)], 18), 1: ([(18,)] * 4, 0), 4: ([(20, 18, 4, 4), (20,)], 20), 5: ([(20,)] * 2, 0),
          6: ([(20,)], 0), 7: ([(20, 18, 3, 3), (18,)], 20), 12: ([(7, 36, 3, 3), (7,)], 7), 17: ([(9, 20), (9,)], 9),
          18: ([(5, 120), (5,)], 5)}
PRELU = 6


def array(layer, k, shape, outputs):
    count = int(np.prod(shape))
    matrix = outputs and k == 0
    spread = np.sqrt(2 / (count / outputs)) if matrix else 0.1
    centre = 0 if matrix or k in (1, 2) else 0.5 if layer == PRELU else 1
    values = (spread * inputs.rng_normal(5, 4 * layer + k, count).astype(np.float64)).astype(np.float32) + np.float32(centre)
    return torch.tensor(values.astype(np.float64).reshape(shape))


def weights():
    return {i: [array(i, k, shape, outputs) for k, shape in enumerate(shapes)] for i, (shapes, outputs) in ARRAYS.items()}


class Run:
    """Forward on rgb [n][h][w][3]; maps by layer, and how near any unit was to its kink."""

    def __init__(self, rgb, a, train):
        self.kink, self.map = float("inf"), {}
        m = self.map
        x = torch.einsum("ck,nhwk->nchw", torch.tensor(MATRIX, dtype=torch.float64), rgb)
        x = x + torch.tensor(OFFSET, dtype=torch.float64)[:, None, None]
        m[0] = F.conv2d(F.pad(x, (2, 2, 2, 2), "reflect"), *a[0])
        m[1] = F.batch_norm(m[0], a[1][2].clone(), a[1][3].clone(), a[1][0], a[1][1], training=train)
        m[2] = F.leaky_relu(self.near(m[1]), 0.2)
        m[3] = F.max_pool2d(self.near_pool(m[2]), 3, 2, ceil_mode=True)
        m[4] = F.conv2d(F.pad(m[3], (1, 1, 1, 1), "reflect"), *a[4], stride=2)
        m[5] = F.instance_norm(m[4], weight=a[5][0], bias=a[5][1])
        m[6] = F.prelu(self.near(m[5]), a[6][0])
        m[7] = F.conv_transpose2d(m[6], *a[7], stride=2, padding=1, output_padding=1)
        m[8] = m[7] + m[3]
        m[9] = F.relu(self.near(m[8]))
        m[10] = F.interpolate(m[9], scale_factor=2, mode="bilinear", align_corners=False)
        m[11] = torch.cat([m[10], m[2]], 1)
        m[12] = F.conv2d(F.pad(m[11], (1, 1, 1, 1), "reflect"), *a[12])
        m[13] = torch.tanh(m[12])
        m[14] = F.interpolate(m[4], scale_factor=2, mode="nearest")
        m[15] = torch.sigmoid(m[14])
        m[16] = m[15].mean((2, 3), keepdim=True)
        m[17] = F.linear(m[16].flatten(1), *a[17])[:, :, None, None]
        m[18] = F.linear(m[6].flatten(1), *a[18])[:, :, None, None]

    def near(self, x):
        self.kink = min(self.kink, float(x.detach().abs().min()))
        return x

    def near_pool(self, x):
        padded = F.pad(x.detach(), (0, 1, 0, 1), value=-1e9)
        two = padded.unfold(2, 3, 2).unfold(3, 3, 2).flatten(4).topk(2, dim=-1).values
        self.kink = min(self.kink, float((two[..., 0] - two[..., 1]).min()))
        return x

    def loss(self):
        total = 0
        for t, layer in enumerate(TAPS):
            slope = inputs.rng_normal(9, t, self.map[layer].numel()).astype(np.float64)
            total = total + (torch.tensor(slope).reshape(self.map[layer].shape) * self.map[layer]).sum()
        return total


def pictures(stream):
    return torch.tensor(np.stack([inputs.picture(stream + k, H, W) for k in range(N)]).astype(np.float64))


def clear_stream():
    with torch.no_grad():
        return max(range(10, 410, 10), key=lambda s: min(Run(pictures(s), weights(), t).kink for t in (False, True)))


def write(fixture, mode, stream):
    a, rgb = weights(), pictures(stream).requires_grad_()
    for arrays in a.values():
        for k, x in enumerate(arrays):
            x.requires_grad_(k < 2)
    run = Run(rgb, a, mode == "train")
    loss = run.loss()
    loss.backward()
    for t, layer in enumerate(TAPS):
        fixture.add(f"{mode} tap {t}", run.map[layer].detach().numpy(), SAMPLES)
    fixture.add(f"{mode} pixels", rgb.grad.numpy(), SAMPLES, float(loss))
    for layer, arrays in a.items():
        for k, x in enumerate(arrays[:2]):
            if mode == "train":
                fixture.add(f"{mode} array {layer} {k}", x.grad.numpy(), SAMPLES)


def main():
    fixture = Fixture(f"{sys.argv[1]}/oracle_layers.bin")
    stream = clear_stream()
    fixture.add("picture", [stream], 1)
    for mode in ("train", "use"):
        write(fixture, mode, stream)
    a = weights()
    mean, variance = a[1][2].clone(), a[1][3].clone()
    F.batch_norm(Run(pictures(stream), a, True).map[0], mean, variance, training=True, momentum=0.25)
    fixture.add("statistics mean", mean.numpy(), SAMPLES)
    fixture.add("statistics variance", variance.numpy(), SAMPLES)


if __name__ == "__main__":
    main()
