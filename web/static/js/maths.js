// Pure maths for charts, pictures and their outlines. No DOM in here: node and the browser run it alike.

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

/** A square with the peak of a region in it and some surroundings, as shares of a picture of this size. */
export function cut({ box: [x, y, w, h], peak_at: peak }, width, height) {
  const short = Math.min(width, height);
  const side = Math.min(0.45 * short, Math.max(1.6 * w, 1.6 * h, 0.18 * short));
  const [px, py] = peak ?? [x + w / 2, y + h / 2];
  const place = (at, whole) => Math.min(whole - side, Math.max(0, at - side / 2));
  return { left: place(px, width) / width, top: place(py, height) / height, width: side / width, height: side / height };
}

/** The box [x, y, width, height] between two corners in whole pixels of a square picture: at least one of them, none outside. */
export function boxBetween([x0, y0], [x1, y1], size) {
  const [x, width] = span(x0, x1, size);
  const [y, height] = span(y0, y1, size);
  return [x, y, width, height];
}

/** The box moved by so many pixels, or, where it `grows`, its right and lower side alone. It stays inside and keeps a pixel. */
export function boxMoved([x, y, width, height], [dx, dy], size, { grows }) {
  if (grows) return [x, y, clamp(width + dx, 1, size - x), clamp(height + dy, 1, size - y)];
  return [clamp(x + dx, 0, size - width), clamp(y + dy, 0, size - height), width, height];
}

function span(a, b, size) {
  const start = clamp(Math.round(Math.min(a, b)), 0, size - 1);
  return [start, clamp(Math.round(Math.max(a, b)), start + 1, size) - start];
}

const clamp = (value, lo, hi) => Math.min(hi, Math.max(lo, value));
