// What a run comes to at a threshold, first of all: which defects it lets pass, then how many good images it calls defective.

import { el } from "../../dom.js";
import { count, metric, percentage } from "../../format.js";
import { t } from "../../i18n.js";
import { disaster } from "./maths.js";

const SHOWN = 8; // defect types beside the headline; the table has all

/** The band at the top. `chosen(type)` is told which defect type the reader wants to see. Returns what draws it at a threshold. */
export function headline(part, { metrics, order, chosen }) {
  const chips = new Map(
    order.slice(0, SHOWN).map(({ name }) => {
      const [figure, bar] = [el("span", { className: "mono" }), el("i")];
      const chip = el("button", { type: "button", className: "type-chip", onclick: () => chosen(name) }, el("b", { dir: "auto", textContent: name }), figure, el("span", { className: "share", "aria-hidden": "true" }, bar));
      return [name, { chip, figure, bar }];
    }),
  );
  part("type-chips").replaceChildren(...[...chips.values()].map(({ chip }) => chip));

  return ({ standing, types, promised, isMoved }) => {
    const { whole, most } = disaster(standing, types);
    const tone = standing.defective === 0 ? "unknown" : whole.length || most ? "disaster" : standing.missed ? "some" : "none";
    part("headline").dataset.tone = tone;
    part("headline-missed").textContent = standing.defective === 0 ? t("headline.no_defects") : standing.missed === 0 ? t("headline.none", { count: standing.defective }) : t("headline.missed", { missed: standing.missed, count: standing.defective });
    part("headline-worst").textContent = worst(types);
    part("headline-alarm").textContent = alarm(whole, most);
    for (const { name, count: of, missed } of types) {
      const shown = chips.get(name);
      if (!shown) continue;
      shown.figure.textContent = t("headline.of", { missed: count(missed), count: count(of) });
      shown.bar.style.inlineSize = `${(100 * missed) / of}%`;
      shown.chip.dataset.some = missed === of ? "all" : String(missed > 0);
    }
    overkill(part, standing, promised, metrics, isMoved);
  };
}

/** The type that is found least, with the AUROC that says whether a threshold could help. There always is one, so that nothing jumps. */
function worst(types) {
  const [first] = types;
  if (!first) return "";
  const values = { type: first.name, missed: first.missed, count: first.count, recall: percentage(first.recall), auroc: first.image_auroc === null ? "–" : metric(first.image_auroc) };
  return t(first.missed ? "headline.worst" : "headline.weakest", values);
}

function alarm(whole, most) {
  const said = [];
  if (whole.length === 1) said.push(t("headline.whole_type", { type: whole[0] }));
  else if (whole.length) said.push(t("headline.whole_types", { types: whole.join(", ") }));
  if (most) said.push(t("headline.most"));
  return said.join(" ");
}

/** What was promised of the overkill beside what was measured. */
function overkill(part, standing, promised, { promise_check: check, intervals }, isMoved) {
  const line = part("headline-overkill");
  line.hidden = standing.good === 0;
  if (standing.good === 0) return;
  const said = [t("headline.overkill", { alarms: standing.false_alarm, count: standing.good, percent: percentage(standing.overkill, 1) })];
  const [low, high] = (!isMoved && intervals?.overkill) || [];
  if (low !== undefined) said[0] += ` (${t("results.interval", { low: percentage(low, 1), high: percentage(high, 1) })})`;
  if (promised !== null && promised !== undefined) said.push(t("headline.promised", { percent: Number((100 * promised).toPrecision(3)) }));
  line.dataset.tone = !isMoved && check?.held === false ? "broken" : "";
  line.textContent = said.join(" · ");
}
