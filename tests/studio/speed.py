#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# tests/studio/speed.py [ROUNDS]: how long somebody waits who presses "paint": until the first preview has been fetched, and
# until the picture of 512 pixels is there whole, with the page's own settings. Prints each round; fails above 1.5 s and 10 s.
import os
import statistics
import sys
import time

from studio import Studio

SAMPLES = os.path.join(os.environ["SOURCE"], "examples", "samples")


def one(studio, photo, style):
    stream = studio.watch()
    begin = time.time()
    job = studio.json("POST", "/api/v1/jobs", {"photo": photo, "styles": [style], "options": {}}).json()["id"]
    first = claimed = None
    scales = []
    for event, row in stream:
        if event != "job" or row["id"] != job:
            continue
        if claimed is None and row["state"] == "running":
            claimed = time.time() - begin
        if row["scale"] and (not scales or scales[-1][0] != row["scale"]):
            scales.append((row["scale"], round(time.time() - begin, 2)))
        if first is None and row["preview"]:
            assert studio.get(f"/api/v1/jobs/{job}/preview").status == 200
            first = time.time() - begin
        if row["state"] in ("finished", "failed"):
            assert row["state"] == "finished", row
            assert studio.get(f"/api/v1/jobs/{job}/result").status == 200
            break
    whole = time.time() - begin
    print(f"claimed {claimed:.2f} s, first preview {first:.2f} s, finished {whole:.2f} s, scales {scales}", flush=True)
    return first, whole


def main(rounds):
    with Studio() as studio, open(os.path.join(SAMPLES, "portrait1.png"), "rb") as file:
        body = file.read()
        photo = studio.ask("POST", "/api/v1/pictures?kind=photo", body, {"Content-Type": "image/png"}).json()["id"]
        got = [one(studio, photo, style) for style in (["night", "inkwash", "woodcut"] * rounds)[:rounds]]
    first, whole = (statistics.median(column) for column in zip(*got))
    print(f"medians of {rounds}: first preview {first:.2f} s, finished {whole:.2f} s")
    return first <= 1.5 and whole <= 10


if __name__ == "__main__":
    sys.exit(0 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 5) else 1)
