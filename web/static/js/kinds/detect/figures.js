// The figures of a run: a few cards, the table of all, and what a threshold finds by defect type and by size. What hangs on the threshold
// moves with it; how sure a figure is was measured for the one in force, so it is shown for that one alone.

import { el } from "../../dom.js";
import { count, metric, percentage, value } from "../../format.js";
import { reasonOf, t } from "../../i18n.js";
import { standingBySize } from "./maths.js";

const LOCATED = ["aupro_30", "pixel_auroc"]; // the first that was measured, or was to be
const OF_TEST = ["image_f1_max", "pixel_f1_max"]; // labels of the test data chose their thresholds
const AT_OVERKILL = /^recall_at_\d+_overkill$/;
const COUNTS = ["missed", "false_alarms"]; // shown with the threshold
const NO_SHARES = ["false_regions_per_good"];
const MOVING = ["recall", "escape_rate", "overkill"]; // with the threshold, by the images' scores
const OF_REGIONS = ["region_recall", "false_regions_per_good"]; // with the pixel threshold, by the maps
const ORDER = ["image_auroc", "image_aupr", "image_f1_max", "recall", "escape_rate", "overkill", "recall_at_0_overkill", "recall_at_1_overkill", "recall_at_5_overkill", "aupro_30", "aupro_05", "pixel_auroc", "pixel_aupr", "pixel_f1_max", "region_recall", "false_regions_per_good", "ece"];
const ENOUGH = 30; // images of each class: with fewer, an interval that says "always right" says too much

const figure = (name, number) => (["recall", "overkill", "escape_rate", "region_recall"].includes(name) || AT_OVERKILL.test(name) ? percentage(number, 1) : metric(number));

/** The few that say most: how many are found, at what price, are defects told from good, where are they. Returns what moves them. */
export function cards(list, { metrics, counts }) {
  const { metrics: measured, reasons } = metrics;
  const located = LOCATED.find((name) => measured[name] !== undefined && (measured[name] !== null || name === "pixel_auroc")) ?? "pixel_auroc";
  const names = [...["recall", "overkill"].filter((name) => measured[name] !== undefined), "image_auroc", located];
  const moving = [];
  list.replaceChildren(
    ...names.map((name) => {
      const known = measured[name] !== null && measured[name] !== undefined;
      const interval = range(name, metrics, counts);
      const [figured, basis] = [el("dd", { textContent: known ? figure(name, measured[name]) : "–" }), el("dd", { className: "basis", textContent: interval })];
      if (known && MOVING.includes(name)) moving.push({ name, figured, basis, interval, before: figure(name, measured[name]) });
      return el("div", { className: known ? "" : "unknown", "data-metric": name },
        el("dt", { textContent: t(`metric.${name}`) }),
        figured,
        known ? null : el("dd", { className: "basis", textContent: reasons?.[name] ? t("results.not_measured_why", { reason: reasonOf(reasons[name]) }) : t("results.not_measured") }),
        known ? basis : null);
    }),
  );
  return ({ standing, isMoved }) => {
    for (const { name, figured, basis, interval, before } of moving) {
      figured.textContent = figure(name, standing[name]);
      basis.textContent = isMoved ? t("results.in_force_has", { value: before }) : interval;
    }
  };
}

/** How sure a figure is; nothing where that cannot be told. */
function range(name, { intervals, interval_notes: notes }, { good, defective }) {
  if (notes?.[name]) return t("results.interval_few");
  const interval = intervals?.[name];
  if (!interval) return "";
  const [low, high] = interval;
  const few = notes === undefined && Math.min(good, defective) < ENOUGH; // runs from before the notes
  return few && metric(low) === metric(1) ? t("results.interval_few") : t("results.interval", { low: figure(name, low), high: figure(name, high) });
}

