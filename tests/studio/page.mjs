// SPDX-License-Identifier: MIT
// tests/studio/page.mjs: the page as people use it, in Debian's chromium by playwright-core: a photo in, a painting out, the
// gallery; in both languages, on a desk and on a phone, by keyboard alone; every control has a name and every text contrast.
// page.sh starts it with the studio's address and token; TAP comes out.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";

const { chromium } = createRequire(pathToFileURL(path.join(process.env.PLAYWRIGHT, "x.js")).href)("playwright-core");
const { STUDIO: studio, TOKEN: token, SOURCE: source, CHROMIUM: browserPath } = process.env;
const photo = path.join(source, "examples/samples/portrait2.png");
const { words } = await import(pathToFileURL(path.join(source, "studio/web/words.js")).href);
/* Its camera shows a test card. */
const camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", ...camera] });

function assert(truth, what) {
  if (!truth) throw new Error(what);
}

/* A page on a screen; what it complains of fails the test. */
async function open({ phone = false, zh = false, dark = false } = {}) {
  const context = await browser.newContext({
    viewport: phone ? { width: 390, height: 844 } : { width: 1366, height: 820 },
    locale: zh ? "zh-CN" : "en-GB",
    colorScheme: dark ? "dark" : "light",
    isMobile: phone,
    hasTouch: phone,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (m) => m.type() === "error" && page.complaints.push(m.text()));
  page.on("pageerror", (e) => page.complaints.push(e.message));
  page.on("request", (r) => {
    if (!r.url().startsWith(studio) && !/^(blob|data):/.test(r.url())) page.complaints.push("asks " + r.url());
  });
  await page.goto(`${studio}/?token=${token}`);
  await page.waitForSelector("body[data-ready]");
  assert(!page.url().includes("token"), "the token stays in the address");
  return page;
}

async function close(page) {
  assert(page.complaints.length === 0, "the page complains: " + page.complaints.join("; "));
  await page.context().close();
}

/* Small and quick, through the controls. */
async function settle(page, iterations = "3") {
  await page.selectOption("#set-size", "256");
  await page.click("details.all summary");
  await page.fill("#opt-iterations", iterations);
  await page.press("#opt-iterations", "Tab");
  await page.fill("#opt-initial-iterations", iterations);
  await page.press("#opt-initial-iterations", "Tab");
  await page.click("details.all summary");
}

const finished = (page) => page.waitForSelector(".state.finished", { timeout: 200000 });

async function shownPicture(page) {
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".after img")].some((i) => i.naturalWidth > 0 && /view$/.test(i.src)),
  );
}

/* ---- labels and contrast: run in the page ---- */

