/* SPDX-License-Identifier: MIT
 * studio/web/app.js: puts the parts of the page together: what is chosen, what is painted, which view is seen. Start here. */
import * as api from "./api.js";
import { $, dialog, h, icon, note } from "./dom.js";
import { askSweep, Gallery, showGrid } from "./gallery.js";
import { paintMask } from "./mask.js";
import { Settings } from "./settings.js";
import { Shelf } from "./shelf.js";
import { Sketches } from "./sketch.js";
import { Stage } from "./stage.js";
import { fillWords, language, nameOf, setLanguage, t } from "./words.js";

const jobs = new Map(); /* all that this page has seen, by id */
let table, shelf, settings, sketches, stage, gallery;
let seen = null; /* id of the job on the easel, null for the photo alone */
let asking = false; /* the dialog for the token is open */

/* ---- language and theme ------------------------------------------------------------------------------------------ */

function applyLanguage(name) {
  setLanguage(name);
  localStorage.setItem("language", language());
  fillWords();
  $("language").textContent = t("language-short");
  if (!settings) return;
  settings.show(maskButton());
  sketches.show();
  shelf.show();
  stage.show();
  gallery.show();
  refresh();
}

function applyTheme(name) {
  const dark = name ? name === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").replaceChildren(icon(dark ? "sun" : "moon"));
}

function listenCorner() {
  $("language").addEventListener("click", () => applyLanguage(language() === "zh" ? "en" : "zh"));
  $("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", next);
    applyTheme(next);
  });
}

/* ---- views ------------------------------------------------------------------------------------------------------- */

async function route() {
  const hash = location.hash.slice(1),
    id = hash.startsWith("job-") ? hash.slice(4) : null;
  const inGallery = hash === "gallery";
  if (hash === "sketch" || hash === "paint") showMode(hash === "sketch");
  $("view-paint").hidden = inGallery;
  $("view-gallery").hidden = !inGallery;
  tellMode(inGallery);
  $("tab-gallery").setAttribute("aria-current", inGallery ? "page" : "false");
  if (inGallery) await gallery.load();
  else if (id) await openJob(id);
}

/* Sketching shares photo, picture and gallery with painting. */
function showMode(sketching) {
  $("view-paint").classList.toggle("sketching", sketching);
  tellMode(location.hash === "#gallery");
}

const isSketching = () => $("view-paint").classList.contains("sketching");

function tellMode(inGallery) {
  const sketching = isSketching();
  $("tab-paint").setAttribute("aria-current", inGallery || sketching ? "false" : "page");
  $("tab-sketch").setAttribute("aria-current", !inGallery && sketching ? "page" : "false");
}

async function openJob(id) {
  try {
    const job = await api.job(id);
    showMode(Boolean(job.sketch));
    jobs.set(id, job);
    const { jobs: batch } = await api.jobs({ batch: job.batch, limit: 60 });
    for (const other of batch) if (other.id !== id) jobs.set(other.id, { ...jobs.get(other.id), ...other });
    see(id);
  } catch (e) {
    note(e.message, true);
  }
}

function see(id) {
  seen = id;
  refresh();
}

/* The batch of the job on the easel, in the order in which it is painted. */
function batchOf(job) {
  return [...jobs.values()].filter((j) => j.batch === job.batch).sort((a, b) => a.number - b.number);
}

function refresh() {
  const job = seen ? jobs.get(seen) : null;
  const waiting = [...jobs.values()].filter(
    (j) => j.state === "running" || (j.state === "queued" && job && j.number < job.number),
  );
  stage.setJob(job ?? null, job ? batchOf(job) : [], waiting.filter((j) => j.id !== job?.id).length);
  $("view-paint").classList.toggle("busy", Boolean(job));
  tellPaint();
}

/* ---- painting ---------------------------------------------------------------------------------------------------- */

function combinations(sweep) {
  const photos = shelf.batchPhotos.length ? shelf.batchPhotos : [shelf.photo];
  const sets = shelf.mode === "blend" || shelf.chosen.length < 2 ? [shelf.chosen] : shelf.chosen.map((s) => [s]);
  if (sweep) return sweep.map((options) => ({ photo: photos[0].id, styles: [shelf.chosen[0]], options }));
  return photos.flatMap((p) => sets.map((styles) => ({ photo: p.id, styles, options: {} })));
}

/* "photo · painting + painting", in the language of the page. */
function titleOf(item) {
  const photo = shelf.batchPhotos.find((p) => p.id === item.photo) ?? shelf.photo;
  const styles = item.styles.map((id) => nameOf(shelf.styles.find((s) => s.id === id)));
  return `${nameOf(photo)} · ${styles.join(" + ")}`;
}

