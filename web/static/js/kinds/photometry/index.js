// How a measurement of light is drawn: its figures, those of each class, and the images, the darkest first.

import { request } from "../../api.js";
import { $, el } from "../../dom.js";
import { count, metric } from "../../format.js";
import { t } from "../../i18n.js";

const FIGURES = ["brightness", "contrast", "sharpness", "clipped"];
const SHOWN = 24;

/** How long each stage usually takes, one against the other. */
export const WEIGHT = { loading: 60, evaluating: 40 };

/** Rows of the figures beside the charts: there are none. */
export const readouts = () => [];

/** There is nothing to draw over time. */
export const charts = () => [];

/** [name, text, tone] of the few figures that a finished run is known by in a conversation. */
export function badges(metrics) {
  return ["brightness", "contrast"].map((name) => (metrics[name] ?? null) !== null && [t(`metric.${name}`), metric(metrics[name]), ""]);
}

/** An image stands by itself: there is nothing to look at beside it. */
export const openPicture = () => {};

/** Fill the results part of a run's view. */
export async function showResults(view, run) {
  const part = (name) => $(`[data-part="${name}"]`, view);
  const { metrics, images } = await request("GET", `/api/runs/${run}/results`);
  part("results").hidden = false;
  part("measured").replaceChildren(...FIGURES.map((name) =>
    el("div", { "data-metric": name }, el("dt", { textContent: t(`metric.${name}`) }), el("dd", { textContent: metric(metrics.metrics[name]) }))));
  part("classes").replaceChildren(...Object.entries(metrics.per_class).map(([name, each]) =>
    el("tr", {}, el("th", { scope: "row", dir: "auto", textContent: name }), el("td", { className: "num mono", textContent: count(each.count) }),
      ...FIGURES.map((figure) => el("td", { className: "num mono", textContent: metric(each[figure]) })))));
  const darkest = [...images].sort((a, b) => a.score - b.score).slice(0, SHOWN);
  part("thumbs").replaceChildren(...darkest.map((image) =>
    el("li", { className: "thumb" }, el("img", { src: `/runs/${run}/files/inputs/${image.index}`, alt: image.name, loading: "lazy", decoding: "async" }),
      el("span", { className: "caption" }, el("b", { dir: "auto", textContent: image.label }), el("span", { className: "mono", textContent: metric(image.score) })))));
}
