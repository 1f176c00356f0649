/* SPDX-License-Identifier: MIT
 * studio/web/gallery.js: everything that was painted: searched, starred, deleted, compared, shown as a grid; and the dialog that
 * asks for a grid. */
import * as api from "./api.js";
import { $, ask, dialog, h, icon, note } from "./dom.js";
import { t } from "./words.js";

const page = 48;

/* Options in which the jobs differ, at most two: the axes of a grid. */
function axes(jobs) {
  const names = new Set(jobs.flatMap((j) => Object.keys(j.options)));
  return [...names].filter((n) => new Set(jobs.map((j) => j.options[n] ?? "")).size > 1).slice(0, 2);
}

function values(jobs, name) {
  const list = [...new Set(jobs.map((j) => j.options[name] ?? ""))];
  return list.every((v) => v !== "" && !isNaN(v)) ? list.sort((a, b) => a - b) : list;
}

const cell = (job) =>
  job?.state === "finished"
    ? h(
        "a",
        { href: "#job-" + job.id, "data-close": "" },
        h("img", { src: api.jobUrl(job.id, "view"), alt: job.title, loading: "lazy" }),
      )
    : h("span", { class: "empty" });

/* A table of pictures of one batch by what differs among them. */
export function showGrid(jobs) {
  const [across, down] = axes(jobs);
  const columns = across ? values(jobs, across) : [""],
    rows = down ? values(jobs, down) : [""];
  const find = (c, r) =>
    jobs.find((j) => (!across || (j.options[across] ?? "") === c) && (!down || (j.options[down] ?? "") === r));
  return dialog(
    t("grid-title"),
    (body, close) => {
      const head = h(
        "tr",
        {},
        down ? h("td", {}) : "",
        columns.map((c) => h("th", { scope: "col" }, across ? `${across} ${c}` : "")),
      );
      const lines = rows.map((r) =>
        h(
          "tr",
          {},
          down ? h("th", { scope: "row" }, `${down} ${r}`) : "",
          columns.map((c) => h("td", {}, cell(find(c, r)))),
        ),
      );
      const table = h("table", { class: "grid" }, h("thead", {}, head), h("tbody", {}, lines));
      table.addEventListener("click", (e) => e.target.closest("[data-close]") && close());
      body.append(h("div", { class: "scroll" }, table));
    },
    true,
  );
}

export function showComparison(jobs) {
  const sets = jobs.slice(0, 6),
    photos = new Set(sets.map((j) => j.photo));
  return dialog(
    t("compare-title"),
    (body, close) => {
      const original =
        photos.size === 1 && sets.length < 6
          ? [
              h(
                "figure",
                {},
                h("img", { src: api.pictureUrl(sets[0].photo, "view"), alt: t("original") }),
                h("figcaption", {}, t("original")),
              ),
            ]
          : [];
      const figures = sets.map((j) => h("figure", {}, cell(j), h("figcaption", {}, j.title)));
      const all = h("div", { class: "compare" }, original, figures);
      all.addEventListener("click", (e) => e.target.closest("[data-close]") && close());
      body.append(all);
    },
    true,
  );
}

const presets = {
  strength: "0.4 0.7 1",
  "style-weight": "5 20 80",
  "style-scale": "0.5 1 2",
  "content-weight": "0.5 1 2",
  "tv-weight": "0 0.5 2",
  colour: "style content match",
  "style-loss": "gram centred w2",
  iterations: "8 24 60",
  size: "256 384 512",
};

/* [{name: value, …}, …], one for each picture of the grid that was asked for; null for none. */
export function askSweep(table) {
  const names = Object.keys(presets).filter((n) => table.options.some((o) => o.name === n));
  const sets = {
    across: { name: "strength", values: presets.strength },
    down: { name: "style-scale", values: presets["style-scale"] },
  };
  const list = (side) => (sets[side].name ? sets[side].values.split(/[\s;]+/).filter(Boolean) : []);
  const all = () => {
    const across = list("across"),
      down = list("down"),
      out = [];
    for (const d of down.length ? down : [null])
      for (const a of across.length ? across : [null])
        out.push({ ...(a !== null && { [sets.across.name]: a }), ...(d !== null && { [sets.down.name]: d }) });
    return out.filter((o) => Object.keys(o).length).slice(0, 36);
  };
  return dialog(t("sweep-title"), (body, close) => {
    const go = h("button", { type: "button", class: "primary", onclick: () => close(all()) });
    const tell = () => {
      const n = all().length;
      go.textContent = t("sweep-go", { n });
      go.disabled = n === 0 || sets.across.name === sets.down.name;
    };
    const side = (which) => {
      const field = h("input", {
        id: "sweep-" + which,
        type: "text",
        value: sets[which].values,
        "aria-label": `${t(which)}: ${t("values")}`,
        oninput: () => {
          sets[which].values = field.value;
          tell();
        },
      });
      const pick = h(
        "select",
        {
          "aria-label": t(which),
          onchange: () => {
            sets[which].name = pick.value;
            field.value = sets[which].values = presets[pick.value] ?? "";
            field.disabled = !pick.value;
            tell();
          },
        },
        h("option", { value: "" }, t("none")),
        names.map((n) => h("option", { value: n }, n)),
      );
      pick.value = sets[which].name;
      return h("div", { class: "field" }, h("span", {}, t(which)), h("div", { class: "pair" }, pick, field));
    };
    tell();
    body.append(h("p", {}, t("sweep-text")), side("across"), side("down"), h("div", { class: "row end" }, go));
  });
}

