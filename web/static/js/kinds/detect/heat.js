// <x-heat>: one inspected image, small, under its heat with the rim of what lies above the pixel threshold in force. Many may hang on one
// slider: only those in view are drawn, for a few milliseconds a frame, and pictures are fetched when the reader has stopped moving.

import { el } from "../../dom.js";
import { readGrey } from "../../png.js";
import { heatTable, heatPosition, paint, shrunk } from "./maths.js";

const SIDE = 160; // longest side in pixels of a map that is drawn small
const BUDGET_MS = 5; // of drawing in one frame
const QUIET_MS = 120; // before pictures are fetched
const AT_ONCE = 4; // pictures fetched at the same time
const MOST = 300; // pictures kept

class Heat extends HTMLElement {
  connectedCallback() {
    this.canvas ??= this.appendChild(el("canvas", { "aria-hidden": "true" }));
    watcher.observe(this);
  }

  disconnectedCallback() {
    watcher.unobserve(this);
    this.inView = false;
    dirty.delete(this);
  }

  /** Show image `index` of a run at a pixel threshold; `range` is what 0 and 1 of its map stand for. */
  set({ run, index, level, range }) {
    const key = `${run}/${index}`;
    if (this.key === key && this.level === level) return;
    if (this.key !== key) this.removeAttribute("data-drawn");
    Object.assign(this, { key, run, index, level, range });
    if (this.inView) draw(this);
  }

  paint({ image, map }) {
    const { canvas, level, range: [low, high] } = this;
    const side = Math.min(256, Math.max(image.width, image.height));
    const scale = side / Math.max(image.width, image.height);
    const [width, height] = [Math.max(1, Math.round(image.width * scale)), Math.max(1, Math.round(image.height * scale))];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const g = canvas.getContext("2d");
    g.drawImage(image, 0, 0, width, height);
    if (map) {
      Object.assign(layer, { width: map.width, height: map.height });
      const pixels = new ImageData(map.width, map.height);
      paint(pixels.data, map, tableFor(low, high, level), (level - low) / (high - low));
      layer.getContext("2d").putImageData(pixels, 0, 0);
      g.drawImage(layer, 0, 0, width, height);
    }
    this.dataset.drawn = level;
  }
}

const layer = document.createElement("canvas");
let lastTable = { key: "", table: null };

/** Heat colours for every grey of a map: the same for all images at one threshold. */
function tableFor(low, high, level) {
  const key = `${low} ${high} ${level}`;
  if (lastTable.key !== key) lastTable = { key, table: heatTable((share) => heatPosition(low + share * (high - low), low, level)) };
  return lastTable.table;
}

const dirty = new Set();
let isAsked = false;

function draw(heat) {
  dirty.add(heat);
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(drawSome);
}

function drawSome() {
  isAsked = false;
  const until = performance.now() + BUDGET_MS;
  for (const heat of dirty) {
    dirty.delete(heat);
    const pictures = kept.get(heat.key);
    if (pictures) heat.paint(pictures);
    else want();
    if (performance.now() > until) break;
  }
  if (dirty.size) draw(dirty.values().next().value);
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      target.inView = isIntersecting;
      if (isIntersecting && target.key) draw(target);
    }
  },
  { rootMargin: "120px" },
);

const kept = new Map(); // what is shown of an image, by run and index
const fetching = new Set();
let timer = 0;

function want() {
  clearTimeout(timer);
  timer = setTimeout(fetchMissing, QUIET_MS);
}

function fetchMissing() {
  for (const heat of document.querySelectorAll("x-heat")) {
    if (fetching.size >= AT_ONCE) return;
    if (heat.inView && heat.key && !kept.has(heat.key) && !fetching.has(heat.key)) fetchOne(heat);
  }
}

async function fetchOne({ key, run, index }) {
  fetching.add(key);
  const files = `/runs/${run}/files`;
  const map = readGrey(`${files}/maps/${index}`).then((grey) => shrunk(grey, SIDE)).catch(() => null); // then the picture alone
  try {
    const image = new Image();
    image.src = `${files}/inputs/${index}`;
    await image.decode();
    kept.set(key, { image, map: await map });
    if (kept.size > MOST) kept.delete(kept.keys().next().value);
  } catch {
    kept.set(key, { image: layer, map: null }); // no picture: nothing is drawn over
  }
  fetching.delete(key);
  for (const heat of document.querySelectorAll("x-heat")) if (heat.key === key && heat.inView) draw(heat);
  fetchMissing();
}

customElements.define("x-heat", Heat);
