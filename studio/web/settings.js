/* SPDX-License-Identifier: MIT
 * studio/web/settings.js: how it is painted: the few settings that matter in front, every other one of the option table behind
 * "All options", with the table's own explanations. Only what differs from the recipe is kept and sent. */
import { $, h } from "./dom.js";
import { has, language, t } from "./words.js";

const front = ["recipe", "strength", "style-scale", "colour", "size", "face"];
const hidden = ["mask", "content-mask", "style-mask", "init"];
const sizes = ["256", "384", "512", "768", "1024", "1536", "2048", "4096"];
const steps = { min: 0, max: 40 }; /* of the slider of strokes: 2^-2 … 2^2 */

export class Settings {
  constructor(table, changed) {
    this.table = table;
    this.changed = changed;
    this.values = {};
    this.rows = new Map(table.options.map((o) => [o.name, o]));
    this.more = false;
  }

  /* What an option is when nothing is set: the recipe's value. */
  recipeValue(name) {
    const recipe = this.table.recipes.find((r) => r.name === (this.values.recipe ?? "portrait"));
    return recipe?.values[name] ?? this.rows.get(name)?.default ?? "";
  }

  value(name) {
    return this.values[name] ?? (name === "recipe" ? "portrait" : this.recipeValue(name));
  }

  set(name, value) {
    const text = String(value);
    if (name !== "recipe" && text === this.recipeValue(name)) delete this.values[name];
    else if (name === "recipe" && text === "portrait") delete this.values[name];
    else this.values[name] = text;
    this.changed();
  }

  /* All at once, from a job. */
  load(values) {
    this.values = { ...values };
    this.show();
    this.changed();
  }

  /* ---- the front ---- */

  field(label, control, help, id) {
    control.id ||= id;
    const lab = h("label", { for: control.id }, label);
    const says = help && h("small", { id: control.id + "-help" }, help);
    if (says) control.setAttribute("aria-describedby", control.id + "-help");
    return h("div", { class: "field" }, lab, control, says);
  }

  select(name, choices, id) {
    const list = choices.map(([value, text]) => h("option", { value }, text));
    const e = h(
      "select",
      {
        id,
        onchange: () => {
          this.set(name, e.value);
          if (name === "recipe") this.show();
        },
      },
      list,
    );
    e.value = this.value(name);
    if (e.selectedIndex < 0) {
      e.prepend(h("option", { value: this.value(name) }, this.value(name)));
      e.value = this.value(name);
    }
    return e;
  }

  strength() {
    const shown = h("output", { for: "set-strength" });
    const e = h("input", {
      type: "range",
      id: "set-strength",
      min: "0",
      max: "1",
      step: "0.05",
      value: this.value("strength"),
      oninput: () => {
        this.set("strength", Number(e.value));
        tell();
      },
    });
    const tell = () => (shown.textContent = Math.round(e.value * 100) + "%");
    tell();
    return h(
      "div",
      { class: "field" },
      h("label", { for: "set-strength" }, t("strength"), shown),
      e,
      h("small", {}, t("strength-help")),
    );
  }

  strokes() {
    const of = (f) => Math.round((Math.log2(f) + 2) * 10),
      back = (n) => Number((2 ** (n / 10 - 2)).toPrecision(3));
    const e = h("input", {
      type: "range",
      id: "set-stroke",
      min: String(steps.min),
      max: String(steps.max),
      step: "1",
      value: String(of(Number(this.value("style-scale")) || 1)),
      oninput: () => this.set("style-scale", back(Number(e.value))),
    });
    return this.field(t("stroke"), e, t("stroke-help"));
  }

  face() {
    if (!this.rows.has("face")) return null;
    const e = h("input", {
      type: "checkbox",
      id: "set-face",
      checked: this.value("face") !== "off",
      onchange: () => this.set("face", e.checked ? "on" : "off"),
    });
    return h(
      "div",
      { class: "field" },
      h("label", { class: "switch" }, e, h("span", {}, t("face"))),
      h("small", {}, t("face-help")),
    );
  }

  recipes() {
    const text = (r) => (has("recipe-" + r.name) ? t("recipe-" + r.name) : r.description);
    return this.select(
      "recipe",
      this.table.recipes.map((r) => [r.name, text(r)]),
      "set-recipe",
    );
  }

  colours() {
    const names = this.rows.get("colour").choices.split("|");
    return this.select(
      "colour",
      names.map((n) => [n, has("colour-" + n) ? t("colour-" + n) : n]),
      "set-colour",
    );
  }

  /* ---- everything ---- */

  control(o) {
    const id = "opt-" + o.name;
    const change = () => this.set(o.name, e.value.trim() === "" ? this.recipeValue(o.name) : e.value.trim());
    let e;
    if (o.use === "model") {
      e = this.select(o.name, [["", t("network-default")], ...this.table.models.map((m) => [m, m])], id);
    } else if (o.type === "choice" || o.type === "bool") {
      e = this.select(
        o.name,
        (o.type === "bool" ? "on|off" : o.choices).split("|").map((c) => [c, c]),
        id,
      );
    } else {
      e = h("input", {
        id,
        type: "text",
        inputMode: o.type === "int" || o.type === "float" ? "decimal" : "text",
        spellcheck: false,
        autocomplete: "off",
        value: this.values[o.name] ?? "",
        placeholder: this.recipeValue(o.name),
        onchange: change,
      });
    }
    return this.field(o.name, e, language() === "zh" ? o.help_zh : o.help, id);
  }

  group(name) {
    const rows = this.table.options.filter((o) => o.group === name && !front.includes(o.name) && !hidden.includes(o.name));
    if (!rows.length) return null;
    const title = has("group-" + name) ? t("group-" + name) : name;
    return h(
      "fieldset",
      {},
      h("legend", {}, title),
      rows.map((o) => this.control(o)),
    );
  }

  all() {
    const groups = [...new Set(this.table.options.map((o) => o.group))];
    const e = h(
      "details",
      { class: "all", open: this.more, ontoggle: () => (this.more = e.open) },
      h("summary", {}, t("more")),
      groups.map((g) => this.group(g)),
    );
    return e;
  }

  /* The mask is painted elsewhere: app.js gives the button. */
  show(maskButton = this.maskButton) {
    this.maskButton = maskButton;
    const reset = h("button", { type: "button", class: "plain", onclick: () => this.load({}) }, t("reset"));
    $("settings").replaceChildren(
      this.strength(),
      this.strokes(),
      h(
        "div",
        { class: "pair" },
        this.field(t("colour"), this.colours()),
        this.field(
          t("size"),
          this.select(
            "size",
            sizes.map((s) => [s, s + " px"]),
            "set-size",
          ),
        ),
      ),
      this.field(t("recipe"), this.recipes()),
      this.face() ?? "",
      h("div", { class: "row between" }, maskButton ?? "", reset),
      this.all(),
    );
  }
}
