#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# tests/studio/api.py: the API as programs use it: jobs from beginning to end, who may ask, what is refused and how, pictures
# without their secrets, and that a server that was killed loses nothing.
import glob
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
import zlib

from studio import DANQING, QUICK, Studio, form, main, png

SOURCE = os.environ["SOURCE"]
studio = Studio()


# ---- painting ----

def upload_paint_fetch():
    answer = studio.form("/api/v1/jobs", [("photo", "me.png", png(60, 44)), ("style", "brush.png", png(50, 50, 3)), ("title",
        "Mia"),
                                          *QUICK.items()])
    assert answer.status == 201, answer.body
    job = answer.json()
    assert answer.headers["Location"] == "/api/v1/jobs/" + job["id"] and job["state"] == "queued" and job["title"] == "Mia"
    done = studio.wait(job["id"])
    assert done["state"] == "finished" and (done["width"], done["height"]) == (48, 35), done
    assert done["curve"] and done["cost"] > 0 and "worker" not in done
    kinds = {"png": b"\x89PNG", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}
    for kind, magic in kinds.items():
        for _ in range(2):
            got = studio.get(f"/api/v1/jobs/{job['id']}/result?format={kind}&download=1")
            assert got.status == 200 and got.body.startswith(magic) and got.headers["Content-Type"] == "image/" + kind
            assert "attachment" in got.headers["Content-Disposition"]
    assert studio.get(f"/api/v1/jobs/{job['id']}/result?format=gif").status == 422
    assert studio.get(f"/api/v1/jobs/{job['id']}/view").body.startswith(b"\xff\xd8\xff")
    assert studio.get(f"/api/v1/jobs/{job['id']}/thumb").status == 200


def the_command_paints_the_same():
    folder = os.path.join(studio.folder, "same")
    os.makedirs(folder)
    for name, bytes_ in (("photo.png", png(60, 44)), ("style.png", png(50, 50, 3))):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(bytes_)
    flags = [w for k, v in QUICK.items() for w in ("--" + k, v)]
    subprocess.run([DANQING, "paint", "photo.png", "style.png", *flags, "-o", "out.png", "--quiet"], cwd=folder, check=True)
    job = studio.form("/api/v1/jobs", [("photo", "a.png", png(60, 44)), ("style", "b.png", png(50, 50, 3)),
        *QUICK.items()]).json()
    studio.wait(job["id"])
    with open(os.path.join(folder, "out.png"), "rb") as file:
        assert file.read() == studio.get(f"/api/v1/jobs/{job['id']}/result").body


def events_tell_everything():
    photo = studio.picture()
    stream = studio.watch()
    job = studio.paint(photo)
    states = []
    for event, row in stream:
        if event == "job" and row["id"] == job:
            states.append(row["state"])
            if row["state"] == "finished":
                break
    assert states[0] in ("queued", "running") and "running" in states, states
    event, row = next(studio.watch(f"/api/v1/jobs/{job}/events"))
    assert event == "job" and row["state"] == "finished"


def pause_resume_finish_cancel():
    photo = studio.picture(width=200, height=240)
    long = {"size": "200", "iterations": "100000"}
    job = studio.paint(photo, **long)
    studio.wait(job, ("running",))
    until = time.time() + 60
    while studio.job(job)["preview"] < 1:
        assert time.time() < until
        time.sleep(0.05)
    assert studio.get(f"/api/v1/jobs/{job}/preview").body.startswith(b"\xff\xd8\xff")
    assert studio.get(f"/api/v1/jobs/{job}/result").status == 409
    assert studio.ask("DELETE", "/api/v1/jobs/" + job).status == 409
    assert studio.ask("POST", f"/api/v1/jobs/{job}/pause").json()["ask"] == "pause"
    paused = studio.wait(job, ("paused",))
    other = studio.paint(photo)
    assert studio.wait(other)["state"] == "finished"  # a paused job holds nobody up
    assert studio.ask("POST", f"/api/v1/jobs/{job}/resume").json()["state"] == "queued"
    studio.wait(job, ("running",))
    until = time.time() + 60
    while studio.job(job)["iteration"] <= paused["iteration"]:
        assert time.time() < until, "it began anew instead of going on"
        time.sleep(0.05)
    assert studio.ask("POST", f"/api/v1/jobs/{job}/finish").status == 200
    done = studio.wait(job)
    assert done["state"] == "finished" and done["early"], done
    job = studio.paint(photo, **long)
    studio.wait(job, ("running",))
    studio.ask("POST", f"/api/v1/jobs/{job}/cancel")
    assert studio.wait(job)["state"] == "cancelled"
    assert studio.ask("POST", f"/api/v1/jobs/{job}/cancel").status == 409
    until = time.time() + 10
    while glob.glob(os.path.join(studio.data, "work", "*")):
        assert time.time() < until, "checkpoints are left"
        time.sleep(0.05)


