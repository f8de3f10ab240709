// Pure maths of a detection: what a threshold does to its images, the heat scale, the regions. No DOM in here: node and the browser run it alike.

/** ROC points from (0, 0) to (1, 1), equal scores taken together, and the area under them; null without both classes. */
export function roc(good, defective) {
  if (!good.length || !defective.length) return null;
  const all = [...Array.from(good, (score) => [score, 0]), ...Array.from(defective, (score) => [score, 1])].sort((a, b) => b[0] - a[0]);
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

/** The points of a curve in the unit square that a drawing can tell apart, both ends among them. */
export function thinned(points, apart = 1 / 400) {
  const kept = [points[0]];
  for (const point of points.slice(1, -1)) {
    const [x, y] = kept.at(-1);
    if (Math.abs(point[0] - x) >= apart || Math.abs(point[1] - y) >= apart) kept.push(point);
  }
  return [...kept, points.at(-1)];
}

/** What an image counts as when scores above the threshold are called defective. */
export function outcome(image, threshold) {
  if (image.label === "unknown") return "unknown";
  const called = image.score > threshold;
  if (image.label === "good") return called ? "false_alarm" : "correct_good";
  return called ? "hit" : "missed";
}

/**
 * The images of a run put in order once, by label and by defect type, so that a threshold that moves costs a search in each order however
 * many images there are.
 */
export function ranked(images) {
  const names = [...new Set(images.map((image) => image.defect_type).filter(Boolean))].sort();
  return { ...byLabel(images), types: new Map(names.map((name) => [name, byLabel(images.filter((image) => image.defect_type === name))])) };
}

const byLabel = (images) => ({ all: ordered(images), ...Object.fromEntries(["good", "defective", "unknown"].map((label) => [label, ordered(images.filter((image) => image.label === label))])) });

/** Both ways, equal scores in the order of the test, and the scores alone, ascending. */
function ordered(images) {
  const rising = images.toSorted((a, b) => a.score - b.score);
  return { rising, falling: images.toSorted((a, b) => b.score - a.score), scores: Float64Array.from(rising, (image) => image.score) };
}

/** How many of the ascending scores lie above the threshold. */
export function above(scores, threshold) {
  let [lo, hi] = [0, scores.length];
  while (lo < hi) {
    const middle = (lo + hi) >> 1;
    if (scores[middle] > threshold) hi = middle;
    else lo = middle + 1;
  }
  return scores.length - lo;
}

/** How many images have each outcome at a threshold, and the shares that follow; null without images of that class. */
export function standing({ good, defective, unknown }, threshold) {
  const [hit, alarm] = [above(defective.scores, threshold), above(good.scores, threshold)];
  const [bad, fine] = [defective.scores.length, good.scores.length];
  return {
    hit,
    missed: bad - hit,
    false_alarm: alarm,
    correct_good: fine - alarm,
    unknown: unknown.scores.length,
    defective: bad,
    good: fine,
    recall: bad ? hit / bad : null,
    escape_rate: bad ? (bad - hit) / bad : null,
    overkill: fine ? alarm / fine : null,
  };
}

/** What a threshold finds of each defect type, the worst first: the largest share missed, then the lowest AUROC, which no threshold moves. */
export function standingByType({ types }, threshold, aurocs = {}) {
  const rows = [...types].map(([name, of]) => ({ name, count: of.defective.scores.length, found: above(of.defective.scores, threshold), image_auroc: aurocs[name]?.image_auroc ?? null }));
  return rows
    .filter((row) => row.count)
    .map((row) => ({ ...row, missed: row.count - row.found, recall: row.found / row.count }))
    .sort((a, b) => a.recall - b.recall || (a.image_auroc ?? 1) - (b.image_auroc ?? 1));
}

/** Whether a threshold lets so much pass that it must be called a disaster: whole defect types, or more than half of all defects. */
export function disaster({ missed, defective }, types) {
  const whole = types.filter((row) => row.found === 0).map((row) => row.name);
  return { whole: types.length > 1 ? whole : [], most: missed * 2 > defective };
}

/**
 * The images that a gallery shows, the most telling first: { total, images }, of these those from `from` up to `to`. telling are the missed,
 * then the false alarms, then all others, those nearest to the threshold first; so no more is put in order than is shown.
 */
export function pick(run, which, threshold, { type = "", from = 0, to = Infinity } = {}) {
  const { all, good, defective, unknown } = type ? run.types.get(type) ?? byLabel([]) : run;
  const missed = () => defective.rising.slice(0, defective.scores.length - above(defective.scores, threshold));
  const alarms = () => good.falling.slice(0, above(good.scores, threshold));
  const sides = (group) => [below(group, threshold), beyond(group, threshold)];
  const [first, streams] = {
    telling: () => [[...missed(), ...alarms()], [beyond(defective, threshold), below(good, threshold), ...sides(unknown)]],
    nearest: () => [[], sides(all)],
    missed: () => [missed(), []],
    false_alarms: () => [alarms(), []],
    wrong: () => [[...missed(), ...alarms()], []],
  }[which]?.() ?? [all.falling, []];
  const total = first.length + streams.reduce((sum, { images, at }) => sum + images.length - at, 0);
  const shown = first.slice(from, to);
  const until = Math.min(to, total) - first.length;
  if (until > 0) shown.push(...nearestOf(streams, threshold, until).slice(Math.max(0, from - first.length)));
  return { total, images: shown };
}

const below = ({ falling, scores }, threshold) => ({ images: falling, at: above(scores, threshold) });
const beyond = ({ rising, scores }, threshold) => ({ images: rising, at: scores.length - above(scores, threshold) });

/** The first `wanted` images of several rows that each lead away from the threshold, by their distance from it. */
function nearestOf(streams, threshold, wanted) {
  const at = streams.map((stream) => stream.at);
  const out = [];
  while (out.length < wanted) {
    let best = -1;
    let [far, first] = [Infinity, Infinity];
    streams.forEach(({ images }, i) => {
      const image = images[at[i]];
      if (!image) return;
      const distance = Math.abs(image.score - threshold);
      if (distance < far || (distance === far && image.index < first)) [best, far, first] = [i, distance, image.index];
    });
    if (best < 0) break;
    out.push(streams[best].images[at[best]++]);
  }
  return out;
}

/**
 * The pixel threshold of an image threshold: on straight lines between the knots [image, pixel]; beyond the ends by the slope from the first to
 * the last, as engine/contract/another_threshold.py reckons.
 */
export function pixelThreshold(value, knots) {
  const [[first, lowest], [last, highest]] = [knots[0], knots.at(-1)];
  const slope = last > first ? (highest - lowest) / (last - first) : 0;
  if (value < first) return lowest + slope * (value - first);
  if (value > last) return highest + slope * (value - last);
  const at = knots.findIndex(([image]) => value <= image);
  if (value === knots[at][0]) return knots[at][1];
  const [[x0, y0], [x1, y1]] = [knots[at - 1], knots[at]];
  return y0 + ((y1 - y0) * (value - x0)) / (x1 - x0);
}

/** The share of new good images above a threshold at most, by how many of the kept good ones lie above it; null where none were kept. */
export const promisedAt = ({ good_scores: scores, promises }, threshold) => (promises?.length ? promises[above(scores, threshold)] : null);

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

/** What a threshold promises, as texts with their values: by its policy, and what the good images cannot set. */
export function promised({ policy, said, images_to_show: show, oracle, promised: share, calibration_images: count }) {
  if (oracle) return [["threshold.oracle", {}]];
  if (policy === "value" && share !== null) return [["threshold.promise_at", { count, percent: Number((100 * share).toPrecision(3)) }]];
  if (!said) return [];
  const texts = [];
  if (policy === "percentile") texts.push(["results.promise_percentile", said]);
  else if (policy === "leave_one_out") texts.push(["results.promise_loo", said]);
  else texts.push([said.enough ? "results.promise" : "results.promise_few", said]);
  if (!said.enough) texts.push(["results.promise_short", said]);
  if (show) texts.push(["results.promise_show", { ...said, show }]);
  return texts;
}

/**
 * The connected regions of a map above a pixel threshold, the highest peak first, by the rules of engine/evaluation/regions.py: pixels that
 * meet at a corner belong together, specks below `least` of the picture are left out but for the strongest. Each is { box: [x, y, width,
 * height], peak, peak_at, area_share, centre } in pixels of the map.
 */
export function regionsOf({ values, width, height }, threshold, least = 100 / 512 ** 2, most = 20) {
  const seen = new Uint8Array(values.length);
  const stack = [];
  const found = [];
  for (let start = 0; start < values.length; start++) {
    if (seen[start] || !(values[start] > threshold)) continue;
    const part = { left: width, top: height, right: 0, bottom: 0, area: 0, weight: 0, x: 0, y: 0, peak: -Infinity, at: start };
    seen[start] = 1;
    stack.push(start);
    while (stack.length) {
      const here = stack.pop();
      const [x, y, value] = [here % width, Math.floor(here / width), values[here]];
      part.left = Math.min(part.left, x);
      part.right = Math.max(part.right, x);
      part.top = Math.min(part.top, y);
      part.bottom = Math.max(part.bottom, y);
      part.area++;
      part.weight += value - threshold;
      part.x += x * (value - threshold);
      part.y += y * (value - threshold);
      if (value > part.peak || (value === part.peak && here < part.at)) [part.peak, part.at] = [value, here];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (seen[next] || !(values[next] > threshold)) continue;
          seen[next] = 1;
          stack.push(next);
        }
    }
    found.push(part);
  }
  return found
    .sort((a, b) => b.peak - a.peak || a.left - b.left)
    .filter((part, i) => i === 0 || part.area / values.length >= least)
    .slice(0, most)
    .map((part) => ({
      box: [part.left, part.top, part.right - part.left + 1, part.bottom - part.top + 1],
      peak: part.peak,
      peak_at: [part.at % width, Math.floor(part.at / width)],
      area_share: part.area / values.length,
      centre: [part.x / part.weight, part.y / part.weight],
    }));
}

