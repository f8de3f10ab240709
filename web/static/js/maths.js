// Pure maths for the charts and the viewer. No DOM in here: node and the browser run it alike.

/** Round values between lo and hi, about `wanted` of them, at steps of 1, 2 or 5 times a power of ten. */
export function ticks(lo, hi, wanted = 4) {
  const span = hi - lo;
  if (!(span > 0)) return [lo];
  const raw = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const share = raw / power;
  const step = (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10) * power;
  const out = [];
  for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9; k++) out.push(Number((k * step).toPrecision(12)));
  return out;
}

/** Powers of ten (and 2, 5 times them when few fit) between two positive values. */
export function logTicks(lo, hi) {
  const out = [];
  const dense = Math.log10(hi / lo) < 2.5;
  for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); e++)
    for (const m of dense ? [1, 2, 5] : [1]) {
      const value = Number((m * 10 ** e).toPrecision(12));
      if (value >= lo * (1 - 1e-9) && value <= hi * (1 + 1e-9)) out.push(value);
    }
  return out.length > 1 ? out : ticks(lo, hi, 3);
}

/** Exponential moving average with bias correction: weight 0 changes nothing, near 1 smooths strongly. Gaps (null) stay gaps. */
export function smooth(values, weight) {
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}

/** Smallest and largest of the finite values; null when there is none. */
export function extent(values) {
  let lo = Infinity;
  let hi = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < lo) lo = value;
    if (value > hi) hi = value;
  }
  return lo <= hi ? [lo, hi] : null;
}

/** Index of the entry of ascending `xs` that lies nearest to x. */
export function nearest(xs, x) {
  let lo = 0;
  let hi = xs.length - 1;
  while (lo < hi) {
    const middle = (lo + hi) >> 1;
    if (xs[middle] < x) lo = middle + 1;
    else hi = middle;
  }
  return lo > 0 && x - xs[lo - 1] <= xs[lo] - x ? lo - 1 : lo;
}

/** Counts of the values in `bins` equal bins between lo and hi; both ends belong to the outer bins. */
export function histogram(values, lo, hi, bins) {
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.max(0, Math.floor(((value - lo) / (hi - lo || 1)) * bins)))]++;
  return counts;
}

/** ROC points from (0, 0) to (1, 1), equal scores taken together, and the area under them; null without both classes. */
export function roc(good, defective) {
  if (!good.length || !defective.length) return null;
  const all = [...good.map((score) => [score, 0]), ...defective.map((score) => [score, 1])].sort((a, b) => b[0] - a[0]);
  const points = [[0, 0]];
  let alarms = 0;
  let found = 0;
  let area = 0;
  for (let i = 0; i < all.length; ) {
    const score = all[i][0];
    let [moreAlarms, moreFound] = [0, 0];
    for (; i < all.length && all[i][0] === score; i++) all[i][1] ? moreFound++ : moreAlarms++;
    area += moreAlarms * (found + moreFound / 2);
    alarms += moreAlarms;
    found += moreFound;
    points.push([alarms / good.length, found / defective.length]);
  }
  return { points, area: area / (good.length * defective.length) };
}

/** What an image counts as when scores above the threshold are called defective. */
export function outcome(image, threshold) {
  if (image.label === "unknown") return "unknown";
  const called = image.score > threshold;
  if (image.label === "good") return called ? "false_alarm" : "correct_good";
  return called ? "hit" : "missed";
}

/** How many images have each outcome at a threshold. */
export function confusion(images, threshold) {
  const counts = { hit: 0, missed: 0, false_alarm: 0, correct_good: 0, unknown: 0 };
  for (const image of images) counts[outcome(image, threshold)]++;
  return counts;
}

/** The images that a gallery shows, the most telling first. */
export function pick(images, which, threshold, defectType = "") {
  const wanted = { missed: "missed", false_alarms: "false_alarm" }[which];
  const fitting = images.filter(
    (image) => (!defectType || image.defect_type === defectType) && (!wanted || outcome(image, threshold) === wanted),
  );
  return fitting.sort((a, b) => (which === "missed" ? a.score - b.score : b.score - a.score));
}

