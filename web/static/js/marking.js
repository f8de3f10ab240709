// Marking where a defect is: one box on a picture, drawn by mouse, touch, pen or keys.

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { boxBetween, boxMoved } from "./maths.js";

const PRESS = 4; // CSS pixels; what moves no further is a press, and draws nothing
const STEPS = 64; // presses of an arrow key from one side of the picture to the other
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * A layer over `seen`, a square picture of `size` pixels a side, the buttons that start and remove, and a line that tells how it stands.
 * `box()` is [x, y, width, height] in these pixels, or null; `keep(box)` says what is on record by now, which is shown, and ends the drawing.
 */
export function marking(seen, size) {
  let box = null;
  let kept = null; // as it is on record
  let drag = null;
  const outline = el("i", { hidden: true });
  const layer = el("div", { className: "marking", role: "application", tabIndex: 0, inert: true, "aria-label": t("mark.how") }, outline);
  const start = el("button", { type: "button", className: "button small", "aria-pressed": "false", textContent: t("mark.start"), onclick: () => turn(layer.inert) });
  const remove = el("button", { type: "button", className: "button small", hidden: true, textContent: t("mark.remove"), onclick: () => removed() });
  const line = el("p", { className: "dim", role: "status", hidden: true });

  function turn(isOn) {
    layer.inert = !isOn;
    start.setAttribute("aria-pressed", String(isOn));
    if (isOn) {
      layer.focus({ preventScroll: true });
      layer.scrollIntoView({ block: "nearest" }); // all of the picture, not a part of it
    }
    tell();
  }

  function set(next) {
    box = next;
    remove.hidden = outline.hidden = box === null;
    const [left, top, width, height] = (box ?? [0, 0, 0, 0]).map((each) => `${(100 * each) / size}%`);
    Object.assign(outline.style, { left, top, width, height });
    tell();
  }

  function removed() {
    set(null);
    (layer.inert ? start : layer).focus(); // the button that was pressed is gone
  }

  function tell() {
    const isKept = String(box) === String(kept);
    const [x, y, width, height] = box ?? [];
    const key = box ? (isKept ? "mark.kept" : "mark.unkept") : isKept ? "mark.how" : "mark.removed";
    line.hidden = key === "mark.how" && layer.inert;
    line.textContent = t(key, { x, y, width, height, word: t("label.defective") });
  }

  const at = (event) => {
    const { left, top, width, height } = layer.getBoundingClientRect();
    return [(size * (event.clientX - left)) / width, (size * (event.clientY - top)) / height];
  };

  layer.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    layer.setPointerCapture(event.pointerId);
    drag = { from: at(event), x: event.clientX, y: event.clientY, before: box, moved: false };
  });
  layer.addEventListener("pointermove", (event) => {
    if (!drag || !event.isPrimary) return;
    drag.moved ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= PRESS;
    if (drag.moved) set(boxBetween(drag.from, at(event), size));
  });
  layer.addEventListener("pointerup", (event) => {
    if (!drag || !event.isPrimary) return;
    if (!drag.moved) seen.click(); // a press does what it does on the picture below
    drag = null;
  });
  layer.addEventListener("pointercancel", undo);

  function undo() {
    if (drag) set(drag.before);
    drag = null;
  }

  layer.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) {
      const step = Math.max(1, Math.round(size / STEPS));
      const middle = boxBetween([0.375 * size, 0.375 * size], [0.625 * size, 0.625 * size], size);
      set(box ? boxMoved(box, arrow.map((each) => each * step), size, { grows: event.shiftKey }) : middle);
    } else if (["Delete", "Backspace"].includes(event.key)) removed();
    else if (event.key === "Escape" && drag) undo();
    else if (event.key === "Escape") {
      start.focus();
      turn(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    layer,
    buttons: [start, remove],
    line,
    box: () => box,
    keep(said) {
      kept = said;
      set(said);
      turn(false);
    },
  };
}
