// The large view of one classed image: what it is, what it was called, and where that was seen.

import { $, el, icon } from "../../dom.js";
import { t } from "../../i18n.js";
import { failure } from "../../toast.js";
import { cells, loadResults } from "./results_data.js";

let dialog = null;
let opened = null; // { run, results, indices, at }

/** Open image `index` of a run; arrow keys go through `indices`. */
export async function openPicture(run, indices, index) {
  try {
    opened = { run, results: await loadResults(run), indices, at: Math.max(0, indices.indexOf(index)) };
  } catch (error) {
    failure(error);
    return;
  }
  dialog ??= build();
  dialog.showModal();
  $(".stage", dialog).focus();
  show();
}

function show() {
  const { run, results, indices, at } = opened;
  const image = results.byIndex.get(indices[at]);
  const part = (name) => $(`[data-part="${name}"]`, dialog);
  const facts = t("classes.facts", { label: image.label, called: image.verdict, percent: Math.round(100 * image.score) });
  part("name").textContent = image.name;
  part("facts").textContent = facts;
  part("outcome").className = `outcome ${image.outcome}`;
  part("outcome").textContent = t(`outcome.${image.outcome}`);
  part("position").textContent = t("classes.viewed", { number: at + 1, count: indices.length });
  part("previous").disabled = at === 0;
  part("next").disabled = at === indices.length - 1;
  part("input").src = `/runs/${run}/files/inputs/${image.index}`;
  part("overlay").src = `/runs/${run}/files/overlays/${image.index}`;
  part("overlay").alt = facts;
  part("cells").textContent = `${t("classes.cam")} ${cells(results.metrics)}`;
}

function step(by) {
  const next = opened.at + by;
  if (next < 0 || next >= opened.indices.length) return;
  opened.at = next;
  show();
}

const hold = (original) => ($('[data-part="overlay"]', dialog).style.opacity = original ? "0" : "1");

function build() {
  const button = (name, label, picture, act) => {
    const node = el("button", { type: "button", className: "icon-button", "data-part": name, "aria-label": t(label), onclick: act }, icon(picture));
    return node;
  };
  const stage = el("div", { className: "stage pictures", tabIndex: 0, role: "group", "aria-label": t("viewer.stage") },
    el("img", { "data-part": "input", alt: "" }), el("img", { "data-part": "overlay", alt: "" }), el("small", { className: "hint", textContent: t("classes.hold") }));
  const made = el("dialog", { className: "viewer classed", "aria-labelledby": "classed-name" },
    el("header", {},
      el("div", { className: "viewer-title" }, el("h2", { id: "classed-name", dir: "auto", "data-part": "name" }), el("p", { "data-part": "facts" })),
      el("span", { className: "outcome", "data-part": "outcome" }), el("span", { className: "grow" }), el("span", { className: "mono", "data-part": "position" }),
      button("previous", "viewer.previous", "left", () => step(-1)), button("next", "viewer.next", "right", () => step(1)), button("close", "action.close", "close", () => made.close())),
    stage,
    el("footer", {}, el("small", { className: "dim", "data-part": "cells" })));
  made.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
    if (event.key === " " && !event.target.matches("button")) {
      event.preventDefault();
      hold(true);
    }
  });
  made.addEventListener("keyup", (event) => event.key === " " && hold(false));
  made.addEventListener("click", (event) => event.target === made && made.close());
  made.addEventListener("close", () => hold(false));
  stage.addEventListener("pointerdown", () => hold(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) stage.addEventListener(end, () => hold(false));
  document.body.append(made);
  return made;
}
