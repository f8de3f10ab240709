// Two to six runs beside each other: their curves on one chart, and the same picture as each of them sees it.

import "./charts.js";
import { request } from "./api.js";
import { $, $$, el, onClick } from "./dom.js";
import { t } from "./i18n.js";

/** Of each run a colour and a dash, as css/compare.css draws its swatch: either tells it alone. */
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [13, 5], [5, 2, 2, 2, 2, 2]];

const added = $("#add-run");
added?.addEventListener("change", add);
if (added) add(); // what was chosen before this was loaded

function add() {
  if (added.value) location.assign(`/compare?runs=${[added.dataset.asked, added.value].filter(Boolean).join(",")}`);
}

const beside = $("[data-part=beside]");
const ids = $$("[data-table=figures] thead a").map((link) => link.textContent);
if (ids.length) draw();

async function draw() {
  const facts = await request("GET", `/api/compare?runs=${ids.join(",")}`);
  const kind = await import(`./kinds/${facts.kind}/compare.js`);
  for (const [name, series, options] of [...kind.curves(facts), ...losses(facts)]) fill(name, series, options);
  if (beside) browse(facts, kind);
}

/** Of each run that learnt by epochs the loss on what was held back; on what was learnt from where nothing was. */
function losses({ learnt }) {
  if (learnt.length < 2) return [];
  const series = learnt.map(({ run, epochs, loss, val_loss: held }) => {
    const isHeld = held.some((each) => each !== null);
    return { run, name: t(isHeld ? "compare.val_loss" : "compare.loss", { run }), x: epochs, y: isHeld ? held : loss };
  });
  return [["losses", series, { xLabel: t("compare.epoch"), log: true, whole: true }]];
}

function fill(name, series, options) {
  const figure = $(`[data-curve="${name}"]`);
  if (!figure || !series.length) return;
  figure.hidden = false;
  const chart = $("x-chart", figure);
  const drawn = series.map((each) => ({ ...each, colour: `c${ids.indexOf(each.run) + 1}`, dash: DASHES[ids.indexOf(each.run)] }));
  chart.set(drawn, options);
  $("[data-legend]", figure).replaceChildren(
    ...drawn.map((each) =>
      el("button", { type: "button", className: "key", "aria-pressed": "true", title: t("compare.toggle", { run: each.run }), onclick: ({ currentTarget }) => {
        chart.toggle(each.name);
        currentTarget.setAttribute("aria-pressed", String(!chart.hidden_.has(each.name)));
      } }, swatch(each.run), each.name)),
  );
}

const swatch = (run) => $$("[data-table=figures] .line-swatch")[ids.indexOf(run)].cloneNode(true);

/** One picture at a time: those first of which the runs say different things. */
function browse({ beside: { pictures, drawn } }, kind) {
  const section = $("[data-part=pictures]");
  const part = (name) => $(`[data-part=${name}]`, section);
  const isWrong = (seen) => seen.right === false;
  const sorts = {
    disagree: pictures.filter(({ seen }) => seen.some((each) => each.called !== seen[0].called)),
    missed: pictures.filter(({ seen }) => seen.every(isWrong)),
    all: pictures,
  };
  const frames = $$("li", beside).map((item) => {
    const frame = kind.frame();
    $("[data-part=picture]", item).append(frame);
    return frame;
  });
  let chosen = [];
  let at = 0;

  function take(which) {
    chosen = sorts[which];
    at = 0;
    for (const button of $$("[data-which]", section)) button.setAttribute("aria-pressed", String(button.dataset.which === which));
    show();
  }

  function step(by) {
    if (!chosen.length) return;
    at = (at + by + chosen.length) % chosen.length;
    show();
  }

  function show() {
    const picture = chosen[at];
    part("none").hidden = Boolean(picture);
    beside.hidden = !picture;
    part("position").textContent = picture ? t("compare.position", { number: at + 1, count: chosen.length }) : "";
    part("label").textContent = picture ? (picture.type ?? kind.nameOf(picture.label)) : "";
    part("name").textContent = picture?.name ?? "";
    if (picture) $$("li", beside).forEach((item, i) => showIn(item, frames[i], picture, i));
  }

  function showIn(item, frame, picture, i) {
    const seen = picture.seen[i];
    const [word, tone] = seen.right === null ? ["", ""] : seen.right ? [` · ${t("compare.right")}`, "right"] : [` · ${t("compare.wrong")}`, "wrong"];
    $("[data-part=verdict]", item).replaceChildren(el("b", { className: tone, textContent: kind.nameOf(seen.called) + word }));
    $("[data-part=score]", item).textContent = kind.score(seen, drawn[i]);
    const failed = $(".failed", item);
    failed?.remove();
    kind.show(frame, { run: ids[i], seen, picture, drawn: drawn[i] }).catch((error) => {
      if (chosen[at] === picture && !$(".failed", item)) $("[data-part=picture]", item).append(el("p", { className: "failed", textContent: t("compare.failed", { message: error.message }) }));
    });
  }

  for (const button of $$("[data-which]", section)) $("[data-count]", button).textContent = sorts[button.dataset.which].length;
  onClick(section, "[data-which]", (_, button) => take(button.dataset.which));
  onClick(section, "[data-step]", (_, button) => step(Number(button.dataset.step)));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, dialog, .scroll")) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  take(["disagree", "missed", "all"].find((which) => sorts[which].length) ?? "all");
}
