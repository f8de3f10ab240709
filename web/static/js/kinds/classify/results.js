// What a finished classification measured: figures, what is taken for what, each class, and the images with what was looked at.

import { $, $$, el, onClick } from "../../dom.js";
import { count, metric, percentage, value } from "../../format.js";
import { reasonOf, t } from "../../i18n.js";
import { weightsFrom } from "../../run_words.js";
import { cells, inOrder, loadResults } from "./results_data.js";
import { openPicture } from "./lightbox.js";

const HEAD = ["balanced_accuracy", "accuracy", "macro_f1", "ece"];
const COMPARED = { balanced_accuracy: "chance", accuracy: "majority_share" };
const SHARES = ["balanced_accuracy", "accuracy", "chance", "majority_share"];
const ORDER = ["balanced_accuracy", "chance", "accuracy", "majority_share", "macro_f1", "ece", "brier", "nll"];
const PAGE = 24;

/** Fill the results part of a run's view. */
export async function showResults(view, run) {
  const part = (name) => $(`[data-part="${name}"]`, view);
  const { metrics, images } = await loadResults(run);
  const state = { which: "worst", type: "", shown: PAGE };
  part("results").hidden = false;
  figures(part("measured"), metrics);
  provenance(part, metrics);
  learning(part("learning"), metrics);
  part("cells").hidden = !metrics.seen_cells;
  part("cells").textContent = cells(metrics);
  allFigures(part("figures"), metrics);
  confusion(part("confusion"), metrics);
  classes(part("classes"), metrics);
  part("type").append(...metrics.classes.map((name) => el("option", { value: name, textContent: name })));

  const gallery = () => showGallery(part, run, images, state);
  onClick(part("which"), "[data-which]", (_, button) => {
    Object.assign(state, { which: button.dataset.which, shown: PAGE });
    gallery();
  });
  part("type").addEventListener("change", (event) => {
    Object.assign(state, { type: event.target.value, shown: PAGE });
    gallery();
  });
  part("more").addEventListener("click", () => {
    state.shown += PAGE;
    gallery();
  });
  onClick(part("thumbs"), "[data-index]", (_, button) => {
    openPicture(run, inOrder(images, state).map((image) => image.index), Number(button.dataset.index));
  });
  gallery();
}

/** A name that may be broken where its words end. */
const breakable = (name) => name.split(/(?<=[_\-./ ])/).flatMap((word, i) => (i ? [el("wbr"), word] : [word]));

const figure = (name, number) => (SHARES.includes(name) ? percentage(number, 1) : metric(number));

function range(name, { intervals }) {
  const interval = intervals?.[name];
  return interval ? t("results.interval", { low: figure(name, interval[0]), high: figure(name, interval[1]) }) : "";
}

/** What a figure is to be compared with. */
function beside(name, { metrics: measured, confidence }) {
  const other = COMPARED[name];
  if (other) return `${t(`metric.${other}`)} ${figure(other, measured[other])}`;
  if (name !== "ece" || !confidence) return "";
  return t(`classes.leans.${confidence.leans ?? "none"}`, { stated: percentage(confidence.stated, 1), right: percentage(confidence.right, 1) });
}

/** The few that say most, each with what it must be compared with. */
function figures(list, metrics) {
  const { metrics: measured, reasons } = metrics;
  list.replaceChildren(
    ...HEAD.map((name) => {
      const known = (measured[name] ?? null) !== null;
      const other = known ? beside(name, metrics) : "";
      const why = reasons?.[name] ? t("results.not_measured_why", { reason: reasonOf(reasons[name]) }) : t("results.not_measured");
      return el("div", { className: known ? "" : "unknown", "data-metric": name },
        el("dt", { textContent: t(`metric.${name}`) }),
        el("dd", { textContent: known ? figure(name, measured[name]) : "–" }),
        el("dd", { className: "basis", textContent: known ? range(name, metrics) : why }),
        other ? el("dd", { className: "basis", textContent: other }) : null);
    }),
  );
}

function provenance(part, { weights, synthetic, counts, left_out: leftOut }) {
  const parts = [];
  if (weights?.backbone) parts.push(t("results.backbone", { backbone: weights.backbone, source: weightsFrom(weights.source) }));
  if (synthetic) parts.push(t("results.synthetic"));
  part("provenance").textContent = parts.join(" · ");
  const names = Object.keys(leftOut ?? {});
  part("parts").textContent = t("classes.parts", counts);
  part("left-out").hidden = names.length === 0;
  part("left-out").textContent = t("classes.left_out", { names: names.join(", ") });
}

