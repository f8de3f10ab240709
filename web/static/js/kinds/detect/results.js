// What a finished run measured: figures, threshold with all that hangs on it, defect types, gallery.

import { $, $$, el, onClick } from "../../dom.js";
import { count, metric, percentage, value } from "../../format.js";
import { t } from "../../i18n.js";
import { steps } from "../../maths.js";
import { weightsFrom } from "../../run_words.js";
import { confusion, pick, promised, roc } from "./maths.js";
import { loadResults } from "./results_data.js";
import "./score_charts.js";
import { thumb } from "./thumbs.js";
import { openViewer } from "./viewer.js";

const LOCATED = ["aupro_30", "pixel_auroc"]; // the first that was measured, or was to be
const OF_TEST = ["image_f1_max", "pixel_f1_max"]; // labels of the test data chose their thresholds
const AT_OVERKILL = /^recall_at_\d+_overkill$/;
const COUNTS = ["missed", "false_alarms"]; // shown with the threshold
const NO_SHARES = ["false_regions_per_good"];
const ORDER = ["image_auroc", "image_aupr", "image_f1_max", "recall", "escape_rate", "overkill", "recall_at_0_overkill", "recall_at_1_overkill", "recall_at_5_overkill", "aupro_30", "aupro_05", "pixel_auroc", "pixel_aupr", "pixel_f1_max", "region_recall", "false_regions_per_good", "ece"];
const PAGE = 24;
const ENOUGH = 30; // images of each class: with fewer, an interval that says "always right" says too much

/** Fill the results part of a run's view. */
export async function showResults(view, run) {
  const part = (name) => $(`[data-part="${name}"]`, view);
  const results = await loadResults(run);
  const state = { threshold: results.threshold.image, which: "worst", type: "", shown: PAGE };
  const curve = roc(results.good, results.defective);
  part("results").hidden = false;
  figures(part("measured"), results);
  provenance(part("provenance"), results.metrics);
  allFigures(part, results);
  types(part, results);
  sizes(part, results.metrics.per_size ?? {});

  const slider = part("threshold");
  Object.assign(slider, steps(results.scoreRange, state.threshold), { value: state.threshold });
  slider.addEventListener("input", () => move(Number(slider.value)));
  part("threshold-reset").addEventListener("click", () => {
    slider.value = results.threshold.image;
    move(results.threshold.image);
  });
  $(".roc-box", view).hidden = curve === null;

  const gallery = () => showGallery(part, run, results, state);
  onClick(part("which"), "[data-which]", (_, button) => {
    Object.assign(state, { which: button.dataset.which, shown: PAGE });
    gallery();
  });
  part("type").addEventListener("change", (event) => {
    Object.assign(state, { type: event.target.value, shown: PAGE });
    gallery();
  });
  part("more").addEventListener("click", () => {
    state.shown += PAGE;
    gallery();
  });
  onClick(part("thumbs"), "[data-index]", (_, button) => {
    const order = pick(results.images, state.which, state.threshold, state.type).map((image) => image.index);
    openViewer(run, order, Number(button.dataset.index), state.threshold);
  });

  function move(threshold) {
    state.threshold = threshold;
    draw();
    const counts = confusion(results.images, threshold);
    part("threshold-announce").textContent = t("results.moved", { value: value(threshold), missed: counts.missed, alarms: counts.false_alarm });
    gallery();
  }

  function draw() {
    const { threshold } = state;
    const counts = confusion(results.images, threshold);
    part("threshold-value").textContent = value(threshold);
    slider.setAttribute("aria-valuetext", value(threshold));
    const isMoved = threshold !== results.threshold.image;
    part("threshold-reset").hidden = !isMoved;
    promise(part("promise"), results.metrics, isMoved);
    part("histogram").set({ good: results.good, defective: results.defective, range: results.scoreRange, threshold, calibrated: results.threshold.image });
    for (const cell of $$("[data-cell]", view)) {
      const kind = cell.dataset.cell;
      cell.replaceChildren(el("b", { textContent: count(counts[kind]) }), el("small", { textContent: t(kind === "missed" ? "results.missed" : kind === "false_alarm" ? "results.false_alarms" : `outcome.${kind}`) }));
      cell.dataset.some = String(counts[kind] > 0);
    }
    if (curve) {
      const found = counts.hit / results.defective.length;
      const alarms = counts.false_alarm / results.good.length;
      part("roc").set({ curve, found, alarms });
      part("roc-mark").textContent = `${percentage(found)} / ${percentage(alarms)}`;
    }
  }

  draw();
  gallery();
}

