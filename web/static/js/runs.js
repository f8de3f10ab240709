// The list of runs: found, sorted, picked and acted on. The address keeps what is asked for; runs under way show their percent.

import { request } from "./api.js";
import { $, $$, onClick } from "./dom.js";
import { offerToContinue } from "./continue.js";
import { bytes } from "./format.js";
import { t } from "./i18n.js";
import { deleteRuns, offerUndo, restore } from "./run_acts.js";
import { follow } from "./run_feed.js";
import { showLabels, written } from "./run_labels.js";
import { percent, stateName } from "./run_state.js";
import { counted, differing, fits, markSort, readLabels, readRows, showSettings, sortRows } from "./runs_table.js";
import { failure } from "./toast.js";

const NEWEST = "-run";
const ASKED = ["q", "state", "dataset", "model", "tag"];
const MOST_COMPARED = 6;
const PAGE = 100; // rows that are laid out at a time; more come when the end of them is seen
const table = $("#runs");
const filters = $("#filters");
const picked = new Set(); // ids
let all = table ? readRows(table) : [];
let asked = read();
let shown = all;
let laidOut = PAGE;

if (table) {
  wire();
  fill();
  draw();
  all.forEach(watch);
  measure();
}
tellDeleted();

/** What the address asks for. */
function read() {
  const query = new URLSearchParams(location.search);
  return { ...Object.fromEntries(ASKED.map((name) => [name, query.get(name) ?? ""])), sort: query.get("sort") ?? NEWEST, all: query.has("settings") };
}

function ask(changes) {
  laidOut = PAGE;
  asked = { ...asked, ...changes };
  const query = new URLSearchParams(location.search);
  for (const name of ASKED) asked[name] ? query.set(name, asked[name]) : query.delete(name);
  asked.sort === NEWEST ? query.delete("sort") : query.set("sort", asked.sort);
  asked.all ? query.set("settings", "all") : query.delete("settings");
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
  draw();
}

/** Show in the fields what is asked for. */
function fill() {
  filters.elements.q.value = asked.q;
  for (const name of ["dataset", "model", "tag"]) filters.elements[name].value = asked[name];
  for (const button of $$("[data-state-choice]", filters)) button.setAttribute("aria-pressed", String(button.dataset.stateChoice === asked.state));
}

function draw() {
  shown = sortRows(all.filter((known) => fits(known, asked)), asked.sort);
  layOut();
  const more = showSettings(table, all, differing(shown), asked);
  markSort(table, asked.sort);
  $("#runs-count").textContent = counted(shown.length, all.length);
  const button = $("#more-settings");
  button.hidden = !more && !asked.all;
  button.textContent = asked.all ? t("runs.fewer_settings") : t("runs.more_settings", { count: more });
  $("#runs-scroll").hidden = !all.length;
  $("#none-fits").hidden = shown.length > 0 || !all.length;
  for (const run of picked) if (!shown.some((known) => known.run === run)) picked.delete(run); // nothing happens to what is not seen
  drawPicked();
  if (!shown.some(({ row }) => row.tabIndex === 0) && shown.length) rove(shown[0].row);
}

function layOut() {
  const visible = shown.slice(0, laidOut);
  const fresh = new Set(visible);
  for (const known of all) if (known.row.hidden === fresh.has(known)) known.row.hidden = !fresh.has(known);
  const rows = visible.map(({ row }) => row);
  const now = $$("tbody tr:not([hidden])", table);
  if (rows.some((row, i) => row !== now[i])) $("tbody", table).append(...rows);
  $("#runs-end").hidden = shown.length <= laidOut;
}

function drawPicked() {
  for (const { row, run } of all) {
    $(".pick input", row).checked = picked.has(run);
    row.classList.toggle("chosen", picked.has(run));
  }
  const count = picked.size;
  $("#picked").hidden = count === 0;
  $("#picked-count").textContent = t("runs.picked", { count });
  const compare = $("[data-action=compare-picked]");
  compare.disabled = count < 2 || count > MOST_COMPARED;
  compare.title = compare.disabled ? t("runs.compare_how", { most: MOST_COMPARED }) : "";
  const every = $("#pick-all");
  every.checked = count > 0 && count === shown.length;
  every.indeterminate = count > 0 && count < shown.length;
}

