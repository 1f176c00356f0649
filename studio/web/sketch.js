/* SPDX-License-Identifier: MIT
 * studio/web/sketch.js: sketches: folders with an artist's pairs, the methods that draw from them, and where the eyes are. */
import * as api from "./api.js";
import { $, ask, dialog, h, icon, note } from "./dom.js";
import { t } from "./words.js";

const stem = (file) => file.name.replace(/\.[^.]*$/, "");

export class Sketches {
  /* methods: rows of /options; photo(): the photo that is chosen. */
  constructor(methods, photo) {
    this.methods = methods;
    this.photo = photo;
    this.folders = [];
    this.chosen = localStorage.getItem("folder") ?? "";
    this.values = {};
    this.method = this.chosen ? "mwf" : "lines";
    $("new-folder").addEventListener("click", () => this.create());
  }

  async load() {
    this.folders = (await api.folders()).folders;
    if (!this.folders.some((f) => f.id === this.chosen)) this.choose("");
    this.show();
  }

  choose(id) {
    this.chosen = id;
    localStorage.setItem("folder", id);
    if (!id) this.method = "lines";
    else if (this.method === "lines") this.method = "mwf";
    this.show();
  }

  row() {
    return this.methods.find((m) => m.name === this.method);
  }

  /* What is asked of the server: only settings that the method has. */
  asked() {
    const has = this.row().settings;
    const values = Object.entries(this.values).filter(([k, v]) => v !== "" && has.includes(k));
    return { method: this.method, ...(this.row().pairs && { folder: this.chosen }), ...Object.fromEntries(values) };
  }

  /* From a job, for "same again". */
  take({ method, folder = "", ...values }) {
    this.chosen = this.folders.some((f) => f.id === folder) ? folder : "";
    this.method = this.chosen || method === "lines" ? method : "lines";
    this.values = values;
    this.show();
  }

  nameOf(sketch) {
    return this.folders.find((f) => f.id === sketch.folder)?.name ?? t("sketch");
  }

  /* ---- folders ---- */

  async create() {
    const name = await dialog(t("new-folder"), (body, close) => {
      const field = h("input", { type: "text", id: "folder-name", required: true, maxLength: 80 });
      const form = h(
        "form",
        {
          onsubmit: (e) => {
            e.preventDefault();
            close(field.value.trim());
          },
        },
        h("div", { class: "field" }, h("label", { for: "folder-name" }, t("folder-name")), field),
        h("div", { class: "row end" }, h("button", { class: "primary" }, t("folder-add"))),
      );
      body.append(form);
    });
    if (!name) return;
    try {
      const folder = await api.addFolder(name);
      await this.load();
      this.choose(folder.id);
      await this.edit(folder);
    } catch (e) {
      note(e.message, true);
    }
  }

  /* Sends every photo with the sketch of the same name. */
  async send(folder, photos, sketches) {
    const lonely = [];
    let added = 0;
    for (const photo of photos) {
      const sketch = sketches.find((s) => stem(s) === stem(photo));
      if (!sketch) {
        lonely.push(photo.name);
        continue;
      }
      try {
        await api.addPair(folder.id, photo, sketch, stem(photo));
        added++;
      } catch (e) {
        note(`${photo.name}: ${e.message}`, true, 12);
      }
    }
    if (lonely.length) note(t("pairs-unmatched", { names: lonely.slice(0, 5).join(", ") }), true, 12);
    note(t("pairs-added", { n: added }));
  }

  picker(id, key) {
    const field = h("input", { type: "file", id, accept: "image/jpeg,image/png,image/webp", multiple: true });
    return { field, all: h("div", { class: "field" }, h("label", { for: id }, t(key)), field) };
  }

  tile(pair, again) {
    const remove = async () => {
      await api.deletePair(pair.id).catch((e) => note(e.message, true));
      await again();
    };
    const label = t("pair-delete", { name: pair.name });
    return h(
      "figure",
      {},
      h("img", { src: api.pairUrl(pair.id), alt: pair.name, loading: "lazy" }),
      h("figcaption", {}, pair.name),
      h("button", { type: "button", class: "plain icon", "aria-label": label, onclick: remove }, icon("close")),
    );
  }

  async edit(folder) {
    const end = await dialog(
      t("folder-edit", { name: folder.name }),
      (body, close) => {
        const pairs = h("div", { class: "pairs" });
        const photos = this.picker("pair-photos", "folder-photos"),
          sketches = this.picker("pair-sketches", "folder-sketches");
        const again = async () => {
          const { pairs: list } = await api.folder(folder.id);
          pairs.replaceChildren(...list.map((p) => this.tile(p, again)));
        };
        const add = h("button", { type: "button", class: "primary", id: "pairs-add" }, t("folder-add"));
        add.addEventListener("click", async () => {
          add.disabled = true;
          await this.send(folder, [...photos.field.files], [...sketches.field.files]);
          photos.field.value = sketches.field.value = "";
          add.disabled = false;
          await again();
        });
        const remove = h("button", { type: "button", class: "danger", onclick: () => close("delete") }, t("folder-delete"));
        body.append(pairs, photos.all, sketches.all, h("div", { class: "row end" }, remove, add));
        again().catch((e) => note(e.message, true));
      },
      true,
    );
    if (end === "delete" && (await ask(t("folder-sure", { name: folder.name }), t("delete"), t("keep"))))
      await api.deleteFolder(folder.id).catch((e) => note(e.message, true));
    await this.load();
  }

