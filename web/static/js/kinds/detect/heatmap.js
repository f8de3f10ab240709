// <x-heatmap>: the inspected image under its score map, with the contour at the threshold, the regions above it, the place where the map
// peaks, and the outline of the true defect.

import { colour, Drawing } from "../../canvas.js";
import { t } from "../../i18n.js";
import { chain, contour, extent } from "../../maths.js";
import { contrastRange, heatPosition, heatTable, paint, peakOf, regionsOf } from "./maths.js";
import { readGrey } from "../../png.js";

const MOST_ZOOM = 16;
const BOXES = 5; // of the strongest regions

class Heatmap extends Drawing {
  opacity = 1; // of the heat as the thumbnails have it
  showContour = true;
  showTruth = true;
  showRegions = true;
  isStretched = false; // heat over the image's own range instead of around the threshold
  isContrasted = false; // the greys of the picture from its 1st to its 99th percentile
  regions = []; // of the map above the threshold, the strongest first
  chosen = null; // the one that is pointed at
  original = false;
  zoom = 1;
  centre = [0.5, 0.5];

  /** Show one image. `range` is what 0 and 1 of its map stand for. */
  async show({ name, input, map, truth, range: [low, high] }) {
    const turn = (this.turn = Symbol(name));
    const [image, shades, mask] = await Promise.all([picture(input), readGrey(map), truth ? readGrey(truth) : null]);
    if (turn !== this.turn) return;
    const values = shades.values.map((share) => low + share * (high - low));
    Object.assign(this, { name, image, shades, scores: { ...shades, values }, low, high, chosen: null, contrasted: null });
    this.truth = mask && outline(contour(mask.values, mask.width, mask.height, 0.5), mask.width, mask.height);
    this.peak = peakOf(this.scores);
    this.peakInside = mask && mask.width === shades.width && mask.height === shades.height ? peakOf(this.scores, mask.values) : null;
    this.setThreshold(this.threshold);
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    if (!this.scores) return;
    const { values, width, height } = this.scores;
    this.line = outline(contour(values, width, height, threshold), width, height);
    this.regions = regionsOf(this.scores, threshold);
    const over = values.reduce((n, value) => n + (value > threshold), 0);
    this.setAttribute("aria-label", t("viewer.text", { name: this.name, share: ((100 * over) / values.length).toFixed(1) }));
    this.colourHeat();
    this.redraw();
  }

  /** Heat around the threshold, the same for all images, or stretched over this image's own scores. */
  stretch(isStretched) {
    this.isStretched = isStretched;
    if (this.scores) this.colourHeat();
    this.redraw();
  }

  colourHeat() {
    const { low, high, threshold, shades } = this;
    const [least, most] = this.isStretched ? extent(shades.values) : [0, 1];
    const position = this.isStretched ? (share) => (share - least) / (most - least || 1) : (share) => heatPosition(low + share * (high - low), low, threshold);
    this.heat = heat(shades, heatTable(position));
  }

  /** The picture's greys from its 1st to its 99th percentile: [from, to] of 255. */
  contrast() {
    this.contrasted ??= contrasted(this.image);
    return this.contrasted.range;
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
    if (this.isContrasted) this.contrast();
    g.drawImage(this.isContrasted ? this.contrasted.canvas : this.image, left, top, width, height);
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
    if (this.showRegions) this.regions.slice(0, BOXES).forEach(({ box }, number) => this.frame(g, box, number));
    this.markPeak(g);
  }

  /** A ring with a cross where the map is highest. */
  markPeak(g) {
    const { left, top, width, height } = this.box();
    const [x, y] = [left + ((this.peak.x + 0.5) / this.scores.width) * width, top + ((this.peak.y + 0.5) / this.scores.height) * height];
    for (const [ink, thick] of [["rgba(0, 0, 0, .7)", 4], ["#ffffff", 1.6]]) {
      g.strokeStyle = ink;
      g.lineWidth = thick;
      g.beginPath();
      g.arc(x, y, 6, 0, 7);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        g.moveTo(x + 6 * dx, y + 6 * dy);
        g.lineTo(x + 11 * dx, y + 11 * dy);
      }
      g.stroke();
    }
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

/** A map of shades, 0 to 1, in heat colours. */
function heat(shades, table) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: shades.width, height: shades.height });
  const pixels = new ImageData(shades.width, shades.height);
  paint(pixels.data, shades, table);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

/** A picture with its greys stretched so that the middle 98 of 100 use the whole range. */
function contrasted(image) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  const g = canvas.getContext("2d", { willReadFrequently: true });
  g.drawImage(image, 0, 0);
  const pixels = g.getImageData(0, 0, canvas.width, canvas.height);
  const [from, to] = contrastRange(pixels.data);
  const by = 255 / Math.max(1, to - from);
  for (let i = 0; i < pixels.data.length; i++) if (i % 4 !== 3) pixels.data[i] = (pixels.data[i] - from) * by;
  g.putImageData(pixels, 0, 0);
  return { canvas, range: [from, to] };
}

async function picture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

customElements.define("x-heatmap", Heatmap);
