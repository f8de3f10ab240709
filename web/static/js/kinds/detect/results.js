// What a finished run measured: what was missed, the figures, the threshold with all that hangs on it, the gallery.

import { $, $$, eachFrame, el } from "../../dom.js";
import { count, percentage, value } from "../../format.js";
import { t } from "../../i18n.js";
import { steps } from "../../maths.js";
import { weightsFrom } from "../../run_words.js";
import { allFigures, cards, sizeTable, typeTable } from "./figures.js";
import { gallery } from "./gallery.js";
import { headline } from "./headline.js";
import { pixelThreshold, promised, standing, standingByType } from "./maths.js";
import { loadResults } from "./results_data.js";
import "./score_charts.js";
import { openViewer } from "./viewer.js";

const STILL_MS = 350; // after which a moved threshold is told to who cannot see it

/** Fill the results part of a run's view. */
export async function showResults(view, run) {
  const part = (name) => $(`[data-part="${name}"]`, view);
  const results = await loadResults(run);
  const { metrics, ranked } = results;
  const aurocs = metrics.per_defect_type ?? {};
  const order = standingByType(ranked, results.threshold.image, aurocs);
  const state = { threshold: results.threshold.image };
  part("results").hidden = false;
  provenance(part("provenance"), metrics);

  const pictures = gallery(part, run, results, (images, index) => openViewer(run, images, index, state.threshold));
  const parts = [
    headline(part, { metrics, order, chosen: pictures.choose }),
    cards(part("measured"), results),
    allFigures(part, results),
    typeTable(part, results, order),
    sizeTable(part, results),
    pictures.show,
  ];

  const slider = part("threshold");
  Object.assign(slider, steps(results.scoreRange, state.threshold), { value: state.threshold });
  slider.addEventListener("input", () => move(Number(slider.value)));
  part("threshold-reset").addEventListener("click", () => {
    slider.value = results.threshold.image;
    move(results.threshold.image);
  });
  $(".roc-box", view).hidden = results.curve === null;

  function move(threshold) {
    state.threshold = threshold;
    redraw();
  }

  let timer = 0;
  const redraw = eachFrame(() => {
    draw();
    clearTimeout(timer);
    timer = setTimeout(say, STILL_MS);
  });

  function now() {
    const { threshold } = state;
    const isMoved = threshold !== results.threshold.image;
    return {
      threshold,
      isMoved,
      level: isMoved ? pixelThreshold(threshold, results.knots) : results.threshold.pixel,
      standing: standing(ranked, threshold),
      types: standingByType(ranked, threshold, aurocs),
      promised: isMoved ? null : metrics.threshold.promised,
    };
  }

  function draw() {
    const at = now();
    const { threshold, isMoved, standing: counts } = at;
    for (const drawn of parts) drawn(at);
    part("threshold-value").textContent = value(threshold);
    slider.setAttribute("aria-valuetext", t("results.moved", { value: value(threshold), missed: counts.missed, alarms: counts.false_alarm }));
    part("threshold-reset").hidden = !isMoved;
    promise(part("promise"), metrics, isMoved);
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
    part("histogram").say(results.counts);
    if (results.curve) part("roc").say();
    const counts = standing(ranked, state.threshold);
    if (state.threshold !== results.threshold.image) part("threshold-announce").textContent = t("results.moved", { value: value(state.threshold), missed: counts.missed, alarms: counts.false_alarm });
  }

  draw();
  say();
}

function provenance(line, { weights, synthetic }) {
  const parts = [];
  if (weights?.backbone) parts.push(t("results.backbone", { backbone: weights.backbone, source: weightsFrom(weights.source) }));
  if (synthetic) parts.push(t("results.synthetic"));
  line.textContent = parts.join(" · ");
  line.hidden = parts.length === 0;
}

/** What the threshold in force promises, which one that is only looked at does not. */
function promise(line, { threshold, promise_check: check }, isMoved) {
  const before = isMoved ? [el("b", { textContent: t("results.no_promise") }), " "] : [];
  const broken = check?.held === false ? [" ", el("b", { textContent: t("results.promise_broken", { overkill: Number((100 * check.overkill).toFixed(1)) }) })] : [];
  line.replaceChildren(...before, el("span", { textContent: promised(threshold).map(([key, values]) => t(key, values)).join(" ") }), ...broken);
}
