// The head of the list of runs: how many run and wait, paused and resumed. Beside each waiting run its place, and a way to the front.

import { request } from "./api.js";
import { $, el } from "./dom.js";
import { date } from "./format.js";
import { t } from "./i18n.js";
import { lookAgain } from "./run_feed.js";
import { deviceName } from "./run_standing.js";
import { failure, toast } from "./toast.js";

const LOOK_SECONDS = 3;
const UNDO_SECONDS = 12;
const head = $("#queue");
const rowOf = (run) => $(`#runs tr[data-run="${run}"]`);
const drawnWith = JSON.parse(head.dataset.queue);
const known = new Set([...drawnWith.running, ...drawnWith.waiting]); // the list may show some of them later, or not, as it is asked
let timer = 0;
let looks = 0;

/** Ask the server for the queue: something has just changed. */
export async function lookAtQueue() {
  clearTimeout(timer);
  const look = ++looks;
  if (document.visibilityState === "visible") {
    try {
      const queue = await request("GET", "/api/queue");
      if (look === looks) draw(queue);
    } catch {
      // the bar at the foot tells that the server is away
    }
  }
  if (look === looks) timer = setTimeout(lookAtQueue, LOOK_SECONDS * 1000);
}

function draw({ paused_since: since, running, waiting, slots, devices }) {
  const isEmpty = !running.length && !waiting.length;
  head.classList.toggle("paused", since !== null);
  $("[data-part=counts]", head).textContent = isEmpty ? t("queue.empty") : [t("queue.running", { count: running.length }), t("queue.waiting", { count: waiting.length })].join(" · ");
  $("[data-part=slots]", head).textContent = isEmpty ? "" : mostAtOnce(slots, devices);
  $("[data-part=paused]", head).textContent = since === null ? "" : t("queue.paused", { time: date(since) });
  $("[data-action=pause-queue]", head).hidden = since !== null;
  $("[data-action=resume-queue]", head).hidden = since === null;
  const fresh = [...running, ...waiting].filter((run) => !known.has(run) && !rowOf(run)).length;
  const show = $("[data-action=show-new]", head);
  show.hidden = !fresh;
  show.textContent = t("queue.new", { count: fresh });
  places(waiting);
}

function mostAtOnce(count, devices) {
  if (devices.length < 2) return t("queue.slots", { count });
  return t("queue.slots_each", { count, devices: devices.map(deviceName).join(", ") });
}

function places(waiting) {
  const seen = new Set(waiting);
  for (const place of document.querySelectorAll(".queue-place")) if (!seen.has(place.dataset.place)) place.remove();
  waiting.forEach((run, i) => {
    const cell = $("[data-column=state]", rowOf(run) ?? head);
    if (!cell) return;
    let place = $(".queue-place", cell);
    if (!place) cell.append((place = el("span", { className: "queue-place", "data-place": run }, el("small", {}), first(run))));
    $("small", place).textContent = t("queue.position", { at: i + 1, waiting: waiting.length });
    $("button", place).hidden = i === 0;
  });
}

const first = (run) => el("button", { type: "button", className: "button small", title: t("queue.first_why", { run }), textContent: t("queue.first"), onclick: (event) => putFirst(run, event.currentTarget) });

async function putFirst(run, button) {
  button.disabled = true;
  try {
    const { standing } = await request("GET", `/api/runs/${run}`);
    draw(await request("POST", `/api/runs/${run}/priority`, {}));
    lookAgain(run);
    toast(t("queue.first_now", { run }), { seconds: UNDO_SECONDS, action: { text: t("action.undo"), run: () => change(`/api/runs/${run}/priority`, { priority: standing.priority }) } });
  } catch (error) {
    failure(error);
  }
  button.disabled = false;
}

/** Pause or resume, with a way back. */
async function set(verb) {
  const undone = verb === "pause" ? "resume" : "pause";
  if (!(await change(`/api/queue/${verb}`))) return;
  $(`[data-action=${undone}-queue]`, head).focus();
  toast(t(`queue.${verb}d_now`), { seconds: UNDO_SECONDS, action: { text: t("action.undo"), run: () => change(`/api/queue/${undone}`) } });
}

async function change(path, body) {
  try {
    draw(await request("POST", path, body));
    return true;
  } catch (error) {
    failure(error);
    return false;
  } finally {
    lookAtQueue();
  }
}

$("[data-action=pause-queue]", head).addEventListener("click", () => set("pause"));
$("[data-action=resume-queue]", head).addEventListener("click", () => set("resume"));
$("[data-action=show-new]", head).addEventListener("click", () => location.reload());
document.addEventListener("visibilitychange", lookAtQueue);
draw(drawnWith);
lookAtQueue();
