#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# How long each route takes to the cost J that many small steps of Adam reach: the course's recipe `classic` at rate 0.001 is the
# reference, and every route lowers the same J (same pictures, network, size, layers and weights) in another way. A route leaves
# FOLDER/NAME.csv and is not run again while that is there; then FOLDER/time-to-cost.{csv,svg} and a table in Markdown on
# standard output are made of all that are there. Where the reference is not done yet, J is that of the steps it has made.
#     time_to_cost.py DANQING PHOTO PAINTING FOLDER [--size 400] [--steps 21001] [--model NAME] [--threads N]
#                     [--only NAME,…] [--report]
# Seconds are those of the processor, of all threads, from the start of the command: what to compare where other work shares the
# machine. They are read when a row of the log arrives, so they can only be too many.
import argparse
import csv
import glob
import math
import os
import subprocess
import sys

REFERENCE = "adam-0.001"
PHOTO = ["--noise", "0"]
PYRAMIDS = [(2, 20), (4, 20), (4, 40), (4, 80)]


def adam(rate, steps, *more):
    return ["--learning-rate", str(rate), "-n", str(steps), *more]


def lbfgs(pairs, steps, *more):
    return ["--optimizer", "lbfgs", "--learning-rate", "1", "--history", str(pairs), "-n", str(steps), *more]


