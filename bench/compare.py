#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Runs `danqing bench` and the opponents by turns (A B C A B C …) on this machine and prints Markdown tables: one evaluation of J
# with VGG-19 beside PyTorch, and each convolution beside oneDNN. A figure is the median over the rounds, with the range of the
# rounds. Processor seconds (of all threads together) are what to compare where other work shares the machine.
#     compare.py BUILD [--sizes 256,512] [--rounds 5]     BUILD: the Meson build folder
import argparse
import json
import os
import statistics
import subprocess
import sys

THREADS = min(2, os.cpu_count() or 1)


def objects(text):
    """The JSON objects that a text is made of."""
    decoder, found, text = json.JSONDecoder(), [], text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


def run(command):
    """The JSON objects a benchmark prints, or None where it cannot run."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(THREADS))
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        reason = (getattr(failure, "stderr", "") or str(failure)).strip().splitlines()[-1]
        print(f"left out: {command[0]} {command[1]}: {reason}", file=sys.stderr)
        return None
    return objects(done.stdout)


def spread(values, form):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))}–{form.format(max(values))})"


def by_turns(commands, rounds):
    """{name: list of what each round printed}, without those that cannot run."""
    found = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            if found[name] is not None:
                answer = run(command)
                found[name] = found[name] + [answer] if answer else None
    return {name: answers for name, answers in found.items() if answers}


def print_iterations(size, found):
    print("| size | what | seconds an iteration | ratio | processor seconds | ratio | peak MB | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    keys = {"danqing": ("seconds_per_iteration", "processor_seconds_per_iteration", "peak_rss_bytes", 1e-6),
            "PyTorch": ("seconds", "processor", "peak_mb", 1)}
    ours = None
    for name in keys:
        if name not in found:
            continue
        seconds, processor, memory = ([answer[0][key] for answer in found[name]] for key in keys[name][:3])
        middle = [statistics.median(seconds), statistics.median(processor), statistics.median(memory) * keys[name][3]]
        ours = ours or middle
        ratio = [f"{a / b:.2f}" for a, b in zip(middle, ours)]
        print(f"| {size}² | {name} | {spread(seconds, '{:.3f}')} | {ratio[0]} | {middle[1]:.3f} | {ratio[1]} "
              f"| {middle[2]:.0f} | {ratio[2]} |")
    print()


def names(layer):
    """conv3_2…4 stands for three layers of one shape."""
    stem, _, last = layer.partition("…")
    return [f"{stem[:-1]}{k}" for k in range(int(stem[-1]), int(last or stem[-1]) + 1)]


def opponent_rates(answers, method):
    """{(layer, direction): median GFLOP/s}, without those that oneDNN has no implementation for."""
    table = {}
    for line in (line for lines in answers for line in lines):
        for name in names(line["layer"]) if line.get(method) else []:
            table.setdefault((name, line["pass"]), []).append(line[method])
    return {key: statistics.median(values) for key, values in table.items()}


def print_layers(size, found):
    ours = {}
    for answer in found["danqing"]:
        for row in answer[0]["layers"]:
            ours.setdefault((row["name"], row["direction"]), []).append((row["gflops"], row["seconds"]))
    direct, winograd = (opponent_rates(found.get("oneDNN", []), method) for method in ("direct", "winograd"))
    peak = statistics.median(answer[0]["peak_gflops"] for answer in found["danqing"])
    print(f"GFLOP/s at {size}², counted as the direct method; the machine's peak is {peak:.0f}:\n")
    print("| layer | pass | danqing | oneDNN direct | oneDNN Winograd | ratio to direct | ratio to the better |")
    print("|---|---|---|---|---|---|---|")
    total = {"danqing": 0.0, "direct": 0.0, "better": 0.0}
    for key, values in ours.items():
        rate, seconds = (statistics.median(v[k] for v in values) for k in (0, 1))
        d, w = direct.get(key, 0), winograd.get(key, 0)
        cells = [f"{v:.0f}" if v else "–" for v in (rate, d, w)] + [f"{rate / v:.2f}" if v else "–" for v in (d, max(d, w))]
        print(f"| {key[0]} | {key[1]} | {' | '.join(cells)} |")
        total["danqing"] += seconds
        total["direct"] += rate * seconds / d if d else 0
        total["better"] += rate * seconds / max(d, w) if d or w else 0
    print(f"\nAll layers: danqing {total['danqing']:.3f} s", end="")
    for name, words in ("direct", "oneDNN direct"), ("better", "the better of oneDNN's methods"):
        if total[name]:
            print(f", {words} {total[name]:.3f} s ({total[name] / total['danqing']:.2f} times ours)", end="")
    print(".\n", flush=True)


def compare(build, size, rounds):
    here = os.path.dirname(os.path.abspath(__file__))
    found = by_turns({"danqing": [f"{build}/cli/danqing", "bench", "--model", "vgg19", "--size", str(size), "--rounds", "3",
                                  "--threads", str(THREADS), "--json"],
                      "PyTorch": ["/usr/bin/python3", f"{here}/pytorch_iteration.py", str(size), "3", str(THREADS)],
                      "oneDNN": [f"{build}/bench/onednn", str(size), "3"]}, rounds)
    if "danqing" not in found:
        sys.exit("danqing bench did not run")
    print_iterations(size, found)
    print_layers(size, found)


def print_load(when):
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"load {when}: {load.read().split()[0]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="danqing bench beside PyTorch and oneDNN, by turns")
    parser.add_argument("build", help="the Meson build folder")
    parser.add_argument("--sizes", default="256,512", help="sides of the pictures (256,512)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each program (5)")
    arguments = parser.parse_args()
    print_load("before")
    print(f"{arguments.rounds} rounds by turns, {THREADS} threads\n", flush=True)
    for size in arguments.sizes.split(","):
        compare(arguments.build, int(size), arguments.rounds)
    print_load("after")


if __name__ == "__main__":
    main()