def list_search_star_delete():
    photo = studio.picture()
    job = studio.paint(photo)
    studio.wait(job)
    assert studio.json("PATCH", "/api/v1/jobs/" + job, {"favourite": True, "title": "Zwölf ☂"}).json()["favourite"]
    found = studio.get("/api/v1/jobs?q=zw%C3%B6lf&favourite=1").json()["jobs"]
    assert [j["id"] for j in found] == [job]
    assert studio.get("/api/v1/jobs?limit=1").json()["jobs"][0]["id"] == job
    number = studio.job(job)["number"]
    assert all(j["number"] < number for j in studio.get(f"/api/v1/jobs?before={number}").json()["jobs"])
    assert studio.ask("DELETE", "/api/v1/jobs/" + job).status == 204
    assert studio.get("/api/v1/jobs/" + job).status == 404
    assert not glob.glob(f"{studio.data}/pictures/{job}.*")
    assert studio.ask("DELETE", "/api/v1/pictures/" + photo).status == 204
    assert studio.ask("DELETE", "/api/v1/pictures/night").status == 409


def masks_are_pictures():
    options = {o["name"] for o in studio.get("/api/v1/options").json()["options"]}
    if "mask" not in options:
        return
    photo, mask = studio.picture(), studio.picture("mask", 40, 50, 9)
    job = studio.paint(photo, mask=mask)
    done = studio.wait(job)
    assert done["state"] == "finished", done
    refused = studio.json("POST", "/api/v1/jobs", {"photo": photo, "styles": ["night"], "options": {"mask": "nobody"}})
    assert refused.status == 422, refused.body


def heic_is_taken_where_it_can_be():
    made = os.path.join(studio.folder, "x.heic")
    with open(os.path.join(studio.folder, "x.png"), "wb") as file:
        file.write(png(64, 48))
    tool = shutil.which("vips")
    if not tool or subprocess.run([tool, "copy", studio.folder + "/x.png", made], capture_output=True).returncode:
        print("# no HEIC can be made here: not tested")
        return
    with open(made, "rb") as file:
        row = studio.ask("POST", "/api/v1/pictures", file.read(), {"Content-Type": "image/heic"})
    assert row.status == 201 and (row.json()["width"], row.json()["height"]) == (64, 48), row.body
    assert studio.get(f"/api/v1/pictures/{row.json()['id']}/file").body.startswith(b"\x89PNG")


# ---- sketches ----

def face(x, y, person):
    """Grey of a simple head in the frame that sketches are drawn in."""
    inside = ((x - 100) / (60 + 3 * person)) ** 2 + ((y - 130) / 90) ** 2 < 1
    eye = min((x - 75) ** 2, (x - 125) ** 2) + (y - 125) ** 2 < 60
    return 40 + 10 * person if eye else 190 - 8 * person - abs(x - 90) // 4 if inside else 90 + 20 * person + y // 8


def head(person, drawn=False):
    """The head as PNG of 200 x 250: the photo, or the sketch of it."""
    rows = b""
    for y in range(250):
        line = [face(x, y, person) for x in range(201)]
        grey = [max(0, 255 - 6 * abs(line[x + 1] - line[x])) if drawn else line[x] for x in range(200)]
        rows += b"\0" + bytes(v for g in grey for v in (g, g, g))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 200, 250, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def add_pair(folder, person, name="x"):
    return studio.form(f"/api/v1/folders/{folder}/pairs",
                       [("photo", "a.png", head(person)), ("sketch", "b.png", head(person, True)), ("name", name)])


def sketch(photo, **settings):
    return studio.json("POST", "/api/v1/jobs", {"photo": photo, "sketch": settings})


