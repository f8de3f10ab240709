// How a run stands beyond its events: where it computes, and its attempts, where there was more than one or one that was lost.

import { $, el } from "./dom.js";
import { date, duration } from "./format.js";
import { coded, reasonOf, t } from "./i18n.js";

const AS_IT_SHOULD = [null, "done", "exited", "stopped"]; // outcomes of a single attempt that the run's own end explains

/** The machine on which it computes or computed, and by what; empty while nobody knows. */
export function whereItComputes(state) {
  const standing = state.row?.standing;
  if (!standing?.node || standing.why === "place") return "";
  return t(state.state === "running" ? "run.where" : "run.where_then", { node: placeOf(standing), executor: executorName(standing.executor) });
}

/** Draw the attempts into their section, which is hidden where there is nothing to tell of them. */
export function showAttempts(section, state) {
  const tried = state.row?.standing?.attempts ?? [];
  section.hidden = tried.length < 2 && tried.every(({ outcome }) => AS_IT_SHOULD.includes(outcome));
  const key = JSON.stringify([state.state, tried]);
  if (section.hidden || section.dataset.drawn === key) return;
  section.dataset.drawn = key;
  $("tbody", section).replaceChildren(...tried.map((each, i) => row(each, tried[i + 1] ?? null, state)));
}

function row(each, next, state) {
  const began = each.began_at ?? each.submitted_at;
  const lasted = each.ended_at ? duration((Date.parse(each.ended_at) - Date.parse(began)) / 1000) : "–";
  const isOver = each.outcome !== null;
  const how = isOver ? t(`attempt.${each.outcome}`) : t(`attempt.${each.state}`);
  const isRetried = next !== null || (isOver && state.state === "queued");
  return el("tr", { className: isOver ? (isRetried ? "tried" : "") : "now" },
    el("td", { className: "mono", textContent: each.number }),
    el("td", {}, placeOf(each), el("small", { className: "dim", textContent: executorName(each.executor) })),
    el("td", {}, el("time", { dateTime: each.submitted_at, textContent: date(each.submitted_at) })),
    el("td", { className: "num", textContent: lasted }),
    el("td", {}, isRetried ? `${how}, ${t("attempt.again")}` : how, each.reason ? el("small", { className: "dim", textContent: reasonOf(each.reason) }) : null));
}

/** The machine, and its GPU where it is known to take one of them (assistant/runs/devices.py). */
function placeOf({ node, device }) {
  return [node, device && device !== "cpu" ? deviceName(device) : null].filter(Boolean).join(" · ") || "–";
}

/** CPU, or a GPU by its number or its own name. */
export const deviceName = (device) => (device === "cpu" ? "CPU" : device.replace(/^\d+$/, "GPU $&"));

const executorName = (name) => coded("executor", name, {}, name);
