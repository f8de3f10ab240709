// Pieces of pictures beside one another: a place that looks wrong, and good ones most like it.

import { el } from "./dom.js";
import { cut } from "./maths.js";

const SIDE = 72; // CSS pixels of a patch

/** The same size as the region's own patch, around the place in the good picture. */
export function around(near, region, width, height) {
  const own = cut(region, width, height);
  const clamp = (at, size) => Math.min(1 - size, Math.max(0, at - size / 2));
  return { ...own, left: clamp(near.x, own.width), top: clamp(near.y, own.height) };
}

/** A piece of a picture, given as shares of it, drawn as a square. What cannot be loaded is left out. */
export function patch(url, { left, top, width, height }, title) {
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