/** Every other figure, with its meaning, and those that only labels of the test data could reach marked as such. Returns what moves them. */
export function allFigures(part, { metrics, counts }) {
  const { metrics: measured, reasons, oracle, confidence } = metrics;
  const all = { ...measured, ...(confidence?.ece === undefined ? {} : { ece: confidence.ece }) };
  const names = [...ORDER.filter((name) => name in all), ...Object.keys(all).filter((name) => !ORDER.includes(name) && !COUNTS.includes(name))];
  const moving = [];
  const rows = names.map((name) => {
    const known = all[name] !== null;
    const mark = OF_TEST.includes(name) ? t("results.oracle") : AT_OVERKILL.test(name) ? t("results.on_good") : "";
    const meaning = [t(`metric.${name}.meaning`), coarse(name, metrics)].filter((text) => text && !text.startsWith("metric.")).join(" ");
    const wide = (known ? range(name, metrics, counts) : reasonOf(reasons?.[name]) ?? "").replace(/^95 %[:：]\s*/, "");
    const text = known ? (NO_SHARES.includes(name) ? value(all[name]) : figure(name, all[name])) : "–";
    const made = row(t(`metric.${name}`), mark, meaning, text, wide);
    if (known && [...MOVING, ...OF_REGIONS].includes(name)) moving.push({ name, cells: made.querySelectorAll("td"), text, wide });
    return made;
  });
  const reached = (each) => t("results.reached", { value: value(each.threshold), missed: each.missed ?? "–", alarms: each.false_alarms ?? "–" });
  if (oracle?.f1_optimal) rows.push(row(t("results.oracle_f1"), t("results.oracle"), "", reached(oracle.f1_optimal), ""));
  if (oracle?.cost_based) rows.push(row(t("results.oracle_cost", { cost: oracle.cost_based.escape_cost }), t("results.oracle"), "", reached(oracle.cost_based), ""));
  part("figures").replaceChildren(...rows);
  part("all-figures").hidden = rows.length === 0;
  return ({ standing, isMoved }) => {
    for (const { name, cells, text, wide } of moving) {
      const moved = MOVING.includes(name) ? figure(name, standing[name]) : "–";
      cells[0].textContent = isMoved ? moved : text;
      cells[1].textContent = isMoved ? t(MOVING.includes(name) ? "results.in_force_has" : "results.in_force_only", { value: text }) : wide;
    }
  };
}

/** Where the share of the good test images that may fail is less than one of them: what that means and how many it takes. */
function coarse(name, { at_overkill: reached, counts }) {
  const percent = Number(name.match(/^recall_at_(\d+)_overkill$/)?.[1] ?? 0);
  const good = counts?.test_good ?? 0;
  if (!percent || !good || (good * percent) / 100 >= 1) return "";
  return t("results.share_too_small", { alarms: reached?.[percent]?.false_alarms ?? 0, good, rate: percent, needed: Math.ceil(100 / percent) });
}

function row(name, mark, meaning, text, interval) {
  const head = el("th", { scope: "row" }, el("span", { textContent: name }), mark ? el("small", { className: "mark", textContent: mark }) : null, meaning ? el("small", { textContent: meaning }) : null);
  return el("tr", {}, head, el("td", { className: "num mono", textContent: text }), el("td", { className: "num mono", textContent: interval }));
}

const cell = () => el("td", { className: "num mono" });

/** The table by defect type, the worst first at the threshold in force; rows keep their places while it moves. Returns what moves it. */
export function typeTable(part, { metrics }, order) {
  part("types-block").hidden = order.length === 0;
  const rows = new Map(
    order.map(({ name }) => {
      const cells = { count: cell(), found: cell(), missed: cell(), recall: cell(), interval: cell(), auroc: cell() };
      return [name, { cells, line: el("tr", {}, el("th", { scope: "row", dir: "auto", textContent: name }), ...Object.values(cells)) }];
    }),
  );
  part("types").replaceChildren(...[...rows.values()].map(({ line }) => line));
  return ({ types, isMoved }) => {
    for (const each of types) {
      const { cells } = rows.get(each.name);
      fill(cells, each);
      cells.recall.textContent = percentage(each.recall);
      const interval = metrics.per_defect_type?.[each.name]?.recall_interval;
      cells.interval.textContent = isMoved || !interval ? "–" : `${percentage(interval[0])} – ${percentage(interval[1])}`;
      cells.auroc.textContent = each.image_auroc === null ? "–" : metric(each.image_auroc);
    }
  };
}

function fill(cells, each) {
  for (const name of ["count", "found", "missed"]) cells[name].textContent = each[name] === null ? "–" : count(each[name]);
  cells.missed.classList.toggle("some", each.missed > 0);
}

/** The table by size. Where older runs did not keep how large each defect is, a threshold that moves leaves it open. Returns what moves it. */
export function sizeTable(part, { metrics, images }) {
  const sizes = Object.entries(metrics.per_size ?? {});
  const percent = (share) => Number((100 * share).toPrecision(2));
  part("sizes-block").hidden = sizes.length === 0;
  const at = standingBySize(images, sizes);
  const rows = sizes.map(([name, each]) => {
    const cells = { count: cell(), found: cell(), missed: cell(), regions: cell() };
    const head = el("th", { scope: "row" }, el("span", { textContent: t(`size.${name}`) }), " ", el("small", { className: "mono dim", textContent: t("size.range", { low: percent(each.from), high: percent(each.to) }) }));
    return { cells, line: el("tr", {}, head, ...Object.values(cells)) };
  });
  part("sizes").replaceChildren(...rows.map(({ line }) => line));
  const written = sizes.map(([, each]) => ({ count: each.images, found: each.found, missed: each.missed, regions: each.regions, hit: each.regions_hit }));
  return ({ threshold, level, isMoved }) => {
    const now = isMoved ? at(threshold, level) : written;
    rows.forEach(({ cells }, i) => {
      fill(cells, now[i]);
      cells.regions.textContent = now[i].regions && now[i].hit !== null ? `${count(now[i].hit)} / ${count(now[i].regions)}` : "–";
    });
  };
}
