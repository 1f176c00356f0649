#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# tests/studio/load.py [JOBS [WATCHERS]]: a thousand queued jobs and two hundred watchers while it paints: how long the page and
# the API take to answer, and whether the server's memory stays flat. Prints figures; fails above 50 ms at the 99th percentile.
# The watchers are a process of their own, so that what is measured is the server and not this program.
import http.client
import multiprocessing
import re
import selectors
import socket
import sys
import time

from studio import QUICK, Studio


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1000


def watch(host, port, token, count, told, over):
    """Reads `count` streams of events until it is told to end; *told becomes the number of events."""
    ready = selectors.DefaultSelector()
    for _ in range(count):
        s = socket.create_connection((host, port))
        s.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        s.setblocking(False)
        ready.register(s, selectors.EVENT_READ)
    while not over.is_set():
        for key, _ in ready.select(0.5):
            got = key.fileobj.recv(1 << 16)
            told.value += got.count(b"event: ")
            if not got:
                ready.unregister(key.fileobj)


def resident(studio):
    return int(re.search(r"danqing_resident_bytes (\d+)", studio.get("/metrics").body.decode()).group(1)) >> 20


def measure(studio, path, seconds):
    times = []
    connection = http.client.HTTPConnection(studio.host, studio.port, timeout=60)
    until = time.time() + seconds
    while time.time() < until:
        begin = time.time()
        connection.request("GET", path, headers={"Authorization": "Bearer " + studio.token})
        answer = connection.getresponse()
        answer.read()
        times.append(time.time() - begin)
        assert answer.status == 200
        time.sleep(0.02)
    return times


def drain(studio, jobs, every):
    """Waits until all jobs have ended, printing memory on the way."""
    last = jobs
    while last > 0:
        counts = studio.get("/api/v1/counts").json()
        left = counts["queued"] + counts["running"]
        if left == 0 or last - left >= every:
            print(f"{counts['finished']} finished, memory {resident(studio)} MB", flush=True)
            last = left
        time.sleep(1)


def main(jobs, watchers, whole):
    told, over = multiprocessing.Value("q", 0), multiprocessing.Event()
    with Studio("--max-queue", str(jobs + 10)) as studio:
        photo = studio.picture(width=100, height=120)
        before = resident(studio)
        crowd = multiprocessing.Process(target=watch, args=(studio.host, studio.port, studio.token, watchers, told, over))
        crowd.start()
        begin = time.time()
        for _ in range(jobs):
            more = {} if whole else {"size": "256", "iterations": "30"}
            answer = studio.json("POST", "/api/v1/jobs", {"photo": photo, "styles": ["night"], "options": {**QUICK, **more}})
            assert answer.status == 201
        print(f"{jobs} jobs accepted in {time.time() - begin:.1f} s", flush=True)
        worst = 0
        for path in ("/", "/api/v1/jobs?limit=48", "/api/v1/pictures/night/thumb", "/api/v1/counts"):
            times = measure(studio, path, 8)
            worst = max(worst, percentile(times, 0.99))
            print(f"{path}: median {percentile(times, 0.5):.1f} ms, p99 {percentile(times, 0.99):.1f} ms, {len(times)} requests",
                  flush=True)
        if whole:
            drain(studio, jobs, max(1, jobs // 10))
        print(f"{watchers} watchers got {told.value} events; memory {before} MB, then {resident(studio)} MB")
        over.set()
        crowd.join()
    return worst <= 50


if __name__ == "__main__":
    words = [a for a in sys.argv[1:] if a != "--drain"]  # --drain: small jobs, painted to the last
    numbers = [int(a) for a in words] + [1000, 200][len(words):]
    sys.exit(0 if main(*numbers, "--drain" in sys.argv) else 1)
