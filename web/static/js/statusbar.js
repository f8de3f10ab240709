// The bar at the foot of every page: connection, and the running training with its percent, also in the title of the tab.

import { request } from "./api.js";
import { $, el } from "./dom.js";
import { t } from "./i18n.js";
import { follow } from "./run_feed.js";
import { isActive, percent, stateName } from "./run_state.js";
import { failure, toast } from "./toast.js";

const LOOK_SECONDS = 8;
const KINDS = { succeeded: "success", failed: "failure", stopped: "info" };
let timer = 0;
let watched = null;
let leave = null;
let isRunning = false; // the one that is watched
let plainTitle = document.title;

/** Show whether the page talks to the server: idle, open, lost. */
export function showConnection(state) {
  $("#connection").dataset.state = state;
  $("#connection-text").textContent = t(`connection.${state}`);
}

/** Follow this run in the bar, unless it waits behind the one that is followed. */
export async function watch(run) {
  if (watched === run) return;
  let row;
  try {
    row = await request("GET", `/api/runs/${run}`);
  } catch (error) {
    failure(error);
    return;
  }
  if (watched === run || (isRunning && row.state === "queued")) return;
  leave?.();
  watched = run;
  lookSoon();
  const wasActive = isActive(row);
  $("#running-name").textContent = `${run} · ${row.model_title} · ${row.dataset}`;
  $("#running").href = `/runs/${run}`;
  $("#running").hidden = false;
  leave = follow(run, (state) => show(run, state, wasActive), row.state);
}

const told = new Set(); // runs whose end was told: the server may name them as running a moment longer

function show(run, state, wasActive) {
  isRunning = state.state === "running";
  const done = percent(state), name = stateName(state);
  $("#running-fill").style.inlineSize = `${done}%`;
  const words = name === "running" && state.stage ? t(`stage.${state.stage}`) : t(`state.${name}`);
  $("#running-text").textContent = isRunning ? `${done} % · ${words}` : words;
  title(isRunning ? `${done} % · ` : "");
  if (state.ended === null) return;
  leave?.();
  leave = watched = null;
  isRunning = false;
  $("#running").hidden = true;
  title("");
  const isInView = $(`.run-view[data-run="${run}"]`) !== null; // which tells its end itself
  const isNews = wasActive && !told.has(run) && !isInView;
  told.add(run);
  lookSoon();
  if (isNews) toast(t(`run.ended.${state.state}`, { run }), { kind: KINDS[state.state], action: { text: t("run.name", { run }), run: () => location.assign(`/runs/${run}`) } });
}

function title(prefix) {
  plainTitle = document.title.replace(/^\d+ % · /, "");
  document.title = prefix + plainTitle;
}

/** Another tab, or the command line, may have started something; so may the end of another run. The badge beside Runs counts what the bar tells of. */
async function look() {
  clearTimeout(timer);
  if (document.visibilityState === "visible") {
    try {
      const active = (await request("GET", "/api/runs?state=active")).filter(({ id }) => !told.has(id)); // the newest first
      badge(active.length);
      const next = active.findLast(({ state }) => state === "running") ?? active.at(-1);
      if (!isRunning && next) watch(next.id);
      if ($("#connection").dataset.state === "lost" && !$("#say")) showConnection("idle");
    } catch {
      if ($("#connection").dataset.state === "idle") showConnection("lost");
    }
  }
  lookSoon(LOOK_SECONDS);
}

function lookSoon(seconds = 0) {
  clearTimeout(timer);
  timer = setTimeout(look, seconds * 1000);
}

/** How many runs wait or run, beside Runs in the side bar. */
function badge(count) {
  const place = $(".places [href='/runs']");
  let mark = $(".count", place);
  if (!count) return void mark?.remove();
  if (!mark) place.append((mark = el("b", { className: "count" })));
  mark.textContent = String(count);
  mark.title = t("nav.active", { count });
}

const first = $("#statusbar").dataset.run;
if (first) watch(first);
lookSoon(LOOK_SECONDS);
