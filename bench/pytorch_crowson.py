#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Crowson's recipe in PyTorch, written from its description: VGG-19, 2-Wasserstein style cost on means and covariances, content
# cost, nine-point total variation, Adam, running average, coarse to fine by √2. The square root is Newton and Schulz's in 12
# steps, and its gradient the short one for the trace alone, which is faster than going back through the steps. The network is
# VGG-19 to relu3_1 (weights file of bench/quality.py), so content is taken there and style at its three layers, with the recipe's
# weights.
#     pytorch_crowson.py WEIGHTS PHOTO PAINTING OUT.png [--size 512] [--min-scale 128] [--iterations 500]
#         [--initial-iterations 1000] [--content-weight 0.015] [--save-at N,…] [--threads 2]
# leaves OUT.png, and OUT-N.png after N steps in all; prints one JSON object. Pictures are read and written by ImageMagick.
import argparse
import json
import subprocess
import time

import numpy
import torch
from torch.nn import functional as F

CONVS = ["2", "5", "9", "12", "16"]  # names in the file; pools before the third and the fifth; style after 1, 3, 5
STYLE_WEIGHTS = [256 / 341, 64 / 341, 16 / 341]
STEPS, EPS = 12, 1e-4


# ---- pictures ---------------------------------------------------------------------------------------------------------

def read(path):
    """A picture as 1×3×H×W in [0,1]."""
    data = subprocess.run(["convert", path, "-auto-orient", "-alpha", "off", "-depth", "8", "ppm:-"], check=True,
                          stdout=subprocess.PIPE).stdout
    magic, w, h, most, pixels = data.split(maxsplit=4)[0:5] if data[:2] == b"P6" else (None,) * 5
    if magic is None or most != b"255":
        raise SystemExit(f"{path}: not a picture of 8 bits")
    w, h = int(w), int(h)
    array = numpy.frombuffer(data[-3 * w * h:], dtype=numpy.uint8).reshape(h, w, 3)
    return torch.from_numpy(array.astype("float32") / 255).permute(2, 0, 1)[None]


