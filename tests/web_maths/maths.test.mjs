// The pure parts of the page. Run with: node --test tests/web_maths
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// The modules are read as text: the folder has no package.json that would tell node that they are ES modules.
const load = (name) => import(`data:text/javascript,${encodeURIComponent(readFileSync(new URL(`../../web/static/js/${name}.js`, import.meta.url), "utf8"))}`);
const maths = await load("maths");
const runState = await load("run_state");
const detect = await load("kinds/detect/maths");
const memory = await load("kinds/detect/memory");
const { sentences } = await load("sentences");

test("ticks are round, ordered and inside", () => {
  assert.deepEqual(maths.ticks(0, 1, 4), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(maths.ticks(3, 3), [3]);
  for (const [lo, hi] of [[-7.3, 12.9], [1e-7, 3e-7], [0, 163840]]) {
    const marks = maths.ticks(lo, hi);
    assert.ok(marks.length >= 2 && marks.length <= 9, `${marks}`);
    assert.ok(marks.every((mark, i) => mark >= lo - 1e-12 && mark <= hi * (1 + 1e-9) && (i === 0 || mark > marks[i - 1])));
  }
});

test("log ticks are powers of ten, or plain ones in a narrow range", () => {
  assert.deepEqual(maths.logTicks(0.001, 10), [0.001, 0.01, 0.1, 1, 10]);
  assert.ok(maths.logTicks(0.64, 0.67).length >= 2);
});

test("smoothing keeps a constant, skips gaps, and weight 0 changes nothing", () => {
  assert.deepEqual(maths.smooth([2, 2, null, 2], 0.9).map((v) => v && Number(v.toFixed(9))), [2, 2, null, 2]);
  assert.deepEqual(maths.smooth([1, 5, 3], 0), [1, 5, 3]);
});

test("nearest finds the closest entry", () => {
  assert.equal(maths.nearest([0, 1, 4, 9], 2.4), 1);
  assert.equal(maths.nearest([0, 1, 4, 9], 99), 3);
  assert.equal(maths.nearest([5], -1), 0);
});

test("the histogram counts every value once", () => {
  const counts = maths.histogram([0, 0.1, 0.5, 1, 1.2], 0, 1, 4);
  assert.equal(counts.reduce((a, b) => a + b, 0), 5);
  assert.deepEqual(counts, [2, 0, 1, 2]);
});

test("ROC area equals the share of correctly ordered pairs, ties counting half", () => {
  const [good, bad] = [[0.1, 0.4, 0.35, 0.8], [0.8, 0.35, 0.9]];
  let pairs = 0;
  for (const g of good) for (const b of bad) pairs += b > g ? 1 : b === g ? 0.5 : 0;
  const curve = detect.roc(Float64Array.from(good), bad);
  assert.ok(Math.abs(curve.area - pairs / (good.length * bad.length)) < 1e-12);
  assert.deepEqual(curve.points.at(-1), [1, 1]);
  assert.equal(detect.roc([], bad), null);
});

const IMAGES = [
  { index: 0, label: "good", score: 0.2, defect_type: null },
  { index: 1, label: "good", score: 0.7, defect_type: null },
  { index: 2, label: "defective", score: 0.3, defect_type: "oil" },
  { index: 3, label: "defective", score: 0.9, defect_type: "scratch" },
  { index: 4, label: "defective", score: 0.1, defect_type: "oil" },
  { index: 5, label: "unknown", score: 0.8, defect_type: null },
];

test("a score at the threshold is good, above it defective", () => {
  assert.equal(detect.outcome(IMAGES[3], 0.9), "missed");
  assert.equal(detect.outcome(IMAGES[3], 0.89), "hit");
  const { hit, missed, false_alarm: alarms, correct_good: right, unknown, recall, overkill } = detect.standing(detect.ranked(IMAGES), 0.5);
  assert.deepEqual([hit, missed, alarms, right, unknown, recall, overkill], [1, 2, 1, 1, 1, 1 / 3, 1 / 2]);
  assert.equal(detect.standing(detect.ranked(IMAGES.slice(0, 2)), 0.5).recall, null);
});

test("by search in sorted scores the same is counted as image by image", () => {
  const images = Array.from({ length: 400 }, (_, index) => ({ index, label: ["good", "defective", "unknown"][index % 3], score: ((index * 37) % 101) / 10, defect_type: index % 3 === 1 ? `type ${index % 4}` : null }));
  const run = detect.ranked(images);
  for (const threshold of [-1, 0, 3.7, 5.05, 10, 11]) {
    const counts = detect.standing(run, threshold);
    for (const kind of ["hit", "missed", "false_alarm", "correct_good", "unknown"]) assert.equal(counts[kind], images.filter((image) => detect.outcome(image, threshold) === kind).length, kind);
    for (const each of detect.standingByType(run, threshold)) assert.equal(each.missed, images.filter((image) => image.defect_type === each.name && detect.outcome(image, threshold) === "missed").length);
  }
});

test("a whole defect type that passes, or more than half of all, is a disaster", () => {
  const at = (threshold) => detect.disaster(detect.standing(detect.ranked(IMAGES), threshold), detect.standingByType(detect.ranked(IMAGES), threshold));
  assert.deepEqual(at(0.5), { whole: ["oil"], most: true });
  assert.deepEqual(at(0.2), { whole: [], most: false });
  assert.equal(detect.standingByType(detect.ranked(IMAGES), 0.5)[0].name, "oil");
});

test("by size a threshold counts images and marked regions, and what was not kept stays open", () => {
  const sizes = [["tiny", { from: 0, to: 0.001, images: 1, regions: 2 }], ["small", { from: 0.001, to: 1, images: 1, regions: 1 }]];
  const images = [{ score: 3, defect_area: 0.0005, true_regions: [[0.0001, 2], [0.0004, 5]] }, { score: 6, defect_area: 0.01, true_regions: [[0.01, 7]] }];
  assert.deepEqual(detect.standingBySize(images, sizes)(4, 3), [{ count: 1, found: 0, missed: 1, regions: 2, hit: 1 }, { count: 1, found: 1, missed: 0, regions: 1, hit: 1 }]);
  assert.deepEqual(detect.standingBySize([{ score: 3 }], sizes)(4, 3)[0], { count: 1, found: null, missed: null, regions: 2, hit: null });
});

test("the gallery shows what was missed, then false alarms, then what is nearest to the threshold", () => {
  const run = detect.ranked(IMAGES);
  const order = (which, threshold, options) => detect.pick(run, which, threshold, options).images.map((image) => image.index);
  assert.deepEqual(order("telling", 0.5), [4, 2, 1, 0, 5, 3]);
  assert.deepEqual(order("missed", 0.5), [4, 2]);
  assert.deepEqual(order("false_alarms", 0.5), [1]);
  assert.deepEqual(order("nearest", 0.5), [1, 2, 0, 5, 3, 4]);
  assert.deepEqual(order("worst", 0.5, { type: "oil" }), [2, 4]);
  assert.deepEqual(order("telling", 0.5, { from: 1, to: 5 }), [2, 1, 0, 5]);
  for (const which of ["telling", "nearest", "worst"]) assert.equal(detect.pick(run, which, 0.5, { to: 2 }).total, 6);
});

test("the pixel threshold follows the image threshold along its knots, and beyond them by the slope of the whole", () => {
  const knots = [[0, 1], [0.5, 3], [1, 10]];
  assert.deepEqual([-1, 0, 0.25, 0.5, 0.75, 2].map((at) => detect.pixelThreshold(at, knots)), [-8, 1, 2, 3, 6.5, 19]);
  assert.equal(detect.pixelThreshold(7, [[1, 4]]), 4);
});

test("what is promised hangs on how many of the kept good images lie above the threshold", () => {
  const kept = { good_scores: [1, 2, 3], promises: [0.25, 0.5, 0.75, 1] };
  assert.deepEqual([0, 1, 2.5, 3, 9].map((at) => detect.promisedAt(kept, at)), [1, 0.75, 0.5, 0.25, 0.25]);
  assert.equal(detect.promisedAt({}, 1), null);
});

test("regions of a map are those that touch, the highest first, specks but the first left out", () => {
  const map = { width: 5, height: 4, values: [9, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 5, 5, 0, 0, 0, 5, 5] };
  const [first, second] = detect.regionsOf(map, 4, 0);
  assert.deepEqual([first.box, first.peak, first.peak_at, first.area_share], [[0, 0, 2, 2], 9, [0, 0], 0.1]);
  assert.deepEqual([second.box, second.centre], [[3, 2, 2, 2], [3.5, 2.5]]);
  assert.equal(detect.regionsOf(map, 4, 0.5).length, 1);
  assert.deepEqual(detect.regionsOf(map, 9, 0), []);
  assert.deepEqual(detect.peakOf(map), { x: 0, y: 0, score: 9 });
  assert.deepEqual(detect.peakOf(map, map.values.map((_, i) => Number(i > 10))), { x: 3, y: 2, score: 5 });
});

test("a map that is drawn small keeps what is highest, and its rim lies where the threshold does", () => {
  const small = detect.shrunk({ width: 4, height: 2, values: [0, 1, 0, 0, 0, 0, 0, 0.5] }, 2);
  assert.deepEqual([small.width, small.height, [...small.values]], [2, 1, [1, 0.5]]);
  const bytes = new Uint8ClampedArray(8);
  detect.paint(bytes, small, detect.heatTable((share) => share), 0.6);
  assert.deepEqual([...bytes.slice(0, 3)], [255, 255, 255]);
  assert.deepEqual([...bytes.slice(4, 7)], detect.heatColour((512 + 0.5) / 1024));
});

test("contrast is stretched between the 1st and the 99th percentile of the greys", () => {
  const greys = Array.from({ length: 200 }, (_, i) => (i < 1 ? 0 : i > 198 ? 255 : 10 + (i % 40)));
  assert.deepEqual(detect.contrastRange(Uint8ClampedArray.from(greys.flatMap((grey) => [grey, grey, grey, 255]))), [10, 49]);
});

test("heat is fixed to the threshold, as in engine/evaluation/heatmaps.py", () => {
  assert.equal(detect.heatPosition(3, 1, 5), 0.25);
  assert.equal(detect.heatPosition(5, 1, 5), 0.5);
  assert.equal(detect.heatPosition(9, 1, 5), 1);
  assert.deepEqual(detect.heatColour(0.5), [250, 215, 60]);
  assert.equal(detect.heatStrength(0), 0);
});

test("a contour closes, runs halfway between pixels, and joins to one line", () => {
  const values = [0, 0, 0, 0, 1, 0, 0, 0, 0];
  const segments = maths.contour(values, 3, 3, 0.5);
  assert.equal(segments.length, 16);
  assert.ok(segments.every((at) => at >= 1 && at <= 2));
  const lines = maths.chain(segments);
  assert.equal(lines.length, 1);
  assert.deepEqual(lines[0].slice(0, 2), lines[0].slice(-2));
  assert.equal(maths.chain(maths.contour(new Array(9).fill(1), 3, 3, 0.5)).length, 1);
  assert.equal(maths.contour(values, 3, 3, 2).length, 0);
});

test("PNG filters are undone", () => {
  const rows = [[0, 10, 20, 30], [1, 10, 10, 10], [2, 1, 1, 1], [3, 5, 5, 5], [4, 1, 2, 3]];
  const out = [...maths.unfilter(Uint8Array.from(rows.flat()), 5, 3, 1)];
  assert.deepEqual(out.slice(0, 9), [10, 20, 30, 10, 20, 30, 11, 21, 31]);
  assert.deepEqual(out.slice(9, 12), [10, 20, 30]);
  assert.deepEqual(out.slice(12), [11, 22, 33]);
});

const STAGES = ["loading", "collecting", "fitting", "evaluating"];
const EVENTS = [
  { seq: 1, time: 100, type: "started", family: "memory" },
  { seq: 2, time: 101, type: "stage", name: "loading", stages: STAGES },
  { seq: 3, time: 102, type: "stage", name: "collecting", stages: STAGES },
  { seq: 4, time: 103, type: "collection", images: 5, total_images: 10, samples: 500, batches: 1, eta_s: 3 },
  { seq: 5, time: 104, type: "stage", name: "fitting", stages: STAGES },
  { seq: 6, time: 105, type: "fitting", what: "coreset", done: 4, total: 8, bank_size: 4, eta_s: 1 },
  { seq: 7, time: 106, type: "warning", code: "few_good", message: "few", values: {} },
  { seq: 8, time: 107, type: "stage", name: "evaluating", stages: STAGES },
  { seq: 9, time: 108, type: "finished", metrics: { image_auroc: 1 }, seconds: {} },
];

test("percent only grows, and a replayed event changes nothing", () => {
  const state = runState.newState();
  let before = 0;
  for (const event of EVENTS) {
    runState.take(state, event);
    runState.take(state, event);
    assert.ok(runState.percent(state) >= before, event.type);
    before = runState.percent(state);
  }
  assert.equal(before, 100);
  assert.equal(state.warnings.length, 1);
  assert.deepEqual(memory.samples(state), { x: [5], y: [500] });
  assert.deepEqual(memory.bank(state), { x: [5], y: [4] });
  assert.deepEqual([state.state, state.ended], ["succeeded", 108]);
});

test("batches inside an epoch move the bar between epochs", () => {
  const state = runState.newState();
  const stages = ["training", "evaluating"];
  const epoch = { type: "epoch", epochs: 4, loss: 1, val_loss: null, figures: { psnr: 31 }, lr: 1, best: true, eta_s: 9 };
  runState.take(state, { seq: 1, time: 0, type: "stage", name: "training", stages });
  runState.take(state, { ...epoch, seq: 2, time: 1, epoch: 1 });
  const whole = runState.percent(state);
  runState.take(state, { seq: 3, time: 2, type: "batches", what: "training", done: 5, total: 10, epoch: 2 });
  assert.ok(runState.percent(state) > whole);
  runState.take(state, { ...epoch, seq: 4, time: 3, epoch: 2 });
  assert.equal(state.done, 2);
  assert.deepEqual(state.epochs.map((each) => each.psnr), [31, 31]);
});

test("an end that is on record is never taken back, and one that was seen is not by an older record", () => {
  const replayed = runState.newState("queued");
  runState.know(replayed, { state: "succeeded", stop_requested: true });
  runState.take(replayed, { seq: 1, time: 0, type: "started" });
  assert.equal(runState.stateName(replayed), "succeeded"); // not "stopping", while its events are read again
  const live = runState.newState("running");
  runState.take(live, { seq: 1, time: 0, type: "started" });
  runState.know(live, { state: "running", stop_requested: true });
  assert.equal(runState.stateName(live), "stopping");
  runState.take(live, { seq: 2, time: 1, type: "finished", metrics: {} });
  runState.know(live, { state: "running", stop_requested: true });
  assert.equal(runState.stateName(live), "succeeded");
});

test("a slider can stand exactly on its value", () => {
  for (const [range, value] of [[[0.0371, 0.2513], 0.061191234], [[-4.1, 17.3], -4.1], [[0, 1], 1]]) {
    const { min, max, step } = maths.steps(range, value);
    const count = (value - min) / step;
    assert.ok(Math.abs(count - Math.round(count)) < 1e-6);
    assert.ok(min <= range[0] + 1e-9 && max >= range[1] - 1e-9 && max - min < (range[1] - range[0]) * 1.003);
  }
});

test("a single value is shown in a range of whole numbers", () => {
  assert.deepEqual(maths.around([32, 32]), [0, 64]);
  assert.deepEqual(maths.around([0, 0]), [-1, 1]);
  assert.deepEqual(maths.around([2, 5]), [2, 5]);
});

test("what was wrong and what to do are two sentences", () => {
  assert.equal(sentences("/tmp/x does not exist", "give the full path"), "/tmp/x does not exist. Give the full path.");
  assert.equal(sentences("No such name!", ""), "No such name!");
  assert.equal(sentences("wide_resnet50_2 is not here", null), "wide_resnet50_2 is not here.");
  assert.equal(sentences("名称已被使用", "请换一个名称。"), "名称已被使用。请换一个名称。");
});

test("a validation moves no bar back or on: it is a part of its epoch", () => {
  const state = runState.newState();
  runState.take(state, { seq: 1, time: 0, type: "stage", name: "training", stages: ["training", "evaluating"] });
  runState.take(state, { seq: 2, time: 1, type: "epoch", epoch: 2, epochs: 4, eta_s: 9 });
  const before = runState.percent(state);
  runState.take(state, { seq: 3, time: 2, type: "batches", what: "validating", done: 9, total: 10, eta_s: null });
  assert.deepEqual([runState.percent(state), state.eta, state.line.key], [before, 9, "run.validating"]);
});

test("a run that goes on shows the epochs before it once, and its percent counts them", () => {
  const state = runState.newState();
  const epoch = (seq, number, loss) => runState.take(state, { seq, time: seq, type: "epoch", epoch: number, epochs: 10, loss, eta_s: null });
  runState.take(state, { seq: 1, time: 0, type: "started", continues: "r3", after_epoch: 2, seconds_before: 60 });
  epoch(2, 1, 0.9);
  epoch(3, 2, 0.8);
  runState.take(state, { seq: 4, time: 4, type: "stage", name: "training", stages: ["training"] });
  runState.take(state, { seq: 5, time: 5, type: "batches", what: "training", done: 5, total: 10, epoch: 3, eta_s: null });
  assert.deepEqual([state.continues.run, state.continues.epoch, runState.percent(state)], ["r3", 2, 25]);
  epoch(6, 3, 0.7);
  epoch(7, 2, 0.6); // done again after the last checkpoint
  assert.deepEqual(state.epochs.map((each) => [each.epoch, each.loss]), [[1, 0.9], [2, 0.6]]);
});

test("before its first event a run is what the server knows, afterwards what its events tell", () => {
  const state = runState.newState("running");
  assert.equal(state.state, "running");
  runState.know(state, { state: "queued", stop_requested: true });
  assert.deepEqual([state.state, runState.stateName(state)], ["queued", "stopping"]);
  runState.take(state, { seq: 1, time: 0, type: "started" });
  runState.take(state, { seq: 2, time: 1, type: "finished", metrics: {} });
  runState.know(state, { state: "running", stop_requested: true }); // the record is a moment late
  assert.deepEqual([state.state, runState.stateName(state)], ["succeeded", "succeeded"]);
});

test("only a memory of patches grows the memory chart, and measuring before the epochs moves no bar", () => {
  const state = runState.newState();
  const fitting = { type: "fitting", done: 3, total: 4, eta_s: null };
  runState.take(state, { seq: 1, time: 0, type: "stage", name: "training", stages: ["training", "evaluating"] });
  runState.take(state, { ...fitting, seq: 2, time: 1, what: "teacher", bank_size: null });
  assert.deepEqual([state.line.key, runState.percent(state)], ["run.teacher", 0]);
  runState.take(state, { seq: 3, time: 2, type: "stage", name: "fitting", stages: ["fitting"] });
  runState.take(state, { ...fitting, seq: 4, time: 3, what: "pca", bank_size: 12 });
  runState.take(state, { ...fitting, seq: 5, time: 4, what: "coreset", bank_size: 50 });
  assert.deepEqual(memory.bank(state).y, [50]);
  assert.equal(runState.percent(state), 75);
});

test("a threshold promises what its policy can, and says how many good images are missing", () => {
  const said = { count: 40, rate: 5, promised: 4.9, needed: 19, enough: true };
  const keys = (policy, changes = {}) => detect.promised({ policy, said: { ...said, ...changes }, images_to_show: 59 }).map(([key]) => key.replace("results.", ""));
  assert.deepEqual(keys("split_conformal"), ["promise", "promise_show"]);
  assert.deepEqual(keys("split_conformal", { enough: false }), ["promise_few", "promise_short", "promise_show"]);
  assert.deepEqual(keys("leave_one_out"), ["promise_loo", "promise_show"]);
  assert.deepEqual(keys("percentile", { promised: null }), ["promise_percentile", "promise_show"]);
  assert.equal(detect.promised({ policy: "leave_one_out", said })[0][1].promised, 4.9);
  assert.deepEqual(detect.promised({ policy: "split_conformal" }), []);
});

test("a patch shows the peak of its region, is square in pixels, and stays inside", () => {
  for (const [box, peak, width, height] of [[[10, 20, 40, 10], [12, 22], 256, 256], [[0, 0, 2, 2], [0, 1], 200, 100], [[190, 90, 10, 10], [199, 99], 200, 100], [[0, 0, 200, 100], undefined, 200, 100]]) {
    const part = maths.cut({ box, peak_at: peak }, width, height);
    assert.ok(Math.abs(part.width * width - part.height * height) < 1e-9);
    assert.ok(part.left >= 0 && part.top >= 0 && part.left + part.width <= 1 + 1e-9 && part.top + part.height <= 1 + 1e-9);
    const [x, y] = peak ?? [box[0] + box[2] / 2, box[1] + box[3] / 2];
    assert.ok(part.left * width <= x && x <= (part.left + part.width) * width && part.top * height <= y && y <= (part.top + part.height) * height);
  }
});

test("a run whose attempt is followed by another waits until that one starts", () => {
  const events = [{ type: "started", seq: 1, time: 0, elapsed_s: 0 }, { type: "warning", seq: 2, time: 1, elapsed_s: 1, code: "retried_killed", message: "", values: {} }];
  const state = runState.newState("running");
  events.forEach((event) => runState.take(state, event));
  assert.equal(state.state, "queued");
  runState.take(state, { ...events[0], seq: 3 });
  assert.equal(state.state, "running");
  runState.know(state, { state: "failed" });
  runState.take(state, { ...events[1], seq: 4 });
  assert.equal(state.state, "failed"); // a replay takes nothing back
});

test("a box lies in whole pixels of the picture, however it is drawn or moved", () => {
  assert.deepEqual(maths.boxBetween([40.4, 8], [8.2, 23.6], 64), [8, 8, 32, 16]);
  assert.deepEqual(maths.boxBetween([-9, 60], [3, 90], 64), [0, 60, 3, 4]);
  assert.deepEqual(maths.boxBetween([64, 64], [64, 64], 64), [63, 63, 1, 1]);
  assert.deepEqual(maths.boxBetween([-5, 20], [-2, 20.3], 64), [0, 20, 1, 1]);
  assert.deepEqual(maths.boxMoved([50, 2, 10, 10], [8, -8], 64, { grows: false }), [54, 0, 10, 10]);
  assert.deepEqual(maths.boxMoved([50, 2, 10, 10], [8, -16], 64, { grows: true }), [50, 2, 14, 1]);
});
