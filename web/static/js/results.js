// What a finished run measured: figures, threshold with all that hangs on it, defect types, gallery.

import { $, $$, el, onClick } from "./dom.js";
import { count, metric, percentage, value } from "./format.js";
import { t } from "./i18n.js";
import { confusion, pick, roc, steps } from "./maths.js";
import { loadResults } from "./results_data.js";
import "./score_charts.js";
import { thumb } from "./thumbs.js";
import { openViewer } from "./viewer.js";

const FIGURES = ["image_auroc", "image_aupr", "pixel_auroc", "pixel_aupr"];
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
  types(part, results);

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
    promise(part("promise"), results.metrics.threshold, isMoved);
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

function figures(list, { metrics: { metrics, reasons, intervals }, good, defective }) {
  const few = Math.min(good.length, defective.length) < ENOUGH;
  const range = ([low, high]) => (few && metric(low) === metric(1) ? t("results.interval_few") : t("results.interval", { low: metric(low), high: metric(high) }));
  list.replaceChildren(
    ...FIGURES.map((name) => {
      const measured = metrics[name];
      const known = measured !== null && measured !== undefined;
      const interval = intervals?.[name];
      return el("div", { className: known ? "" : "unknown" },
        el("dt", { textContent: t(`metric.${name}`) }),
        el("dd", { textContent: known ? metric(measured) : "–" }),
        !known && el("dd", { className: "basis", textContent: reasons?.[name] ? t("results.not_measured_why", { reason: reasons[name] }) : t("results.not_measured") }) || null,
        known && interval ? el("dd", { className: "basis", textContent: range(interval) }) : null);
    }),
  );
}

function provenance(line, { weights, synthetic }) {
  const parts = [];
  if (weights?.backbone) parts.push(t("results.backbone", { backbone: weights.backbone, source: weights.source === "random" ? t("results.random") : weights.source }));
  if (synthetic) parts.push(t("results.synthetic"));
  line.textContent = parts.join(" · ");
  line.hidden = parts.length === 0;
}

/** What the calibrated threshold promises, which a threshold moved by hand does not. */
function promise(line, threshold, isMoved) {
  const rounded = (share) => Number((100 * share).toFixed(share < 0.001 ? 3 : 1));
  const values = { count: threshold.calibration_images, rate: rounded(threshold.overkill_rate), promised: rounded(threshold.smallest_promise) };
  const enough = threshold.smallest_promise <= threshold.overkill_rate + 1e-9;
  const words = t(enough ? "results.promise" : "results.promise_few", values);
  line.replaceChildren(...(isMoved ? [el("b", { textContent: t("results.no_promise") }), " "] : []), el("span", { textContent: words }));
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
