// The large view of one inspected image: heat, contour, truth, zoom, and the keys to go through them.

import { request } from "../../api.js";
import { $, $$, eachFrame, onClick } from "../../dom.js";
import { value } from "../../format.js";
import "./heatmap.js";
import { t } from "../../i18n.js";
import { steps } from "../../maths.js";
import { heatColour, outcome, pixelThreshold } from "./maths.js";
import { showRegions } from "./regions.js";
import { loadResults } from "./results_data.js";
import { failure } from "../../toast.js";

const dialog = $("#viewer");
const heatmap = $("#viewer-heatmap");
const stage = $("#viewer-stage");
const slider = $("#viewer-threshold");
const regionBox = $("#viewer-regions");
let opened = null; // { run, results, indices, at, threshold }

/** Open image `index` of a run; arrow keys go through `indices`. `threshold` is the image threshold that the page shows. */
export async function openViewer(run, indices, index, threshold = null) {
  try {
    const results = await loadResults(run);
    opened = { run, results, indices, at: Math.max(0, indices.indexOf(index)), threshold: threshold ?? results.threshold.image };
    dialog.showModal();
    stage.focus();
    heatmap.fit();
    setUpSlider();
    drawLegend();
    await show();
  } catch (error) {
    failure(error);
  }
}

async function show() {
  const { run, results, indices, at } = opened;
  const image = results.byIndex.get(indices[at]);
  const files = `/runs/${run}/files`;
  $("#viewer-name").textContent = image.name;
  $("#viewer-position").textContent = t("viewer.position", { number: at + 1, count: indices.length });
  $("#viewer-truth-label").hidden = !image.has_truth;
  $("#viewer-previous").disabled = at === 0;
  $("#viewer-next").disabled = at === indices.length - 1;
  describe(image);
  try {
    const asked = request("GET", `/api/runs/${run}/regions/${image.index}`).catch(() => ({ image: null, regions: [] }));
    await heatmap.show({
      name: image.name,
      input: `${files}/inputs/${image.index}`,
      map: `${files}/maps/${image.index}`,
      truth: image.has_truth ? `${files}/truth/${image.index}` : null,
      range: results.mapRange,
    });
    if (results.byIndex.get(opened.indices[opened.at]) !== image) return;
    opened.found = await asked;
    if (results.byIndex.get(opened.indices[opened.at]) !== image) return;
    if (opened.found.image) describe(image, opened.found.image);
    explain();
    sayContrast();
  } catch (error) {
    failure(new Error(t("viewer.failed", { message: error.message })));
  }
}

/**
 * Say how high the map goes and where, and list the regions above the pixel threshold with the good patches nearest to them. The run looked
 * for those of the regions at its own threshold; another one cuts the map anew.
 */
function explain() {
  const { run, indices, at, found } = opened;
  const { peak, peakInside, threshold, scores, regions } = heatmap;
  const image = opened.results.byIndex.get(indices[at]);
  const isMissed = outcome(image, opened.threshold) === "missed";
  const values = { score: value(peak.score), threshold: value(threshold) };
  $("#viewer-highest").textContent = isMissed && peakInside ? t("viewer.highest_missed", { ...values, inside: value(peakInside.score) }) : t("viewer.highest", values);
  showRegions($("ul", regionBox), { run, index: image.index, regions, found, peak, width: scores.width, height: scores.height, input: `/runs/${run}/files/inputs/${image.index}`, chosen: (number) => heatmap.set({ chosen: number }) });
}

/** Which greys of the picture are shown as black and as white. */
function sayContrast() {
  const [from, to] = heatmap.isContrasted ? heatmap.contrast() : [0, 255];
  $("#viewer-contrast-said").textContent = heatmap.isContrasted ? t("viewer.contrast_range", { from, to }) : "";
}

function describe(image, sure = null) {
  const kind = outcome(image, opened.threshold);
  const label = image.defect_type ?? t(`label.${image.label}`);
  const known = (number) => number !== null && number !== undefined;
  $("#viewer-facts").textContent = [
    t("viewer.facts", { label, score: value(image.score), threshold: value(opened.threshold) }),
    known(sure?.p_value) && chance(sure.p_value),
    known(sure?.confidence) && t("viewer.confidence", { percent: surely(sure.confidence) }),
  ].filter(Boolean).join(" · ");
  $("#viewer-outcome").className = `outcome ${kind}`;
  $("#viewer-outcome").textContent = t(`outcome.${kind}`);
}

