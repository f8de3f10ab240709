// The results of a classification, fetched once, and the order in which its images are looked at.

import { request } from "../../api.js";
import { t } from "../../i18n.js";

const loaded = new Map();

/** metrics.json, the images, and the images by their index. */
export function loadResults(run) {
  if (!loaded.has(run)) {
    const promise = request("GET", `/api/runs/${run}/results`).then(({ metrics, images }) => ({ metrics, images, byIndex: new Map(images.map((image) => [image.index, image])) }));
    promise.catch(() => loaded.delete(run));
    loaded.set(run, promise);
  }
  return loaded.get(run);
}

/** How coarse the map is that tells what was looked at; older evaluations do not tell. */
export const cells = ({ seen_cells: grid }) => (grid ? t("classes.cells", { rows: grid[0], columns: grid[1] }) : "");

/** The images that fit: those classed wrongly first, the surest of them first, then those classed rightly, the least sure first. */
export function inOrder(images, { which, type }) {
  const isRight = (image) => image.label === image.verdict;
  const fitting = images.filter((image) => (!type || image.label === type) && !(which === "wrong" && isRight(image)));
  const place = (image) => (isRight(image) ? 1 + image.score : -image.score);
  return fitting.sort((a, b) => place(a) - place(b));
}
