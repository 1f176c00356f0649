#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# tests/studio/load.py [JOBS [WATCHERS]]: a thousand queued jobs and two hundred watchers while it paints: how long the page and
# the API take to answer, and whether the server's memory stays flat. Prints figures; fails above 50 ms at the 99th percentile.
import re
import sys
import threading
import time

from studio import QUICK, Studio


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1000


class Watcher(threading.Thread):
    def __init__(self, studio):
        super().__init__(daemon=True)
        self.studio, self.events = studio, 0
        self.start()

    def run(self):
        try:
            for _ in self.studio.watch():
                self.events += 1
        except (OSError, AssertionError):
            pass


def resident(studio):
    return int(re.search(r"danqing_resident_bytes (\d+)", studio.get("/metrics").body.decode()).group(1)) >> 20


def measure(studio, path, seconds):
    times = []
    until = time.time() + seconds
    while time.time() < until:
        begin = time.time()
        answer = studio.get(path)
        times.append(time.time() - begin)
        assert answer.status == 200
        time.sleep(0.02)
    return times


def main(jobs, watchers):
    with Studio("--max-queue", str(jobs + 10)) as studio:
        photo = studio.picture(width=100, height=120)
        before = resident(studio)
        crowd = [Watcher(studio) for _ in range(watchers)]
        begin = time.time()
        for _ in range(jobs):
            body = {"photo": photo, "styles": ["night"], "options": {**QUICK, "size": "256", "iterations": "30"}}
            assert studio.json("POST", "/api/v1/jobs", body).status == 201
        print(f"{jobs} jobs accepted in {time.time() - begin:.1f} s", flush=True)
        worst = 0
        for path in ("/", "/api/v1/jobs?limit=48", "/api/v1/pictures/night/thumb", "/api/v1/counts"):
            times = measure(studio, path, 8)
            worst = max(worst, percentile(times, 0.99))
            print(f"{path}: median {percentile(times, 0.5):.1f} ms, p99 {percentile(times, 0.99):.1f} ms, {len(times)} requests",
                  flush=True)
        print(f"{watchers} watchers got {sum(w.events for w in crowd)} events; memory {before} MB, then {resident(studio)} MB")
        return worst <= 50


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[1:]] + [1000, 200][len(sys.argv) - 1:]
    sys.exit(0 if main(*numbers) else 1)