/** The few that say most: are defects told from good, where are they, how many are found, at what price. */
function figures(list, { metrics, good, defective }) {
  const { metrics: measured, reasons } = metrics;
  const located = LOCATED.find((name) => measured[name] !== undefined && (measured[name] !== null || name === "pixel_auroc")) ?? "pixel_auroc";
  const names = ["image_auroc", located, ...["recall", "overkill"].filter((name) => measured[name] !== undefined)];
  list.replaceChildren(
    ...names.map((name) => {
      const known = measured[name] !== null && measured[name] !== undefined;
      const interval = range(name, metrics, good, defective);
      return el("div", { className: known ? "" : "unknown", "data-metric": name },
        el("dt", { textContent: t(`metric.${name}`) }),
        el("dd", { textContent: known ? figure(name, measured[name]) : "–" }),
        known ? null : el("dd", { className: "basis", textContent: reasons?.[name] ? t("results.not_measured_why", { reason: reasons[name] }) : t("results.not_measured") }),
        known && interval ? el("dd", { className: "basis", textContent: interval }) : null);
    }),
  );
}

const figure = (name, number) => (["recall", "overkill", "escape_rate", "region_recall"].includes(name) || AT_OVERKILL.test(name) ? percentage(number, 1) : metric(number));

/** How sure a figure is; nothing where that cannot be told. */
function range(name, { intervals, interval_notes: notes }, good, defective) {
  if (notes?.[name]) return t("results.interval_few");
  const interval = intervals?.[name];
  if (!interval) return "";
  const [low, high] = interval;
  const few = notes === undefined && Math.min(good.length, defective.length) < ENOUGH; // runs from before the notes
  return few && metric(low) === metric(1) ? t("results.interval_few") : t("results.interval", { low: figure(name, low), high: figure(name, high) });
}

/** Every other figure, with its meaning, and those that only labels of the test data could reach marked as such. */
function allFigures(part, { metrics, good, defective }) {
  const { metrics: measured, reasons, oracle, confidence } = metrics;
  const all = { ...measured, ...(confidence?.ece === undefined ? {} : { ece: confidence.ece }) };
  const names = [...ORDER.filter((name) => name in all), ...Object.keys(all).filter((name) => !ORDER.includes(name) && !COUNTS.includes(name))];
  const rows = names.map((name) => {
    const known = all[name] !== null;
    const mark = OF_TEST.includes(name) ? t("results.oracle") : AT_OVERKILL.test(name) ? t("results.on_good") : "";
    const meaning = [t(`metric.${name}.meaning`), coarse(name, metrics)].filter((text) => text && !text.startsWith("metric.")).join(" ");
    const wide = known ? range(name, metrics, good, defective) : reasons?.[name] ?? "";
    return row(t(`metric.${name}`), mark, meaning, known ? (NO_SHARES.includes(name) ? value(all[name]) : figure(name, all[name])) : "–", wide.replace(/^95 %[:：]\s*/, ""));
  });
  const reached = (each) => t("results.reached", { value: value(each.threshold), missed: each.missed ?? "–", alarms: each.false_alarms ?? "–" });
  if (oracle?.f1_optimal) rows.push(row(t("results.oracle_f1"), t("results.oracle"), "", reached(oracle.f1_optimal), ""));
  if (oracle?.cost_based) rows.push(row(t("results.oracle_cost", { cost: oracle.cost_based.escape_cost }), t("results.oracle"), "", reached(oracle.cost_based), ""));
  part("figures").replaceChildren(...rows);
  part("all-figures").hidden = rows.length === 0;
}

