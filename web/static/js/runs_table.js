// The table of runs: which rows fit, in which order, and which settings differ between those that are shown. Knows no server.

import { $, $$, el } from "./dom.js";
import { coded, t } from "./i18n.js";
import { written } from "./run_labels.js";

const FEW = 4; // settings that are shown unasked
const NUMBER = new Set(["result", "worst", "missed", "overkill", "when", "took", "room", "run"]);

/** Everything of a row that is asked about, read once; what is written on it is read anew when it changes. */
export function readRows(table) {
  return $$("tbody tr", table).map((row) => {
    const known = { row, run: row.dataset.run, dataset: row.dataset.dataset, model: row.dataset.model, settings: JSON.parse(row.dataset.settings), cells: {} };
    for (const cell of $$("[data-column]", row)) known.cells[cell.dataset.column] = cell;
    return readLabels(known);
  });
}

export function readLabels(known) {
  const { name, note, tags } = written($("[data-labels]", known.row));
  known.tags = tags;
  known.text = [known.run, name, note, ...tags, known.dataset, known.model, known.cells.model.textContent].join("\n").toLowerCase();
  return known;
}

/** Whether a row fits what is asked for. Each word of `q` stands somewhere in it. */
export function fits(known, { q, state, dataset, model, tag }) {
  return (!state || known.row.dataset.state === state) && (!dataset || known.dataset === dataset) && (!model || known.model === model)
    && (!tag || known.tags.some((each) => each.toLowerCase() === tag.toLowerCase())) && q.toLowerCase().split(/\s+/).every((word) => known.text.includes(word));
}

/** Put the rows into the order of a column ("took", "-took"); those without a value come last. */
export function sortRows(rows, by) {
  const [falling, name] = by.startsWith("-") ? [true, by.slice(1)] : [false, by];
  const key = (known) => {
    if (name.startsWith("setting.")) return known.settings[name.slice(8)] ?? null;
    const cell = known.cells[name];
    if (!cell) return null;
    if (!NUMBER.has(name)) return cell.textContent.trim().toLowerCase();
    return cell.dataset.sort === "" || cell.dataset.sort === "None" ? null : Number(cell.dataset.sort);
  };
  const keyed = rows.map((known) => [key(known), known]);
  keyed.sort(([a, one], [b, other]) => (a === null) - (b === null) || (falling ? -1 : 1) * compare(a, b) || other.cells.run.dataset.sort - one.cells.run.dataset.sort);
  return keyed.map(([, known]) => known);
}

function compare(a, b) {
  if (a === null || b === null) return 0;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

/** The names of the settings that two of these runs have at different values, the most different first. */
export function differing(rows) {
  const values = new Map();
  for (const { settings } of rows) {
    for (const [name, value] of Object.entries(settings)) {
      if (!values.has(name)) values.set(name, new Set());
      values.get(name).add(JSON.stringify(value));
    }
  }
  return [...values].filter(([, set]) => set.size > 1).sort(([, a], [, b]) => b.size - a.size).map(([name]) => name);
}

/** Show these settings as columns, in front of the time. Returns how many are left out. */
export function showSettings(table, rows, names, { all }) {
  const shown = all ? names : names.slice(0, FEW);
  const key = shown.join("|");
  if (table.dataset.settings !== key) {
    table.dataset.settings = key;
    $$("[data-setting]", table).forEach((cell) => cell.remove());
    const before = $("thead [data-column=when]", table);
    for (const name of shown) before.before(el("th", { scope: "col", "data-setting": name, "data-column": `setting.${name}` }, el("button", { type: "button", "data-sort-by": `setting.${name}`, textContent: coded("setting", name, {}, name) })));
    for (const { settings, cells } of rows) for (const name of shown) cells.when.before(el("td", { className: "mono", "data-setting": name, textContent: said(name, settings[name]) }));
  }
  return names.length - shown.length;
}

/** A setting's value as the page says it. */
function said(name, value) {
  if (value === undefined || value === null) return "–";
  if (Array.isArray(value)) return value.join(", ");
  const text = typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
  return coded("choice", `${name}.${text}`, {}, coded("choice", text, {}, text));
}

/** Say at the heads by which column the rows are sorted. */
export function markSort(table, by) {
  const [falling, name] = by.startsWith("-") ? [true, by.slice(1)] : [false, by];
  for (const head of $$("thead th[data-column]", table)) {
    if (head.dataset.column === name) head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

export const counted = (shown, all) => (shown === all ? t("runs.count", { count: all }) : t("runs.count_of", { shown, count: all }));
