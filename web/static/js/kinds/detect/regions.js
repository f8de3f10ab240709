// The regions of an inspected image in the large view: a list beside the picture, each with the good patches nearest to it.

import { el } from "../../dom.js";
import { value } from "../../format.js";
import { t } from "../../i18n.js";
import { cut } from "./maths.js";

const SIDE = 72; // CSS pixels of a patch
const SHOWN = 5; // regions in the list; the others are counted

/** Fill `list` with the regions of image `index`. `chosen(number)` is told which one the reader points at, or null. */
export function showRegions(list, run, index, { regions }, { width, height, input, chosen }) {
  list.replaceChildren(
    ...regions.slice(0, SHOWN).map((region, number) => {
      const patches = [patch(input, cut(region, width, height), t("viewer.here"))];
      (region.nearest ?? []).forEach((near, rank) => patches.push(patch(`/runs/${run}/normals/${index}/${number}/${rank}`, around(near, region, width, height), t("viewer.nearest_of", { name: near.name, distance: value(near.distance) }))));
      const item = el("li", { tabIndex: 0 },
        el("p", { textContent: t("viewer.region", { number: number + 1, peak: value(region.peak), share: Number((100 * region.area_share).toPrecision(2)), x: Math.round(region.centre[0]), y: Math.round(region.centre[1]) }) }),
        el("div", { className: "patches" }, ...patches),
        region.nearest?.length ? el("small", { textContent: t("viewer.nearest") }) : null);
      for (const [event, to] of [["pointerenter", number], ["pointerleave", null], ["focus", number], ["blur", null]]) item.addEventListener(event, () => chosen(to));
      return item;
    }),
    ...(regions.length > SHOWN ? [el("li", { className: "dim", textContent: t("viewer.region_more", { count: regions.length - SHOWN }) })] : []),
    ...(regions.length === 0 ? [el("li", { className: "dim", textContent: t("viewer.no_regions") })] : []),
  );
}

/** The same size as the region's own patch, around the place in the good picture. */
function around(near, region, width, height) {
  const own = cut(region, width, height);
  const clamp = (at, size) => Math.min(1 - size, Math.max(0, at - size / 2));
  return { ...own, left: clamp(near.x, own.width), top: clamp(near.y, own.height) };
}

/** A piece of a picture, given as shares of it, drawn as a square. What cannot be loaded is left out. */
function patch(url, { left, top, width, height }, title) {
  const side = SIDE * Math.min(2, devicePixelRatio);
  const canvas = el("canvas", { width: side, height: side, title, role: "img", "aria-label": title });
  const image = new Image();
  image.onload = () => {
    const [w, h] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, left * w, top * h, width * w, height * h, 0, 0, side, side);
    canvas.dataset.drawn = "true";
  };
  image.onerror = () => canvas.remove();
  image.src = url;
  return canvas;
}
