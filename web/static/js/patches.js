// Pieces of pictures beside one another: a place that looks wrong, and good ones most like it.

import { el } from "./dom.js";

const SIDE = 72; // CSS pixels of a patch

/** A square with the peak of a region in it and some surroundings, as shares of a picture of this size. */
export function cut({ box: [x, y, w, h], peak_at: peak }, width, height) {
  const short = Math.min(width, height);
  const side = Math.min(0.45 * short, Math.max(1.6 * w, 1.6 * h, 0.18 * short));
  const [px, py] = peak ?? [x + w / 2, y + h / 2];
  const place = (at, whole) => Math.min(whole - side, Math.max(0, at - side / 2));
  return { left: place(px, width) / width, top: place(py, height) / height, width: side / width, height: side / height };
}

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
