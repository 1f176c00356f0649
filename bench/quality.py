#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Paints portraits after paintings by several painters at several content weights, scores every picture with bench/quality, and
# prints the curve of content error against style error as a table in Markdown; FOLDER keeps pictures, scores.csv, seconds.csv and
# quality.svg. What is there already is not painted again.
#     quality.py BUILD DATA FOLDER [--size 192] [--portraits 6] [--styles 6] [--diagonal] [--threads 2] [--only NAME,…]
#                [--weights W,…] [--pytorch STEPS] [--report]
# BUILD: the Meson build folder; DATA: models/ and images/ as the tests have them. --pytorch STEPS: how many steps PyTorch and the
# recipe painting make, at a single scale. The painters of a pair work by turns. Seconds are of the processor, all threads, from
# start to file.
import argparse
import csv
import glob
import math
import os
import resource
import subprocess
import sys

VGG = "models/vgg19-relu3_1/vgg_normalised_conv3_1.pth"
LAYERS = "relu1_1=0.750733,relu2_1=0.187683,relu3_1=0.0469208"
WEIGHTS = {"ours": ["0.25", "1", "4"], "crowson": ["0.004", "0.015", "0.06"]}


def painters(arguments):
    """{name: (what it is, content weights, command without pictures and size)}"""
    danqing, vgg = [f"{arguments.build}/cli/danqing", "paint", "-q"], ["--model", f"{arguments.data}/{VGG}"]
    painting = ["--recipe", "painting", *vgg, "--content-layers", "relu3_1", "--style-layers", LAYERS]
    return {
        "compact": ("danqing, recipe portrait, compact", WEIGHTS["ours"], danqing),
        "compact-noface": ("the same, --face off", WEIGHTS["ours"], [*danqing, "--face", "off"]),
        "vgg": ("danqing, recipe portrait, VGG-19 to relu3_1", WEIGHTS["ours"], [*danqing, *vgg]),
        "painting": ("danqing, recipe painting, VGG-19 to relu3_1", WEIGHTS["crowson"], [*danqing, *painting]),
        "pytorch": ("PyTorch, Crowson's recipe, VGG-19 to relu3_1", WEIGHTS["crowson"], None),
    }


# ---- painting ---------------------------------------------------------------------------------------------------------

