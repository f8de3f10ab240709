// The list of runs: picked and acted on. The server finds and sorts them, so many at a time; more come when the end of them is seen. The address
// keeps what is asked for; runs under way show their percent.

import { request } from "./api.js";
import { $, $$, drawn, onClick } from "./dom.js";
import { offerToContinue } from "./continue.js";
import { bytes } from "./format.js";
import { t } from "./i18n.js";
import { lookAtQueue } from "./queue.js";
import { deleteRuns, offerUndo, restore } from "./run_acts.js";
import { follow } from "./run_feed.js";
import { showLabels, written } from "./run_labels.js";
import { percent, stateName } from "./run_state.js";
import { counted, differing, markSort, readRow, showSettings } from "./runs_table.js";
import { failure } from "./toast.js";

const NEWEST = "-run";
const ASKED = ["q", "state", "dataset", "model", "tag"];
const MOST_COMPARED = 6;
const PAUSE = 200; // ms after the last letter of a search
const table = $("#runs");
const filters = $("#filters");
const picked = new Set(); // ids
let asked = read();
let shown = table ? $$("tbody tr", table).map(readRow) : [];
let count = Number(table?.dataset.count); // that fit
let total = Number(table?.dataset.total); // that there are
let room = {}; // bytes by run, as far as they are known
let asking = 0; // a later question makes the answers to earlier ones worthless
let loading = false;
let typing = 0;

if (table) {
  wire();
  fill();
  draw();
  shown.forEach(watch);
  measure();
}
tellDeleted();

/** What the address asks for. */
function read() {
  const query = new URLSearchParams(location.search);
  return { ...Object.fromEntries(ASKED.map((name) => [name, query.get(name) ?? ""])), sort: query.get("sort") ?? NEWEST, all: query.has("settings") };
}

function ask(changes) {
  asked = { ...asked, ...changes };
  const query = new URLSearchParams(location.search);
  for (const name of ASKED) asked[name] ? query.set(name, asked[name]) : query.delete(name);
  asked.sort === NEWEST ? query.delete("sort") : query.set("sort", asked.sort);
  asked.all ? query.set("settings", "all") : query.delete("settings");
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
  if (Object.keys(changes).some((name) => name !== "all")) load(0);
  else draw();
}

/** Get the rows from this one on; from the first on they take the place of those that are shown. */
async function load(first) {
  const question = ++asking;
  loading = true;
  const query = new URLSearchParams({ ...Object.fromEntries(ASKED.map((name) => [name, asked[name]])), sort: asked.sort, first });
  try {
    const answer = await request("GET", `/runs/rows?${query}`);
    if (question !== asking) return;
    ({ count, total } = answer);
    if (first === 0) clear();
    const known = new Set(shown.map(({ run }) => run)); // a run that was begun meanwhile moves the others on
    const fresh = $$("tr", drawn(answer.html)).map(readRow).filter(({ run }) => !known.has(run));
    $("tbody", table).append(...fresh.map(({ row }) => row));
    shown.push(...fresh);
    fresh.forEach(watch);
    draw();
    lookAtQueue();
  } catch (error) {
    if (question === asking) failure(error);
  }
  if (question === asking) loading = false;
}

function clear() {
  for (const known of shown) known.leave?.();
  shown = [];
  $("tbody", table).replaceChildren();
}

function isMore() {
  return shown.length < count;
}

/** Show in the fields what is asked for. */
function fill() {
  filters.elements.q.value = asked.q;
  for (const name of ["dataset", "model", "tag"]) filters.elements[name].value = asked[name];
  for (const button of $$("[data-state-choice]", filters)) button.setAttribute("aria-pressed", String(button.dataset.stateChoice === asked.state));
}

function draw() {
  const more = showSettings(table, shown, differing(shown), asked);
  markSort(table, asked.sort);
  showRoom();
  $("#runs-count").textContent = counted(count, total);
  const button = $("#more-settings");
  button.hidden = !more && !asked.all;
  button.textContent = asked.all ? t("runs.fewer_settings") : t("runs.more_settings", { count: more });
  $("#runs-scroll").hidden = !total;
  $("#runs-end").hidden = !isMore();
  $("#none-fits").hidden = count > 0 || !total;
  for (const run of picked) if (!shown.some((known) => known.run === run)) picked.delete(run); // nothing happens to what is not seen
  drawPicked();
  if (!shown.some(({ row }) => row.tabIndex === 0) && shown.length) rove(shown[0].row);
}

function drawPicked() {
  for (const { row, run } of shown) {
    $(".pick input", row).checked = picked.has(run);
    row.classList.toggle("chosen", picked.has(run));
  }
  const many = picked.size;
  $("#picked").hidden = many === 0;
  $("#picked-count").textContent = t("runs.picked", { count: many });
  const compare = $("[data-action=compare-picked]");
  compare.disabled = many < 2 || many > MOST_COMPARED;
  compare.title = compare.disabled ? t("runs.compare_how", { most: MOST_COMPARED }) : "";
  const every = $("#pick-all");
  every.checked = many > 0 && many === shown.length;
  every.indeterminate = many > 0 && many < shown.length;
}

/** The runs that are picked, in the order in which they are shown. */
const chosen = () => shown.map(({ run }) => run).filter((run) => picked.has(run));

