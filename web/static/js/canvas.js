// What the canvas elements share: sharp pixels, redraw on resize and theme change, colours of the page, axes.

import { eachFrame } from "./dom.js";
import { tick } from "./format.js";

let colours = new Map();
const probe = document.createElement("i");
addEventListener("themechange", () => (colours = new Map()));

/** The colour that a custom property has right now. light-dark() is resolved only in a real property, hence the probe. */
export function colour(name) {
  if (!colours.has(name)) {
    if (!probe.isConnected) {
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = `var(--${name})`;
    colours.set(name, getComputedStyle(probe).color);
  }
  return colours.get(name);
}

export const FRAME = { left: 50, right: 12, top: 10, bottom: 22 };

/** An element that draws itself on a canvas: give `draw(g, width, height)`. */
export class Drawing extends HTMLElement {
  connectedCallback() {
    if (this.canvas) return;
    this.canvas = this.appendChild(document.createElement("canvas"));
    this.setAttribute("role", "img");
    this.redraw = eachFrame(() => this.paint());
    new ResizeObserver(this.redraw).observe(this);
    addEventListener("themechange", this.redraw);
  }

  paint() {
    const [width, height, ratio] = [this.clientWidth, this.clientHeight, devicePixelRatio || 1];
    if (!width || !height) return;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    const g = this.canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = `11px ${getComputedStyle(this).fontFamily}`;
    this.draw(g, width, height);
  }
}

/** Hairlines and labels. `x` and `y` turn values into pixels. */
export function axes(g, { width, height, x, y, xTicks, yTicks, xLabel = "" }) {
  g.lineWidth = 1;
  g.strokeStyle = colour("rule");
  g.fillStyle = colour("dim");
  g.textBaseline = "middle";
  g.textAlign = "right";
  g.beginPath();
  for (const value of yTicks) {
    const at = Math.round(y(value)) + 0.5;
    g.moveTo(FRAME.left, at);
    g.lineTo(width - FRAME.right, at);
    g.fillText(tick(value), FRAME.left - 7, at);
  }
  g.stroke();
  const base = height - FRAME.bottom;
  g.strokeStyle = colour("faint");
  g.textBaseline = "top";
  const end = xLabel ? width - g.measureText(xLabel).width - 8 : width; // numbers end where the word for them begins
  g.beginPath();
  for (const value of xTicks) {
    const at = Math.round(x(value)) + 0.5;
    g.moveTo(at, base);
    g.lineTo(at, base + 4);
    const half = g.measureText(tick(value)).width / 2;
    if (xLabel && at + half > end) continue;
    g.textAlign = at + half > width ? "right" : "center";
    g.fillText(tick(value), g.textAlign === "right" ? width : at, base + 7);
  }
  g.stroke();
  if (xLabel) {
    g.textAlign = "right";
    g.fillText(xLabel, width, base + 7);
  }
}