/** Where a map is highest: { x, y, score }; with a mask (0 to 1), inside it alone, null where it marks nothing. */
export function peakOf({ values, width }, mask = null) {
  let at = -1;
  for (let i = 0; i < values.length; i++) if ((!mask || mask[i] > 0.5) && (at < 0 || values[i] > values[at])) at = i;
  return at < 0 ? null : { x: at % width, y: Math.floor(at / width), score: values[at] };
}

/** The greys between which 98 of 100 pixels of a picture lie, 0 to 255, from its RGBA bytes. */
export function contrastRange(bytes) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < bytes.length; i += 4) counts[Math.round(0.299 * bytes[i] + 0.587 * bytes[i + 1] + 0.114 * bytes[i + 2])]++;
  const total = bytes.length / 4;
  const at = (share) => {
    let sum = 0;
    return Math.max(0, counts.findIndex((count) => (sum += count) >= share * total));
  };
  return [at(0.01), at(0.99)];
}

const SHADES = 1024;

/** RGBA for each of 1024 shades of a map; `position` tells where a shade, 0 to 1, lies on the heat scale. */
export function heatTable(position) {
  const table = new Uint8ClampedArray(4 * SHADES);
  for (let i = 0; i < SHADES; i++) {
    const at = position((i + 0.5) / SHADES);
    table.set([...heatColour(at), 255 * heatStrength(at)], 4 * i);
  }
  return table;
}

