/* SPDX-License-Identifier: MIT
 * studio/web/shelf.js: the photo and the paintings: chosen, dropped, pasted, taken with the camera, removed. */
import * as api from "./api.js";
import { takePhoto } from "./camera.js";
import { $, ask, h, icon, note } from "./dom.js";
import { nameOf, t } from "./words.js";

/* Sends a file; a note says so while it takes long. */
export async function upload(file, kind, name) {
  const shown = note(t("uploading", { name: file.name ?? t("photo") }), false, 0);
  try {
    return await api.addPicture(file, kind, name);
  } catch (e) {
    note(e.message, true);
    return null;
  } finally {
    shown.remove();
  }
}

export class Shelf {
  constructor(changed) {
    this.changed = changed;
    this.photo = null;
    this.styles = [];
    this.chosen = [];
    this.batchPhotos = [];
    this.listen();
  }

  get mode() {
    return document.querySelector("input[name=mode]:checked").value;
  }

  listen() {
    $("photo-file").addEventListener("change", (e) => this.addPhotos([...e.target.files]).then(() => (e.target.value = "")));
    $("style-file").addEventListener("change", (e) => this.addStyles([...e.target.files]).then(() => (e.target.value = "")));
    $("photo-sample").addEventListener("click", () => this.nextSample());
    $("camera").addEventListener("click", () => takePhoto().then((file) => file && this.addPhotos([file])));
    for (const e of document.querySelectorAll("input[name=mode]")) e.addEventListener("change", () => this.changed());
    document.addEventListener("paste", (e) => this.onPaste(e));
    document.addEventListener("dragover", (e) => this.onDrag(e, true));
    document.addEventListener("dragleave", (e) => e.relatedTarget || this.onDrag(e, false));
    document.addEventListener("drop", (e) => this.onDrop(e));
  }

  static files(data) {
    return [...(data?.files ?? [])].filter((f) => f.type.startsWith("image/") || /\.(jpe?g|png|webp|hei[cf])$/i.test(f.name));
  }

  onPaste(e) {
    const files = Shelf.files(e.clipboardData);
    if (files.length) this.addPhotos(files);
  }

  onDrag(e, over) {
    e.preventDefault();
    document.body.classList.toggle("dragging", over);
  }

  onDrop(e) {
    this.onDrag(e, false);
    const files = Shelf.files(e.dataTransfer);
    if (!files.length) return;
    if (e.target.closest?.(".shelf-card")) this.addStyles(files);
    else this.addPhotos(files);
  }

  /* Several photos at once are a batch: each is painted. */
  async addPhotos(files) {
    const rows = (await Promise.all(files.slice(0, 40).map((f) => upload(f, "photo")))).filter(Boolean);
    if (!rows.length) return;
    this.batchPhotos = rows.length > 1 ? rows : [];
    this.setPhoto(rows[0], true);
  }

  async addStyles(files) {
    for (const row of (await Promise.all(files.slice(0, 16).map((f) => upload(f, "style")))).filter(Boolean)) {
      this.styles.unshift(row);
      this.chosen = [row.id];
      note(t("style-added", { name: row.name }));
    }
    this.show();
    this.changed();
  }

  async nextSample() {
    const rows = (await api.pictures("photo")).pictures.filter((p) => p.builtin).sort((a, b) => (a.id < b.id ? -1 : 1));
    const at = rows.findIndex((p) => p.id === this.photo?.id);
    this.batchPhotos = [];
    if (rows.length) this.setPhoto(rows[(at + 1) % rows.length]);
  }

  setPhoto(row, keepBatch = false) {
    if (!keepBatch) this.batchPhotos = [];
    this.photo = row;
    localStorage.setItem("photo", row.id);
    const small = $("photo-small");
    small.src = api.pictureUrl(row.id, "view");
    small.alt = t("photo_alt") + ": " + nameOf(row);
    small.hidden = false;
    $("photo-hint").hidden = true;
    $("photo-drop").classList.add("filled");
    this.changed();
  }

  choose(ids) {
    this.chosen = ids.filter((id) => this.styles.some((s) => s.id === id));
    localStorage.setItem("styles", JSON.stringify(this.chosen));
    this.show();
    this.changed();
  }

  toggle(id) {
    this.choose(this.chosen.includes(id) ? this.chosen.filter((c) => c !== id) : [...this.chosen, id].slice(-16));
  }

  async load() {
    this.styles = (await api.pictures("style")).pictures;
    const kept = JSON.parse(localStorage.getItem("styles") ?? "[]");
    this.chosen = kept.filter((id) => this.styles.some((s) => s.id === id));
    const id = localStorage.getItem("photo");
    if (id)
      await api.picture(id).then(
        (row) => this.setPhoto(row),
        () => localStorage.removeItem("photo"),
      );
    this.show();
    this.changed();
  }

  async remove(style) {
    if (!(await ask(t("delete-style", { name: style.name }) + "?", t("delete"), t("keep")))) return;
    try {
      await api.deletePicture(style.id);
      this.styles = this.styles.filter((s) => s.id !== style.id);
      this.choose(this.chosen);
    } catch (e) {
      note(e.message, true);
    }
  }

  tile(style) {
    const on = this.chosen.includes(style.id);
    const image = h("img", { src: api.pictureUrl(style.id, "thumb"), alt: "", loading: "lazy" });
    const button = h(
      "button",
      { type: "button", class: "tile", "aria-pressed": String(on), "data-id": style.id, onclick: () => this.toggle(style.id) },
      image,
      h("span", {}, nameOf(style)),
    );
    if (style.builtin) return h("div", { class: "slot" }, button);
    const x = h(
      "button",
      {
        type: "button",
        class: "plain icon remove",
        "aria-label": t("delete-style", { name: style.name }),
        onclick: () => this.remove(style),
      },
      icon("close"),
    );
    return h("div", { class: "slot" }, button, x);
  }

  show() {
    const focus = document.activeElement?.dataset?.id;
    $("shelf").replaceChildren(...this.styles.map((s) => this.tile(s)));
    if (focus) $("shelf").querySelector(`[data-id="${focus}"]`)?.focus();
    $("mode").hidden = this.chosen.length < 2;
  }
}
