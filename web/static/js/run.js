// The inside of a run, drawn from its events: the same beside a conversation and on the run's own page.

import { request } from "./api.js";
import "./charts.js";
import { ask } from "./confirm.js";
import { $, $$, el, icon } from "./dom.js";
import { bytes, clock, duration, value } from "./format.js";
import { coded, reasonOf, t } from "./i18n.js";
import { offerToContinue } from "./continue.js";
import "./register.js";
import "./run_acts.js";
import "./run_labels.js";
import { follow, lookAgain } from "./run_feed.js";
import { mountLog } from "./run_log.js";
import { showAttempts, whereItComputes } from "./run_standing.js";
import { isActive, percent, stateName } from "./run_state.js";
import { continuesFrom, took, waiting } from "./run_words.js";
import { mountExports } from "./exports.js";
import { failure } from "./toast.js";
import { mountTryIt } from "./try_it.js";

/** Bring a drawn run view to life. Returns a function that ends it. */
export function mountRun(view) {
  const run = view.dataset.run;
  const part = (name) => $(`[data-part="${name}"]`, view);
  const memory = { stages: "", warnings: 0, ended: false, results: false, stage: null, state: null };
  chartControls(view);
  part("stop").addEventListener("click", () => stop(run, part("stop")));

  const leaveLog = mountLog(view, run, () => memory.state === null || isActive(memory.state));
  const leave = follow(run, (state, kind) => {
    memory.state = state;
    stepper(part("stepper"), state, memory);
    progress(part, state);
    warnings(part("warnings"), state, memory);
    readouts(part("readouts"), state, kind);
    charts(view, state, kind);
    pill(part, state);
    showAttempts(part("attempts"), state);
    const failed = state.state === "failed" && state.ended !== null; // then it stands below the reason
    offerToContinue(part(failed ? "failure-again" : "again"), run, state.row);
    if (failed) part("again").hidden = true;
    announce(part("announce"), state, memory);
    if (state.ended !== null && !memory.ended) {
      memory.ended = true;
      end(view, part, state);
    }
    if (memory.ended && state.state === "succeeded" && kind && !memory.results) {
      memory.results = true;
      if ($(".try-it", view)) mountTryIt($(".try-it", view));
      if ($(".exports", view)) mountExports($(".exports", view));
      results(view, run, kind);
    }
  }, view.dataset.state);
  const timer = setInterval(() => memory.state && tick(part, memory.state), 1000);
  return () => {
    clearInterval(timer);
    leaveLog();
    leave();
  };
}

function pill(part, state) {
  part("state").className = `state-pill ${state.state}`;
  part("state").textContent = t(`state.${stateName(state)}`);
  part("stop").hidden = !isActive(state);
  part("stop").disabled = stateName(state) === "stopping";
  part("delete").hidden = isActive(state);
  for (const name of ["report", "register"]) part(name).hidden = state.state !== "succeeded";
  part("progress").hidden = !isActive(state);
  const ended = state.ended !== null && state.started !== null;
  const late = state.state === "succeeded" && state.row?.stop_requested;
  part("origin").textContent = [continuesFrom(state), whereItComputes(state), ended ? took(state) : "", late ? t("run.ended_before_stop") : ""].filter(Boolean).join(" · ");
}

function stepper(list, state, memory) {
  const key = `${state.stages}|${state.stage}|${state.state}`;
  if (memory.stages === key) return;
  memory.stages = key;
  const at = state.stages.indexOf(state.stage);
  const failed = state.state === "failed" || state.state === "stopped";
  list.replaceChildren(
    ...state.stages.map((name, i) => {
      const done = i < at || state.state === "succeeded";
      const now = i === at && !done;
      const node = el("li", { className: done ? "done" : now ? (failed ? "broken" : "now") : "" }, el("i", { "aria-hidden": "true" }), el("span", { textContent: t(`stage.${name}`) }));
      if (now) node.setAttribute("aria-current", "step");
      return node;
    }),
  );
}

