// Keeps the end of the conversation in sight: from what the reader says until the reader scrolls away, and again from the end on.

import { $ } from "./dom.js";

const NEAR = 24;
const ABOVE = 12;
const log = $("#log");
const button = $("#to-end");

let following = true;
let start = null; // a card that is read from its top: following does not push its title out of view
let byHand = false; // the reader's hand was on the wheel, the keys, the glass or the scroll bar since we last scrolled
let held = false;
let before = 0;

/** Show the end, and go along with all that is added until the reader scrolls up. */
export function follow() {
  start = null;
  toEnd();
}

/** Show a new card from its top, should it be too tall to be shown whole. */
export function readFrom(card) {
  if (following) start = card;
}

function toEnd() {
  following = true;
  byHand = false;
  const end = log.scrollHeight - log.clientHeight;
  log.scrollTop = before = Math.max(0, start?.isConnected ? Math.min(end, start.offsetTop - ABOVE) : end);
  offer();
}

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
const offer = () => (button.hidden = isAtEnd());

const grown = new ResizeObserver(() => (following ? toEnd() : offer()));
for (const part of [log, ...log.children]) grown.observe(part, { box: "border-box" });

log.addEventListener("scroll", () => {
  if (isAtEnd()) {
    following = true;
    start = null;
  } else if ((byHand || held) && log.scrollTop < before) following = false;
  before = log.scrollTop;
  offer();
});

const touched = () => (byHand = true);
const letGo = () => (held = false);
log.addEventListener("wheel", touched, { passive: true });
log.addEventListener("touchmove", touched, { passive: true });
log.addEventListener("pointerdown", () => (held = byHand = true));
addEventListener("pointerup", letGo);
addEventListener("pointercancel", letGo);
addEventListener("pointermove", (event) => event.buttons === 0 && letGo(), { passive: true });
addEventListener("keydown", (event) => {
  if (event.key === "Tab" || !event.target.closest("input, select, textarea")) touched();
});
button.addEventListener("click", follow);
