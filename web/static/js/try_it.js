// Try a model: pictures that are dropped or chosen are judged one after the other, and each becomes a card.

import { Refused, refusal, request } from "./api.js";
import { $, el, recall } from "./dom.js";
import { percentage, value } from "./format.js";
import { reasonOf, t } from "./i18n.js";
import { marking } from "./marking.js";
import { cut } from "./maths.js";
import { around, patch } from "./patches.js";
import { failure, toast } from "./toast.js";

const PICTURE = /\.(png|jpe?g|bmp|tiff?|webp)$/i;
const AT_ONCE = 3; // requests under way: those that wait are judged together
const SHOWN = 120; // cards; more would only make the page slow, and the table has all
const REGIONS = 5; // of a card; the strongest

/** Show the part of the page and bring it to life. */
export function mountTryIt(section) {
  if (!section.hidden) return;
  section.hidden = false;
  const part = (name) => $(`[data-part="try-${name}"]`, section);
  const told = []; // what was said of each, in the order in which it was said
  const work = { queue: [], total: 0, done: 0, running: 0, leaving: null };

  const { reference } = section.dataset;
  const dataset = datasetForm(reference);
  const review = () => tellReview(part("review"), reference, dataset);
  section.addEventListener("said", () => review().catch(failure));
  if ("tellsFeedback" in section.dataset) review().catch(() => {}); // the model's run may be elsewhere
  section.addEventListener("pictures", async (event) => take(await filesOf(event.detail)));
  for (const name of ["files", "folder"])
    part(name).addEventListener("change", (event) => {
      const files = [...event.target.files];
      event.target.value = ""; // the same may be chosen again
      take(files.map((file) => ({ file, name: file.webkitRelativePath || file.name })));
    });
  part("stop").addEventListener("click", stop);
  part("save").addEventListener("click", () => save(section.dataset.reference, told));
  part("clear").addEventListener("click", () => {
    stop();
    told.length = 0;
    part("cards").replaceChildren();
    part("done").hidden = part("more").hidden = true;
  });

  function take(found) {
    const pictures = found.filter(({ name }) => PICTURE.test(name) && !name.split("/").at(-1).startsWith("."));
    if (pictures.length === 0) return void toast(t("try.no_pictures"), { kind: "failure" });
    if (work.queue.length + work.running === 0) Object.assign(work, { total: 0, done: 0, leaving: new AbortController() });
    work.queue.push(...pictures.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })));
    work.total += pictures.length;
    part("progress").hidden = false;
    progress(told.length === 0 ? t("try.loading") : null);
    while (work.running < Math.min(AT_ONCE, work.queue.length + work.running) && work.queue.length) next();
  }

  async function next() {
    const { signal } = work.leaving;
    const picture = work.queue.shift();
    if (!picture) return void (work.running === 0 && end());
    work.running += 1;
    try {
      show(picture, await judge(section.dataset.reference, picture, signal, (seconds) => progress(t("try.waits", { seconds }))));
      work.done += 1;
      progress();
    } catch (error) {
      if (!signal.aborted) {
        failure(error);
        stop();
      }
    }
    work.running -= 1;
    if (work.queue.length) next();
    else if (work.running === 0) end();
  }

  function stop() {
    const left = work.total - work.done;
    work.leaving?.abort();
    work.queue.length = 0;
    if (left > 0 && !part("progress").hidden) toast(t("try.stopped", { count: left }));
    end();
  }

  function end() {
    part("progress").hidden = true;
  }

  function progress(words) {
    const bar = $(".bar", part("progress"));
    const share = work.total ? work.done / work.total : 0;
    bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    bar.firstElementChild.style.inlineSize = `${100 * share}%`;
    part("line").textContent = words ?? t("try.progress", { done: work.done, total: work.total });
  }

  function show(picture, said) {
    told.push({ ...said, name: picture.name });
    if (told.length <= SHOWN) part("cards").append(card(picture, said));
    part("more").hidden = told.length <= SHOWN;
    part("more").textContent = t("try.more", { count: told.length - SHOWN });
    part("done").hidden = false;
    counts(part("counts"), told);
    scales(section, told);
  }
}

