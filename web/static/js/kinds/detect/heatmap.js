// <x-heatmap>: the inspected image under its score map, with the contour at the threshold and the outline of the true defect.

import { colour, Drawing } from "../../canvas.js";
import { t } from "../../i18n.js";
import { chain, contour } from "../../maths.js";
import { heatColour, heatPosition, heatStrength } from "./maths.js";
import { readGrey } from "../../png.js";

const MOST_ZOOM = 16;

class Heatmap extends Drawing {
  opacity = 1; // of the heat as the thumbnails have it
  showContour = true;
  showTruth = true;
  showRegions = true;
  regions = []; // boxes [x, y, w, h] in pixels of the map
  chosen = null; // the one that is pointed at
  original = false;
  zoom = 1;
  centre = [0.5, 0.5];

  /** Show one image. `scale` is { low, high, threshold } of the raw map. */
  async show({ name, input, map, truth, scale }) {
    const turn = (this.turn = Symbol(name));
    const [image, scores, mask] = await Promise.all([picture(input), readGrey(map), truth ? readGrey(truth) : null]);
    if (turn !== this.turn) return;
    const span = scale.high - scale.low;
    const values = scores.values.map((share) => scale.low + share * span);
    Object.assign(this, { name, image, scores: { ...scores, values }, scale, regions: [], chosen: null });
    this.heat = heat(this.scores, scale);
    this.truth = mask && outline(contour(mask.values, mask.width, mask.height, 0.5), mask.width, mask.height);
    this.setThreshold(this.threshold ?? scale.threshold);
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    if (!this.scores) return;
    const { values, width, height } = this.scores;
    this.line = outline(contour(values, width, height, threshold), width, height);
    const over = values.reduce((n, value) => n + (value > threshold), 0);
    this.setAttribute("aria-label", t("viewer.text", { name: this.name, share: ((100 * over) / values.length).toFixed(1) }));
    this.redraw();
  }

  set(options) {
    Object.assign(this, options);
    this.redraw();
  }

  /** Zoom by a factor around a point of the element, in its own pixels. */
  zoomBy(factor, at = [this.clientWidth / 2, this.clientHeight / 2]) {
    const before = this.toImage(at);
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    if (before) {
      const box = this.box();
      this.centre = [
        before[0] - (at[0] - this.clientWidth / 2) / box.width,
        before[1] - (at[1] - this.clientHeight / 2) / box.height,
      ];
    }
    this.settle();
  }

  panBy(dx, dy) {
    const box = this.box();
    this.centre = [this.centre[0] - dx / box.width, this.centre[1] - dy / box.height];
    this.settle();
  }

  fit() {
    Object.assign(this, { zoom: 1, centre: [0.5, 0.5] });
    this.settle();
  }

  settle() {
    if (this.zoom === 1) this.centre = [0.5, 0.5];
    this.centre = this.centre.map((at) => Math.min(1, Math.max(0, at)));
    this.dispatchEvent(new Event("zoomed"));
    this.redraw();
  }

  /** Where the image lies in the element. */
  box() {
    const [w, h] = this.image ? [this.image.naturalWidth, this.image.naturalHeight] : [1, 1];
    const fit = Math.min((this.clientWidth - 16) / w, (this.clientHeight - 16) / h) * this.zoom;
    const [width, height] = [w * fit, h * fit];
    return { left: this.clientWidth / 2 - this.centre[0] * width, top: this.clientHeight / 2 - this.centre[1] * height, width, height };
  }

  /** A point of the element as shares of the image. */
  toImage([x, y]) {
    const box = this.box();
    return this.image ? [(x - box.left) / box.width, (y - box.top) / box.height] : null;
  }

  /** Score and pixel under a point of the element; null outside. */
  scoreAt(point) {
    const at = this.scores && this.toImage(point);
    if (!at || at[0] < 0 || at[1] < 0 || at[0] >= 1 || at[1] >= 1) return null;
    const [x, y] = [Math.floor(at[0] * this.scores.width), Math.floor(at[1] * this.scores.height)];
    return { x, y, score: this.scores.values[y * this.scores.width + x] };
  }

  draw(g) {
    if (!this.image) return;
    const { left, top, width, height } = this.box();
    g.imageSmoothingEnabled = width / this.image.naturalWidth < 4;
    g.imageSmoothingQuality = "high";
    g.drawImage(this.image, left, top, width, height);
    if (this.original) return;
    g.imageSmoothingEnabled = true;
    g.globalAlpha = this.opacity;
    g.drawImage(this.heat, left, top, width, height);
    g.globalAlpha = 1;
    g.save();
    g.translate(left, top);
    g.scale(width, height);
    const thin = 1 / Math.sqrt(width * height);
    if (this.showTruth && this.truth) stroke(g, this.truth, thin, "#ffffff", [5 * thin, 3 * thin]);
    if (this.showContour) stroke(g, this.line, thin, colour("contour"), []);
    g.restore();
    if (this.showRegions) this.regions.forEach((box, number) => this.frame(g, box, number));
  }

  /** A box with its number, thicker when it is pointed at. */
  frame(g, [x, y, w, h], number) {
    const { left, top, width, height } = this.box();
    const [sx, sy] = [width / this.scores.width, height / this.scores.height];
    const at = [left + x * sx - 2, top + y * sy - 2, w * sx + 4, h * sy + 4];
    const isChosen = this.chosen === number;
    for (const [ink, thick] of [["rgba(0, 0, 0, .55)", isChosen ? 5 : 3.4], ["#ffffff", isChosen ? 3 : 1.4]]) {
      g.strokeStyle = ink;
      g.lineWidth = thick;
      g.strokeRect(...at);
    }
    g.font = "600 12px system-ui, sans-serif";
    g.lineWidth = 3;
    g.strokeStyle = "rgba(0, 0, 0, .7)";
    const above = at[1] > 20 ? at[1] - 4 : at[1] + 15;
    g.strokeText(number + 1, at[0] + 4, above);
    g.fillStyle = "#ffffff";
    g.fillText(number + 1, at[0] + 4, above);
  }
}

/** A line that can be seen on any ground: dark underneath, the colour on top. */
function stroke(g, path, thin, ink, dash) {
  g.lineJoin = "round";
  g.lineWidth = 3.4 * thin;
  g.strokeStyle = "rgba(0, 0, 0, .55)";
  g.stroke(path);
  g.setLineDash(dash);
  g.lineWidth = 1.7 * thin;
  g.strokeStyle = ink;
  g.stroke(path);
  g.setLineDash([]);
}

/** Segments in pixels as a path over the unit square. */
function outline(segments, width, height) {
  const path = new Path2D();
  for (const line of chain(segments)) {
    path.moveTo(line[0] / width, line[1] / height);
    for (let i = 2; i < line.length; i += 2) path.lineTo(line[i] / width, line[i + 1] / height);
  }
  return path;
}

/** The score map in heat colours, transparent where it is far below the threshold. */
function heat({ values, width, height }, { low, threshold }) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const pixels = new ImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const position = heatPosition(values[i], low, threshold);
    const [r, g, b] = heatColour(position);
    pixels.data.set([r, g, b, 255 * heatStrength(position)], 4 * i);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

async function picture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

customElements.define("x-heatmap", Heatmap);
