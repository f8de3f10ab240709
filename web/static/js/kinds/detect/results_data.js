// The results of a run, fetched once and put into the form that charts, gallery and viewer need.

import { request } from "../../api.js";
import { extent, histogram } from "../../maths.js";
import { ranked, roc } from "./maths.js";

export const BINS = 36; // of the histogram
const loaded = new Map();

/** metrics.json and the images in their orders, with the ranges that sliders and axes need. */
export function loadResults(run) {
  if (!loaded.has(run)) {
    const promise = request("GET", `/api/runs/${run}/results`).then(prepare);
    promise.catch(() => loaded.delete(run));
    loaded.set(run, promise);
  }
  return loaded.get(run);
}

/** Fetch them anew the next time: another threshold is in force. */
export const forgetResults = (run) => loaded.delete(run);

function prepare({ metrics, images }) {
  const threshold = { image: metrics.threshold.image, pixel: metrics.threshold.pixel };
  const [lo, hi] = extent([...images.map((image) => image.score), threshold.image]);
  const pad = (hi - lo || Math.abs(hi) || 1) * 0.04;
  const scoreRange = [lo - pad, hi + pad];
  const run = ranked(images);
  const [good, defective] = [run.good.scores, run.defective.scores];
  return {
    metrics,
    images,
    threshold,
    ranked: run,
    byIndex: new Map(images.map((image) => [image.index, image])),
    bins: [good, defective].map((scores) => histogram(scores, ...scoreRange, BINS)),
    counts: { good: good.length, defective: defective.length },
    curve: roc(good, defective),
    scoreRange,
    mapRange: metrics.map_scale,
    knots: alike(threshold, scoreRange, metrics.map_scale),
  };
}

/** Where nothing better is known: a pixel threshold moves by the same share of its own range as the image threshold does. */
function alike({ image, pixel }, [lo, hi], [low, high]) {
  const slope = (high - low) / (hi - lo || 1);
  return [[image - (pixel - low) / slope, low], [image, pixel], [image + (high - pixel) / slope, high]];
}
