/* SPDX-License-Identifier: MIT
 * studio/web/stage.js: the picture in the middle: the photo, and over it what has been painted so far, with a line between them
 * that can be moved; below it how far it is, and what can be done with it. */
import * as api from "./api.js";
import { $, h, icon, note } from "./dom.js";
import { duration, language, nameOf, t } from "./words.js";

const active = (job) => ["queued", "running", "paused"].includes(job.state);

/* The cost over the steps on a logarithmic scale, a line for each scale of the pyramid. */
function curve(points) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const width = 220,
    height = 40,
    good = points.filter((p) => p[1] > 0);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("class", "curve");
  svg.setAttribute("role", "img");
  if (good.length < 2) return svg;
  const logs = good.map((p) => Math.log(p[1])),
    low = Math.min(...logs),
    high = Math.max(...logs);
  const last = good[good.length - 1][0],
    first = good[0][0];
  const place = (p) => [
    ((p[0] - first) / Math.max(1, last - first)) * (width - 4) + 2,
    height - 3 - ((Math.log(p[1]) - low) / Math.max(1e-9, high - low)) * (height - 6),
  ];
  for (const scale of new Set(good.map((p) => p[2]))) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute(
      "points",
      good
        .filter((p) => p[2] === scale)
        .map((p) =>
          place(p)
            .map((v) => v.toFixed(1))
            .join(","),
        )
        .join(" "),
    );
    svg.append(line);
  }
  const short = (v) => Number(v.toPrecision(3));
  svg.setAttribute("aria-label", t("cost-label", { a: short(good[0][1]), b: short(good[good.length - 1][1]), n: last }));
  return svg;
}

export class Stage {
  constructor({ again, favourite, show }) {
    this.calls = { again, favourite, show };
    this.photo = null;
    this.job = null;
    this.jobs = [];
    this.shown = "";
    this.ahead = 0;
  }

  /* ---- the picture ---- */

  frame(photoId, width, height, alt) {
    const before = h("img", { class: "before", alt, src: api.pictureUrl(photoId, "view"), draggable: false });
    const after = h("div", { class: "after" });
    const line = h("div", { class: "line", "aria-hidden": "true" });
    const cut = h("input", {
      type: "range",
      class: "cut",
      min: "0",
      max: "100",
      value: "0",
      "aria-label": t("before"),
      oninput: () => figure.style.setProperty("--cut", cut.value + "%"),
    });
    const figure = h("figure", { class: "picture" }, before, after, line, cut);
    figure.style.setProperty("--ratio", width / height);
    figure.style.setProperty("--cut", "0%");
    this.figure = figure;
    this.after = after;
    this.shown = "";
    $("easel").replaceChildren(figure);
  }

  welcome() {
    $("easel").replaceChildren(
      h("div", { class: "welcome" }, h("p", { class: "big" }, t("welcome")), h("p", {}, t("welcome-hint"))),
    );
    $("told").replaceChildren();
  }

  setPhoto(photo) {
    this.photo = photo;
    if (!this.job) this.show();
  }

  /* What the job has of pictures: "" for none yet. */
  static address(job) {
    if (job.state === "finished") return api.jobUrl(job.id, "view");
    return job.preview > 0 && active(job) ? api.jobUrl(job.id, "preview", "?n=" + job.preview) : "";
  }

  /* Shows a picture when it is there whole, so that nothing flickers. */
  async load(address) {
    if (!address || address === this.shown || this.loading) return;
    this.loading = address;
    const job = this.job?.id,
      image = h("img", { src: address, alt: t("result_alt"), draggable: false });
    try {
      await image.decode();
    } catch {
      return;
    } finally {
      this.loading = null;
    }
    if (this.job?.id !== job || !this.after) return;
    this.shown = address;
    this.figure.classList.add("painted");
    image.classList.add("fresh");
    this.after.append(image);
    setTimeout(() => {
      while (this.after.children.length > 1 && this.after.firstChild !== image) this.after.firstChild.remove();
    }, 400);
    if (this.job && Stage.address(this.job) !== address) this.load(Stage.address(this.job));
  }

  /* ---- what is told ---- */

  stateText(job) {
    if (job.ask) return t({ pause: "pausing", finish: "ending", cancel: "cancelling" }[job.ask] ?? "painting");
    if (job.state === "queued") return t("waiting") + (this.ahead > 0 ? ", " + t("ahead", { n: this.ahead }) : "");
    if (job.state === "running" && job.sketch)
      return job.iterations ? t("training", { a: job.iteration, b: job.iterations }) : t("drawing");
    if (job.state === "running") return job.scale ? t("painting") : t("starting");
    if (job.state === "finished")
      return t(job.early ? "early" : "finished") + (job.seconds ? " " + t("took", { s: duration(job.seconds) }) : "");
    return t(job.state) + (job.state === "failed" && job.error ? ": " + job.error : "");
  }

  details(job) {
    const parts = [];
    if (job.state === "running" && job.scale) {
      if (!job.sketch) parts.push(t("scale", { a: job.scale, b: job.scales }));
      if (job.seconds_left > 0) parts.push(t("left", { s: duration(job.seconds_left) }));
    }
    if (job.width && job.state === "finished") parts.push(`${job.width} × ${job.height}`);
    if (job.cost) parts.push(`${t("cost")} ${Number(job.cost.toPrecision(3))}`);
    return parts.join(" · ");
  }