function progress(part, state) {
  const done = percent(state);
  const bar = part("bar");
  bar.setAttribute("aria-valuenow", String(done));
  bar.firstElementChild.style.inlineSize = `${done}%`;
  if (state.state === "running") {
    const left = state.eta === null ? "" : t("run.left", { time: duration(state.eta) });
    const words = state.line ? t(state.line.key, state.line.values) : state.stage ? t(`stage.${state.stage}`) : "";
    part("line").textContent = [`${done} %`, words, left, waiting(state)].filter(Boolean).join(" · ");
  } else if (state.state === "queued") part("line").textContent = waiting(state);
  time(part("clock"), state);
}

function tick(part, state) {
  time(part("clock"), state);
  if (state.state === "queued") part("line").textContent = waiting(state);
}

function time(node, state) {
  if (state.started === null) return;
  node.textContent = clock(state.worked + (state.ended === null && state.state === "running" ? (performance.now() - state.heard) / 1000 : 0));
}

function announce(node, state, memory) {
  const key = `${state.stage}|${state.state}`;
  if (memory.stage === key) return;
  memory.stage = key;
  node.textContent = state.ended === null ? (state.stage ? t(`stage.${state.stage}`) : "") : t(`state.${state.state}`);
}

function warnings(list, state, memory) {
  if (memory.warnings === state.warnings.length) return;
  memory.warnings = state.warnings.length;
  list.hidden = false;
  list.replaceChildren(
    ...state.warnings.map((warning) => el("li", {}, icon("alert"), el("span", { textContent: coded("notice", warning.code, warning.values, warning.message) }))),
  );
}

function readouts(list, state, kind) {
  const { system } = state;
  const rows = [
    ...(kind?.readouts(state) ?? []),
    system && state.ended === null && ["read.cpu", `${Math.round(system.cpu_percent)} %`],
    system && ["read.memory", bytes(system.memory_mb * 1e6)],
    system?.gpu_memory_mb && ["read.gpu", bytes(system.gpu_memory_mb * 1e6)],
  ].filter(Boolean);
  list.replaceChildren(...rows.map(([key, text, basis]) => el("div", {}, el("dt", { textContent: t(key) }), el("dd", { textContent: text }), basis ? el("dd", { className: "basis", textContent: basis }) : null)));
}

function charts(view, state, kind) {
  const overTime = { xLabel: t("chart.seconds") };
  for (const [name, series, options] of kind?.charts(state, { overTime, ofEpochs: ofEpochs(state.epochs) }) ?? []) put(view, name, series, options);
  const gpu = state.memory.gpu.some((each) => each !== null);
  const process = { name: t("chart.process"), colour: "s3", x: state.memory.x, y: state.memory.y };
  put(view, "system", gpu ? [process, { name: t("chart.gpu"), colour: "s2", x: state.memory.x, y: state.memory.gpu }] : [process], { ...overTime, fromZero: true });
}

/** Charts of figures that an epoch's event carries, in training and in validation; those that no epoch has are left out. */
const ofEpochs = (epochs) => (...names) => {
  const x = epochs.map((each) => each.epoch);
  const has = (name) => epochs.some((each) => (each[name] ?? null) !== null);
  const line = (name, label, look) => ({ name: t(label), ...look, x, y: epochs.map((each) => each[name]) });
  return names.filter(has).map((name) => {
    const series = name === "lr" ? [line("lr", "read.lr", { colour: "s3" })] : [line(name, "chart.train", { colour: "s1" })];
    if (has(`val_${name}`)) series.push(line(`val_${name}`, "chart.validation", { colour: "s2", dash: true }));
    return [name, series, { xLabel: t("read.epoch"), whole: true }];
  });
};

function put(view, name, series, options) {
  const figure = $(`[data-chart="${name}"]`, view);
  const filled = series.filter((each) => each.x.length > 1 || (each.x.length === 1 && name !== "system"));
  if (!figure || !filled.length) return;
  figure.hidden = false;
  const chart = $("x-chart", figure);
  const seen = `${filled.map((each) => each.x.length)}`;
  if (figure.dataset.seen === seen) return;
  figure.dataset.seen = seen;
  chart.set(filled, { ...options, log: $("[data-log]", figure)?.checked ?? false, smoothing: Number($("[data-smooth]", figure)?.value ?? 0) });
  legend(figure, chart, filled);
  if (!$(".chart-table", figure).hidden) table(figure, chart);
}