def sketches_are_drawn():
    folder = studio.json("POST", "/api/v1/folders", {"name": "Zo\u00eb"}).json()
    assert folder["name"] == "Zo\u00eb" and folder["pairs"] == 0, folder
    photo = studio.form("/api/v1/pictures", [("kind", "photo"), ("file", "me.png", head(4))]).json()["id"]
    assert sketch(photo, method="mwf", folder=folder["id"]).status == 422  # it has no pairs yet
    for person in range(4):
        assert add_pair(folder["id"], person, f"p{person}").status == 201
    told = studio.get("/api/v1/folders/" + folder["id"]).json()
    assert [p["name"] for p in told["pairs"]] == ["p0", "p1", "p2", "p3"], told
    assert studio.get(f"/api/v1/pairs/{told['pairs'][0]['id']}/thumb").body.startswith(b"\xff\xd8\xff")
    jobs = [sketch(photo, method="lines").json()]
    methods = [m["name"] for m in studio.get("/api/v1/options").json()["sketches"] if m["pairs"]]
    assert methods == ["mwf", "lle", "mrf", "ssd", "rslcr", "ridge", "dgfl", "student"], methods
    for method in methods if os.environ.get("STUDIO_ALL") else ("lle",):  # with all of them it takes a minute
        more = {"steps": 20} if method == "student" else {}
        jobs.append(sketch(photo, method=method, folder=folder["id"], **more).json())
    assert studio.ask("DELETE", "/api/v1/folders/" + folder["id"]).status == 409
    for job in jobs:
        row = studio.wait(job["id"], seconds=300)
        assert row["state"] == "finished" and (row["width"], row["height"]) == (200, 250) and not row["styles"], row
        assert studio.get(f"/api/v1/jobs/{job['id']}/result").body.startswith(b"\x89PNG")
    assert studio.ask("DELETE", "/api/v1/pairs/" + told["pairs"][0]["id"]).status == 204
    assert studio.ask("DELETE", "/api/v1/folders/" + folder["id"]).status == 204
    assert studio.get("/api/v1/folders/" + folder["id"]).status == 404
    assert not glob.glob(f"{studio.data}/pictures/{told['pairs'][1]['id']}.*")


def a_sketch_without_a_face_says_so():
    folder = studio.json("POST", "/api/v1/folders", {"name": "few"}).json()["id"]
    assert add_pair(folder, 1).status == 201
    blank = studio.picture(width=120, height=130)
    row = studio.wait(sketch(blank, method="lle", folder=folder).json()["id"])
    assert row["state"] == "failed" and "face" in row["error"] and studio.data not in row["error"], row
    row = studio.wait(sketch(blank, method="lle", folder=folder, eyes="40,60,80,60").json()["id"])
    assert row["state"] == "finished" and (row["width"], row["height"]) == (120, 130), row
    wrong = studio.form(f"/api/v1/folders/{folder}/pairs", [("photo", "a.png", head(1)), ("sketch", "b.png", png(30, 30))])
    assert wrong.status == 422 and wrong.json()["code"] == "pair", wrong.body
    assert studio.form(f"/api/v1/folders/{folder}/pairs", [("photo", "a.png", head(1))]).status == 400
    assert add_pair("nobody", 1).status == 404
    for bad in ({"method": "devil"}, {"method": "lines", "folder": folder}, {"method": "lle"},
                {"method": "lle", "folder": "../x"},
                {"method": "lle", "folder": "nobody"}, {"method": "lle", "folder": folder, "eyes": "1,2,3"},
                {"method": "lle", "folder": folder, "neighbours": 99}, {"method": "lle", "folder": folder, "steps": 20},
                {"method": "lle", "folder": folder, "pairs": "/etc"},
                {"method": "lle", "folder": folder, "student": "/etc/passwd"}):
        assert sketch(blank, **bad).status == 422, bad
    both = {"photo": blank, "styles": ["night"], "sketch": {"method": "lines"}}
    assert studio.json("POST", "/api/v1/jobs", both).status == 422
    job = studio.form("/api/v1/jobs", [("photo", blank), ("method", "lines")]).json()
    assert job["sketch"] == {"method": "lines"} and studio.wait(job["id"])["state"] == "finished"
    assert studio.json("POST", "/api/v1/folders", {"name": ""}).status == 422


# ---- who may ask ----

