// Keeps the end of the conversation in sight, but only for a reader who is there.

import { $ } from "./dom.js";

const NEAR = 90;
const log = $("#log");
const button = $("#to-end");

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;

let pinned = true;
new ResizeObserver(() => pinned && toEnd()).observe(log);

/** Make a change to the conversation; go along with it, or offer to. */
export function keepingEnd(change, { always = false, announces = true } = {}) {
  const follow = always || isAtEnd();
  change();
  if (follow) toEnd();
  else if (announces) button.hidden = false;
}

export function toEnd() {
  pinned = true;
  log.scrollTop = log.scrollHeight;
  button.hidden = true;
}

log.addEventListener("scroll", () => {
  pinned = isAtEnd();
  if (pinned) button.hidden = true;
});
button.addEventListener("click", toEnd);
