/* SPDX-License-Identifier: MIT
 * studio/web/dom.js: elements in few words, notes that fade, and the one dialog. Text is always set as text, never as HTML. */
import { t } from "./words.js";

export const $ = (id) => document.getElementById(id);

/* h("button", {class: "x", onclick: f, aria-label: "…"}, child, …) */
export function h(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (key in e && typeof value !== "string") e[key] = value;
    else e.setAttribute(key, value === true ? "" : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

const shapes = {
  star: "M12 3l2.7 5.8 6.3.8-4.6 4.3 1.2 6.2L12 17l-5.6 3.1 1.2-6.2L3 9.6l6.3-.8z",
  close: "M6 6l12 12M18 6L6 18",
  sun:
    "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7l1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2l-1.4-1.4" +
    "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  path.setAttribute("d", shapes[name]);
  svg.append(path);
  return svg;
}

/* A note that goes by itself; returns it, for one that ends earlier. */
export function note(text, wrong = false, seconds = 6) {
  const e = h("p", { class: wrong ? "note wrong" : "note" }, text);
  $("notes").append(e);
  if (seconds) setTimeout(() => e.remove(), seconds * 1000);
  return e;
}

/* Shows a dialog with a title; `fill(body, close)` makes its inside. Resolves with what close() is given. */
export function dialog(title, fill, wide = false) {
  const d = $("dialog");
  return new Promise((resolve) => {
    let answer;
    const close = (value) => {
      answer = value;
      d.close();
    };
    const head = h("h2", { id: "dialog-title" }, title);
    const body = h("div", { class: "inside" });
    const x = h(
      "button",
      { type: "button", class: "plain icon", "aria-label": t("close"), onclick: () => close() },
      icon("close"),
    );
    d.className = wide ? "wide" : "";
    d.setAttribute("aria-labelledby", "dialog-title");
    d.replaceChildren(h("div", { class: "head" }, head, x), body);
    d.addEventListener(
      "close",
      () => {
        d.replaceChildren();
        resolve(answer);
      },
      { once: true },
    );
    fill(body, close);
    d.showModal();
  });
}

export function ask(text, yes, no) {
  return dialog(text, (body, close) => {
    body.append(
      h(
        "div",
        { class: "row end" },
        h("button", { type: "button", onclick: () => close(false) }, no),
        h("button", { type: "button", class: "danger", onclick: () => close(true) }, yes),
      ),
    );
  });
}