export class Gallery {
  constructor({ open, removed }) {
    this.calls = { open, removed };
    this.jobs = [];
    this.selected = new Set();
    let wait;
    $("search").addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(() => this.load(), 200);
    });
    $("only-favourites").addEventListener("change", () => this.load());
    $("more-cards").addEventListener("click", () => this.load(true));
    $("compare").addEventListener("click", () => this.compare());
    $("delete").addEventListener("click", () => this.remove());
  }

  async load(more = false) {
    const query = { limit: page, q: $("search").value };
    if ($("only-favourites").checked) query.favourite = 1;
    if (more && this.jobs.length) query.before = this.jobs[this.jobs.length - 1].number;
    try {
      const { jobs } = await api.jobs(query);
      this.jobs = more ? [...this.jobs, ...jobs] : jobs;
      $("more-cards").hidden = jobs.length < page;
      this.show();
    } catch (e) {
      note(e.message, true);
    }
  }

  /* A row that changed while the gallery is seen. */
  update(job) {
    const at = this.jobs.findIndex((j) => j.id === job.id);
    const state = at >= 0 && this.jobs[at].state;
    if (at >= 0) this.jobs[at] = job;
    else if (!$("search").value && !$("only-favourites").checked) this.jobs.unshift(job);
    if (!$("view-gallery").hidden && (state !== job.state || at < 0)) this.show();
  }

  gone(id) {
    this.jobs = this.jobs.filter((j) => j.id !== id);
    this.selected.delete(id);
    if (!$("view-gallery").hidden) this.show();
  }

  async star(job) {
    try {
      const row = await api.editJob(job.id, { favourite: !job.favourite });
      this.update(row);
      this.show();
    } catch (e) {
      note(e.message, true);
    }
  }

  card(job) {
    const picture =
      job.state === "finished"
        ? h("img", { src: api.jobUrl(job.id, "thumb"), alt: "", loading: "lazy" })
        : h(
            "span",
            { class: "empty" },
            t(job.state === "running" ? "painting" : job.state === "queued" ? "waiting" : job.state),
          );
    const star = h(
      "button",
      {
        type: "button",
        class: "plain icon star",
        "aria-pressed": String(job.favourite),
        "data-star": job.id,
        "aria-label": `${t("favourite")}: ${job.title}`,
        onclick: () => this.star(job),
      },
      icon("star"),
    );
    const tick = h("input", {
      type: "checkbox",
      class: "tick",
      checked: this.selected.has(job.id),
      "aria-label": t("select", { title: job.title }),
      onchange: (e) => {
        if (e.target.checked) this.selected.add(job.id);
        else this.selected.delete(job.id);
        this.bar();
      },
    });
    return h(
      "article",
      { class: "card-of" },
      h("a", { href: "#job-" + job.id, "aria-label": t("open", { title: job.title }), "data-card": job.id }, picture),
      tick,
      star,
      h("p", { title: job.title }, job.title),
    );
  }

  bar() {
    const n = this.selected.size;
    $("selected").textContent = n ? t("selected-n", { n }) : "";
    $("compare").disabled = n < 2 || n > 6;
    $("delete").disabled = n === 0;
  }

  show() {
    const focus = document.activeElement?.dataset?.star;
    $("cards").replaceChildren(...this.jobs.map((j) => this.card(j)));
    if (focus) $("cards").querySelector(`[data-star="${focus}"]`)?.focus();
    $("nothing").hidden = this.jobs.length > 0;
    this.bar();
  }

  chosen() {
    return this.jobs.filter((j) => this.selected.has(j.id));
  }

  compare() {
    const jobs = this.chosen();
    const batch = jobs.every((j) => j.batch === jobs[0].batch) && axes(jobs).length > 0;
    return batch && jobs.length > 3 ? showGrid(jobs) : showComparison(jobs);
  }

  async remove() {
    const jobs = this.chosen();
    if (!(await ask(t("delete-sure", { n: jobs.length }), t("delete"), t("keep")))) return;
    for (const job of jobs) {
      try {
        await api.deleteJob(job.id);
        this.gone(job.id);
        this.calls.removed(job.id);
      } catch (e) {
        note(e.message, true);
      }
    }
    this.show();
  }
}