/** Fill `bytes` (RGBA) with the heat of a map of shades 0 to 1, and with a white rim where it first lies above `level`, a shade too; null draws none. */
export function paint(bytes, { values, width, height }, table, level = null) {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, values.length);
  const colours = new Uint32Array(table.buffer);
  for (let i = 0; i < values.length; i++) words[i] = colours[Math.min(SHADES - 1, Math.max(0, Math.floor(values[i] * SHADES)))];
  if (level === null) return;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (!(values[i] > level)) continue;
      const isInside = (x === 0 || values[i - 1] > level) && (x === width - 1 || values[i + 1] > level) && (y === 0 || values[i - width] > level) && (y === height - 1 || values[i + width] > level);
      if (!isInside) words[i] = 0xffffffff;
    }
}

/** A map no longer than `side`: each pixel is the highest of those that it stands for, so that nothing above a threshold is lost. */
export function shrunk(map, side) {
  const by = Math.ceil(Math.max(map.width, map.height) / side);
  if (by === 1) return map;
  const [width, height] = [Math.ceil(map.width / by), Math.ceil(map.height / by)];
  const values = new Float32Array(width * height).fill(-Infinity);
  for (let y = 0; y < map.height; y++)
    for (let x = 0; x < map.width; x++) {
      const i = Math.floor(y / by) * width + Math.floor(x / by);
      values[i] = Math.max(values[i], map.values[y * map.width + x]);
    }
  return { width, height, values };
}

/**
 * What a threshold and its pixel threshold find by size of defect: a function of both that gives { count, found, missed, regions, hit } for
 * each of `sizes` [[name, { from, to, images, regions }]]. Images tell how much of them is marked, and of each marked region the share and the
 * highest score in it; without these all but the counts is null.
 */
export function standingBySize(images, sizes) {
  const marked = images.filter((image) => (image.defect_area ?? null) !== null);
  const regions = images.flatMap((image) => image.true_regions ?? []);
  const within = (share, { from, to }) => share >= from && (share < to || to === 1);
  const orders = sizes.map(([, size]) => ({
    size,
    scores: Float64Array.from(marked.filter((image) => within(image.defect_area, size)), (image) => image.score).sort(),
    peaks: Float64Array.from(regions.filter(([share]) => within(share, size)), ([, peak]) => peak).sort(),
  }));
  return (threshold, level) =>
    orders.map(({ size, scores, peaks }) => {
      const [found, hit] = [above(scores, threshold), above(peaks, level)];
      const isKnown = scores.length === size.images;
      return { count: size.images, found: isKnown ? found : null, missed: isKnown ? scores.length - found : null, regions: size.regions, hit: peaks.length === size.regions ? hit : null };
    });
}