function inspect() {
  const wrong = [];
  const seen = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length > 0;
  const name = (e) =>
    (
      e.getAttribute("aria-label") ||
      [...(e.labels ?? [])].map((l) => l.textContent).join(" ") ||
      (e.getAttribute("aria-labelledby") ?? "")
        .split(" ")
        .map((id) => document.getElementById(id)?.textContent ?? "")
        .join(" ") ||
      e.textContent ||
      [...e.querySelectorAll("img")].map((i) => i.alt).join(" ") ||
      e.title ||
      ""
    ).trim();
  for (const e of document.querySelectorAll(
    "button, a[href], input, select, textarea, summary, progress, dialog[open], [role=group]",
  ))
    if (seen(e) && e.getAttribute("aria-hidden") !== "true" && !name(e)) wrong.push("no name: " + e.outerHTML.slice(0, 90));
  for (const e of document.querySelectorAll("img"))
    if (!e.hasAttribute("alt")) wrong.push("no alt: " + e.outerHTML.slice(0, 90));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) wrong.push("id twice: " + id);
  const numbers = (c) => (c.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) =>
    [r, g, b]
      .map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const c = numbers(getComputedStyle(at).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  for (const e of document.body.querySelectorAll("*")) {
    const text = [...e.childNodes]
      .filter((n) => n.nodeType === 3)
      .map((n) => n.textContent.trim())
      .join("");
    if (!text || !seen(e) || e.closest(":disabled, .unseen, .skip, [aria-hidden=true], option, figure")) continue;
    const style = getComputedStyle(e),
      a = light(numbers(style.color)),
      b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) wrong.push(`contrast ${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  for (const e of document.querySelectorAll("button, a.button, select, input[type=range]")) {
    const box = e.getBoundingClientRect();
    if (seen(e) && (box.height < 24 || box.width < 24)) wrong.push("too small to touch: " + e.outerHTML.slice(0, 80));
  }
  if (document.documentElement.scrollWidth > innerWidth + 1)
    wrong.push("wider than the screen: " + document.documentElement.scrollWidth);
  return wrong;
}

async function inspected(page, where) {
  const wrong = await page.evaluate(inspect);
  assert(wrong.length === 0, `${where}: ${wrong.slice(0, 6).join(" | ")}`);
}

/* ---- the tests ---- */

const tests = {
  "both languages have the same words, and all that are used": async () => {
    const en = Object.keys(words.en),
      zh = Object.keys(words.zh);
    assert(en.join() === zh.join(), "differ: " + en.filter((k) => !zh.includes(k)).concat(zh.filter((k) => !en.includes(k))));
    for (const k of en) {
      const holes = (s) => (s.match(/\{\w+\}/g) ?? []).sort().join();
      assert(holes(words.en[k]) === holes(words.zh[k]), "holes of " + k);
    }
    const all = fs
      .readdirSync(path.join(source, "studio/web"))
      .filter((f) => /\.(js|html)$/.test(f))
      .map((f) => fs.readFileSync(path.join(source, "studio/web", f), "utf8"))
      .join("\n");
    const used = [...all.matchAll(/\bt\("([\w-]+)"/g), ...all.matchAll(/data-(?:t|label|hint)="([\w-]+)"/g)].map((m) => m[1]);
    for (const k of used.filter((k) => !k.endsWith("-"))) assert(k in words.en, "no words for " + k);
  },

  "photo, painting, preview, result, gallery (English, desk)": async () => {
    const page = await open();
    await inspected(page, "at first");
    await page.setInputFiles("#photo-file", photo);
    await page.waitForSelector("#photo-small:not([hidden])");
    await page.click('#shelf [data-id="night"]');
    await settle(page, "9");
    await page.click("#paint");
    await page.waitForSelector(".painted .after img[src*=preview]", { timeout: 60000 });
    await finished(page);
    await shownPicture(page);
    await inspected(page, "finished");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click('[data-key="png"]')]);
    const bytes = fs.readFileSync(await download.path());
    const name = download.suggestedFilename();
    assert(bytes.subarray(1, 4).toString() === "PNG" && name.endsWith(".png"), "the download is no PNG: " + name);
    await page.click('[data-key="favourite"]');
    await page.waitForSelector('[data-key="favourite"][aria-pressed="true"]');
    await page.click("#tab-gallery");
    await page.waitForSelector(".card-of img");
    await page.check("#only-favourites");
    await page.waitForFunction(() => document.querySelectorAll(".card-of").length >= 1);
    await page.fill("#search", "portrait2");
    await page.waitForTimeout(400);
    assert((await page.locator(".card-of").count()) === 1, "the search finds it");
    await inspected(page, "gallery");
    await page.click(".card-of a");
    await page.waitForSelector(".state.finished");
    await close(page);
  },

  "the same in Chinese on a phone": async () => {
    const page = await open({ phone: true, zh: true });
    assert((await page.getAttribute("html", "lang")) === "zh-CN", "not in Chinese");
    await inspected(page, "at first");
    await page.tap("#photo-sample");
    await page.waitForSelector("#photo-small:not([hidden])");
    await page.tap('#shelf [data-id="inkwash"]');
    await settle(page);
    await page.tap("#paint");
    await finished(page);
    await shownPicture(page);
    assert((await page.textContent(".state b")).includes("完成"), "not told in Chinese");
    await inspected(page, "finished");
    await page.tap("#language");
    assert((await page.textContent("#paint")) === "Paint", "the language does not switch");
    await page.tap("#tab-gallery");
    await page.waitForSelector(".card-of img");
    await inspected(page, "gallery");
    await close(page);
  },

  "by keyboard alone, in the dark": async () => {
    const page = await open({ dark: true });
    await inspected(page, "at first");
    const reach = async (selector) => {
      for (let i = 0; i < 90; i++) {
        if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
        await page.keyboard.press("Tab");
      }
      throw new Error("cannot be reached by keyboard: " + selector);
    };
    await reach("#photo-sample");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#photo-small:not([hidden])");
    await reach('#shelf [data-id="mosaic"]');
    await page.keyboard.press("Space");
    await reach("#set-strength");
    await page.keyboard.press("ArrowLeft");
    await reach("#set-size");
    await page.keyboard.press("Home");
    await reach("summary");
    await page.keyboard.press("Enter");
    await reach("#opt-iterations");
    await page.keyboard.type("2");
    await reach("#opt-initial-iterations");
    await page.keyboard.type("2");
    await reach("#paint");
    await page.keyboard.press("Enter");
    await finished(page);
    await shownPicture(page);
    await page.evaluate(() => document.activeElement.blur());
    await reach(".cut");
    await page.keyboard.press("End");
    assert(
      (await page.evaluate(() => document.querySelector(".picture").style.getPropertyValue("--cut"))) === "100%",
      "the line stays",
    );
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("g");
    await page.waitForSelector(".card-of img");
    await reach(".card-of .tick");
    await page.keyboard.press("Space");
    await reach("#delete");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open] .danger");
    await inspected(page, "dialog");
    const before = await page.locator(".card-of").count();
    await reach("dialog .danger");
    await page.keyboard.press("Enter");
    await page.waitForFunction((n) => document.querySelectorAll(".card-of").length === n - 1, before);
    await close(page);
  },

  "several paintings, pause and go on, compare, same again": async () => {
    const page = await open();
    await page.click("#photo-sample");
    await page.waitForSelector("#photo-small:not([hidden])");
    for (const id of ["woodcut", "pencil"]) await page.click(`#shelf [data-id="${id}"]`);
    await settle(page, "400");
    assert((await page.textContent("#paint")).includes("2"), "two pictures are not told");
    await page.click("#paint");
    await page.waitForSelector('[data-key="pause"]');
    await page.click('[data-key="pause"]');
    await page.waitForSelector('[data-key="resume"]', { timeout: 60000 });
    await page.click('[data-key="resume"]');
    for (let i = 0; i < 2; i++) {
      await page.click(".mini.running", { timeout: 60000 });
      await page.waitForSelector(".painted [src*=preview]", { timeout: 60000 });
      await page.click('[data-key="finish"]');
      await finished(page);
    }
    await page.click("#tab-gallery");
    await page.waitForFunction(() => document.querySelectorAll(".card-of img").length >= 2);
    for (let i = 0; i < 2; i++) await page.locator(".card-of .tick").nth(i).check();
    await page.click("#compare");
    await page.waitForFunction(() => document.querySelectorAll(".compare img").length >= 2);
    await inspected(page, "comparison");
    await page.keyboard.press("Escape");
    await page.locator(".card-of a").first().click();
    await page.click('[data-key="again"]');
    await page.waitForFunction(() => document.querySelectorAll('#shelf [aria-pressed="true"]').length === 1);
    await close(page);
  },

  "paste, camera, six side by side": async () => {
    const page = await open();
    const kept = () => page.evaluate(() => localStorage.getItem("photo"));
    const data = fs.readFileSync(photo).toString("base64");
    await page.evaluate(async (text) => {
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)),
        clipboardData = new DataTransfer();
      clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    }, data);
    await page.waitForSelector("#photo-small:not([hidden])");
    const pasted = await kept();
    await page.click("#camera");
    await page.waitForFunction(() => document.querySelector("dialog video")?.videoWidth > 0);
    await inspected(page, "camera");
    await page.click("dialog .primary");
    await page.waitForFunction((id) => localStorage.getItem("photo") !== id, pasted);
    await page.evaluate(async (id) => {
      const options = { size: "48", iterations: "2", "min-size": "0", face: "off" };
      for (const style of ["night", "inkwash", "woodcut", "mosaic", "pencil", "night"])
        await fetch("/api/v1/jobs", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ photo: id, styles: [style], options, title: "six" }),
        });
    }, pasted);
    await page.click("#tab-gallery");
    await page.fill("#search", "six");
    await page.waitForFunction(() => document.querySelectorAll(".card-of img").length === 6, null, { timeout: 60000 });
    for (let i = 0; i < 6; i++) await page.locator(".card-of .tick").nth(i).check();
    await page.click("#compare");
    await page.waitForFunction(() => [...document.querySelectorAll(".compare img")].filter((i) => i.naturalWidth).length === 6);
    await inspected(page, "six");
    await close(page);
  },

  "a sketch: lines, a folder of pairs, the eyes": async () => {
    const page = await open();
    const sample = (name) => path.join(source, "examples/samples", name + ".png");
    await page.click("#tab-sketch");
    await page.click("#photo-sample");
    await page.waitForSelector("#photo-small:not([hidden])");
    assert(!(await page.isVisible("#set-strength")), "settings of painting are seen");
    await inspected(page, "sketch at first");
    await page.click("#draw");
    await finished(page);
    await shownPicture(page);
    await inspected(page, "lines");
    await page.click("#new-folder");
    await page.fill("#folder-name", "Mia");
    await page.press("#folder-name", "Enter");
    await page.setInputFiles("#pair-photos", [sample("portrait1"), sample("portrait2")]);
    await page.setInputFiles("#pair-sketches", [sample("portrait1")]);
    await page.click("#pairs-add");
    await page.waitForSelector(".pairs img");
    await page.waitForSelector(".note.wrong"); /* portrait2 has no sketch */
    await inspected(page, "pairs");
    await page.keyboard.press("Escape");
    await page.waitForSelector('.folder[data-chosen="true"] [data-folder]');
    assert((await page.textContent('.folder[data-chosen="true"]')).includes("1 pairs"), "the pair is not counted");
    await page.selectOption("#sketch-method", "lle");
    await page.click("#sketch-settings button[aria-pressed]");
    const box = await page.locator(".eyes").boundingBox();
    await page.mouse.click(box.x + box.width * 0.4, box.y + box.height * 0.4);
    await page.mouse.click(box.x + box.width * 0.6, box.y + box.height * 0.4);
    await inspected(page, "eyes");
    await page.click("dialog .primary");
    await page.waitForSelector('#sketch-settings button[aria-pressed="true"]');
    const drawn = page.waitForResponse((r) => r.url().endsWith("/jobs") && r.request().method() === "POST");
    await page.click("#draw");
    const job = await (await drawn).json();
    assert(job.sketch.method === "lle" && /^\d+,\d+,\d+,\d+$/.test(job.sketch.eyes), "asked: " + JSON.stringify(job.sketch));
    await page.waitForSelector(`.state:is(.finished, .failed)`, { timeout: 60000 });
    await close(page);
  },

  "a grid, a mask, a broken file": async () => {
    const page = await open();
    await page.click("#photo-sample");
    await page.waitForSelector("#photo-small:not([hidden])");
    await page.click('#shelf [data-id="night"]');
    await settle(page, "2");
    await page.setInputFiles("#style-file", {
      name: "x.png",
      mimeType: "image/png",
      buffer: Buffer.from("no picture, but long enough"),
    });
    await page.waitForSelector(".note.wrong");
    page.complaints.length = 0; /* the browser tells of the 415 */
    const mask = page.locator("#settings button[aria-pressed]");
    if (await mask.count()) {
      await mask.click();
      const box = await page.locator("canvas.brush").boundingBox();
      await page.mouse.move(box.x + 60, box.y + 60);
      await page.mouse.down();
      await page.mouse.move(box.x + 200, box.y + 180, { steps: 5 });
      await page.mouse.up();
      await inspected(page, "mask");
      await page.click("dialog .primary");
      await page.waitForSelector('#settings button[aria-pressed="true"]');
      await mask.click();
      await page.getByRole("button", { name: "No mask" }).click();
      await page.waitForSelector('#settings button[aria-pressed="false"]');
    }
    await page.click("#sweep");
    await page.fill("#sweep-across", "0.5 1");
    await page.fill("#sweep-down", "0.5 1");
    await inspected(page, "sweep");
    await page.click("dialog .primary");
    await page.waitForSelector("table.grid", { timeout: 300000 });
    await page.waitForFunction(
      () => [...document.querySelectorAll("table.grid img")].filter((i) => i.naturalWidth > 0).length === 4,
    );
    await close(page);
  },
};

const chosen = process.argv.slice(2); /* a test's first words choose it */
for (const name of Object.keys(tests)) if (chosen.length && !chosen.some((w) => name.startsWith(w))) delete tests[name];
console.log(`1..${Object.keys(tests).length}`);
let number = 0,
  failed = 0;
for (const [name, test] of Object.entries(tests)) {
  number++;
  const begin = Date.now();
  try {
    await test();
    console.log(`ok ${number} ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (e) {
    failed++;
    console.log(`not ok ${number} ${name}\n# ${String(e.stack).split("\n").slice(0, 12).join("\n# ")}`);
    for (const context of browser.contexts()) await context.close();
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