/** What the model says of a picture. Waits where it is busy; what cannot be read or judged is an answer too. Throws Refused. */
async function judge(reference, { file, name }, signal, waits) {
  for (;;) {
    let response;
    const query = new URLSearchParams({ name: name.slice(-400), who: "page" });
    try {
      response = await fetch(`/api/models/${encodeURIComponent(reference)}/predict?${query}`, {
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/octet-stream" },
        body: file,
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw error;
      const isGone = await file.slice(0, 1).arrayBuffer().then(() => false, () => true); // moved or deleted since it was chosen
      if (isGone) return { broken: t("try.unread") };
      throw new Refused("offline", t("connection.offline"), "");
    }
    if (response.ok) {
      const { model, pictures } = await response.json();
      return { ...pictures[0], size: model.image_size };
    }
    const text = await response.text();
    if (response.status === 429) {
      const seconds = Number(response.headers.get("retry-after")) || 2;
      waits(seconds);
      await pause(1000 * seconds, signal);
      continue;
    }
    const answer = refusal(response.status, text);
    const why = response.status === 413 ? answer.message : JSON.parse(text).values?.why;
    if ([413, 422].includes(response.status)) return { broken: why ?? answer.message };
    if (answer.code === "not_served" && why) return { failed: why };
    throw answer;
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Refused("cancelled", "", ""));
    }, { once: true });
  });
}

function card(picture, said) {
  if (said.broken || said.failed) {
    const words = t(said.broken ? "try.unread" : "try.unjudged");
    return el("li", { className: "try-card broken" }, head(picture.name, words), el("p", { textContent: reasonOf(said.broken ?? said.failed) }));
  }
  const node = el("li", { className: said.is_anomalous ? "try-card flagged" : "try-card" }, head(picture.name, verdict(said)));
  const isAsked = typeof said.is_anomalous === "boolean";
  const shown = said.heatmap ?? said.picture ? seen(said) : null;
  const mark = isAsked && shown ? marking(shown, said.size) : null;
  if (shown) node.append(el("div", { className: "try-picture" }, shown, mark?.layer));
  if (typeof said.threshold === "number") node.append(el("div", { className: "try-scale", "data-score": String(said.score), "data-threshold": String(said.threshold), "aria-hidden": "true" }, el("i")));
  node.append(facts(said));
  if (said.regions?.length || said.highest?.nearest?.length) node.append(regions(said));
  if (isAsked) node.append(asked(said, mark));
  node.append(el("footer", {}, el("a", { href: `/predictions/${said.id}/report.html`, target: "_blank", rel: "noopener", textContent: t("try.report") })));
  return node;
}

/** What a person says that the picture is, and where a defect is. The second press on the same says it again; the last one counts. */
function asked(said, mark) {
  const box = el("div", { className: "row" }, el("span", { className: "dim", textContent: t("try.is_it") }));
  const buttons = ["good", "defective"].map((verdict) =>
    el("button", { type: "button", className: "button small", "aria-pressed": "false", textContent: t(`label.${verdict}`), onclick: () => say(said, verdict, buttons, box, mark) }),
  );
  box.append(...buttons);
  return el("div", { className: "try-asked" }, box, ...(mark ? [el("div", { className: "row" }, ...mark.buttons), mark.line] : []));
}

async function say(said, verdict, buttons, box, mark) {
  const region = (verdict === "defective" && mark?.box()) || null;
  try {
    const { picture } = await request("POST", `/api/predictions/${said.id}/feedback`, { verdict, region, who: recall("murascope-who") ?? "" });
    if (picture !== "kept") toast(t("try.not_kept"));
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(place === ["good", "defective"].indexOf(verdict))));
    mark?.keep(region);
    box.dispatchEvent(new CustomEvent("said", { bubbles: true }));
  } catch (error) {
    failure(error);
  }
}

/** What people said of this model's pictures, and which threshold agrees with it at what cost; nothing where nobody said anything. */
async function tellReview(box, reference, dataset) {
  const found = await request("GET", `/api/models/${encodeURIComponent(reference)}/feedback`);
  if (found.pictures === 0) return;
  const lines = [t("try.reviewed", { good: found.good, alarms: found.false_alarms, defective: found.defective, missed: found.missed })];
  for (const { what, value: limit, now, then } of found.proposals) {
    const known = then.missed !== null && then.false_alarms !== null;
    lines.push(t(`try.${what}${known ? "" : "_untold"}`, { value: value(limit), missed: then.missed, missed_before: now.missed, defective: then.defective, alarms: then.false_alarms, alarms_before: now.false_alarms, good: then.good }));
  }
  const open = found.proposals.length ? el("a", { href: `/runs/${found.run}`, textContent: t("try.set_it", { run: found.run }) }) : null;
  $("summary + p", dataset).textContent = t("try.dataset_has", { pictures: found.pictures, kept: found.kept });
  box.replaceChildren(...lines.map((line) => el("p", { textContent: line })), ...(open ? [open] : []), dataset);
  box.hidden = false;
}

