// The table of runs: its rows, and which settings differ between those that are shown. Knows no server.

import { $, $$, el } from "./dom.js";
import { coded, t } from "./i18n.js";

const FEW = 4; // settings that are shown unasked

/** What the page must know of a row, read once. */
export function readRow(row) {
  const known = { row, run: row.dataset.run, settings: JSON.parse(row.dataset.settings), cells: {} };
  for (const cell of $$("[data-column]", row)) known.cells[cell.dataset.column] = cell;
  return known;
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

/** Show these settings as columns, in front of the time, and the one by which the rows are sorted. Returns how many are left out. */
export function showSettings(table, rows, differing, { all, sort }) {
  const by = sort.replace("-", "");
  const sorted = by.startsWith("setting.") ? by.slice(8) : null;
  const names = sorted === null || differing.includes(sorted) ? differing : [sorted, ...differing];
  const few = names.slice(0, FEW);
  const shown = all ? names : sorted === null || few.includes(sorted) ? few : [...few.slice(1), sorted];
  const key = shown.join("|");
  if (table.dataset.settings !== key) {
    table.dataset.settings = key;
    $$("[data-setting]", table).forEach((cell) => cell.remove());
    const before = $("thead [data-column=when]", table);
    for (const name of shown) before.before(el("th", { scope: "col", "data-setting": name, "data-column": `setting.${name}` }, el("button", { type: "button", "data-sort-by": `setting.${name}`, textContent: coded("setting", name, {}, name) })));
  }
  for (const { row, settings, cells } of rows) {
    if ($("[data-setting]", row)) continue;
    for (const name of shown) cells.when.before(el("td", { className: "mono", "data-setting": name, textContent: said(name, settings[name]) }));
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