  folder(folder) {
    const on = folder.id === this.chosen;
    const pick = h(
      "button",
      { type: "button", "aria-pressed": String(on), "data-folder": folder.id, onclick: () => this.choose(folder.id) },
      h("span", {}, folder.name),
      folder.id ? h("span", {}, t("pairs-n", { n: folder.pairs })) : "",
    );
    const edit = h(
      "button",
      { type: "button", "aria-label": t("folder-edit", { name: folder.name }), onclick: () => this.edit(folder) },
      "…",
    );
    return h("div", { class: "folder", "data-chosen": String(on) }, pick, folder.id ? edit : "");
  }

  /* ---- settings ---- */

  select(name, id, choices, value, change) {
    const e = h(
      "select",
      { id, onchange: () => change(e.value) },
      choices.map((c) => h("option", { value: c }, t(`${name}-${c}`))),
    );
    e.value = value;
    return h("div", { class: "field" }, h("label", { for: id }, t(name)), e);
  }

  steps() {
    const e = h("input", {
      id: "sketch-steps",
      type: "number",
      min: "20",
      max: "4000",
      value: this.values.steps ?? "1072",
      onchange: () => (this.values.steps = e.value),
    });
    const label = h("label", { for: "sketch-steps" }, t("steps-of"));
    return h("div", { class: "field" }, label, e, h("small", {}, t("steps-help")));
  }

  frame() {
    const e = h("input", {
      type: "checkbox",
      checked: this.values.frame === "on",
      onchange: () => (this.values.frame = e.checked ? "on" : ""),
    });
    const label = h("label", { class: "switch" }, e, h("span", {}, t("frame")));
    return h("div", { class: "field" }, label, h("small", {}, t("frame-help")));
  }

  eyes() {
    const set = Boolean(this.values.eyes);
    const press = () => this.askEyes();
    return h("button", { type: "button", "aria-pressed": String(set), onclick: press }, t(set ? "eyes-on" : "eyes"));
  }

  async askEyes() {
    const photo = this.photo();
    if (!photo) return note(t("choose-photo"), true);
    const guess = [0.38, 0.42, 0.62, 0.42].map((f, i) => Math.round(f * (i % 2 ? photo.height : photo.width)));
    const start = this.values.eyes?.split(",") ?? guess;
    const eyes = await dialog(
      t("eyes-title"),
      (body, close) => {
        const marks = [h("i", {}), h("i", {})];
        const fields = ["1x", "1y", "2x", "2y"].map((k, i) =>
          h("input", {
            type: "number",
            min: "0",
            max: String(i % 2 ? photo.height : photo.width),
            value: String(start[i]),
            "aria-label": t("eye-" + k),
            oninput: () => place(),
          }),
        );
        const place = () =>
          marks.forEach((m, i) => {
            m.style.left = `${(100 * fields[2 * i].value) / photo.width}%`;
            m.style.top = `${(100 * fields[2 * i + 1].value) / photo.height}%`;
          });
        let next = 0;
        const press = (e) => {
          const box = board.getBoundingClientRect();
          fields[2 * next].value = Math.round(((e.clientX - box.left) / box.width) * photo.width);
          fields[2 * next + 1].value = Math.round(((e.clientY - box.top) / box.height) * photo.height);
          next = 1 - next;
          place();
        };
        const image = h("img", { src: api.pictureUrl(photo.id, "view"), alt: t("photo_alt") });
        const board = h("div", { class: "eyes", onclick: press }, image, marks);
        const none = h("button", { type: "button", onclick: () => close("") }, t("eyes-none"));
        const take = () => close(fields.map((f) => f.value).join());
        const use = h("button", { type: "button", class: "primary", onclick: take }, t("use"));
        const end = h("div", { class: "row end" }, none, use);
        place();
        body.append(h("p", {}, t("eyes-text")), board, h("div", { class: "four" }, fields), end);
      },
      true,
    );
    if (eyes !== undefined) this.values.eyes = eyes;
    this.show();
  }

  /* Eyes are of one photo. */
  forgetEyes() {
    if (!this.values.eyes) return;
    delete this.values.eyes;
    this.show();
  }

  show() {
    const has = this.row().settings;
    const focus = document.activeElement?.dataset?.folder;
    const none = { id: "", name: t("no-folder") };
    $("folders").replaceChildren(...[none, ...this.folders].map((f) => this.folder(f)));
    if (focus !== undefined) $("folders").querySelector(`[data-folder="${focus}"]`)?.focus();
    const names = this.methods.filter((m) => m.pairs === Boolean(this.chosen)).map((m) => m.name);
    const change = (name) => {
      this.method = name;
      this.show();
      $("sketch-method").focus();
    };
    const ways = ["photo-to-sketch", "sketch-to-photo"];
    const turn = (way) => (this.values.direction = way);
    $("sketch-settings").replaceChildren(
      this.select("method", "sketch-method", names, this.method, change),
      has.includes("direction")
        ? this.select("direction", "sketch-direction", ways, this.values.direction ?? ways[0], turn)
        : "",
      has.includes("steps") ? this.steps() : "",
      has.includes("frame") ? this.frame() : "",
      has.includes("eyes") ? h("div", { class: "row" }, this.eyes()) : "",
    );
  }
}