/** Makes a data set of the reviewed pictures, and says how to learn from it. */
function datasetForm(reference) {
  const name = el("input", { type: "text", required: true, maxLength: 80, autocomplete: "off", value: t("try.dataset_default", { name: reference.replaceAll("@", " ") }) });
  const join = el("input", { type: "checkbox" });
  const button = el("button", { className: "button small", textContent: t("try.dataset_make") });
  const made = el("div", { role: "status" });
  const form = el("form", { className: "try-dataset" }, el("label", { className: "stack" }, t("try.dataset_name"), name), el("label", {}, join, t("try.dataset_join")), el("div", { className: "row" }, button), made);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    made.replaceChildren();
    try {
      const body = { dataset: name.value, with_training_data: join.checked };
      made.replaceChildren(...toldOf(await request("POST", `/api/models/${encodeURIComponent(reference)}/feedback/dataset`, body)));
    } catch (error) {
      failure(error);
    }
    button.disabled = false;
  });
  return el("details", { className: "more" }, el("summary", { textContent: t("try.dataset_of") }), el("p"), form);
}

function toldOf(made) {
  const { dataset, gone, joined, learn } = made;
  const words = t("try.dataset_made", { dataset, good: made.train_good, tested: made.test_good, defective: made.test_defective });
  const link = el("p", {}, el("a", { href: `/data/${encodeURIComponent(dataset)}`, textContent: words }));
  const notes = [gone > 0 && t("try.dataset_gone", { gone }), made.changed && t("try.dataset_changed", { joined }), learn && t("try.dataset_learn", { dataset, model: learn.model, share: learn.share })].filter(Boolean);
  return [link, ...notes.map((note) => el("p", { textContent: note })), ...(learn ? [el("p", {}, el("code", { textContent: learn.command }))] : [])];
}

const head = (name, words) => el("header", {}, el("b", { dir: "auto", title: name, textContent: name }), el("span", { className: "try-verdict", textContent: words }));

/** A detector says good or defective; whatever else a model says is a name of the user's own. */
const verdict = (said) => (typeof said.is_anomalous === "boolean" ? t(`label.${said.verdict}`) : said.verdict);

