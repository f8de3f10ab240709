// The gallery of inspected images: what was missed first. It follows the threshold as it moves, and draws no more than is shown.

import { $, $$, el, onClick } from "../../dom.js";
import { count, value } from "../../format.js";
import { t } from "../../i18n.js";
import "./heat.js";
import { outcome, pick, standing } from "./maths.js";

const PAGE = 24;

/** Returns { show({ threshold, level }), choose(type) }. `opened(order, index)` is told which image the reader opens, and the order they lie in. */
export function gallery(part, run, results, opened) {
  const state = { which: "telling", type: "", shown: PAGE, threshold: null, level: null };
  const thumbs = new Map(); // by index of the image
  part("type").append(...[...results.ranked.types.keys()].map((name) => el("option", { value: name, textContent: name })));

  onClick(part("which"), "[data-which]", (_, button) => change({ which: button.dataset.which }));
  part("type").addEventListener("change", (event) => change({ type: event.target.value }));
  part("more").addEventListener("click", () => change({ shown: state.shown + PAGE }));
  onClick(part("thumbs"), "[data-index]", (_, button) => {
    const { images } = pick(results.ranked, state.which, state.threshold, { type: state.type });
    opened(images.map((image) => image.index), Number(button.dataset.index));
  });

  function change(changes) {
    Object.assign(state, { shown: PAGE }, changes);
    draw();
  }

  function draw() {
    const { which, type, shown, threshold, level } = state;
    const { total, images } = pick(results.ranked, which, threshold, { type, to: shown });
    const counts = standing(type ? results.ranked.types.get(type) : results.ranked, threshold);
    for (const button of $$("[data-which]", part("which"))) {
      button.setAttribute("aria-pressed", String(button.dataset.which === which));
      const number = { missed: counts.missed, false_alarms: counts.false_alarm }[button.dataset.which];
      $("[data-number]", button).textContent = number === undefined ? "" : count(number);
    }
    place(part("thumbs"), images.map((image) => thumbOf(image, threshold, level)));
    part("gallery-count").textContent = t("gallery.shown", { shown: images.length, count: total });
    part("more").hidden = images.length === total;
    part("thumbs-empty").hidden = total > 0;
    part("thumbs-empty").textContent = t(`gallery.none.${which}`);
  }

  function thumbOf(image, threshold, level) {
    if (!thumbs.has(image.index)) {
      if (thumbs.size > 40 * PAGE) thumbs.clear();
      thumbs.set(image.index, thumb(image));
    }
    const made = thumbs.get(image.index);
    judge(made, image, threshold);
    $("x-heat", made).set({ run, index: image.index, level, range: results.mapRange });
    return made;
  }

  return {
    show: ({ threshold, level }) => {
      if (state.threshold !== null && threshold !== state.threshold) state.shown = PAGE;
      Object.assign(state, { threshold, level });
      draw();
    },
    choose: (type) => {
      part("type").value = type;
      change({ type, which: "telling" });
      part("gallery-block").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    },
  };
}

function thumb(image) {
  return el("li", {}, el("button", { type: "button", className: "thumb", "data-index": image.index },
    el("x-heat"),
    el("span", { className: "caption" }, el("b", { dir: "auto", textContent: image.defect_type ?? t(`label.${image.label}`) }), el("span", { className: "mono", textContent: value(image.score) })),
    el("span", { className: "outcome" })));
}

/** Say on a thumbnail what its image counts as at a threshold. */
export function judge(item, image, threshold) {
  const kind = outcome(image, threshold);
  if (item.dataset.outcome === kind) return;
  item.dataset.outcome = kind;
  const [button, badge] = [$(".thumb", item), $(".outcome", item)];
  button.className = `thumb ${kind}`;
  button.setAttribute("aria-label", `${t("gallery.open", { name: image.name })}, ${t(`outcome.${kind}`)}`);
  badge.className = `outcome ${kind}`;
  badge.textContent = t(`outcome.${kind}`);
}

/** Make these the children of a list, in this order, and move none that stands where it should. */
function place(list, items) {
  const wanted = new Set(items);
  let at = list.firstElementChild;
  for (const item of items) {
    while (at && !wanted.has(at)) at = dropped(at);
    if (item === at) at = at.nextElementSibling;
    else list.insertBefore(item, at);
  }
  while (at) at = dropped(at);
}

function dropped(item) {
  const next = item.nextElementSibling;
  item.remove();
  return next;
}