def write(picture, path):
    array = (picture[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
    head = f"P6\n{array.shape[1]} {array.shape[0]}\n255\n".encode()
    subprocess.run(["convert", "ppm:-", path], input=head + array.tobytes(), check=True)


def fitted(picture, longest):
    h, w = picture.shape[2:]
    factor = longest / max(h, w)
    size = max(1, round(h * factor)), max(1, round(w * factor))
    return F.interpolate(picture, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)


# ---- the network and the costs ----------------------------------------------------------------------------------------

def features(net, x):
    """relu1_1, relu2_1, relu3_1. The first convolution pads by replication, the others by zeros."""
    x = F.conv2d(x, net["0.weight"], net["0.bias"])
    found = []
    for k, name in enumerate(CONVS):
        x = F.max_pool2d(x, 2) if k in (2, 4) else x
        x = F.pad(x, (1, 1, 1, 1), mode="replicate") if k == 0 else x
        x = F.relu(F.conv2d(x, net[f"{name}.weight"], net[f"{name}.bias"], padding=0 if k == 0 else 1))
        if k in (0, 2, 4):
            found.append(x)
    return found


def root(a):
    """The square root of a and what its inverse is made of, by Newton and Schulz."""
    norm = a.norm()
    y, z, eye = a / norm, torch.eye(len(a)), torch.eye(len(a))
    for _ in range(STEPS):
        t = (3 * eye - z @ y) / 2
        y, z = y @ t, t @ z
    return y * norm.sqrt(), z / norm.sqrt()


class TraceOfRoot(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        y, z = root(a)
        ctx.save_for_backward(z)
        return y.trace()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0] / 2


def moments(f):
    flat = f.flatten(2)[0]
    mean = flat.mean(1)
    return mean, flat @ flat.T / flat.shape[1] - mean[:, None] * mean[None] + EPS * torch.eye(len(flat))


def w2(f, target):
    mean, cov = moments(f)
    mean0, cov0, root0 = target
    c = len(mean)
    return ((mean - mean0) ** 2).mean() + (cov.trace() + cov0.trace() - 2 * TraceOfRoot.apply(root0 @ cov @ root0)) / c


def tv(x):
    p = F.pad(x, (1, 1, 1, 1), mode="replicate")
    centre = p[:, :, :-1, :-1]
    straight = ((p[:, :, :-1, 1:] - centre) ** 2).mean() / 3 + ((p[:, :, 1:, :-1] - centre) ** 2).mean() / 3
    slanted = ((p[:, :, 1:, 1:] - centre) ** 2).mean() / 12 + ((p[:, :, 1:, :-1] - p[:, :, :-1, 1:]) ** 2).mean() / 12
    return 2 * (straight + slanted)


# ---- painting ---------------------------------------------------------------------------------------------------------

def scales(size, least):
    found = [size]
    while round(size / 2 ** (len(found) / 2)) >= least:
        found.append(round(size / 2 ** (len(found) / 2)))
    return found[::-1]


def carried(adam, size):
    """Adam's moments at the next scale."""
    m = F.interpolate(adam["exp_avg"], size=size, mode="bicubic", align_corners=False)
    v = F.interpolate(adam["exp_avg_sq"], size=size, mode="bilinear", align_corners=False).relu()
    return {"step": adam["step"], "exp_avg": m, "exp_avg_sq": v}


class Painter:
    def __init__(self, arguments):
        self.a = arguments
        self.net = torch.load(arguments.weights, map_location="cpu")
        self.photo, self.painting = read(arguments.photo), read(arguments.painting)
        self.state, self.steps, self.seconds, self.processor = None, 0, 0.0, 0.0
        self.save_at = {int(n) for n in arguments.save_at.split(",") if n}

    def targets(self, content, side):
        with torch.no_grad():
            style = [moments(f) for f in features(self.net, fitted(self.painting, side))]
            return features(self.net, content)[2], [(mean, cov, root(cov)[0]) for mean, cov in style]

    def cost(self, x, content, style):
        found = features(self.net, x)
        value = self.a.content_weight * ((found[2] - content) ** 2).mean() + 2 * tv(x)
        return value + sum(w * w2(f, t) for w, f, t in zip(STYLE_WEIGHTS, found, style))

    def paint_scale(self, x, content, side, iterations):
        content_target, style = self.targets(content, side)
        x = x.clone().requires_grad_()
        adam = torch.optim.Adam([x], lr=0.02, betas=(0.9, 0.99), eps=1e-8)
        if self.state:
            adam.state[x] = carried(self.state, x.shape[2:])
        average, weight = 0.01 * x.detach(), 0.01
        for _ in range(iterations):
            adam.zero_grad()
            self.cost(x, content_target, style).backward()
            adam.step()
            with torch.no_grad():
                x.clamp_(0, 1)
                average, weight = 0.99 * average + 0.01 * x, 0.99 * weight + 0.01
            self.steps += 1
            if self.steps in self.save_at:
                write(average / weight, self.a.out.replace(".png", f"-{self.steps}.png"))
        self.state = adam.state[x]
        return average / weight

    def paint(self):
        picture = None
        for k, side in enumerate(scales(self.a.size, self.a.min_scale)):
            content = fitted(self.photo, side)
            size = content.shape[2:]
            picture = content if picture is None else F.interpolate(picture, size=size, mode="bicubic", align_corners=False)
            picture = self.paint_scale(picture.clamp(0, 1), content, side, self.a.iterations if k else self.a.initial_iterations)
        write(picture, self.a.out)


def main():
    parser = argparse.ArgumentParser(description="Crowson's recipe in PyTorch, with VGG-19 to relu3_1")
    for name in "weights", "photo", "painting", "out":
        parser.add_argument(name)
    for name, default in ("--size", 512), ("--min-scale", 128), ("--iterations", 500), ("--initial-iterations", 1000), \
            ("--threads", 2):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--content-weight", type=float, default=0.015)
    parser.add_argument("--save-at", default="")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    start, processor = time.perf_counter(), time.process_time()
    painter = Painter(arguments)
    painter.paint()
    print(json.dumps({"steps": painter.steps, "seconds": round(time.perf_counter() - start, 2),
                      "processor": round(time.process_time() - processor, 2), "version": torch.__version__}))


if __name__ == "__main__":
    main()
