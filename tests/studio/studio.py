# SPDX-License-Identifier: MIT
# tests/studio/studio.py: what the tests of the studio share: a server in a folder of its own, requests, small pictures made here.
# Standard library only.
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zlib

DANQING = os.environ.get("DANQING", "danqing")
QUICK = {"size": "48", "iterations": "2", "min-size": "0", "face": "off"}  # paints in a blink


def png(width, height, seed=0, alpha=False):
    """A picture with some structure in it, as PNG."""
    rows = b""
    for y in range(height):
        row = bytearray([0])
        for x in range(width):
            row += bytes([(x * 7 + seed * 31) % 256, (y * 5 + x * y + seed) % 256, (x * x + y * 3) % 256] + [200] * alpha)
        rows += bytes(row)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def form(fields):
    """(body, content type) of multipart/form-data; a field is (name, text) or (name, file name, bytes)."""
    mark = "----danqing" + os.urandom(8).hex()
    body = b""
    for field in fields:
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{field[0]}"'
        if len(field) == 3:
            head += f'; filename="{field[1]}"\r\nContent-Type: application/octet-stream'
        value = field[-1] if isinstance(field[-1], bytes) else str(field[-1]).encode()
        body += head.encode() + b"\r\n\r\n" + value + b"\r\n"
    return body + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Studio:
    """`danqing serve` on any free port; `arguments` follow its own."""

    def __init__(self, *arguments, data=None, env=None):
        self.folder = tempfile.mkdtemp(prefix="danqing-studio-")
        self.data = data or os.path.join(self.folder, "data")
        self.arguments = arguments
        self.env = {**os.environ, "LC_ALL": "C", **(env or {})}
        self.process = None
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            [DANQING, "serve", "--data", self.data, "--port", "0", "--no-open", "--rate", "0", *self.arguments],
            stderr=self.log, stdout=self.log, env=self.env)
        until = time.time() + 120
        while time.time() < until:
            with open(self.log.name) as text:
                line = text.read()
            if "token=" in line:
                url = line[line.index("http://"):].split()[0]
                self.host, self.port = "127.0.0.1", int(urllib.parse.urlparse(url).port)
                self.token = url.split("token=")[1]
                return
            if self.process.poll() is not None:
                raise RuntimeError("the studio ended: " + line)
            time.sleep(0.02)
        raise RuntimeError("the studio does not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        return self.process.returncode

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close()

    # ---- requests ----

    def ask(self, method, path, body=None, headers=None, token=True, timeout=60):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        given = dict(headers or {})
        if token:
            given["Authorization"] = "Bearer " + self.token
        connection.request(method, path, body, given)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def json(self, method, path, value=None):
        body = None if value is None else json.dumps(value)
        return self.ask(method, path, body, {"Content-Type": "application/json"} if body else {})

    def form(self, path, fields):
        body, kind = form(fields)
        return self.ask("POST", path, body, {"Content-Type": kind})

    def raw(self, data, wait=3):
        """Sends bytes as they are; returns what comes back."""
        with socket.create_connection((self.host, self.port), timeout=wait) as s:
            got = b""
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while True:
                    more = s.recv(65536)
                    if not more:
                        break
                    got += more
            except OSError:  # the server need not wait for the rest
                pass
            return got

    def picture(self, kind="photo", width=40, height=50, seed=0):
        answer = self.form("/api/v1/pictures", [("kind", kind), ("file", "p.png", png(width, height, seed))])
        assert answer.status == 201, answer.body
        return answer.json()["id"]

    def paint(self, photo, style="night", **options):
        answer = self.json("POST", "/api/v1/jobs", {"photo": photo, "styles": [style], "options": {**QUICK, **options}})
        assert answer.status == 201, answer.body
        return answer.json()["id"]

    def job(self, job):
        for _ in range(50):
            answer = self.get("/api/v1/jobs/" + job)
            if answer.status != 503:  # 503 says: ask again
                break
            time.sleep(0.1)
        return answer.json()

    def wait(self, job, states=("finished", "failed", "cancelled"), seconds=120):
        until = time.time() + seconds
        while time.time() < until:
            row = self.job(job)
            if row["state"] in states:
                return row
            time.sleep(0.05)
        raise AssertionError(f"{job} does not become {states}: {row}")

    def watch(self, path="/api/v1/events"):
        """Yields (event, data) of a stream."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request("GET", path, headers={"Authorization": "Bearer " + self.token})
        response = connection.getresponse()
        assert response.status == 200 and response.headers["Content-Type"] == "text/event-stream"
        event = None
        while True:
            line = response.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                yield event, json.loads(line[6:])


def main(tests):
    """Runs functions and tells in TAP."""
    chosen = sys.argv[1:]
    failed = 0
    tests = [t for t in tests if not chosen or t.__name__ in chosen]
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        try:
            begin = time.time()
            test()
            print(f"ok {number} {test.__name__.replace('_', ' ')} ({time.time() - begin:.1f} s)", flush=True)
        except Exception as error:  # told, and the next test goes on
            failed += 1
            import traceback
            print(f"not ok {number} {test.__name__.replace('_', ' ')}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            sys.stdout.flush()
    sys.exit(1 if failed else 0)
