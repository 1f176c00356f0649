#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# The default recipe in PyTorch, beside `danqing paint PHOTO PAINTING`, by turns: the same network `compact` with its file's
# weights, the same scales and steps (as --progress json names them), Gram costs at five layers, content at relu3_1,
# total variation, PyTorch's own L-BFGS with one evaluation a step, clamping, running average. PyTorch paints noise in place of
# the pictures (no step depends on what they show) and neither reads nor writes files; danqing is timed from start to file.
#     pytorch_portrait.py BUILD PHOTO PAINTING [ROUNDS]     prints a Markdown table with medians over the rounds
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

if "--one" in sys.argv:  # the parent stays small: what it holds counts in a child's peak
    import numpy
    import torch
    from torch.nn import functional as F

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STYLE = ["root1_1", "root2_1", "root3_1", "root4_1", "root5_1"]
CONTENT = "root3_1"
THREADS = min(2, os.cpu_count() or 1)


def read_network(path):
    """Layers in order, and {name: array}, of a safetensors file of ours."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    about, arrays = header.pop("__metadata__"), {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        kind = {"F16": numpy.float16, "F32": numpy.float32}[entry["dtype"]]
        values = numpy.frombuffer(data[first:end], dtype=kind).astype(numpy.float32)
        arrays[name] = torch.from_numpy(values.reshape(entry["shape"]))
    return json.loads(about["layers"]), json.loads(about["input"]), arrays


def forward(network, rgb):
    layers, entry, arrays = network
    x = rgb * torch.tensor([row[k] for k, row in enumerate(entry["matrix"])]).view(1, 3, 1, 1)
    x = x + torch.tensor(entry["offset"]).view(1, 3, 1, 1)
    found = {}
    for layer in layers:
        name = layer["name"]
        x = found[layer["from"]] if "from" in layer else x
        if layer["kind"] == "conv" and layer.get("kernel", 3) == 1:
            x = F.conv2d(x, arrays[name + ".weight"])
        elif layer["kind"] == "conv":
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), arrays[name + ".weight"], arrays[name + ".bias"])
        else:
            x = F.relu(x) if layer["kind"] == "relu" else F.max_pool2d(x, 2)
        found[name] = x
    return found


def gram(f):
    flat = f.reshape(f.shape[1], -1)
    return flat @ flat.T / flat.shape[1]


def cost(network, x, content, style, content_energy, energies):
    found = forward(network, x)
    value = ((found[CONTENT] - content) ** 2).sum() / content_energy
    for name in STYLE:
        value = value + 20 / len(STYLE) * ((gram(found[name]) - style[name]) ** 2).sum() / energies[name]
    return value + 0.5 * (((x[..., 1:, :] - x[..., :-1, :]) ** 2).mean() + ((x[..., :, 1:] - x[..., :, :-1]) ** 2).mean())


def paint(network, scales):
    """scales: (width, height, steps) of each."""
    picture = torch.rand(1, 3, scales[0][1], scales[0][0])
    for width, height, steps in scales:
        size = (height, width)
        picture = F.interpolate(picture, size, mode="bicubic", align_corners=False).clamp(0, 1)
        with torch.no_grad():
            content = forward(network, torch.rand(1, 3, *size))[CONTENT].clone()
            style = {name: gram(f) for name, f in forward(network, torch.rand(1, 3, *size)).items() if name in STYLE}
        energies = {name: (g ** 2).sum() for name, g in style.items()}
        energy = (content ** 2).sum()
        x = picture.clone().requires_grad_()
        optimiser = torch.optim.LBFGS([x], lr=1, max_iter=1, history_size=5, tolerance_grad=0, tolerance_change=0)
        average = torch.zeros_like(picture)

        def closure():
            optimiser.zero_grad()
            value = cost(network, x, content, style, energy, energies)
            value.backward()
            return value

        for _ in range(steps):
            optimiser.step(closure)
            with torch.no_grad():
                x.clamp_(0, 1)
                average.mul_(0.8).add_(x, alpha=0.2)
        picture = average / (1 - 0.8 ** steps)


def run(command):
    """Seconds, MB, and standard error of a program."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        text = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        errors.seek(0)
        if status:
            sys.exit(errors.read().decode())
        return seconds, usage.ru_maxrss * 1024e-6, text.decode(), errors.read().decode()


def scales_of(progress):
    """Sizes and steps of the scales, from the events of --progress json."""
    found = {}
    for line in progress.splitlines():
        event = json.loads(line)
        if event.get("event") == "step":
            found[event["scale"]] = (event["width"], event["height"], event["iterations"])
    return [found[k] for k in sorted(found)]


def main():
    if sys.argv[1] == "--one":
        torch.set_num_threads(THREADS)
        start = time.perf_counter()
        paint(read_network(os.path.join(ROOT, "models", "compact.safetensors")), json.loads(sys.argv[2]))
        print(time.perf_counter() - start)
        return
    build, photo, painting = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        command = [os.path.join(build, "cli", "danqing"), "paint", photo, painting, "--threads", str(THREADS), "--progress",
                   "json", "-o", os.path.join(folder, "out.png")]
        for _ in range(rounds):
            seconds, memory, _, progress = run(command)
            ours.append((seconds, memory))
            scales = scales_of(progress)
            _, memory, text, _ = run([sys.executable, os.path.abspath(__file__), "--one", json.dumps(scales)])
            theirs.append((float(text), memory))
    print(f"scales and steps: {', '.join(f'{w} × {h}: {n}' for w, h, n in scales)}\n")
    print("| what | seconds | ratio | peak MB | ratio |\n|---|---|---|---|---|")
    middle = [statistics.median(column) for column in zip(*ours)]
    for name, table in (("danqing, start to file", ours), ("PyTorch, painting alone", theirs)):
        seconds, memory = (statistics.median(column) for column in zip(*table))
        spread = f"{min(row[0] for row in table):.1f}–{max(row[0] for row in table):.1f}"
        print(f"| {name} | {seconds:.1f} ({spread}) | {seconds / middle[0]:.2f} | {memory:.0f} | {memory / middle[1]:.2f} |")


if __name__ == "__main__":
    main()
