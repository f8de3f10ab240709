// What a finished run measured: what was missed, the figures, the threshold with all that hangs on it, the gallery.

import { $, $$, eachFrame, el } from "../../dom.js";
import { count, percentage, value } from "../../format.js";
import { t } from "../../i18n.js";
import { steps } from "../../maths.js";
import { weightsFrom } from "../../run_words.js";
import { allFigures, cards, sizeTable, typeTable } from "./figures.js";
import { gallery } from "./gallery.js";
import { headline } from "./headline.js";
import { followThreshold } from "./in_force.js";
import { pixelThreshold, promised, promisedAt, standing, standingByType } from "./maths.js";
import { loadResults } from "./results_data.js";
import "./score_charts.js";
import { thresholdPanel } from "./threshold_panel.js";
import { openViewer } from "./viewer.js";

const STILL_MS = 350; // after which a moved threshold is told to who cannot see it

/** Fill the results part of a run's view. */
export async function showResults(view, run) {
  const part = (name) => $(`[data-part="${name}"]`, view);
  const results = await loadResults(run);
  const state = { threshold: results.threshold.image, asked: null };
  part("results").hidden = false;
  provenance(part("provenance"), results.metrics);
  $(".roc-box", view).hidden = results.curve === null;

  const slider = part("threshold");
  const pictures = gallery(part, run, results, (images, index) => openViewer(run, images, index, state.threshold));
  const panel = thresholdPanel(part, run, look);
  let parts = [];
  slider.addEventListener("input", () => move(Number(slider.value)));
  part("threshold-reset").addEventListener("click", () => look(results.threshold.image));

  /** Draw anew what tells of the threshold in force. */
  function fill() {
    const { metrics, ranked, threshold } = results;
    const order = standingByType(ranked, threshold.image, metrics.per_defect_type ?? {});
    Object.assign(state, { threshold: threshold.image, asked: null });
    Object.assign(slider, steps(results.scoreRange, threshold.image), { value: threshold.image });
    parts = [
      headline(part, { metrics, order, chosen: pictures.choose }),
      cards(part("measured"), results),
      allFigures(part, results),
      typeTable(part, results, order),
      sizeTable(part, results),
      pictures.show,
      (at) => panel.show(at, state.asked),
    ];
    draw();
    say();
  }

  function move(threshold, asked = null) {
    Object.assign(state, { threshold, asked });
    redraw();
  }

  /** Move to a threshold that does not come from the slider; the nearest step of the slider stands for it. */
  function look(threshold, asked = null) {
    slider.value = threshold;
    move(threshold, asked);
  }

  let timer = 0;
  const redraw = eachFrame(() => {
    draw();
    clearTimeout(timer);
    timer = setTimeout(say, STILL_MS);
  });

  function draw() {
    const at = standingOf(results, state.threshold);
    const { threshold, isMoved, standing: counts } = at;
    for (const drawn of parts) drawn(at);
    part("threshold-value").textContent = value(threshold);
    slider.setAttribute("aria-valuetext", t("results.moved", { value: value(threshold), missed: counts.missed, alarms: counts.false_alarm }));
    part("threshold-reset").hidden = !isMoved;
    part("promise").hidden = isMoved;
    part("histogram").set({ bins: results.bins, range: results.scoreRange, threshold, inForce: results.threshold.image });
    for (const cell of $$("[data-cell]", view)) {
      const kind = cell.dataset.cell;
      cell.replaceChildren(el("b", { textContent: count(counts[kind]) }), el("small", { textContent: t(kind === "missed" ? "results.missed" : kind === "false_alarm" ? "results.false_alarms" : `outcome.${kind}`) }));
      cell.dataset.some = String(counts[kind] > 0);
    }
    if (results.curve) {
      part("roc").set({ curve: results.curve, found: counts.recall, alarms: counts.overkill });
      part("roc-mark").textContent = `${percentage(counts.recall)} / ${percentage(counts.overkill)}`;
    }
  }

  function say() {
    const { isMoved, standing: counts } = standingOf(results, state.threshold);
    part("histogram").say(results.counts);
    if (results.curve) part("roc").say();
    promise(part("promise"), results.metrics);
    part("threshold-announce").textContent = isMoved ? t("results.moved", { value: value(state.threshold), missed: counts.missed, alarms: counts.false_alarm }) : "";
  }

  /** Another threshold is in force: set here, in another tab, or in the conversation. */
  async function adopt(told) {
    Object.assign(results, await loadResults(run));
    take(told);
    fill();
  }

  function take(told) {
    Object.assign(results, { knots: told.pixel_knots, told });
    panel.tell(told);
  }

  const told = await followThreshold(run, adopt, () => view.isConnected);
  if (told) take(told);
  fill();
}

/** All that hangs on a threshold: what it finds, lets pass and calls wrongly, and the pixel threshold that belongs to it. */
function standingOf({ metrics, ranked, threshold: inForce, knots, told }, threshold) {
  const isMoved = threshold !== inForce.image;
  return {
    threshold,
    isMoved,
    level: isMoved ? pixelThreshold(threshold, knots) : inForce.pixel,
    standing: standing(ranked, threshold),
    types: standingByType(ranked, threshold, metrics.per_defect_type ?? {}),
    promised: !isMoved ? metrics.threshold.promised : told ? promisedAt(told, threshold) : null,
  };
}

function provenance(line, { weights, synthetic, speed_and_memory: cost }) {
  const parts = [];
  if (weights?.backbone) parts.push(t("results.backbone", { backbone: weights.backbone, source: weightsFrom(weights.source) }));
  if (synthetic) parts.push(t("results.synthetic"));
  if (cost) parts.push(t("results.speed", { ms: amount(cost.ms_per_image), device: cost.device, batch: cost.batch_size }));
  if (cost?.peak_memory_mb) parts.push(t("results.memory", { peak: amount(cost.peak_memory_mb), model: amount(cost.model_mb ?? 0) }));
  line.textContent = parts.join(" · ");
  line.hidden = parts.length === 0;
}

const amount = (number) => Number(number.toPrecision(3));

/** What the threshold in force promises. */
function promise(line, { threshold, promise_check: check }) {
  const broken = check?.held === false ? [" ", el("b", { textContent: t("results.promise_broken", { overkill: Number((100 * check.overkill).toFixed(1)) }) })] : [];
  line.replaceChildren(el("span", { textContent: promised(threshold).map(([key, values]) => t(key, values)).join(" ") }), ...broken);
}