function tellPaint() {
  const n = shelf.photo && shelf.chosen.length ? combinations().length : 1;
  $("paint").firstElementChild.textContent = n > 1 ? t("paint-n", { n }) : t("paint");
  $("mode").hidden = shelf.chosen.length < 2;
}

async function paint(sweep = null) {
  if (!shelf.photo) return missing("choose-photo", "photo-drop");
  if (!shelf.chosen.length) return missing("choose-style", "shelf");
  const list = combinations(sweep),
    batch = "b" + Date.now().toString(36) + Math.random().toString(36).slice(2, 8);
  const shared = { ...settings.values };
  let first = null;
  for (const item of list) {
    try {
      const job = await api.addJob({
        ...item,
        title: titleOf(item),
        options: { ...shared, ...item.options },
        ...(list.length > 1 && { batch }),
      });
      if (!jobs.has(job.id)) jobs.set(job.id, job); /* its first event may have been quicker */
      first ??= job.id;
      if (first === job.id) (history.replaceState(null, "", "#paint"), see(first));
    } catch (e) {
      note(e.message, true);
      break;
    }
  }
  refresh();
  if (first && matchMedia("(max-width: 899px)").matches) $("easel").scrollIntoView({ block: "start" });
}

/* Every photo that is chosen, drawn. */
async function draw() {
  if (!shelf.photo) return missing("choose-photo", "photo-drop");
  const photos = shelf.batchPhotos.length ? shelf.batchPhotos : [shelf.photo],
    batch = "s" + Date.now().toString(36) + Math.random().toString(36).slice(2, 8),
    sketch = sketches.asked();
  let first = null;
  for (const photo of photos) {
    try {
      const title = `${nameOf(photo)} · ${sketches.nameOf(sketch)}`;
      const job = await api.addJob({ photo: photo.id, sketch, title, ...(photos.length > 1 && { batch }) });
      if (!jobs.has(job.id)) jobs.set(job.id, job);
      first ??= job.id;
      if (first === job.id) (history.replaceState(null, "", "#sketch"), see(first));
    } catch (e) {
      note(e.message, true);
      break;
    }
  }
  refresh();
  if (first && matchMedia("(max-width: 899px)").matches) $("easel").scrollIntoView({ block: "start" });
}

function missing(key, where) {
  note(t(key), true);
  $(where).classList.remove("nudge");
  requestAnimationFrame(() => $(where).classList.add("nudge"));
  ($(where).querySelector("button, label.button") ?? $(where)).focus();
}

async function sweep() {
  if (!shelf.photo) return missing("choose-photo", "photo-drop");
  if (!shelf.chosen.length) return missing("choose-style", "shelf");
  const list = await askSweep(table);
  if (list?.length) await paint(list);
}

/* The settings, photo and paintings of a job once more. */
async function again(job) {
  try {
    const photo = await api.picture(job.photo);
    shelf.setPhoto(photo);
    showMode(Boolean(job.sketch));
    if (job.sketch) sketches.take(job.sketch);
    else {
      shelf.choose(job.styles);
      settings.load(job.options);
    }
    note(t("again-hint"));
    $(job.sketch ? "draw" : "paint").focus();
  } catch (e) {
    note(e.message, true);
  }
}

async function favourite(job) {
  try {
    jobs.set(job.id, await api.editJob(job.id, { favourite: !job.favourite }));
    refresh();
  } catch (e) {
    note(e.message, true);
  }
}

/* ---- the mask ---------------------------------------------------------------------------------------------------- */

function maskButton() {
  const kinds = ["mask", "content-mask"].filter((k) => settings.rows.has(k));
  if (!kinds.length) return null;
  const used = kinds.some((k) => settings.values[k]);
  return h(
    "button",
    {
      type: "button",
      "aria-pressed": String(used),
      onclick: async () => {
        if (!shelf.photo) return missing("choose-photo", "photo-drop");
        const mask = await paintMask(shelf.photo, kinds);
        if (mask === undefined) return;
        for (const k of kinds) delete settings.values[k];
        if (mask) settings.values[mask.option] = mask.id;
        settings.show(maskButton());
      },
    },
    t(used ? "mask-on" : "mask"),
  );
}

/* A mask belongs to one photo. */
function dropMask() {
  if (!settings?.values.mask && !settings?.values["content-mask"]) return;
  delete settings.values.mask;
  delete settings.values["content-mask"];
  settings.show(maskButton());
}

/* ---- what the server tells --------------------------------------------------------------------------------------- */

