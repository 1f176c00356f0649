#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# The same evaluation as an iteration of `danqing bench` in PyTorch, written as its users write it: VGG-19 to relu5_1 without
# gradients for the weights, ReLU in place, five Gram matrices, content at relu4_2, backward to the picture.
#     pytorch_iteration.py SIZE [ROUNDS [THREADS]]   →   one JSON object
import json
import resource
import statistics
import sys
import time

import torch
from torch import nn

STYLE = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
CONTENT = "relu4_2"


def vgg19_to_relu5_1():
    layers, ic = {}, 3
    for stage, (convs, oc) in enumerate([(2, 64), (2, 128), (4, 256), (4, 512), (1, 512)], 1):
        for k in range(1, convs + 1):
            layers[f"conv{stage}_{k}"] = nn.Conv2d(ic, oc, 3, padding=1)
            layers[f"relu{stage}_{k}"] = nn.ReLU(inplace=True)
            ic = oc
        if stage < 5:
            layers[f"pool{stage}"] = nn.MaxPool2d(2)
    for layer in layers.values():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            layer.requires_grad_(False)
    return layers


def run(layers, x):
    found = {}
    for name, layer in layers.items():
        x = layer(x)
        if name == CONTENT or name in STYLE:
            found[name] = x
    return found


def gram(f):
    flat = f.reshape(f.shape[1], -1)
    return flat @ flat.T / flat.shape[1]


def cost(layers, x, content, style):
    found = run(layers, x)
    value = ((found[CONTENT] - content) ** 2).mean()
    for name in STYLE:
        value = value + ((gram(found[name]) - style[name]) ** 2).mean() / found[name].shape[1] ** 2 / len(STYLE)
    return value


def main():
    size, rounds, threads = ([int(a) for a in sys.argv[1:]] + [5, 2][len(sys.argv) - 2:])[:3]
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    layers = vgg19_to_relu5_1()
    with torch.no_grad():
        content = run(layers, torch.rand(1, 3, size, size))[CONTENT].clone()
        style = {name: gram(f) for name, f in run(layers, torch.rand(1, 3, size, size)).items() if name in STYLE}
    x = torch.rand(1, 3, size, size).requires_grad_()
    seconds = []
    for k in range(rounds + 1):
        if k == 1:  # the first is the warm-up
            processor = time.process_time()
        start = time.perf_counter()
        x.grad = None
        cost(layers, x, content, style).backward()
        seconds.append(time.perf_counter() - start)
    processor = (time.process_time() - processor) / rounds
    seconds = seconds[1:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6
    print(json.dumps({"what": "pytorch", "version": torch.__version__, "size": size, "threads": threads, "rounds": rounds,
                      "seconds": statistics.median(seconds), "fastest": min(seconds), "processor": processor,
                      "peak_mb": round(peak, 1)}))


if __name__ == "__main__":
    main()
