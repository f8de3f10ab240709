// The results of a run, fetched once and put into the form that charts and viewer need.

import { request } from "../../api.js";
import { extent } from "../../maths.js";

const loaded = new Map();

/** metrics.json and the images, with the ranges that sliders and axes need. */
export function loadResults(run) {
  if (!loaded.has(run)) {
    const promise = request("GET", `/api/runs/${run}/results`).then(prepare);
    promise.catch(() => loaded.delete(run));
    loaded.set(run, promise);
  }
  return loaded.get(run);
}

function prepare({ metrics, images }) {
  const threshold = { image: metrics.threshold.image, pixel: metrics.threshold.pixel };
  const [lo, hi] = extent([...images.map((image) => image.score), threshold.image]);
  const pad = (hi - lo || Math.abs(hi) || 1) * 0.04;
  return {
    metrics,
    images,
    threshold,
    byIndex: new Map(images.map((image) => [image.index, image])),
    good: images.filter((image) => image.label === "good").map((image) => image.score),
    defective: images.filter((image) => image.label === "defective").map((image) => image.score),
    scoreRange: [lo - pad, hi + pad],
    mapRange: metrics.map_scale,
  };
}