/** The picture with its heatmap over it; a press takes that away. */
function seen(said) {
  const button = el("button", { type: "button", className: "try-seen", "aria-pressed": "false", "aria-label": t("try.alone"), title: t("try.alone"), onclick: () => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false")) });
  if (said.picture) button.append(el("img", { src: said.picture, alt: "", loading: "lazy" }));
  if (said.heatmap) button.append(el("img", { className: "heat", src: said.heatmap, alt: t("try.heatmap"), loading: "lazy" }));
  return button;
}

function facts(said) {
  const sure = said.confidence === null || said.confidence === undefined ? null : percentage(said.confidence, 1);
  const rows = [
    ["try.score", said.score, value],
    ["try.threshold", said.threshold, value],
    ["try.p_value", said.p_value, value],
    [typeof said.is_anomalous === "boolean" ? "try.defect_chance" : "try.sure", sure, String],
    ["try.uncertainty", said.uncertainty, (share) => percentage(share)],
  ].filter(([, number]) => number !== null && number !== undefined);
  const list = el("dl", {}, ...rows.flatMap(([key, number, form]) => [el("dt", { textContent: t(key) }), el("dd", { className: "mono", textContent: form(number) })]));
  if (sure === null && said.no_confidence) list.append(el("dt", { textContent: t("try.sure") }), el("dd", { className: "dim", textContent: reasonOf(said.no_confidence) }));
  return list;
}

/** Each region in words, its patch, and the good patches most like it. */
function regions(said) {
  const list = el("ul");
  const places = said.regions.slice(0, REGIONS).map((region, number) => ({ region, place: number, words: t("viewer.region", { number: number + 1, peak: value(region.peak), share: Number((100 * region.area_share).toPrecision(2)), x: Math.round(region.centre[0]), y: Math.round(region.centre[1]) }) }));
  if (places.length === 0) {
    const { x, y, score, nearest } = said.highest;
    places.push({ region: { box: [x, y, 1, 1], peak_at: [x, y], nearest }, place: "highest", words: t("try.highest", { score: value(score), x, y }) });
  }
  const drawAll = () => list.replaceChildren(...places.map(({ region, place, words }) => row(said, region, place, words)));
  return el("details", { className: "more", ontoggle: (event) => event.target.open && list.childElementCount === 0 && drawAll() }, el("summary", { textContent: t("try.regions", { count: said.regions.length }) }), list, ...restsOn(said));
}

/** How far the likely types can be trusted, or why none is named. */
function restsOn({ types }) {
  if (!types) return [];
  const { regions, right, named, commonest, interval, reason } = types;
  const share = (number) => percentage(number, 1);
  const words = reason ? t("likely.none", { why: reasonOf(reason) }) : t("likely.rests", { regions, right, named, commonest, low: share(interval[0]), high: share(interval[1]), share: share(types.commonest_share) });
  return [el("p", { className: "dim", textContent: words })];
}

/** The likely defect type of a region and the test images that say so. */
function likelyOf({ likely }) {
  if (!likely) return [];
  const { defect_type: type, votes, nearest } = likely;
  const names = nearest.filter((each) => each.defect_type === type).map((each) => each.name).join(", ");
  return [el("p", { dir: "auto", textContent: type ? t("likely.named", { type, votes, of: nearest.length, names }) : t("likely.none", { why: reasonOf(likely.reason) }) })];
}

function row(said, region, place, words) {
  const near = region.nearest ?? [];
  const name = (each) => t("viewer.nearest_of", { name: each.name, distance: value(each.distance) });
  const patches = [
    said.picture && patch(said.picture, cut(region, said.size, said.size), t("viewer.here")),
    ...near.map((each, rank) => patch(`/predictions/${said.id}/normals/${place}/${rank}`, around(each, region, said.size, said.size), name(each))),
  ].filter(Boolean);
  return el("li", {}, el("p", { textContent: words }), ...likelyOf(region), el("div", { className: "patches" }, ...patches), near.length ? el("small", { className: "dim", textContent: `${t("viewer.nearest")}: ${near.map(name).join("; ")}` }) : null);
}

function counts(box, told) {
  const of = new Map();
  for (const each of told) {
    const words = each.broken ? t("try.unread") : each.failed ? t("try.unjudged") : verdict(each);
    of.set(words, (of.get(words) ?? 0) + 1);
  }
  box.replaceChildren(...[...of].map(([words, count]) => el("span", { className: "chip" }, words, el("b", { className: "mono", textContent: String(count) }))));
}

/** Every score on one scale, whose middle is the threshold that judged it. */
function scales(section, told) {
  const reach = Math.max(...told.map((each) => (typeof each.threshold === "number" ? Math.abs(each.score - each.threshold) : 0)), 1e-12);
  for (const node of section.querySelectorAll(".try-scale")) {
    const share = 50 * ((Number(node.dataset.score) - Number(node.dataset.threshold)) / reach);
    node.firstElementChild.style.insetInlineStart = `${Math.min(50, 50 + share)}%`;
    node.firstElementChild.style.inlineSize = `${Math.max(Math.abs(share), 1)}%`;
  }
}

const COLUMNS = ["name", "verdict", "score", "threshold", "threshold_version", "p_value", "confidence", "uncertainty", "regions", "sha256", "id", "problem"];

function save(reference, told) {
  const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const rows = told.map((each) => ({ ...each, regions: each.regions?.length, problem: each.broken ?? each.failed }));
  const lines = [COLUMNS, ...rows.map((each) => COLUMNS.map((name) => String(each[name] ?? "")))].map((cells) => cells.map(quote).join(","));
  const url = URL.createObjectURL(new Blob([`\uFEFF${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  el("a", { href: url, download: `${reference}-predictions.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** All files of what was dropped, those of folders too. */
async function filesOf({ entries, files }) {
  if (entries.length === 0) return files.map((file) => ({ file, name: file.name }));
  return (await Promise.all(entries.map(within))).flat();
}

async function within(entry) {
  if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([{ file, name: entry.fullPath.slice(1) }]), () => resolve([])));
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([]))); // a hundred at a time
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map(within))).flat());
  }
}