def strangers_are_refused():
    for path in ("/api/v1/jobs", "/metrics", "/api/v1/events", "/api/v1/pictures/night/file"):
        answer = studio.get(path, token=False)
        assert answer.status == 401 and answer.headers["Content-Type"] == "application/problem+json", path
        assert studio.get(path, token=False, headers={"Authorization": "Bearer " + "x" * 36}).status in (401, 429)
    assert studio.get("/healthz", token=False).status == 200
    assert studio.get("/", token=False).status == 200  # the page that asks for the token
    # a browser's way in: the token becomes a cookie
    fresh = Studio()
    with fresh:
        answer = fresh.get("/?token=" + fresh.token, token=False)
        cookie = answer.headers["Set-Cookie"]
        assert answer.status == 303 and "HttpOnly" in cookie and "SameSite=Strict" in cookie
        value = {"Cookie": cookie.split(";")[0]}
        assert fresh.get("/api/v1/jobs", token=False, headers=value).status == 200
        assert fresh.json("POST", "/api/v1/session", {"token": "no"}).status == 401
        assert fresh.json("POST", "/api/v1/session", {"token": fresh.token}).status == 204
        tries = [fresh.get("/api/v1/jobs", token=False).status for _ in range(30)]
        assert tries[-1] == 429, tries
        assert fresh.get("/api/v1/jobs").status == 200


def other_sites_are_refused():
    assert studio.get("/", headers={"Host": "evil.example"}).status == 403
    assert studio.get("/", headers={"Host": f"localhost:{studio.port}"}).status == 200
    assert studio.get("/", headers={"Host": "127.0.0.1:1"}).status == 403
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Origin": f"http://localhost:{studio.port + 1}"}):
        answer = studio.ask("POST", "/api/v1/jobs", "{}", {"Content-Type": "application/json", **headers})
        assert answer.status == 403 and answer.json()["code"] == "origin", headers
    own = {"Origin": f"http://127.0.0.1:{studio.port}", "Content-Type": "application/json"}
    assert studio.ask("POST", "/api/v1/jobs", "{}", own).status == 422


def pages_carry_their_guard():
    headers = studio.get("/").headers
    assert "script-src 'self'" in headers["Content-Security-Policy"] and "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    tag = headers["ETag"]
    assert studio.get("/", headers={"If-None-Match": tag}).status == 304
    page = studio.get("/").body.decode()
    page = page.replace("http://www.w3.org", "")
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|https?://", page), "inline or foreign"


def nothing_else_can_be_read():
    paths = ["/../token", "/%2e%2e/token", "/..%2ftoken", "/token", "/studio.db", "/pictures/night.png",
        "/api/v1/pictures/..%2f..%2ftoken",
             "/api/v1/pictures/night/file/../../../token", "/api/v1/jobs/%00/view",
             "/api/v1/pictures/./file", "//etc/passwd", "/api/v1/jobs/a.b/view", "/api/v1/jobs/" + "a" * 400, "/app.js/",
             "/openapi.json"]
    for path in paths:
        answer = studio.get(path)
        assert answer.status in (400, 404), (path, answer.status)
        assert studio.token.encode() not in answer.body


def dribble(ended):
    """Sends a header a byte a second; notes when it is cut off."""
    begin = time.time()
    slow = socket.create_connection((studio.host, studio.port), timeout=40)
    slow.sendall(b"GET / HTTP/1.1\r\nHo")
    while time.time() - begin < 60:
        try:
            slow.sendall(b"s")
            slow.settimeout(1)
            if slow.recv(1000) == b"":
                break
        except socket.timeout:
            pass
        except OSError:
            break
    ended.append(time.time() - begin)


slow_end = []
slow_sender = threading.Thread(target=dribble, args=(slow_end,), daemon=True)
slow_sender.start()


def slow_and_silent_senders_are_sent_away():
    head = f"POST /api/v1/pictures HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\nAuthorization: Bearer {studio.token}\r\n"
    slow_sender.join(70)
    assert slow_end and slow_end[0] < 40, "a header may take for ever"
    assert studio.get("/healthz").status == 200
    with socket.create_connection((studio.host, studio.port), timeout=5) as gone:
        gone.sendall(head.encode() + b"Content-Type: image/png\r\nContent-Length: 1000\r\n\r\n\x89PNG")
    assert studio.get("/healthz").status == 200


# ---- bad input ----