/** The runs that are picked, in the order in which they are shown. */
const chosen = () => shown.map(({ run }) => run).filter((run) => picked.has(run));

function wire() {
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.elements.q.addEventListener("input", (event) => ask({ q: event.target.value.trim() }));
  for (const name of ["dataset", "model", "tag"]) filters.elements[name].addEventListener("change", (event) => ask({ [name]: event.target.value }));
  onClick(filters, "[data-state-choice]", (_, button) => only({ state: button.dataset.stateChoice }));
  onClick(document, "[data-action=clear-filters]", () => only(Object.fromEntries(ASKED.map((name) => [name, ""]))));
  onClick(table, "[data-sort-by]", (_, { dataset: { sortBy: by } }) => ask({ sort: asked.sort === by ? `-${by}` : by }));
  onClick(table, "[data-tag]", (_, { dataset }) => only({ tag: dataset.tag }));
  onClick(table, "[data-only-dataset]", (_, { dataset }) => only({ dataset: dataset.onlyDataset }));
  $("#more-settings").addEventListener("click", () => ask({ all: !asked.all }));
  table.addEventListener("labels", (event) => {
    const known = all.find(({ row }) => row.contains(event.target));
    if (known) readLabels(known);
    known?.tags.forEach(offerTag);
  });
  table.addEventListener("change", ({ target }) => {
    if (target.id === "pick-all") shown.forEach(({ run }) => (target.checked ? picked.add(run) : picked.delete(run)));
    else if (target.closest(".pick")) target.checked ? picked.add(target.value) : picked.delete(target.value);
    drawPicked();
  });
  table.addEventListener("keydown", keys);
  new IntersectionObserver(([end]) => end.isIntersecting && layOutTo(laidOut + PAGE)).observe($("#runs-end"));
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
function keys(event) {
  const row = event.target.closest("tbody tr");
  if (event.target !== row || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = shown.findIndex((known) => known.row === row);
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -at, End: shown.length - 1 - at }[event.key];
  if (step !== undefined) {
    const to = Math.min(shown.length - 1, Math.max(0, at + step));
    if (to >= laidOut) layOutTo(to + PAGE);
    const next = shown[to].row;
    rove(next);
    next.focus();
  } else if (event.key === " ") $(".pick input", row).click();
  else if (event.key === "Enter") $("a", row).click();
  else if (event.key === "Delete") remove(picked.size ? chosen() : [row.dataset.run]);
  else return;
  event.preventDefault();
}

function layOutTo(count) {
  laidOut = count;
  layOut();
}

function rove(row) {
  for (const known of all) known.row.tabIndex = known.row === row ? 0 : -1;
}

function remove(runs) {
  const kept = new Map(all.map((known) => [known.run, known]));
  deleteRuns(runs, {
    gone: (run) => {
      picked.delete(run);
      all = all.filter((known) => known.run !== run);
      kept.get(run).row.remove();
      draw();
    },
    back: (run) => {
      all.push(kept.get(run));
      draw();
    },
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
    for (const { run, cells } of all) {
      cells.room.dataset.sort = runs[run] ?? "";
      cells.room.textContent = runs[run] === undefined ? "" : bytes(runs[run]);
    }
    for (const line of $$("[data-deleted]")) $("[data-room]", line).textContent = deleted[line.dataset.deleted] === undefined ? "" : bytes(deleted[line.dataset.deleted]);
    $("#runs-room").textContent = t("runs.room_taken", { taken: bytes(taken), free: bytes(free) });
    if (asked.sort.endsWith("room")) draw();
  } catch {
    // the list is as good without it
  }
}

function watch({ row, run }) {
  const again = $("[data-next]", row);
  if (again) offerToContinue(again, run, JSON.parse(again.dataset.next));
  if (!["queued", "running"].includes(row.dataset.state)) return;
  const pill = $(".state-pill", row);
  const leave = follow(run, (state) => {
    const name = stateName(state);
    row.dataset.state = state.state;
    pill.className = `state-pill ${state.state}`;
    pill.textContent = name === "running" && state.stage ? `${percent(state)} % · ${t(`stage.${state.stage}`)}` : t(`state.${name}`);
    if (state.ended !== null) queueMicrotask(() => leave());
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
