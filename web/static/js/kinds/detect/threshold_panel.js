// What stands around the threshold's slider: presets with what each costs, the price of the one that is looked at, using it, undoing it, and
// who set what when and why.

import { $, el, onClick } from "../../dom.js";
import { count, date, value } from "../../format.js";
import { t } from "../../i18n.js";
import { failure, toast } from "../../toast.js";
import { putInForce } from "./in_force.js";
import { promisedAt } from "./maths.js";

const LATEST = 20; // versions in the history

/**
 * `look(value, asked)` moves the slider to a threshold without setting it. Returns { show(at), tell(told) }: what draws the price while the
 * slider moves, and what takes in another threshold in force.
 */
export function thresholdPanel(part, run, look) {
  let told = null;
  let at = null;
  let asked = null; // how the one that is looked at was asked for; null is by its value
  const presets = new Map(); // buttons, by the value that they stand for

  part("use").addEventListener("click", () => set(asked ?? { value: at.threshold }, part("why").value.trim()));
  part("undo").addEventListener("click", () => set({ to: "previous" }, ""));
  part("why").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!part("use").disabled) part("use").click();
  });
  onClick(part("presets"), "[data-preset]", (_, { dataset }) => {
    const preset = told.presets.find((each) => each.name === dataset.preset);
    look(preset.value, preset.asked);
  });
  onClick(part("history"), "[data-version]", (_, { dataset }) => look(told.versions.find((each) => String(each.version) === dataset.version).value));

  async function set(what, why) {
    part("use").disabled = part("undo").disabled = true;
    try {
      await putInForce(run, what, { seen: told.in_force.version, why });
      part("why").value = "";
      toast(t("threshold.set", { value: value(told.in_force.value) }), { kind: "success" });
    } catch (error) {
      failure(error);
    }
    part("undo").disabled = false;
    if (at) show(at, asked);
  }

  function tell(now) {
    told = now;
    part("threshold-set").hidden = false;
    part("presets").replaceChildren(...told.presets.map(preset));
    presets.clear();
    for (const [i, each] of told.presets.entries()) presets.set(part("presets").children[i], each.value);
    part("threshold-state").textContent = state(told.in_force);
    part("undo").hidden = !told.can_undo;
    part("history").hidden = told.versions.length < 2;
    part("versions").replaceChildren(...told.versions.slice(-LATEST).reverse().map((each) => version(each, each.version === told.in_force.version)));
  }

  function show(now, how = null) {
    [at, asked] = [now, how];
    if (!told) return;
    for (const [button, of] of presets) button.setAttribute("aria-pressed", String(of === at.threshold));
    part("use").disabled = !at.isMoved;
    part("moving").dataset.moved = String(at.isMoved);
    part("price").textContent = at.isMoved ? price(at.standing, told.in_force) : t("threshold.not_moved");
    part("promise-at").textContent = at.isMoved ? promiseAt(told, at.threshold, asked) : "";
  }

  return { show, tell };
}

/** What would change, before it does. */
function price({ missed, false_alarm: alarms, defective, good }, before) {
  const said = [];
  if (defective) said.push(t("threshold.price_missed", { count: missed, before: before.missed }));
  if (good) said.push(t("threshold.price_alarms", { count: alarms, before: before.false_alarms }));
  return said.join(" · ");
}

/** What the good images that the model had not seen promise of it, and a warning where labels of the test data chose it. */
function promiseAt(told, threshold, asked) {
  const share = promisedAt(told, threshold);
  const said = [];
  if (share !== null) said.push(t("threshold.promise_at", { count: told.good_scores.length, percent: Number((100 * share).toPrecision(3)) }));
  const preset = asked && told.presets.find((each) => each.asked === asked);
  if (preset?.oracle) said.push(t("threshold.oracle"));
  return said.join(" ");
}

function preset(each) {
  const figures = [each.missed === null ? "" : t("threshold.missed", { count: each.missed }), each.false_alarms === null ? "" : t("threshold.alarms", { count: each.false_alarms })].filter(Boolean);
  return el("button", { type: "button", className: "preset", "data-preset": each.name, "aria-pressed": "false" },
    el("b", { textContent: t(`threshold.preset.${each.name}`, { cost: each.asked.escape_cost ?? "" }) }),
    el("span", { textContent: figures.join(" · ") }),
    each.oracle ? el("small", { textContent: t("threshold.by_labels") }) : null);
}

const state = ({ version: number, asked, who, when }) => (number === 1 ? t("threshold.promised") : t("threshold.set_by", { how: how(asked), who: t(`threshold.who.${who.replace(" ", "_")}`), when: date(when) }));

/** How a threshold was asked for, in words. */
function how(asked) {
  const [[name, given]] = Object.entries(asked);
  if (name === "to") return t(`threshold.preset.${given}`);
  if (name === "escape_rate" && given === 0) return t("threshold.preset.no_escapes");
  return t(`threshold.how.${name}`, { given: name.endsWith("rate") ? Number((100 * given).toPrecision(3)) : value(given) });
}

function version(each, isInForce) {
  const figures = [each.missed, each.false_alarms].map((number) => el("td", { className: "num mono", textContent: number === null ? "–" : count(number) }));
  return el("tr", { className: isInForce ? "in-force" : "" },
    el("th", { scope: "row" }, el("button", { type: "button", className: "link mono", "data-version": each.version, textContent: value(each.value) }), isInForce ? el("small", { className: "mark", textContent: t("threshold.in_force") }) : null),
    ...figures,
    el("td", { textContent: how(each.asked) }),
    el("td", { textContent: [t(`threshold.who.${each.who.replace(" ", "_")}`), each.when ? date(each.when) : ""].filter(Boolean).join(", ") }),
    el("td", { dir: "auto", textContent: each.why ?? "" }));
}