/** The pixel threshold that belongs to a moved image threshold: it moves by the same share of its own range. */
export function pixelThreshold(value, calibrated, scoreRange, mapRange) {
  const share = (value - calibrated.image) / (scoreRange[1] - scoreRange[0] || 1);
  return Math.min(mapRange[1], Math.max(mapRange[0], calibrated.pixel + share * (mapRange[1] - mapRange[0])));
}

/** Where a score lies on the heat scale: 0 at the low end, 0.5 at the threshold, 1 as far above it. */
export function heatPosition(value, low, threshold) {
  const reach = Math.max(threshold - low, 1e-30);
  return Math.min(1, Math.max(0, (value - threshold) / (2 * reach) + 0.5));
}

// The tables of engine/evaluation/heatmaps.py (a test compares them), so that a thumbnail and the large view look alike: cool below the threshold, warm above.
export const STOPS = [
  [0, 20, 30, 110],
  [0.2, 30, 90, 200],
  [0.35, 40, 170, 190],
  [0.5, 250, 215, 60],
  [0.75, 240, 120, 30],
  [1, 200, 20, 25],
];
export const STRENGTH = [
  [0, 0],
  [0.3, 0.05],
  [0.45, 0.2],
  [0.5, 0.4],
  [1, 0.75],
];

/** Colour of a heat position as [r, g, b], each 0 to 255. */
export const heatColour = (position) => [1, 2, 3].map((channel) => Math.round(between(STOPS, position, channel)));

/** How strongly heat covers the image, 0 to 1: nothing far below the threshold, most of it far above. */
export const heatStrength = (position) => between(STRENGTH, position, 1);

/** Linear interpolation in a table whose first column ascends. */
function between(table, at, column) {
  let i = 1;
  while (i < table.length - 1 && table[i][0] < at) i++;
  const [from, to] = [table[i - 1], table[i]];
  const share = Math.min(1, Math.max(0, (at - from[0]) / (to[0] - from[0])));
  return from[column] + (to[column] - from[column]) * share;
}

/**
 * Marching squares: segments [x0, y0, x1, y1, ...] of the line where `values` (width x height) crosses `level`.
 * Coordinates are in pixels, a pixel's value sits at its centre; beyond the border all is below the level, so every line closes.
 */
export function contour(values, width, height, level) {
  const out = [];
  const [outer, first, last] = [-Infinity, -1, 0];
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? outer : values[y * width + x]);
  const cross = (a, b) => (a === outer || b === outer ? 0.5 : (level - a) / (b - a));
  for (let y = first; y < height + last; y++)
    for (let x = first; x < width + last; x++) {
      const [a, b, c, d] = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      const kind = (a > level ? 8 : 0) | (b > level ? 4 : 0) | (c > level ? 2 : 0) | (d > level ? 1 : 0);
      if (kind === 0 || kind === 15) continue;
      const [px, py] = [x + 0.5, y + 0.5];
      const top = () => [px + cross(a, b), py];
      const right = () => [px + 1, py + cross(b, c)];
      const bottom = () => [px + cross(d, c), py + 1];
      const left = () => [px, py + cross(a, d)];
      const line = (p, q) => out.push(...p, ...q);
      if (kind === 1 || kind === 14) line(left(), bottom());
      else if (kind === 2 || kind === 13) line(bottom(), right());
      else if (kind === 3 || kind === 12) line(left(), right());
      else if (kind === 4 || kind === 11) line(top(), right());
      else if (kind === 6 || kind === 9) line(top(), bottom());
      else if (kind === 7 || kind === 8) line(left(), top());
      else if (kind === 5) (line(left(), top()), line(bottom(), right()));
      else (line(left(), bottom()), line(top(), right()));
    }
  return out;
}