/** Where the share of the good test images that may fail is less than one of them: what that means and how many it takes. */
function coarse(name, { at_overkill: reached, counts }) {
  const percent = Number(name.match(/^recall_at_(\d+)_overkill$/)?.[1] ?? 0);
  const good = counts?.test_good ?? 0;
  if (!percent || !good || (good * percent) / 100 >= 1) return "";
  return t("results.share_too_small", { alarms: reached?.[percent]?.false_alarms ?? 0, good, rate: percent, needed: Math.ceil(100 / percent) });
}

function row(name, mark, meaning, text, interval) {
  const head = el("th", { scope: "row" }, el("span", { textContent: name }), mark ? el("small", { className: "mark", textContent: mark }) : null, meaning ? el("small", { textContent: meaning }) : null);
  return el("tr", {}, head, el("td", { className: "num mono", textContent: text }), el("td", { className: "num mono", textContent: interval }));
}

function provenance(line, { weights, synthetic }) {
  const parts = [];
  if (weights?.backbone) parts.push(t("results.backbone", { backbone: weights.backbone, source: weightsFrom(weights.source) }));
  if (synthetic) parts.push(t("results.synthetic"));
  line.textContent = parts.join(" · ");
  line.hidden = parts.length === 0;
}

/** What the calibrated threshold promises, which a threshold moved by hand does not. */
function promise(line, { threshold, promise_check: check }, isMoved) {
  const before = isMoved ? [el("b", { textContent: t("results.no_promise") }), " "] : [];
  const broken = check?.held === false ? [" ", el("b", { textContent: t("results.promise_broken", { overkill: Number((100 * check.overkill).toFixed(1)) }) })] : [];
  line.replaceChildren(...before, el("span", { textContent: promised(threshold).map(([key, values]) => t(key, values)).join(" ") }), ...broken);
}

function types(part, { metrics, images }) {
  const entries = Object.entries(metrics.per_defect_type ?? {});
  part("types-block").hidden = entries.length === 0;
  part("types").replaceChildren(
    ...entries.map(([name, row]) =>
      el("tr", {}, el("th", { scope: "row", dir: "auto", textContent: name }), ...[count(row.count), count(row.found), count(row.missed), row.image_auroc === null ? "–" : metric(row.image_auroc)].map((text, i) => el("td", { className: `num mono${i === 2 && row.missed ? " some" : ""}`, textContent: text }))),
    ),
  );
  const known = [...new Set(images.map((image) => image.defect_type).filter(Boolean))].sort();
  part("type").append(...known.map((name) => el("option", { value: name, textContent: name })));
}

function sizes(part, perSize) {
  const entries = Object.entries(perSize);
  const percent = (share) => Number((100 * share).toPrecision(2));
  part("sizes-block").hidden = entries.length === 0;
  part("sizes").replaceChildren(
    ...entries.map(([name, each]) =>
      el("tr", {}, el("th", { scope: "row" }, el("span", { textContent: t(`size.${name}`) }), " ", el("small", { className: "mono dim", textContent: t("size.range", { low: percent(each.from), high: percent(each.to) }) })),
        ...[count(each.images), count(each.found), count(each.missed), each.regions ? `${count(each.regions_hit)} / ${count(each.regions)}` : "–"].map((text, i) => el("td", { className: `num mono${i === 2 && each.missed ? " some" : ""}`, textContent: text })))),
  );
}

function showGallery(part, run, results, state) {
  const fitting = pick(results.images, state.which, state.threshold, state.type);
  const counts = confusion(results.images.filter((image) => !state.type || image.defect_type === state.type), state.threshold);
  for (const button of $$("[data-which]", part("which"))) {
    button.setAttribute("aria-pressed", String(button.dataset.which === state.which));
    const number = { missed: counts.missed, false_alarms: counts.false_alarm }[button.dataset.which];
    $("[data-number]", button).textContent = number === undefined ? "" : count(number);
  }
  const shown = fitting.slice(0, state.shown);
  part("thumbs").replaceChildren(...shown.map((image) => thumb(run, image, state.threshold)));
  part("gallery-count").textContent = t("gallery.shown", { shown: shown.length, count: fitting.length });
  part("more").hidden = shown.length === fitting.length;
  part("thumbs-empty").hidden = fitting.length > 0;
  part("thumbs-empty").textContent = t(`gallery.none.${state.which}`);
}