/** The p-value in words, with the smallest that so few good images can show. */
function chance(p) {
  const percent = (share) => Number((100 * share).toPrecision(2));
  const images = opened.results.metrics.threshold.calibration_images;
  return images ? t("viewer.p_value", { p: percent(p), count: images, least: percent(1 / (images + 1)) }) : t("viewer.p_value_plain", { p: percent(p) });
}

/** Percent that never claim to be certain. */
const surely = (share) => (share > 0.99 ? "> 99" : share < 0.01 ? "< 1" : String(Math.round(100 * share)));

function setUpSlider() {
  const { results, threshold } = opened;
  const level = threshold === results.threshold.image ? results.threshold.pixel : pixelThreshold(threshold, results.knots);
  Object.assign(slider, steps(results.mapRange, level), { value: level });
  heatmap.threshold = level;
  $("#viewer-threshold-value").textContent = value(level);
}

function step(by) {
  const next = opened.at + by;
  if (next < 0 || next >= opened.indices.length) return;
  opened.at = next;
  show();
}

function drawLegend() {
  const canvas = $("#viewer-legend");
  const g = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    g.fillStyle = `rgb(${heatColour(x / (canvas.width - 1)).join(" ")})`;
    g.fillRect(x, 0, 1, canvas.height);
  }
}

const hold = (original) => heatmap.set({ original });

dialog.addEventListener("keydown", (event) => {
  const inField = event.target.matches("input[type=range]");
  const keys = {
    ArrowLeft: () => !inField && step(-1),
    ArrowRight: () => !inField && step(1),
    "+": () => heatmap.zoomBy(1.4),
    "=": () => heatmap.zoomBy(1.4),
    "-": () => heatmap.zoomBy(1 / 1.4),
    0: () => heatmap.fit(),
  };
  if (event.key === " " && !event.target.matches("button, input[type=checkbox]")) {
    event.preventDefault();
    hold(true);
  } else if (keys[event.key] && keys[event.key]() !== false) event.preventDefault();
});
dialog.addEventListener("keyup", (event) => event.key === " " && hold(false));
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => hold(false));
$("#viewer-previous").onclick = () => step(-1);
$("#viewer-next").onclick = () => step(1);
$("#viewer-in").onclick = () => heatmap.zoomBy(1.4);
$("#viewer-out").onclick = () => heatmap.zoomBy(1 / 1.4);
$("#viewer-fit").onclick = () => heatmap.fit();
$("#viewer-opacity").oninput = (event) => heatmap.set({ opacity: Number(event.target.value) });
$("#viewer-contour").onchange = (event) => heatmap.set({ showContour: event.target.checked });
$("#viewer-boxes").onchange = (event) => heatmap.set({ showRegions: event.target.checked });
$("#viewer-truth").onchange = (event) => heatmap.set({ showTruth: event.target.checked });
const recut = eachFrame(() => {
  heatmap.setThreshold(Number(slider.value));
  if (opened?.found) explain();
});
slider.oninput = () => {
  $("#viewer-threshold-value").textContent = value(Number(slider.value));
  recut();
};
$("#viewer-contrast").onchange = (event) => {
  heatmap.set({ isContrasted: event.target.checked });
  if (heatmap.image) sayContrast();
};
onClick($("#viewer-scale"), "[data-scale]", (_, button) => {
  for (const each of $$("[data-scale]", $("#viewer-scale"))) each.setAttribute("aria-pressed", String(each === button));
  const isStretched = button.dataset.scale === "image";
  heatmap.stretch(isStretched);
  $("#viewer-legend-said").textContent = t(isStretched ? "viewer.legend_image" : "viewer.legend");
});
heatmap.addEventListener("zoomed", () => ($("#viewer-fit").textContent = `${Math.round(100 * heatmap.zoom)} %`));
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const frame = stage.getBoundingClientRect();
  heatmap.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15, [event.clientX - frame.left, event.clientY - frame.top]);
}, { passive: false });
stage.addEventListener("pointermove", (event) => {
  const frame = stage.getBoundingClientRect();
  if (event.buttons === 1) heatmap.panBy(event.movementX, event.movementY);
  const hit = heatmap.scoreAt([event.clientX - frame.left, event.clientY - frame.top]);
  $("#viewer-probe").textContent = hit ? t("viewer.probe", { x: hit.x, y: hit.y, score: value(hit.score) }) : "";
});
stage.addEventListener("pointerleave", () => ($("#viewer-probe").textContent = ""));