function wire() {
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.elements.q.addEventListener("input", ({ target }) => {
    clearTimeout(typing);
    typing = setTimeout(() => ask({ q: target.value.trim() }), PAUSE);
  });
  for (const name of ["dataset", "model", "tag"]) filters.elements[name].addEventListener("change", (event) => ask({ [name]: event.target.value }));
  onClick(filters, "[data-state-choice]", (_, button) => only({ state: button.dataset.stateChoice }));
  onClick(document, "[data-action=clear-filters]", () => only(Object.fromEntries(ASKED.map((name) => [name, ""]))));
  onClick(table, "[data-sort-by]", (_, { dataset: { sortBy: by } }) => ask({ sort: asked.sort === by ? `-${by}` : by }));
  onClick(table, "[data-tag]", (_, { dataset }) => only({ tag: dataset.tag }));
  onClick(table, "[data-only-dataset]", (_, { dataset }) => only({ dataset: dataset.onlyDataset }));
  $("#more-settings").addEventListener("click", () => ask({ all: !asked.all }));
  table.addEventListener("labels", (event) => {
    written(event.target).tags.forEach(offerTag);
  });
  table.addEventListener("change", ({ target }) => {
    if (target.id === "pick-all") shown.forEach(({ run }) => (target.checked ? picked.add(run) : picked.delete(run)));
    else if (target.closest(".pick")) target.checked ? picked.add(target.value) : picked.delete(target.value);
    drawPicked();
  });
  table.addEventListener("keydown", keys);
  new IntersectionObserver(([end]) => end.isIntersecting && !loading && isMore() && load(shown.length)).observe($("#runs-end"));
  onClick(document, "[data-action=unpick]", () => {
    picked.clear();
    drawPicked();
  });
  onClick(document, "[data-action=compare-picked]", () => location.assign(`/compare?runs=${chosen().join(",")}`));
  onClick(document, "[data-action=delete-picked]", () => remove(chosen()));
  $("#tag-picked").addEventListener("submit", tag);
}

function only(changes) {
  ask(changes);
  fill();
}

function offerTag(tag) {
  const field = filters.elements.tag;
  if (![...field.options].some(({ value }) => value === tag)) field.append(new Option(tag, tag));
  field.closest("label").hidden = false;
}

/** Up and down go from row to row; space picks, Enter opens, Delete deletes. */
async function keys(event) {
  const row = event.target.closest("tbody tr");
  if (event.target !== row || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = shown.findIndex((known) => known.row === row);
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -at, End: shown.length - 1 - at }[event.key];
  if (step !== undefined) {
    event.preventDefault();
    if (at + step >= shown.length && isMore()) await load(shown.length);
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + step))].row;
    rove(next);
    next.focus();
    return;
  }
  if (event.key === " ") $(".pick input", row).click();
  else if (event.key === "Enter") $("a", row).click();
  else if (event.key === "Delete") remove(picked.size ? chosen() : [row.dataset.run]);
  else return;
  event.preventDefault();
}

function rove(row) {
  for (const known of shown) known.row.tabIndex = known.row === row ? 0 : -1;
}

function remove(runs) {
  deleteRuns(runs, {
    gone: (run) => {
      picked.delete(run);
      const known = shown.find((each) => each.run === run);
      known?.leave?.();
      known?.row.remove();
      shown = shown.filter((each) => each !== known);
      count -= 1;
      total -= 1;
      draw();
    },
    back: () => load(0),
  });
}

async function tag(event) {
  event.preventDefault();
  const field = event.target.elements.tag;
  const added = field.value.trim();
  if (!added) return;
  for (const run of chosen()) {
    const box = $(`[data-labels="${run}"]`, table);
    try {
      showLabels(run, await request("PATCH", `/api/runs/${run}`, { tags: [...written(box).tags, added] }));
    } catch (error) {
      failure(error);
      return;
    }
  }
  field.value = "";
  draw();
}

/** How much room each takes: files are looked at, so it comes when it comes. */
async function measure() {
  try {
    const { runs, deleted, taken, free } = await request("GET", "/api/runs/space");
    room = runs;
    showRoom();
    for (const line of $$("[data-deleted]")) $("[data-room]", line).textContent = deleted[line.dataset.deleted] === undefined ? "" : bytes(deleted[line.dataset.deleted]);
    $("#runs-room").textContent = t("runs.room_taken", { taken: bytes(taken), free: bytes(free) });
  } catch {
    // the list is as good without it
  }
}

function showRoom() {
  for (const { run, cells } of shown) cells.room.textContent = room[run] === undefined ? "" : bytes(room[run]);
}

function watch(known) {
  const { row, run } = known;
  const again = $("[data-next]", row);
  if (again) offerToContinue(again, run, JSON.parse(again.dataset.next));
  if (!["queued", "running"].includes(row.dataset.state)) return;
  const pill = $(".state-pill", row);
  known.leave = follow(run, (state) => {
    const name = stateName(state);
    if (row.dataset.state !== state.state) lookAtQueue();
    row.dataset.state = state.state;
    pill.className = `state-pill ${state.state}`;
    pill.textContent = name === "running" && state.stage ? `${percent(state)} % · ${t(`stage.${state.stage}`)}` : t(`state.${name}`);
    if (state.ended !== null) queueMicrotask(() => known.leave());
  }, row.dataset.state);
}

/** A run that was deleted on its own page can be brought back here. */
function tellDeleted() {
  const query = new URLSearchParams(location.search);
  const run = query.get("deleted");
  if (!run) return;
  query.delete("deleted");
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
  offerUndo([run], () => location.assign(`/runs/${run}`));
}

onClick(document, "[data-action=restore]", async (_, button) => {
  if (await restore(button.dataset.run)) location.reload();
});
