/* SPDX-License-Identifier: MIT
 * studio/web/api.js: everything that goes to the server and comes from it. */
import { has, t } from "./words.js";

const base = "/api/v1";

export class Problem extends Error {
  constructor(status, body) {
    const key = "problem-" + body.code;
    super(has(key) ? t(key) : body.detail || String(status));
    this.status = status;
    this.code = body.code;
  }
}

let onStranger = () => {};
export function whenStranger(f) {
  onStranger = f;
}

async function call(method, path, body, type) {
  const headers = type ? { "Content-Type": type } : {};
  const answer = await fetch(base + path, { method, body, headers });
  if (answer.ok) return answer.status === 204 || answer.status === 303 ? null : answer.json();
  const problem = new Problem(answer.status, await answer.json().catch(() => ({})));
  if (answer.status === 401) onStranger();
  throw problem;
}

const json = (method, path, object) => call(method, path, JSON.stringify(object), "application/json");

export const options = () => call("GET", "/options");
export const session = (token) => json("POST", "/session", { token });
export const pictures = (kind) => call("GET", `/pictures?kind=${kind}`);
export const picture = (id) => call("GET", `/pictures/${id}`);
export const deletePicture = (id) => call("DELETE", `/pictures/${id}`);
export const jobs = (query) => call("GET", "/jobs?" + new URLSearchParams(query));
export const job = (id) => call("GET", `/jobs/${id}`);
export const addJob = (object) => json("POST", "/jobs", object);
export const editJob = (id, object) => json("PATCH", `/jobs/${id}`, object);
export const askJob = (id, what) => call("POST", `/jobs/${id}/${what}`);
export const deleteJob = (id) => call("DELETE", `/jobs/${id}`);

export function addPicture(file, kind, name) {
  const form = new FormData();
  form.append("kind", kind);
  form.append("name", name ?? (file.name ?? kind).replace(/\.[^.]*$/, ""));
  form.append("file", file, file.name ?? "picture.png");
  return call("POST", "/pictures", form);
}

export const folders = () => call("GET", "/folders");
export const folder = (id) => call("GET", `/folders/${id}`);
export const addFolder = (name) => json("POST", "/folders", { name });
export const deleteFolder = (id) => call("DELETE", `/folders/${id}`);
export const deletePair = (id) => call("DELETE", `/pairs/${id}`);

export function addPair(folder, photo, sketch, name) {
  const form = new FormData();
  form.append("photo", photo, photo.name);
  form.append("sketch", sketch, sketch.name);
  form.append("name", name);
  return call("POST", `/folders/${folder}/pairs`, form);
}

export const pairUrl = (id) => `${base}/pairs/${id}/thumb`;
export const pictureUrl = (id, part) => `${base}/pictures/${id}/${part}`;
export const jobUrl = (id, part, query = "") => `${base}/jobs/${id}/${part}${query}`;

/* Watches all jobs: calls job(row), gone(id), and lost() and back() when the stream breaks and comes again. */
export function watch(calls, broken = false) {
  const source = new EventSource(base + "/events");
  source.addEventListener("job", (e) => calls.job(JSON.parse(e.data)));
  source.addEventListener("gone", (e) => calls.gone(JSON.parse(e.data).id));
  source.addEventListener("error", () => {
    if (!broken) calls.lost();
    broken = true;
    if (source.readyState === EventSource.CLOSED) setTimeout(() => watch(calls, true), 2000);
  });
  source.addEventListener("open", () => {
    if (broken) calls.back();
    broken = false;
  });
}