def scales(size, divide, first):
    return [*PHOTO, "--min-size", str(size // divide), "--scale-step", "2", "--initial-iterations", str(first)]


def routes(size, steps):
    """Name, what it is, options beside the recipe's. Without PHOTO: from where the reference starts, the photo with noise."""
    found = [(REFERENCE, "Adam, rate 0.001: the reference", adam(0.001, steps, "--save-every", "1000"))]
    for rate, most in (0.003, 3001), (0.01, 1001), (0.03, 1001), (0.1, 501):
        found.append((f"adam-{rate}", f"Adam, rate {rate}", adam(rate, most)))
    found.append(("adam-0.01-photo", "Adam, rate 0.01, from the photo", adam(0.01, 1001, *PHOTO)))
    found.append(("adam-0.01-beta2", "Adam, rate 0.01, β₂ 0.99, from the photo", adam(0.01, 1001, "--beta2", "0.99", *PHOTO)))
    found.append(("lbfgs-20", "L-BFGS, 20 pairs", lbfgs(20, 301)))
    for pairs in 5, 20, 50:
        found.append((f"lbfgs-{pairs}-photo", f"L-BFGS, {pairs} pairs, from the photo", lbfgs(pairs, 301, *PHOTO)))
    found.append(("lbfgs-20-free", "L-BFGS, 20 pairs, from the photo, pixels not clamped",
                  lbfgs(20, 301, "--clamp", "off", *PHOTO)))
    for divide, first in PYRAMIDS:
        most = first if divide == 4 else 301  # every scale but the first has the steps of the last
        found.append((f"lbfgs-20-from-{divide}-{first}", f"L-BFGS, 20 pairs, {first} steps a scale from 1/{divide} of the size",
                      lbfgs(20, most, *scales(size, divide, first))))
    found.append(("lbfgs-20-from-2-60", "L-BFGS, 20 pairs, 60 steps at half the size first",
                  lbfgs(20, 301, *scales(size, 2, 60))))
    found.append(("adam-0.03-from-2-200", "Adam, rate 0.03, 200 steps at half the size first",
                  adam(0.03, 1001, *scales(size, 2, 200))))
    return found


# ---- running ----------------------------------------------------------------------------------------------------------

def processor_seconds(process):
    """Seconds of all threads of a running process."""
    total = 0
    for path in glob.glob(f"/proc/{process}/task/*/schedstat"):
        with open(path, encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total * 1e-9


def kept_rows(path, before):
    """Whole rows of an interrupted run's steps before this one; its seconds count on."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        rows = [line.split(",") for line in file.read().split("\n")[1:-1]]
    return [row for row in rows if len(row) == 7 and int(row[0]) < before]


def write_rows(process, path, head):
    first, start = True, 0.0
    for line in process.stdout:
        used = processor_seconds(process.pid)
        if first:
            old = kept_rows(path, int(line.split(",")[0]))
            start = float(old[-1][6]) if old else 0.0
            with open(path, "w", encoding="utf-8") as out:
                print("\n".join([head, *(",".join(row) for row in old)]), file=out)
            first = False
        with open(path, "a", encoding="utf-8") as out:
            print(f"{line.strip()},{start + used:.4f}", file=out)


def run(arguments, name, options):
    """Leaves FOLDER/NAME.csv with a row for each step, whole or not at all, and the picture beside it. The reference goes on
    where it was interrupted."""
    path = os.path.join(arguments.folder, name)
    command = [arguments.danqing, "paint", "--recipe", "classic", "--size", str(arguments.size), *options, arguments.photo,
               arguments.painting, "-o", f"{path}.png", "--log", "-", "--quiet"]
    command += ["--model", arguments.model] if arguments.model else []
    command += ["--threads", str(arguments.threads)] if arguments.threads else []
    command += ["--resume", "--checkpoint-every", "500"] if name == REFERENCE else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        write_rows(process, f"{path}.part", process.stdout.readline().strip() + ",processor")
    if process.returncode:
        sys.exit(f"{name}: danqing ended with {process.returncode}")
    os.rename(f"{path}.part", f"{path}.csv")


# ---- what came of it --------------------------------------------------------------------------------------------------

def read(path):
    """The rows of the last scale: step over all scales, J, processor seconds, wall seconds. Others have another J."""
    with open(path, encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["processor"]]  # the last line may not be whole yet
    last = rows[-1]["scale"]
    return [(k + 1, float(row["J"]), float(row["processor"]), float(row["seconds"])) for k, row in enumerate(rows)
            if row["scale"] == last]


def first_at(rows, target):
    return next((row for row in rows if row[1] <= target), None)


def summary(found, target, whole):
    table = []
    for name, what, rows in found:
        reached = first_at(rows, target)
        if name == REFERENCE:
            reached = rows[-1]
        least = min(row[1] for row in rows)
        found_it = [reached[0], f"{reached[2]:.2f}", f"{whole / reached[2]:.0f}"] if reached else ["", "", ""]
        table.append([name, what, len(rows), f"{least:.5g}", *found_it])
    return table


HEAD = ["route", "what", "steps at the last scale", "least J", "steps to the reference's J", "processor seconds to it",
        "times faster"]


def write_tables(arguments, table):
    with open(os.path.join(arguments.folder, "time-to-cost.csv"), "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEAD, *table])
    print("| " + " | ".join(HEAD[1:]) + " |\n|" + "---|" * (len(HEAD) - 1))
    for row in table:
        print("| " + " | ".join(str(cell) if cell != "" else "not reached" for cell in row[1:]) + " |")


# ---- the drawing ------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 1000, 560, 70, 50, 330, 60


class Axes:
    """Both logarithmic: processor seconds across, J up."""

    def __init__(self, found, target):
        self.x0, self.x1 = (math.log10(pick(row[2] for f in found for row in f[2])) for pick in (min, max))
        self.y0 = math.log10(min(target, min(row[1] for f in found for row in f[2])) * 0.9)
        self.y1 = math.log10(max(f[2][0][1] for f in found))

    def x(self, seconds):
        return LEFT + (math.log10(seconds) - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)

    def y(self, cost):
        share = (math.log10(cost) - self.y0) / (self.y1 - self.y0)
        return HEIGHT - BOTTOM - min(1, share) * (HEIGHT - TOP - BOTTOM)


def marks(low, high):
    """1, 2 and 5 times powers of ten between two logarithms."""
    values = (m * 10.0 ** p for p in range(math.floor(low), math.ceil(high) + 1) for m in (1, 2, 5))
    return [v for v in values if low <= math.log10(v) <= high]


def thinned(rows, axes):
    """Points at least a pixel apart."""
    kept = []
    for row in rows:
        if not kept or axes.x(row[2]) - axes.x(kept[-1][2]) >= 1 or row is rows[-1]:
            kept.append(row)
    return kept


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{words}</text>'


def grid(axes, title, target):
    lines = [text(LEFT, 24, title, 'font-weight="bold"')]
    for v in marks(axes.x0, axes.x1):
        x = axes.x(v)
        lines += [f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>',
                  text(x, HEIGHT - BOTTOM + 18, f"{v:g}", 'text-anchor="middle"')]
    for v in marks(axes.y0, axes.y1):
        y = axes.y(v)
        lines += [f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
                  text(LEFT - 6, y + 4, f"{v:g}", 'text-anchor="end"')]
    y = axes.y(target)
    lines += [f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#000" stroke-dasharray="5 4"/>',
              text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, "processor seconds since the start of the command",
                   'text-anchor="middle"'), text(14, TOP - 10, "J")]
    return lines


def draw(arguments, found, target, title):
    axes = Axes(found, target)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *grid(axes, title, target)]
    for k, (name, what, rows) in enumerate(found):
        colour = "#000" if name == REFERENCE else f"hsl({k * 137 % 360},70%,42%)"
        dash = ' stroke-dasharray="2 2"' if "from" in name else ""
        path = "L".join(f"{axes.x(row[2]):.1f} {axes.y(row[1]):.1f}" for row in thinned(rows, axes))
        y = TOP + 8 + 20 * k
        lines += [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>',
                  f'<path d="M{WIDTH - RIGHT + 12} {y}h22" stroke="{colour}" stroke-width="3"{dash}/>',
                  text(WIDTH - RIGHT + 40, y + 4, what.replace(": the reference", ""), 'font-size="11"')]
    with open(os.path.join(arguments.folder, "time-to-cost.svg"), "w", encoding="utf-8") as file:
        print("\n".join([*lines, "</svg>"]), file=file)


def report(arguments, known):
    found = []
    for name, what, _ in known:
        path = os.path.join(arguments.folder, f"{name}.csv")
        if name == REFERENCE and not os.path.exists(path):
            path = path.replace(".csv", ".part")
        if os.path.exists(path):
            found.append((name, what, read(path)))
    if not found or found[0][0] != REFERENCE:
        sys.exit("the reference has not been run yet")
    end = found[0][2][-1]
    title = f"classic, {arguments.model or 'compact'}, {arguments.size} px: " \
            f"J of {end[0]} steps of Adam at rate 0.001 is {end[1]:.5g}"
    write_tables(arguments, summary(found, end[1], end[2]))
    draw(arguments, found, end[1], title)


def main():
    parser = argparse.ArgumentParser(description="every route to the cost that 21,001 small steps of Adam reach")
    for name in "danqing", "photo", "painting", "folder":
        parser.add_argument(name)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--steps", type=int, default=21001, help="of the reference")
    parser.add_argument("--threads", type=int, default=0, help="as danqing's")
    parser.add_argument("--model", default="", help="as danqing's (compact)")
    parser.add_argument("--only", default="", help="names of routes, comma separated")
    parser.add_argument("--report", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    known = routes(arguments.size, arguments.steps)
    for name, _, options in known if not arguments.report else []:
        wanted = not arguments.only or name in arguments.only.split(",")
        if wanted and not os.path.exists(os.path.join(arguments.folder, f"{name}.csv")):
            print(name, file=sys.stderr, flush=True)
            run(arguments, name, options)
    report(arguments, known)


if __name__ == "__main__":
    main()
