// What is known of a run: what its events add up to, and what the server's record says beyond them. Every part of a page that shows
// a run shows this. Pure: the same events give the same state, live or replayed.

export const TERMINAL = { finished: "succeeded", failed: "failed", stopped: "stopped" };

export function newState(known = "queued") {
  return {
    seq: 0, state: known, weight: {}, row: null, continues: null, stage: null, stages: [], done: 0, total: 0, eta: null, line: null,
    started: null, ended: null, worked: 0, collections: [], fittings: [], epoch: null, epochs: [], system: null, memory: { x: [], y: [], gpu: [] },
    warnings: [], metrics: null, failure: null,
  };
}

/** Take one event into the state. An event that was seen before changes nothing. */
export function take(state, event) {
  if (event.seq <= state.seq) return state;
  state.seq = event.seq;
  if (event.type === "started") state.started ??= event.time;
  // by the engine's own clock; logs of older versions tell points in time alone
  state.worked = event.elapsed_s ?? Math.max(state.worked, event.time - (state.started ?? event.time));
  HANDLERS[event.type]?.(state, event);
  return state;
}

/** The log is damaged, and nothing more comes: what the server has on record is the run's end. */
export function takeDamage(state, { message, ...row }) {
  Object.assign(state, { state: row.state, ended: state.ended ?? 0, eta: null, line: null });
  if (row.state === "failed") state.failure ??= { code: "error", reason: row.reason ?? "", hint: row.hint ?? "", log: [] };
  state.warnings.push({ code: "log_damaged", message, values: { message } });
}

/**
 * Take in the server's record of the run. Before the first event it alone knows the state: the run may have ended without one. An end that is
 * on record stands, whatever is replayed since; and a record that is older than an end which was seen says nothing of the state.
 */
export function know(state, row) {
  state.row = row;
  if (isOver(row) || (state.seq === 0 && !isOver(state))) state.state = row.state;
}

export const isActive = (state) => state.state === "queued" || state.state === "running";
const isOver = (state) => !isActive(state);

/** The state in the words of `state.*`: a run that was asked to stop is stopping until it has ended. */
export const stateName = (state) => (isActive(state) && state.row?.stop_requested ? "stopping" : state.state);

/** Whole percent of the run, 0 to 100: each stage counts by how long it usually takes, which the run's kind knows. */
export function percent(state) {
  if (state.state === "succeeded") return 100;
  const weights = state.stages.map((name) => state.weight[name] ?? 5);
  const at = state.stages.indexOf(state.stage);
  if (at < 0) return 0;
  const before = weights.slice(0, at).reduce((a, b) => a + b, 0);
  const share = state.total > 0 ? Math.min(1, state.done / state.total) : 0;
  return Math.floor((100 * (before + weights[at] * share)) / weights.reduce((a, b) => a + b, 0));
}

/** Whether an event tells of an attempt that is followed by another: until that one starts, the run waits again. */
export const isRetried = ({ type, code }) => type === "warning" && code.startsWith("retried_");

const HANDLERS = {
  started(state, event) {
    if (isActive(state)) state.state = "running"; // a replay takes nothing back
    if (event.continues) state.continues = { run: event.continues, epoch: event.after_epoch, seconds: event.seconds_before };
    state.line = { key: "run.starting", values: {} };
  },
  stage(state, event) {
    state.stage = event.name;
    state.stages = event.stages;
    progress(state, 0, 0, null, null);
  },
  collection(state, event) {
    state.collections.push(event);
    progress(state, event.images, event.total_images, event.eta_s, { key: "run.images", values: { done: event.images, total: event.total_images } });
  },
  fitting(state, event) {
    state.fittings.push({ ...event, at: state.worked });
    const line = { key: `run.${event.what}`, values: { done: event.done, total: event.total } };
    if (state.stage === event.type) progress(state, event.done, event.total, event.eta_s, line);
    else Object.assign(state, { line, eta: event.eta_s }); // what is measured before or after the epochs is a small part of its stage
  },
  epoch(state, event) {
    state.epoch = { ...event.figures, ...event };
    while (state.epochs.at(-1)?.epoch >= event.epoch) state.epochs.pop(); // what came after the last checkpoint is done again
    state.epochs.push(state.epoch);
    progress(state, event.epoch, event.epochs, event.eta_s, { key: "run.epoch", values: { epoch: event.epoch, epochs: event.epochs } });
  },
  batches(state, event) {
    if (event.what === "training" && state.epoch !== null) {
      const share = event.total > 0 ? event.done / event.total : 0;
      state.done = Math.max(state.done, state.epoch.epoch + share);
      state.total = state.epoch.epochs; // a run that goes on has had no epoch in this stage yet
      return;
    }
    if (event.what === "training" && event.epoch !== null) return;
    const key = ["validating", "writing"].includes(event.what) ? `run.${event.what}` : "run.images";
    const line = { key, values: { done: event.done, total: event.total } };
    if (event.what === "validating") return void Object.assign(state, { line }); // a part of an epoch, which counts when it is over
    progress(state, event.done, event.total, event.eta_s, line);
  },
  system(state, event) {
    state.system = event;
    state.memory.x.push(state.worked);
    state.memory.y.push(event.memory_mb);
    state.memory.gpu.push(event.gpu_memory_mb);
  },
  evaluation(state, event) {
    state.metrics = event.metrics;
  },
  warning(state, event) {
    state.warnings.push(event);
    if (isRetried(event) && isActive(state)) Object.assign(state, { state: "queued", eta: null, line: null }); // until its next attempt starts
  },
  finished(state, event) {
    end(state, event);
    state.metrics = event.metrics;
  },
  failed(state, event) {
    end(state, event);
    state.failure = event;
  },
  stopped: end,
};

function end(state, event) {
  state.state = TERMINAL[event.type];
  state.ended = event.time;
  state.eta = null;
  state.line = null;
}

function progress(state, done, total, eta, line) {
  Object.assign(state, { done, total, eta, line });
}
