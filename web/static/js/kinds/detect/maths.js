// Pure maths of a detection: what a threshold does to its images, the heat scale, the regions. No DOM in here: node and the browser run it alike.

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
