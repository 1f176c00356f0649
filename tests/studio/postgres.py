#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# tests/studio/postgres.py: what a studio of several machines must stand: the same tests of the store, a worker that dies, a
# database that restarts. postgres.sh gives the database.
import os
import random
import signal
import subprocess
import tempfile
import time

from crash import Load, painters, png_is_whole
from studio import DANQING, Studio, main, png

URL = os.environ["DANQING_TEST_STORE"]


def the_store_passes_its_tests():
    done = subprocess.run([os.environ["TEST_STUDIO"]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def worker(folder):
    return subprocess.Popen([DANQING, "worker", "--data", folder], env={**os.environ, "DANQING_STORE": URL, "LC_ALL": "C"},
                            stderr=subprocess.DEVNULL)


def a_worker_dies_and_the_database_restarts():
    with tempfile.TemporaryDirectory() as one, Studio("--store", URL) as studio:
        helper = worker(one)
        try:
            photo = studio.picture(width=100, height=120)
            jobs = [studio.paint(photo, size="64", iterations="10") for _ in range(6)]
            time.sleep(1)
            helper.send_signal(signal.SIGKILL)  # its children see the end of their lifeline
            helper.wait()
            helper = worker(one)
            time.sleep(0.5)
            subprocess.run([os.environ["RESTART"]], check=True)
            for job in jobs:
                row = studio.wait(job, seconds=120)
                assert row["state"] == "finished", row
                assert studio.get(f"/api/v1/jobs/{job}/result").body.endswith(b"IEND\xaeB`\x82")
            assert studio.get("/healthz").status == 200
        finally:
            helper.terminate()
            helper.wait()


def crash_rounds(count):
    """Kills workers and restarts the database at random moments under load: no job that was accepted may be lost or damaged."""
    random.seed(11)
    accepted = []
    with tempfile.TemporaryDirectory() as one, Studio("--store", URL) as studio:
        helper = worker(one)
        photo = studio.picture(width=90, height=110)
        for number in range(count):
            load = Load(studio, photo)
            time.sleep(0.3 + random.random())
            if number % 5 == 4:
                subprocess.run([os.environ["RESTART"]], check=True)
            elif number % 2:
                helper.kill()
                helper.wait()
                helper = worker(one)
            else:
                for child in painters(studio)[:1]:
                    os.kill(child, signal.SIGKILL)
            load.over = True
            load.thread.join()
            accepted += load.accepted
        try:
            for job in accepted:
                row = studio.wait(job, seconds=600)
                assert row["state"] == "finished", row
                assert png_is_whole(studio.get(f"/api/v1/jobs/{job}/result").body), job
        finally:
            helper.terminate()
            helper.wait()
    print(f"# {count} rounds, {len(accepted)} jobs accepted, none lost, no file damaged", flush=True)


def kills_and_restarts_lose_nothing():
    crash_rounds(int(os.environ.get("STUDIO_ROUNDS", "2")))


def pictures_live_in_the_database():
    with tempfile.TemporaryDirectory() as folder:
        with Studio("--store", URL) as studio:
            body = png(70, 60, 5)
            photo = studio.form("/api/v1/pictures", [("kind", "photo"), ("file", "x.png", body)]).json()["id"]
            job = studio.paint(photo)
            studio.wait(job)
        with Studio("--store", URL, data=folder) as other:  # another machine has the same gallery
            assert other.get(f"/api/v1/jobs/{job}/view").status == 200
            assert other.get(f"/api/v1/pictures/{photo}/file").body.startswith(b"\x89PNG")


main([the_store_passes_its_tests, pictures_live_in_the_database, a_worker_dies_and_the_database_restarts,
      kills_and_restarts_lose_nothing])