/** Join segments end to end: a list of lines, each [x0, y0, x1, y1, x2, y2, ...]. */
export function chain(segments) {
  const name = (x, y) => `${Math.round(x * 1024)},${Math.round(y * 1024)}`;
  const ends = new Map();
  const add = (key, i) => (ends.has(key) ? ends.get(key).push(i) : ends.set(key, [i]));
  for (let i = 0; i < segments.length; i += 4) {
    add(name(segments[i], segments[i + 1]), i);
    add(name(segments[i + 2], segments[i + 3]), i);
  }
  const used = new Set();
  const lines = [];
  for (let i = 0; i < segments.length; i += 4) {
    if (used.has(i)) continue;
    used.add(i);
    const line = [...segments.slice(i, i + 4)];
    for (const forward of [true, false]) grow(line, forward);
    lines.push(line);
  }
  return lines;

  function grow(line, forward) {
    for (;;) {
      const [x, y] = forward ? line.slice(-2) : line;
      const next = ends.get(name(x, y)).find((i) => !used.has(i));
      if (next === undefined) return;
      used.add(next);
      const starts = name(segments[next], segments[next + 1]) === name(x, y);
      const point = starts ? segments.slice(next + 2, next + 4) : segments.slice(next, next + 2);
      if (forward) line.push(...point);
      else line.unshift(...point);
    }
  }
}

/** A slider over about this range in a thousand steps, one of which lies exactly on `value`. */
export function steps([lo, hi], value) {
  const step = (hi - lo) / 1000 || 1;
  const below = Math.ceil((value - lo) / step - 1e-9);
  const above = Math.ceil((hi - value) / step - 1e-9);
  return { min: value - below * step, max: value + above * step, step };
}

/** A range around a single value, so that it can be drawn on an axis: from 0 to twice a positive one. */
export function around([lo, hi]) {
  if (lo !== hi) return [lo, hi];
  return lo > 0 ? [0, 2 * lo] : [lo - 1, lo + 1];
}

/** Undo PNG's row filters. `bytes` is the inflated stream: one filter byte, then `stride` bytes a row. */
export function unfilter(bytes, height, stride, pixelBytes) {
  const out = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const kind = bytes[y * (stride + 1)];
    const from = y * (stride + 1) + 1;
    const to = y * stride;
    for (let i = 0; i < stride; i++) {
      const left = i >= pixelBytes ? out[to + i - pixelBytes] : 0;
      const up = y > 0 ? out[to + i - stride] : 0;
      const corner = y > 0 && i >= pixelBytes ? out[to + i - stride - pixelBytes] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][kind];
      out[to + i] = bytes[from + i] + guess;
    }
  }
  return out;
}

function paeth(left, up, corner) {
  const p = left + up - corner;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** What a threshold promises, as texts with their values: by its policy, and what the good images cannot set. */
export function promised({ policy, said, images_to_show: show }) {
  if (!said) return [];
  const texts = [];
  if (policy === "percentile") texts.push(["results.promise_percentile", said]);
  else if (policy === "leave_one_out") texts.push(["results.promise_loo", said]);
  else texts.push([said.enough ? "results.promise" : "results.promise_few", said]);
  if (!said.enough) texts.push(["results.promise_short", said]);
  if (show) texts.push(["results.promise_show", { ...said, show }]);
  return texts;
}

/** A square with the peak of a region in it and some surroundings, as shares of a picture of this size. */
export function cut({ box: [x, y, w, h], peak_at: peak }, width, height) {
  const short = Math.min(width, height);
  const side = Math.min(0.45 * short, Math.max(1.6 * w, 1.6 * h, 0.18 * short));
  const [px, py] = peak ?? [x + w / 2, y + h / 2];
  const place = (at, whole) => Math.min(whole - side, Math.max(0, at - side / 2));
  return { left: place(px, width) / width, top: place(py, height) / height, width: side / width, height: side / height };
}
