/* SPDX-License-Identifier: MIT
 * studio/web/mask.js: a brush on the photo; what is brushed becomes white in a picture of its own, which the job gets as `mask`
 * (paint here only) or `content-mask` (keep this). */
import * as api from "./api.js";
import { dialog, h } from "./dom.js";
import { upload } from "./shelf.js";
import { t } from "./words.js";

class Board {
  constructor(photo) {
    const scale = Math.min(1, 720 / Math.max(photo.width, photo.height));
    this.width = Math.max(1, Math.round(photo.width * scale));
    this.height = Math.max(1, Math.round(photo.height * scale));
    this.canvas = h("canvas", { width: this.width, height: this.height, class: "brush", tabIndex: 0 });
    this.pen = this.canvas.getContext("2d");
    this.pen.lineCap = this.pen.lineJoin = "round";
    this.pen.strokeStyle = "#b23a24";
    this.size = 60;
    this.rub = false;
    this.last = null;
    this.cursor = [this.width / 2, this.height / 2];
    this.listen();
  }

  listen() {
    const c = this.canvas;
    c.addEventListener("pointerdown", (e) => {
      c.setPointerCapture(e.pointerId);
      this.last = this.at(e);
      this.line(this.last, this.last);
    });
    c.addEventListener("pointermove", (e) => {
      if (!this.last) return;
      const next = this.at(e);
      this.line(this.last, next);
      this.last = next;
    });
    for (const end of ["pointerup", "pointercancel"]) c.addEventListener(end, () => (this.last = null));
    c.addEventListener("keydown", (e) => this.key(e));
  }

  /* Arrows draw from the middle of the picture; with the shift key they only move. */
  key(e) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (!step) return;
    e.preventDefault();
    const by = this.size / 3,
      from = this.cursor;
    this.cursor = [
      Math.min(this.width, Math.max(0, from[0] + step[0] * by)),
      Math.min(this.height, Math.max(0, from[1] + step[1] * by)),
    ];
    if (!e.shiftKey) this.line(from, this.cursor);
  }

  at(e) {
    const box = this.canvas.getBoundingClientRect();
    return [((e.clientX - box.left) / box.width) * this.width, ((e.clientY - box.top) / box.height) * this.height];
  }

  line(a, b) {
    this.pen.globalCompositeOperation = this.rub ? "destination-out" : "source-over";
    this.pen.lineWidth = this.size;
    this.pen.beginPath();
    this.pen.moveTo(...a);
    this.pen.lineTo(b[0] + 0.01, b[1]);
    this.pen.stroke();
  }

  invert() {
    this.pen.globalCompositeOperation = "xor";
    this.pen.fillStyle = "#b23a24";
    this.pen.fillRect(0, 0, this.width, this.height);
  }

  clear() {
    this.pen.clearRect(0, 0, this.width, this.height);
  }

  /* White where it was brushed, black elsewhere, with the soft edge of the brush. */
  picture() {
    const out = h("canvas", { width: this.width, height: this.height }),
      pen = out.getContext("2d");
    const from = this.pen.getImageData(0, 0, this.width, this.height),
      to = pen.createImageData(this.width, this.height);
    for (let i = 0; i < from.data.length; i += 4) {
      to.data[i] = to.data[i + 1] = to.data[i + 2] = from.data[i + 3];
      to.data[i + 3] = 255;
    }
    pen.putImageData(to, 0, 0);
    return new Promise((resolve) => out.toBlob((blob) => resolve(new File([blob], "mask.png", { type: "image/png" }))));
  }
}

/* {option: "mask" | "content-mask", id} when one was made, null to go without, undefined for no change. */
export async function paintMask(photo, kinds) {
  const board = new Board(photo);
  let option = kinds[0];
  const chosen = await dialog(
    t("mask-title"),
    (body, close) => {
      const says = h("p", {}, t("mask-text"));
      const pick = h(
        "fieldset",
        { class: "pick" },
        kinds.map((k) =>
          h(
            "label",
            {},
            h("input", {
              type: "radio",
              name: "mask-kind",
              checked: k === option,
              onchange: () => {
                option = k;
                says.textContent = t(k === "mask" ? "mask-text" : "mask-keep-text");
              },
            }),
            h("span", {}, t(k === "mask" ? "mask-paint" : "mask-keep")),
          ),
        ),
      );
      const size = h("input", {
        type: "range",
        min: "8",
        max: "200",
        value: String(board.size),
        "aria-label": t("brush"),
        oninput: (e) => (board.size = Number(e.target.value)),
      });
      const rub = h(
        "label",
        { class: "switch" },
        h("input", { type: "checkbox", onchange: (e) => (board.rub = e.target.checked) }),
        h("span", {}, t("rub")),
      );
      const photoImage = h("img", { src: api.pictureUrl(photo.id, "view"), alt: t("photo_alt") });
      board.canvas.setAttribute("aria-label", t("brush"));
      const button = (key, f, name = "") => h("button", { type: "button", class: name, onclick: f }, t(key));
      body.append(
        says,
        pick,
        h("div", { class: "board" }, photoImage, board.canvas),
        h(
          "div",
          { class: "row" },
          h("label", { class: "brush-size" }, h("span", {}, t("brush")), size),
          rub,
          button("invert", () => board.invert()),
          button("clear", () => board.clear()),
        ),
        h(
          "div",
          { class: "row end" },
          button("no-mask", () => close("none")),
          button("use", () => close("use"), "primary"),
        ),
      );
    },
    true,
  );
  if (chosen === "none") return null;
  if (chosen !== "use") return undefined;
  const row = await upload(await board.picture(), "mask", "mask");
  return row ? { option, id: row.id } : undefined;
}