/** Which state was kept; older evaluations do not tell. */
function learning(line, { learning: told }) {
  line.hidden = !told || told.best_val_loss === null;
  if (line.hidden) return;
  const { epoch, epochs } = told;
  const said = { epoch, epochs, loss: value(told.val_loss), before: value(told.val_loss_before), best: value(told.best_val_loss) };
  line.textContent = t(`classes.${epoch > 0 ? "kept_epoch" : told.head_fitted ? "kept_head" : "kept_start"}`, said);
}

function allFigures(body, metrics) {
  const { metrics: measured, reasons } = metrics;
  body.replaceChildren(
    ...ORDER.filter((name) => name in measured).map((name) =>
      el("tr", {},
        el("th", { scope: "row" }, el("span", { textContent: t(`metric.${name}`) }), el("small", { textContent: t(`metric.${name}.meaning`) })),
        el("td", { className: "num mono", textContent: measured[name] === null ? "–" : figure(name, measured[name]) }),
        el("td", { className: "num mono", textContent: measured[name] === null ? reasonOf(reasons?.[name]) ?? "" : range(name, metrics).replace(/^95 %[:：]\s*/, "") }))),
  );
}

/** The matrix: rows the true classes, columns what they were called; the fuller a cell of its row, the stronger. */
function confusion(table, { classes: names, confusion: matrix }) {
  const head = el("tr", {}, el("td", {}), ...names.map((name) => el("th", { scope: "col", dir: "auto", title: name, textContent: name })));
  const rows = matrix.map((row, i) => {
    const all = row.reduce((sum, each) => sum + each, 0);
    const cells = row.map((number, j) => {
      const cell = el("td", { className: `num mono ${i === j ? "right" : number ? "wrong" : ""}`, textContent: number ? count(number) : "·", title: t("classes.taken_for", { label: names[i], called: names[j] }) });
      cell.style.setProperty("--share", all ? String(number / all) : "0");
      return cell;
    });
    return el("tr", {}, el("th", { scope: "row", dir: "auto", title: names[i] }, ...breakable(names[i])), ...cells);
  });
  $("thead", table).replaceChildren(head);
  $("tbody", table).replaceChildren(...rows);
}

/** Every class, the one that is missed the most first. */
function classes(body, { per_class: perClass }) {
  const share = (number) => ((number ?? null) === null ? "–" : percentage(number));
  body.replaceChildren(
    ...Object.entries(perClass).sort(([, a], [, b]) => (a.recall ?? 2) - (b.recall ?? 2)).map(([name, each]) =>
      el("tr", { title: reasonOf(each.reason) ?? "" }, el("th", { scope: "row", dir: "auto", textContent: name }),
        ...[count(each.count), share(each.recall), each.recall_interval ? `${share(each.recall_interval[0])} – ${share(each.recall_interval[1])}` : "–", share(each.precision), (each.f1 ?? null) === null ? "–" : metric(each.f1)]
          .map((text) => el("td", { className: "num mono", textContent: text })))),
  );
}

function showGallery(part, run, images, state) {
  const fitting = inOrder(images, state);
  const wrong = inOrder(images, { ...state, which: "wrong" }).length;
  for (const button of $$("[data-which]", part("which"))) {
    button.setAttribute("aria-pressed", String(button.dataset.which === state.which));
    $("[data-number]", button).textContent = button.dataset.which === "wrong" ? count(wrong) : "";
  }
  const shown = fitting.slice(0, state.shown);
  part("thumbs").replaceChildren(...shown.map((image) => thumb(run, image)));
  part("gallery-count").textContent = t("gallery.shown", { shown: shown.length, count: fitting.length });
  part("more").hidden = shown.length === fitting.length;
  part("thumbs-empty").hidden = fitting.length > 0;
  part("thumbs-empty").textContent = t(`classes.none.${state.which}`);
}

function thumb(run, image) {
  const words = image.verdict === image.label ? image.label : t("classes.taken_for", { label: image.label, called: image.verdict });
  return el("li", {}, el("button", { type: "button", className: `thumb ${image.outcome}`, "data-index": image.index, "aria-label": `${t("gallery.open", { name: image.name })}, ${t(`outcome.${image.outcome}`)}` },
    el("img", { src: `/runs/${run}/files/overlays/${image.index}`, alt: "", loading: "lazy", decoding: "async" }),
    el("span", { className: "caption" }, el("b", { dir: "auto" }, ...breakable(words)), el("span", { className: "mono", textContent: `${Math.round(100 * image.score)} %` })),
    el("span", { className: `outcome ${image.outcome}`, textContent: t(`outcome.${image.outcome}`) })));
}
