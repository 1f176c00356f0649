#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# tests/studio/crash.py [ROUNDS]: kills the studio (kill -9, now the server, now a painting process) at random moments under load,
# starts it again, and counts: every job that was accepted must be there and end, every file must be whole.
import glob
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zlib

from studio import QUICK, Studio


def png_is_whole(data):
    """True if every chunk has its checksum and the last is IEND."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    at = 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        told = data[at + 8 + size:at + 12 + size]
        if len(told) < 4 or zlib.crc32(data[at + 4:at + 8 + size]) != int.from_bytes(told, "big"):
            return False
        if data[at + 4:at + 8] == b"IEND":
            return at + 12 + size == len(data)
        at += 12 + size
    return False


def jpeg_is_whole(data):
    return data[:3] == b"\xff\xd8\xff" and data[-2:] == b"\xff\xd9"


def check_files(folder):
    wrong = []
    for path in glob.glob(folder + "/pictures/*"):
        with open(path, "rb") as file:
            data = file.read()
        part = path.rsplit(".", 1)[1]
        good = png_is_whole(data) if part in ("png", "result") else jpeg_is_whole(data)
        if not good:
            wrong.append(path)
    return wrong


class Load:
    """Adds jobs until it is told to end; what was answered with 201 is accepted."""

    def __init__(self, studio, photo):
        self.studio, self.photo, self.accepted, self.over = studio, photo, [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over:
            try:
                size = str(random.choice([32, 48, 64, 96]))
                answer = self.studio.json("POST", "/api/v1/jobs", {"photo": self.photo, "styles": ["night"], "options":
                                                                   {**QUICK, "size": size, "iterations": str(random.choice([1,
                                                                   4, 16]))}})
                if answer.status == 201:
                    self.accepted.append(answer.json()["id"])
            except (OSError, ValueError, Exception):
                pass
            time.sleep(random.random() * 0.15)


def painters(studio):
    """Ids of its painting processes."""
    got = subprocess.run(["pgrep", "-P", str(studio.process.pid)], capture_output=True, text=True).stdout.split()
    return [int(p) for p in got]


def rounds(count, quiet=False):
    random.seed(7)
    studio = Studio("--jobs", "2")
    accepted = []
    try:
        photo = studio.picture(width=90, height=110)
        for number in range(count):
            load = Load(studio, photo)
            time.sleep(random.random() * 1.2)
            children = painters(studio)
            if number % 3 == 2 and children:
                try:
                    os.kill(random.choice(children), signal.SIGKILL)
                except ProcessLookupError:
                    pass
                time.sleep(0.3)
            studio.kill()
            load.over = True
            load.thread.join()
            accepted += load.accepted
            wrong = check_files(studio.data)
            assert not wrong, f"round {number}: {wrong}"
            studio.start()
            there = {j["id"] for j in all_jobs(studio)}
            lost = [j for j in accepted if j not in there]
            assert not lost, f"round {number}: lost {lost}"
            if not quiet:
                print(f"round {number + 1}: {len(accepted)} accepted, all there", flush=True)
        until = time.time() + 3600
        for job in accepted:
            row = studio.wait(job, seconds=max(1, until - time.time()))
            assert row["state"] == "finished", row
            assert png_is_whole(studio.get(f"/api/v1/jobs/{job}/result").body)
        assert not glob.glob(studio.data + "/pictures/.*"), "half-written files are left"
    finally:
        studio.close()
    return len(accepted)


def all_jobs(studio):
    out, before = [], 0
    while True:
        answer = studio.get(f"/api/v1/jobs?limit=500&before={before}")
        if answer.status == 503:  # says: ask again
            print("#", answer.body.decode(), flush=True)
            time.sleep(0.2)
            continue
        page = answer.json()["jobs"]
        if not page:
            return out
        out += page
        before = page[-1]["number"]


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    jobs = rounds(number)
    print(f"{number} kills, {jobs} jobs accepted, none lost, no file damaged")