  button(key, act, name = "") {
    return h("button", { type: "button", class: name, "data-key": key, onclick: act }, t(key));
  }

  buttons(job) {
    const ask = (what) => () =>
      api.askJob(job.id, what).then(
        (j) => this.calls.show(j),
        (e) => note(e.message, true),
      );
    if (job.state === "running")
      return ["pause", ...(job.sketch ? [] : ["finish"]), "cancel"].map((what) => this.button(what, ask(what)));
    if (job.state === "paused") return [this.button("resume", ask("resume"), "primary"), this.button("cancel", ask("cancel"))];
    if (job.state === "queued") return [this.button("cancel", ask("cancel"))];
    const again = this.button("again", () => this.calls.again(job));
    if (job.state !== "finished") return [again];
    const star = h(
      "button",
      {
        type: "button",
        class: "icon star",
        "aria-pressed": String(job.favourite),
        "aria-label": t("favourite"),
        "data-key": "favourite",
        onclick: () => this.calls.favourite(job),
      },
      icon("star"),
    );
    const save = ["png", "jpeg", "webp"].map((f) =>
      h(
        "a",
        { class: "button", download: "", "data-key": f, href: api.jobUrl(job.id, "result", `?format=${f}&download=1`) },
        f === "jpeg" ? "JPEG" : f === "webp" ? "WebP" : "PNG",
      ),
    );
    return [
      star,
      h(
        "span",
        { class: "group", role: "group", "aria-label": t("download") },
        h("span", { class: "quiet" }, t("download")),
        save,
      ),
      again,
    ];
  }

  /* Told ten times a second: what can be pressed is made anew only when it changes, so that no press is lost. */
  tell() {
    const job = this.job;
    const key = [job.id, job.state, job.ask, job.favourite, language()].join();
    if (key !== this.toldKey || !this.parts) {
      const focus = document.activeElement?.dataset?.key;
      this.toldKey = key;
      this.parts = {
        bar: h("progress", { max: "1", value: "0", "aria-label": t("progress"), hidden: !active(job) }),
        state: h("p", { class: "state " + job.state }),
        curve: h("div", {}),
      };
      const { bar, state, curve: drawn } = this.parts;
      const actions = h("div", { class: "row actions" }, this.buttons(job));
      $("told").replaceChildren(bar, h("div", { class: "line-of-state" }, state, drawn), actions);
      if (focus) actions.querySelector(`[data-key="${focus}"]`)?.focus();
    }
    this.parts.bar.value = job.state === "finished" ? 1 : job.done;
    this.parts.state.replaceChildren(h("b", {}, this.stateText(job)), " ", h("span", { class: "quiet" }, this.details(job)));
    this.parts.curve.replaceChildren(job.curve?.length > 1 ? curve(job.curve) : "");
  }

  /* ---- the strip of this round ---- */

  mini(job) {
    const image = h("img", { alt: "", hidden: true });
    const bar = h("progress", { max: "1", value: "0", "aria-hidden": "true" });
    const button = h("button", { type: "button", "data-job": job.id, onclick: () => this.calls.show(job) }, image, bar);
    return { button, image, bar };
  }

  strip() {
    const e = $("strip");
    e.hidden = this.jobs.length < 2;
    const ids = this.jobs.map((j) => j.id).join();
    if (ids !== this.stripIds) {
      this.stripIds = ids;
      this.minis = new Map(this.jobs.map((j) => [j.id, this.mini(j)]));
      e.replaceChildren(...[...this.minis.values()].map((m) => m.button));
    }
    for (const job of this.jobs) {
      const { button, image, bar } = this.minis.get(job.id);
      const address = job.state === "finished" ? api.jobUrl(job.id, "thumb") : Stage.address(job);
      button.className = "mini " + job.state;
      button.setAttribute("aria-current", String(job.id === this.job?.id));
      button.setAttribute("aria-label", t("open", { title: job.title }));
      image.hidden = !address;
      if (address && image.getAttribute("src") !== address) image.src = address;
      bar.hidden = !active(job);
      bar.value = job.done;
    }
  }

  /* ---- all of it ---- */

  setJob(job, jobs, ahead) {
    const other = job?.id !== this.job?.id;
    this.job = job;
    this.jobs = jobs;
    this.ahead = ahead;
    if (other) this.show();
    else if (job) {
      this.tell();
      this.load(Stage.address(job));
    }
    this.strip();
  }

  show() {
    const photo = this.photo,
      job = this.job;
    this.loading = null;
    if (job) {
      const known = photo?.id === job.photo ? photo : null;
      this.frame(job.photo, known?.width ?? job.width ?? 4, known?.height ?? job.height ?? 5, t("photo_alt"));
      const before = this.figure.querySelector(".before");
      before.addEventListener("load", () =>
        this.figure.style.setProperty("--ratio", before.naturalWidth / before.naturalHeight),
      );
      this.tell();
      this.load(Stage.address(job));
    } else if (photo) {
      this.frame(photo.id, photo.width, photo.height, t("photo_alt") + ": " + nameOf(photo));
      this.parts = null;
      $("told").replaceChildren();
    } else this.welcome();
  }
}