function onJob(job) {
  const before = jobs.get(job.id);
  jobs.set(job.id, job);
  gallery.update(job);
  const mine = seen && (job.id === seen || job.batch === jobs.get(seen)?.batch);
  if (mine || (seen && before?.state !== job.state)) refresh();
  if (mine && ended(job) && before && !ended(before)) afterFinish(job);
}

const ended = (job) => ["finished", "failed", "cancelled"].includes(job.state);

/* When the last of a grid has ended, the grid is shown. */
function afterFinish(job) {
  const batch = batchOf(job);
  const grid = !job.sketch && batch.length > 3 && new Set(batch.map((j) => j.photo + j.styles.join())).size === 1;
  if (grid && batch.every(ended) && !$("dialog").open && location.hash !== "#gallery") showGrid(batch);
}

function onGone(id) {
  jobs.delete(id);
  gallery.gone(id);
  if (seen === id) see(null);
}

let lostNote = null;
const stream = {
  job: onJob,
  gone: onGone,
  lost: () => (lostNote ??= note(t("lost"), true, 0)),
  back: async () => {
    lostNote?.remove();
    lostNote = null;
    note(t("back"));
    await loadActive();
  },
};

async function loadActive() {
  const { jobs: list } = await api.jobs({ limit: 60 });
  for (const job of list) jobs.set(job.id, { ...jobs.get(job.id), ...job });
  if (!seen) {
    const running = list.find((j) => j.state === "running") ?? list.find((j) => j.state === "queued" || j.state === "paused");
    if (running) seen = running.id;
  }
  refresh();
}

/* ---- beginning --------------------------------------------------------------------------------------------------- */

async function askToken() {
  if (asking) return;
  asking = true;
  const token = await dialog(t("token-title"), (body, close) => {
    const field = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
    const form = h(
      "form",
      {
        onsubmit: (e) => {
          e.preventDefault();
          close(field.value.trim());
        },
      },
      h("p", {}, t("token-text")),
      h("div", { class: "field" }, h("label", { for: "token" }, t("token")), field),
      h("div", { class: "row end" }, h("button", { class: "primary" }, t("enter"))),
    );
    body.append(form);
  });
  asking = false;
  try {
    await api.session(token ?? "");
    location.reload();
  } catch (e) {
    note(e.message, true);
  }
}

function shortcuts(e) {
  if ($("dialog").open || /^(input|select|textarea)$/i.test(e.target.tagName) || e.ctrlKey || e.metaKey || e.altKey) return;
  const job = seen && jobs.get(seen);
  const act = {
    p: () => (isSketching() ? draw() : paint()),
    g: () => (location.hash = location.hash !== "#gallery" ? "#gallery" : isSketching() ? "#sketch" : "#paint"),
    f: () => job?.state === "finished" && favourite(job),
  }[e.key];
  if (act) {
    e.preventDefault();
    act();
  }
}

async function begin() {
  applyTheme(localStorage.getItem("theme"));
  listenCorner();
  setLanguage(localStorage.getItem("language") ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en"));
  applyLanguage(language());
  api.whenStranger(askToken);
  table = await api.options();
  stage = new Stage({
    again,
    favourite,
    show: (job) => {
      const known = jobs.get(job.id);
      if (!known || known.change < job.change) jobs.set(job.id, { ...known, ...job });
      see(job.id);
    },
  });
  gallery = new Gallery({ open: openJob, removed: onGone });
  sketches = new Sketches(table.sketches, () => shelf.photo);
  let last = null;
  shelf = new Shelf(() => {
    if (shelf?.photo && shelf.photo.id !== last) {
      if (last) (dropMask(), sketches.forgetEyes());
      last = shelf.photo.id;
      const job = seen && jobs.get(seen);
      if (job && job.photo !== last) seen = null;
      stage.setPhoto(shelf.photo);
    }
    if (shelf) refresh();
  });
  settings = new Settings(table, () => localStorage.setItem("settings", JSON.stringify(keepable(settings.values))));
  settings.values = keepable(JSON.parse(localStorage.getItem("settings") ?? "{}"));
  settings.show(maskButton());
  $("paint").addEventListener("click", () => paint());
  $("sweep").addEventListener("click", sweep);
  $("draw").addEventListener("click", draw);
  document.addEventListener("keydown", shortcuts);
  stage.show();
  await shelf.load();
  await sketches.load();
  await loadActive();
  api.watch(stream);
  addEventListener("hashchange", route);
  await route();
  document.body.dataset.ready = "true";
}

/* Masks are of one photo and options may have gone: neither is kept for the next visit. */
function keepable(values) {
  const known = Object.entries(values).filter(([k]) => !k.includes("mask") && table.options.some((o) => o.name === k));
  return Object.fromEntries(known);
}

begin().catch((e) => e.status === 401 || note(e.message, true, 0));
