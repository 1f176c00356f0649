#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Runs ours and the opponents by turns (A B A B …) on this machine and prints Markdown tables: one evaluation of J with VGG-19
# beside PyTorch, and each convolution beside oneDNN. A figure is the median over the rounds, with the range of the rounds.
# Processor seconds (of all threads together) are what to compare where other work shares the machine.
#     compare.py BUILD [--quick]     BUILD: the Meson build folder; --quick: 256² only, two rounds
import json
import os
import statistics
import subprocess
import sys

THREADS = min(2, os.cpu_count() or 1)


def run(command):
    """The JSON objects a benchmark prints, or None where it cannot run."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(THREADS))
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        reason = (getattr(failure, "stderr", "") or str(failure)).strip().splitlines()[-1]
        print(f"left out: {command[0]} {command[1]}: {reason}", file=sys.stderr)
        return None
    return [json.loads(line) for line in done.stdout.splitlines()]


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


def iterations(build, here, sizes, rounds):
    print("| size | what | seconds an iteration | ratio | processor seconds | ratio | peak MB | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for size in sizes:
        commands = {"danqing": [f"{build}/bench/iteration", str(size), "3", str(THREADS)],
                    "PyTorch": ["/usr/bin/python3", f"{here}/pytorch_iteration.py", str(size), "3", str(THREADS)]}
        found = by_turns(commands, rounds)
        ours = None
        for name, answers in found.items():
            seconds = [a[0]["seconds"] for a in answers]
            middle = [statistics.median(a[0][key] for a in answers) for key in ("seconds", "processor", "peak_mb")]
            ours = ours or middle
            ratio = [f"{a / b:.2f}" for a, b in zip(middle, ours)]
            print(f"| {size}² | {name} | {spread(seconds, '{:.3f}')} | {ratio[0]} | {middle[1]:.3f} | {ratio[1]} "
                  f"| {middle[2]:.0f} | {ratio[2]} |", flush=True)
    print()


def rates(answers, key):
    """{(layer, pass): GFLOP/s of every round}"""
    table = {}
    for lines in answers:
        for line in lines:
            table.setdefault((line["layer"], line["pass"]), []).append(line.get(key) or 0)
    return table


def layers(build, size, rounds):
    found = by_turns({"ours": [f"{build}/bench/layers", str(size), "3", str(THREADS)],
                      "onednn": [f"{build}/bench/onednn", str(size), "3"]}, rounds)
    if "ours" not in found:
        return
    direct, winograd = rates(found["ours"], "direct"), rates(found["ours"], "winograd")
    other, faster = rates(found.get("onednn", []), "direct"), rates(found.get("onednn", []), "winograd")
    print(f"GFLOP/s at {size}², counted as the direct method:\n")
    print("| layer | pass | direct | Winograd | oneDNN direct | oneDNN Winograd | direct ratio | best ratio |")
    print("|---|---|---|---|---|---|---|---|")
    total = {"direct": 0.0, "best": 0.0, "onednn": 0.0}
    for line in found["ours"][0]:
        key = line["layer"], line["pass"]
        d, w = statistics.median(direct[key]), statistics.median(winograd[key])
        o, f = statistics.median(other.get(key, [0])), statistics.median(faster.get(key, [0]))
        work = line["gflop"] * line["times"]
        for name, rate in ("direct", d), ("best", max(d, w)), ("onednn", max(o, f)):
            total[name] += work / rate if rate else 0
        cells = [f"{v:.0f}" if v else "–" for v in (d, w, o, f)]
        against = [f"{d / o:.2f}", f"{max(d, w) / max(o, f):.2f}"] if o else ["–", "–"]
        print(f"| {key[0]} | {key[1]} | {' | '.join(cells)} | {' | '.join(against)} |")
    if total["onednn"]:
        print(f"\nAll layers of an iteration: direct {total['direct']:.3f} s, best {total['best']:.3f} s, oneDNN "
              f"{total['onednn']:.3f} s: {total['onednn'] / total['direct']:.2f} and {total['onednn'] / total['best']:.2f} times "
              "its rate.")
    print(flush=True)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--quick"]
    if len(arguments) != 1:
        sys.exit("usage: compare.py BUILD [--quick]")
    quick = "--quick" in sys.argv
    build, here = arguments[0], os.path.dirname(os.path.abspath(__file__))
    sizes, rounds = ([256], 2) if quick else ([256, 512], 5)
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"load before: {load.read().split()[0]}; {rounds} rounds by turns, {THREADS} threads\n", flush=True)
    iterations(build, here, sizes, rounds)
    for size in sizes:
        layers(build, size, rounds)
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"load after: {load.read().split()[0]}")


if __name__ == "__main__":
    main()