def corpus():
    """(what, method, path, headers, body) of requests that must be refused with 4xx."""
    good = png(30, 30)
    multi = "/api/v1/pictures"
    image = {"Content-Type": "image/png"}
    out = []
    for cut in list(range(0, len(good) - 12, max(1, len(good) // 50))):  # cut off
        out.append((f"png cut at {cut}", "POST", multi, image, good[:cut]))
    for at in range(16, 32):  # lying sizes and depths
        bent = bytearray(good)
        bent[at] ^= 0x80
        out.append((f"png bent at {at}", "POST", multi, image, bytes(bent)))
    bomb = png(1, 1)[:16] + (60000).to_bytes(4, "big") * 2 + png(1, 1)[24:]
    out.append(("bomb", "POST", multi, image, bomb))
    for kind, data in {"gif": b"GIF89a" + bytes(40), "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "text": b"hello " * 20,
                       "tiff": b"II*\0" + bytes(40), "pdf": b"%PDF-1.4" + bytes(40), "empty": b"", "zip": b"PK\3\4" + bytes(60),
                       "bmp": b"BM" + bytes(60), "jpeg head": b"\xff\xd8\xff", "webp head": b"RIFF\0\0\0\0WEBPVP8 " + bytes(20),
                       "heif head": b"\0\0\0\x18ftypheic" + bytes(30), "exr": b"v/1\1" + bytes(40),
                       "hdr": b"#?RADIANCE\n\n-Y 9 +X 9\n",
                       "jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "fits": b"SIMPLE  =  T" + bytes(60),
                       "mat": b"MATLAB 5.0 MAT-file" + bytes(120), "csv": b"1,2\n3,4\n" * 9,
                       "ppm": b"P6\n2 2\n255\n" + bytes(12)}.items():
        out.append((kind, "POST", multi, image, data))
    for soi in range(8):
        out.append((f"jpeg {soi}", "POST", multi, {"Content-Type": "image/jpeg"},
            b"\xff\xd8\xff\xc0\0\x11\x08" + bytes([soi] * 40)))
    names = ["../../etc/passwd", "..\\..\\x", "/etc/passwd", "a" * 150, "\u0000", "<script>", "'; drop table jobs; --"]
    for name in names:  # names are for people; the file in it is none
        body, kind = form([("kind", "photo"), ("file", name, b"no picture at all, but long enough")])
        out.append((f"name {name[:20]!r}", "POST", multi, {"Content-Type": kind}, body))
    body, kind = form([("kind", "photo"), ("file", "x.png", good)])
    for cut in range(1, len(body), max(1, len(body) // 40)):
        if cut < len(body) - 4:
            out.append((f"form cut at {cut}", "POST", multi, {"Content-Type": kind}, body[:cut]))
    for what in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x", "text/plain", "",
                 "multipart/form-data; boundary=" + "x" * 300, "application/x-www-form-urlencoded"):
        out.append((f"type {what[:40]}", "POST", multi, {"Content-Type": what}, body))
    out.append(("kind", "POST", multi + "?kind=devil", image, good))
    jobs = "/api/v1/jobs"
    js = {"Content-Type": "application/json"}
    photo = studio.picture()
    right = {"photo": photo, "styles": ["night"]}
    for what in (b"", b"{", b"[]", b"null", b"1", b'"x"', b"{\"photo\":1}", b"{\"a\":1,\"a\":2}", b"\xff\xfe", b"[" * 5000,
        b"{}",
                 json.dumps({"photo": photo}).encode(), json.dumps({**right, "styles": []}).encode(),
                 json.dumps({**right, "styles": "night"}).encode(), json.dumps({**right, "styles": ["night"] * 17}).encode(),
                 json.dumps({**right, "styles": [None]}).encode(), json.dumps({**right, "photo": "../x"}).encode(),
                 json.dumps({**right, "photo": {"a": 1}}).encode(), b'{"photo":"' + b"a" * 300000 + b'"}'):
        out.append((f"json {what[:30]!r}", "POST", jobs, js, what))
    for name, value in {"threads": "1", "max-memory": "1", "checkpoint": "/tmp/x", "init": "/etc/passwd",
        "model": "/etc/passwd",
                        "recipe": "/etc/passwd", "style-layers": "/etc/passwd", "size": "1e9", "iterations": "-1",
                        "nonsense": "1",
                        "strength": "nan", "seed": "inf", "mask": "/etc/passwd", "style-mask": "a,/x", "face": "/etc/passwd",
                        "colour": "", "content-layers": "x" * 500, "pooling": "max\n", "size ": "5", "": "1"}.items():
        out.append((f"option {name}={value[:20]}", "POST", jobs, js, json.dumps({**right, "options": {name: value}}).encode()))
    for value in (None, [], {}, ["x"]):
        out.append((f"option {value}", "POST", jobs, js, json.dumps({**right, "options": {"size": value}}).encode()))
    for method in ("PUT", "TRACE", "CONNECT", "BREW", "OPTIONS"):
        out.append((method, method, jobs, {}, b""))
    for path in ("/api/v1/jobs/nobody", "/api/v1/jobs/nobody/result", "/api/v1/pictures/nobody/thumb", "/api/v2/jobs", "/api/",
        "/x"):
        out.append((path, "GET", path, {}, None))
    out.append(("delete page", "DELETE", "/", {}, None))
    out.append(("patch json", "PATCH", jobs + "/nobody", js, b"nope"))
    out.append(("session", "POST", "/api/v1/session", js, b"{}"))
    return out


def two_hundred_bad_requests():
    bad = corpus()
    assert len(bad) >= 200, len(bad)
    statuses = {}
    for what, method, path, headers, body in bad:
        answer = studio.ask(method, path, body, headers)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        assert 400 <= answer.status < 500, (what, answer.status, answer.body[:200])
        if answer.body and answer.headers["Content-Type"] == "application/problem+json":
            problem = answer.json()
            assert problem["status"] == answer.status and problem["detail"] and problem["code"], what
        assert b"/tmp/" not in answer.body and b"danqing-studio-" not in answer.body, (what, answer.body)
    assert studio.get("/healthz").status == 200
    print("# by status:", dict(sorted(statuses.items())))


def broken_http_is_survived():
    good = f"Host: 127.0.0.1:{studio.port}\r\nAuthorization: Bearer {studio.token}\r\n"
    for data in (b"\0" * 500, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 9000 + b"\r\n",
                 b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
                 b"GET / HTTP/1.1\r\n\r\n",
                 f"POST /api/v1/jobs HTTP/1.1\r\n{good}Content-Length: -5\r\n\r\n".encode(),
                 f"POST /api/v1/jobs HTTP/1.1\r\n{good}Content-Length: 99999999999999999999\r\n\r\n".encode(),
                 f"POST /api/v1/pictures HTTP/1.1\r\n{good}Content-Length: 900000000\r\n\r\n".encode(),
                 f"POST /api/v1/jobs HTTP/1.1\r\n{good}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode()):
        got = studio.raw(data)
        assert not got or re.match(rb"HTTP/1\.\d (4\d\d|505)", got), (data[:40], got[:100])
    big = studio.ask("POST", "/api/v1/jobs", b"{" + b" " * (300 << 10), {"Content-Type": "application/json"})
    assert big.status == 413
    assert studio.get("/healthz").status == 200


# ---- pictures ----

def places_and_names_do_not_stay():
    exif = (b"Exif\0\0MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x1a\0\0\0\0SECRET-PLACE-52.5N-13.4E")
    plain = studio.get(f"/api/v1/jobs/{studio_job()}/result?format=jpeg").body
    secret = plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]
    row = studio.ask("POST", "/api/v1/pictures", secret, {"Content-Type": "image/jpeg"})
    assert row.status == 201, row.body
    for part in ("file", "view", "thumb"):
        assert b"SECRET" not in studio.get(f"/api/v1/pictures/{row.json()['id']}/{part}").body
    for path in glob.glob(studio.data + "/**/*", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                assert b"SECRET-PLACE" not in file.read(), path
    assert oct(os.stat(studio.data).st_mode)[-3:] == "700" and oct(os.stat(studio.data + "/token").st_mode)[-3:] == "600"


def studio_job():
    job = studio.paint(studio.picture())
    studio.wait(job)
    return job


def limits_hold():
    small = Studio("--max-pixels", "1", "--max-upload", "1", "--max-queue", "2")
    with small:
        assert small.form("/api/v1/pictures", [("kind", "photo"), ("file", "x", png(1200, 900))]).status == 413
        # refused by its head: whoever sends the body all the same may lose the answer with the connection
        big = small.raw((f"POST /api/v1/pictures HTTP/1.1\r\nHost: {small.host}:{small.port}\r\n"
                         f"Authorization: Bearer {small.token}\r\n"
                         f"Content-Type: image/png\r\nContent-Length: {(1 << 20) + 1}\r\n\r\n").encode())
        assert b" 413 " in big.split(b"\r\n")[0] and b'"bytes"' in big, big
        photo = small.picture()
        jobs = [small.json("POST", "/api/v1/jobs", {"photo": photo, "styles": ["night"],
                                                    "options": {"size": "300", "iterations": "10000"}}) for _ in range(8)]
        assert any(a.status == 429 and a.json()["code"] == "queue" for a in jobs)
        again = subprocess.run([DANQING, "serve", "--data", small.data, "--port", "0", "--no-open"], capture_output=True,
            text=True)
        assert again.returncode == 1 and "runs here already" in again.stderr
    busy = Studio("--rate", "5")
    with busy:
        answers = [busy.json("POST", "/api/v1/jobs", {}).status for _ in range(40)]
        assert 429 in answers and answers[0] == 422


# ---- what is told about itself ----

def the_description_is_the_truth():
    paths = studio.get("/api/v1/openapi.json", token=False).json()["paths"]
    with open(os.path.join(SOURCE, "studio", "api.c")) as file:
        routes = re.findall(r'\{"([A-Z]+)", "(/[^"]*)"', file.read())
    told = {(method.upper(), re.sub(r"\{\w+\}", "*", path)) for path,
        ways in paths.items() for method in ways if method != "parameters"}
    assert told == set(routes), told ^ set(routes)


def metrics_are_prometheus():
    text = studio.get("/metrics").body.decode()
    for line in text.splitlines():
        assert re.match(r"#|[a-z_]+(\{[a-z]+=\"[a-z0-9]+\"\})? -?\d+$", line), line
    assert 'danqing_jobs{state="finished"}' in text


def examples_of_the_page_run():
    """Every command in a ```sh block of docs/STUDIO.md that follows "<!-- tested -->" runs, one after the other."""
    for name in ("STUDIO.md", "STUDIO.zh-CN.md"):
        with open(os.path.join(SOURCE, "docs", name)) as file:
            blocks = re.findall(r"<!-- tested -->\s*```sh\n(.*?)```", file.read(), re.S)
        assert blocks, name
        script = "set -eu\n" + "\n".join(blocks)
        script = script.replace("http://127.0.0.1:8417", f"http://127.0.0.1:{studio.port}")
        folder = os.path.join(studio.folder, name)
        os.makedirs(folder)
        for file, seed in (("photo.jpg", 1), ("painting.jpg", 2)):
            with open(os.path.join(folder, file), "wb") as out:
                out.write(png(60, 60, seed))
        env = {**os.environ, "TOKEN": studio.token}
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
        with open(os.path.join(folder, "painting.png"), "rb") as result:
            assert result.read(4) == b"\x89PNG"


# ---- ends ----

def kills_lose_nothing():
    from crash import rounds
    rounds(3, quiet=True)


def old_results_are_deleted():
    job = studio_job()
    studio.stop()
    subprocess.run(["python3", "-c", "import sqlite3,sys\nd=sqlite3.connect(sys.argv[1]+'/studio.db')\n"
                    "d.execute(\"update jobs set ended=ended-3*86400000 where id=?\",(sys.argv[2],))\n"
                    "d.execute('alter table jobs drop column sketch')\nd.commit()", studio.data,
                    job],
                   check=True)
    studio.arguments = ("--keep-days", "2")
    studio.start()  # the store is one from before there were sketches
    assert studio.get("/api/v1/jobs").status == 200
    until = time.time() + 20
    while studio.get("/api/v1/jobs/" + job).status != 404:
        assert time.time() < until
        time.sleep(0.1)


def it_ends_in_order():
    photo = studio.picture(width=200, height=200)
    job = studio.paint(photo, size="200", iterations="100000")
    studio.wait(job, ("running",))
    begin = time.time()
    assert studio.stop() == 0 and time.time() - begin < 10
    studio.start()
    assert studio.wait(job, ("running",))["state"] == "running"


try:
    main([upload_paint_fetch, the_command_paints_the_same, events_tell_everything, pause_resume_finish_cancel,
        list_search_star_delete,
          masks_are_pictures, heic_is_taken_where_it_can_be, sketches_are_drawn, a_sketch_without_a_face_says_so,
          strangers_are_refused, other_sites_are_refused, pages_carry_their_guard, nothing_else_can_be_read,
          two_hundred_bad_requests, broken_http_is_survived, places_and_names_do_not_stay, limits_hold,
          the_description_is_the_truth,
          metrics_are_prometheus, examples_of_the_page_run, slow_and_silent_senders_are_sent_away, kills_lose_nothing,
          old_results_are_deleted, it_ends_in_order])
finally:
    studio.close()
