// Detectors beside each other: a curve of each, and of a picture the heat of each, around that run's own threshold.

import "./heatmap.js";
import { value } from "../../format.js";
import { t } from "../../i18n.js";
import { roc } from "./maths.js";

/** Charts [name, series, options]. */
export function curves({ beside: { runs, pictures } }) {
  const series = runs.map((run, i) => {
    const scores = (label) => pictures.filter((each) => each.label === label).map((each) => each.seen[i].score);
    const points = roc(scores("good"), scores("defective"))?.points ?? [];
    return { run, name: run, x: points.map(([alarms]) => alarms), y: points.map(([, found]) => found) };
  });
  return [["roc", series.filter((each) => each.x.length), { xLabel: t("compare.roc_x") }]];
}

/** An element that `show` draws pictures in. */
export function frame() {
  const heat = document.createElement("x-heatmap");
  heat.showRegions = false;
  return heat;
}

export function show(heat, { run, seen, picture, drawn }) {
  const files = `/runs/${run}/files`;
  heat.threshold = drawn.threshold;
  return heat.show({
    name: picture.name,
    input: `${files}/inputs/${seen.index}`,
    map: `${files}/maps/${seen.index}`,
    truth: picture.has_truth ? `${files}/truth/${seen.index}` : null,
    range: [drawn.low, drawn.high],
  });
}

export const nameOf = (called) => t(`compare.called.${called}`);

export const score = (seen, drawn) => t("compare.score", { score: value(seen.score), threshold: value(drawn.image) });