def timed(command):
    """Processor seconds of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def command_of(arguments, name, painter, weight, photo, style, out):
    size, threads = str(arguments.size), str(arguments.threads)
    if painter:
        steps = ["--iterations", str(arguments.pytorch), "--initial-iterations", str(arguments.pytorch)]
        more = steps if name == "painting" and arguments.pytorch else []
        return [*painter, "--size", size, "--threads", threads, "--content-weight", weight, *more, photo, style, "-o", out]
    here = os.path.dirname(os.path.abspath(__file__))
    return ["/usr/bin/python3", f"{here}/pytorch_crowson.py", f"{arguments.data}/{VGG}", photo, style, out, "--size", size,
            "--min-scale", size, "--initial-iterations", str(arguments.pytorch), "--content-weight", weight, "--threads", threads]


def pairs(arguments):
    photos, styles = (sorted(glob.glob(f"{arguments.data}/images/{kind}/*.jpg")) for kind in ("portraits", "styles"))
    photos, styles = photos[:arguments.portraits], styles[:arguments.styles]
    if arguments.diagonal:
        return [(photo, styles[k % len(styles)]) for k, photo in enumerate(photos)]
    return [(photo, style) for photo in photos for style in styles]


def jobs(arguments):
    """(painter, weight, photo, style, picture) of all pictures, the painters of a pair by turns."""
    for photo, style in pairs(arguments):
        pair = "_".join(os.path.splitext(os.path.basename(path))[0] for path in (photo, style))
        for name, (_, weights, painter) in painters(arguments).items():
            wanted = [w for w in weights if w in arguments.weights.split(",") or not arguments.weights]
            for weight in wanted if name in arguments.only.split(",") else []:
                yield name, weight, photo, style, f"{arguments.folder}/{name}_{weight}_{pair}.png", painter


def paint(arguments):
    for name, weight, photo, style, out, painter in jobs(arguments):
        if os.path.exists(out):
            continue
        seconds = timed(command_of(arguments, name, painter, weight, photo, style, out))
        with open(f"{arguments.folder}/seconds.csv", "a", encoding="utf-8") as file:
            print(f"{out},{seconds:.3f}", file=file)
        print(f"{os.path.basename(out)} {seconds:.1f} s", file=sys.stderr, flush=True)


# ---- scores -----------------------------------------------------------------------------------------------------------

def scores(arguments):
    """{picture: {score: value}}; only what is new is scored."""
    path, head = f"{arguments.folder}/scores.csv", None
    known = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            known = {row["picture"]: row for row in csv.DictReader(file)}
    new = [job for job in jobs(arguments) if job[4] not in known and os.path.exists(job[4])]
    if new:
        lines = "".join(f"{photo}\t{style}\t{out}\n" for _, _, photo, style, out, _ in new)
        text = subprocess.run([f"{arguments.build}/bench/quality", "--data", arguments.data], input=lines, text=True, check=True,
                              stdout=subprocess.PIPE).stdout
        head, _, rows = text.partition("\n")
        with open(path, "a", encoding="utf-8") as file:
            file.write(rows if known else text)
    with open(path, encoding="utf-8") as file:
        return {row["picture"]: {k: float(v) for k, v in row.items() if k != "picture"} for row in csv.DictReader(file)}


def mean(values):
    values = [v for v in values if not math.isnan(v)]
    return sum(values) / len(values) if values else math.nan


def curves(arguments, found):
    """{painter: [(weight, pictures, {score: mean over the pairs}, mean seconds)]}"""
    with open(f"{arguments.folder}/seconds.csv", encoding="utf-8") as file:
        seconds = {row[0]: float(row[1]) for row in csv.reader(file)}
    table = {}
    for name, weight, _, _, out, _ in jobs(arguments):
        if out in found:
            table.setdefault(name, {}).setdefault(weight, []).append((found[out], seconds.get(out, math.nan)))
    return {name: [(weight, len(rows), {key: mean(r[0][key] for r in rows) for key in rows[0][0]}, mean(r[1] for r in rows))
                   for weight, rows in weights.items()] for name, weights in table.items()}


COLUMNS = {"style": "style, VGG", "outside": "style outside the face, VGG", "content": "content, VGG", "face": "face, VGG",
           "style_squeezenet": "style, SqueezeNet", "content_squeezenet": "content, SqueezeNet", "ssim": "SSIM"}


def print_table(arguments, table):
    known = painters(arguments)
    print(f"| painter | content weight | pictures | {' | '.join(COLUMNS.values())} | processor seconds |")
    print("|---|---|---|" + "---|" * (len(COLUMNS) + 1))
    for name, rows in table.items():
        for weight, count, score, seconds in rows:
            cells = " | ".join(f"{score[key]:.3f}" for key in COLUMNS)
            print(f"| {known[name][0]} | {weight} | {count} | {cells} | {seconds:.1f} |")


# ---- the drawing ------------------------------------------------------------------------------------------------------

SIDE, GAP, MARGIN = 380, 70, 60


def draw_panel(left, title, keys, table, known):
    """Content error across, style error up."""
    points = [(score[keys[0]], score[keys[1]]) for rows in table.values() for _, _, score, _ in rows]
    most = [1.08 * max(p[k] for p in points) for k in (0, 1)]
    x = lambda v: left + v / most[0] * SIDE
    y = lambda v: MARGIN + SIDE - v / most[1] * SIDE
    lines = [f'<rect x="{left}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
             f'<text x="{left}" y="{MARGIN - 12}" font-weight="bold">{title}</text>',
             f'<text x="{left + SIDE / 2}" y="{MARGIN + SIDE + 38}" text-anchor="middle">content error</text>',
             f'<text x="{left + 6}" y="{MARGIN + 16}">style error</text>']
    for k in range(5):
        across, up = (m * k / 4 for m in most)
        lines.append(f'<text x="{x(across):.0f}" y="{MARGIN + SIDE + 16}" text-anchor="middle">{across:.2f}</text>')
        lines.append(f'<text x="{left - 6}" y="{y(up) + 4:.0f}" text-anchor="end">{up:.2f}</text>')
    for name, rows in table.items():
        colour = f"hsl({list(known).index(name) * 137 % 360},70%,40%)"
        path = "L".join(f"{x(s[keys[0]]):.1f} {y(s[keys[1]]):.1f}" for _, _, s, _ in rows)
        lines.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'<circle cx="{x(s[keys[0]]):.1f}" cy="{y(s[keys[1]]):.1f}" r="4" fill="{colour}"/>' for _, _, s, _ in rows]
    return lines


def draw(arguments, table):
    known = painters(arguments)
    width, height = MARGIN + 2 * SIDE + GAP + 30, MARGIN + SIDE + 60 + 20 * len(table)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="#fff"/>']
    lines += draw_panel(MARGIN, "judged by VGG-19 to relu3_1", ("content", "style"), table, known)
    lines += draw_panel(MARGIN + SIDE + GAP, "judged by SqueezeNet", ("content_squeezenet", "style_squeezenet"), table, known)
    for k, name in enumerate(table):
        y = MARGIN + SIDE + 62 + 20 * k
        lines += [f'<path d="M{MARGIN} {y}h24" stroke="hsl({list(known).index(name) * 137 % 360},70%,40%)" stroke-width="3"/>',
                  f'<text x="{MARGIN + 32}" y="{y + 4}">{known[name][0]}</text>']
    with open(f"{arguments.folder}/quality.svg", "w", encoding="utf-8") as file:
        print("\n".join([*lines, "</svg>"]), file=file)


def main():
    parser = argparse.ArgumentParser(description="content error against style error, of several painters")
    for name in "build", "data", "folder":
        parser.add_argument(name)
    for name, default in ("size", 192), ("portraits", 6), ("styles", 6), ("threads", 2), ("pytorch", 0):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", default="compact,vgg", help="painters: compact, compact-noface, vgg, painting, pytorch")
    parser.add_argument("--weights", default="", help="only these content weights, of those that each painter has")
    parser.add_argument("--diagonal", action="store_true", help="each portrait with one style, not all")
    parser.add_argument("--report", action="store_true", help="paint nothing")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    if not arguments.report:
        paint(arguments)
    table = curves(arguments, scores(arguments))
    print_table(arguments, table)
    draw(arguments, table)


if __name__ == "__main__":
    main()