function legend(figure, chart, series) {
  const key = series.map((each) => each.name).join("|");
  const box = $("[data-legend]", figure);
  if (box.dataset.key === key || series.length < 2) return;
  box.dataset.key = key;
  box.replaceChildren(
    ...series.map((each) =>
      el("button", { type: "button", className: `key ${each.colour}`, "aria-pressed": "true", "aria-label": t("chart.hide", { name: each.name }), onclick: (event) => {
        chart.toggle(each.name);
        event.currentTarget.setAttribute("aria-pressed", String(!chart.hidden_.has(each.name)));
      } }, el("i", { "aria-hidden": "true" }), each.name)),
  );
}

function chartControls(view) {
  for (const figure of $$("[data-chart]", view)) {
    const chart = $("x-chart", figure);
    $("[data-log]", figure)?.addEventListener("change", (event) => chart.set(chart.series, { log: event.target.checked }));
    $("[data-smooth]", figure)?.addEventListener("input", (event) => chart.set(chart.series, { smoothing: Number(event.target.value) }));
    $("[data-action=chart-csv]", figure).addEventListener("click", () => save(figure, chart));
    $("[data-action=chart-table]", figure).addEventListener("click", (event) => {
      const box = $(".chart-table", figure);
      box.hidden = !box.hidden;
      chart.hidden = !box.hidden;
      event.currentTarget.setAttribute("aria-pressed", String(!box.hidden));
      if (!box.hidden) table(figure, chart);
    });
  }
}

function rows(chart) {
  const xs = [...new Set(chart.series.flatMap((each) => each.x))].sort((a, b) => a - b);
  const by = chart.series.map((each) => new Map(each.x.map((x, i) => [x, each.y[i]])));
  return xs.map((x) => [x, ...by.map((map) => map.get(x) ?? null)]);
}

function table(figure, chart) {
  const head = el("tr", {}, ...[chart.xLabel, ...chart.series.map((each) => each.name)].map((name) => el("th", { scope: "col", className: "num", textContent: name })));
  const body = rows(chart).map((row) => el("tr", {}, ...row.map((cell) => el("td", { className: "num mono", textContent: value(cell) }))));
  $(".chart-table", figure).replaceChildren(el("table", { className: "grid" }, el("thead", {}, head), el("tbody", {}, ...body)));
}

function save(figure, chart) {
  const quote = (cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell ?? ""));
  const lines = [[chart.xLabel, ...chart.series.map((each) => each.name)], ...rows(chart)].map((row) => row.map(quote).join(","));
  const url = URL.createObjectURL(new Blob([`\uFEFF${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  el("a", { href: url, download: `${figure.closest("[data-run]").dataset.run}-${figure.dataset.chart}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function end(view, part, state) {
  part("line").textContent = "";
  if (state.state === "failed") fail(part, state.failure);
  if (state.state === "succeeded") $("[data-part=live]", view).classList.add("after");
}

async function results(view, run, kind) {
  try {
    await kind.showResults(view, run);
  } catch (error) {
    failure(new Error(t("run.no_results", { message: error.message })));
  }
}

function fail(part, event) {
  part("failure").hidden = false;
  part("failure-title").textContent = coded("failure", event.code, {}, t("failure.error"));
  part("failure-reason").textContent = reasonOf(event.reason);
  part("failure-hint").textContent = reasonOf(event.hint);
  part("failure-log").hidden = event.log.length === 0;
  part("failure-log").textContent = event.log.join("\n");
}

async function stop(run, button) {
  if (!(await ask({ title: t("run.stop_title", { run }), text: t("run.stop_text"), yes: t("run.stop_yes") }))) return;
  button.disabled = true;
  try {
    await request("POST", `/api/runs/${run}/stop`);
  } catch (error) {
    button.disabled = false;
    failure(error);
  }
  lookAgain(run);
}
