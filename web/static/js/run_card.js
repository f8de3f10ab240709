// The line that stands for a run inside a conversation: progress while it goes on, figures when it is done.

import { $, el } from "./dom.js";
import { duration } from "./format.js";
import { offerToContinue } from "./continue.js";
import { reasonOf, t } from "./i18n.js";
import { follow } from "./run_feed.js";
import { isActive, percent, stateName } from "./run_state.js";
import { continuesFrom, took, waiting } from "./run_words.js";

const followed = new Map();

export function mountRunCard(card) {
  const { key, run } = card.dataset;
  followed.get(key)?.();
  followed.set(key, follow(run, (state, kind) => show(card, run, state, kind), card.dataset.state || undefined));
}

function show(card, run, state, kind) {
  const part = (name) => $(`[data-part="${name}"]`, card);
  card.dataset.state = state.state;
  part("state").className = `state-pill ${state.state}`;
  part("state").textContent = t(`state.${stateName(state)}`);
  const done = percent(state);
  part("bar").hidden = !isActive(state);
  part("bar").setAttribute("aria-valuenow", String(done));
  part("bar").firstElementChild.style.inlineSize = `${done}%`;
  part("line").textContent = line(run, state, done);
  if (state.row) part("name").textContent = state.row.name || t("plan.title", { model: state.row.model_title, dataset: state.row.dataset });
  offerToContinue(part("again"), run, state.row);
  const metrics = state.row?.metrics ?? state.metrics; // on record they are those at the threshold in force
  if (state.state === "succeeded" && metrics && kind) badges(part("badges"), kind.badges(metrics).filter(Boolean));
}

function line(run, state, done) {
  const parts = [t("run.name", { run })];
  if (state.row?.name) parts.push(t("plan.title", { model: state.row.model_title, dataset: state.row.dataset }));
  if (isActive(state) && continuesFrom(state)) parts.push(continuesFrom(state));
  if (state.state === "running") {
    parts.push(`${done} %`);
    if (state.stage) parts.push(t(`stage.${state.stage}`));
    if (state.line) parts.push(t(state.line.key, state.line.values));
    if (state.eta !== null) parts.push(t("run.left", { time: duration(state.eta) }));
    parts.push(waiting(state));
  } else if (state.state === "queued") parts.push(waiting(state));
  else if (state.failure) parts.push(reasonOf(state.failure.reason));
  else if (state.ended !== null && state.started !== null) parts.push(took(state));
  if (state.state === "succeeded" && state.row?.stop_requested) parts.push(t("run.ended_before_stop"));
  return parts.filter(Boolean).join(" · ");
}

function badges(list, figures) {
  list.replaceChildren(...figures.map(([name, text, tone]) => el("li", { className: tone }, el("span", { textContent: name }), el("b", { className: "mono", textContent: text }))));
}
