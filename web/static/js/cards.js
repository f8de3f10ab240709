// Puts drawn cards into the conversation: new ones at the end, changed ones in place, without losing what the reader is doing.

import { $, $$, drawn } from "./dom.js";

/** Add or replace the card of this key. What was open stays open, what had the focus keeps it. */
export function putCard(items, key, html) {
  const fresh = drawn(html).firstElementChild;
  const old = items.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`);
  if (!old) {
    items.append(fresh);
    return { card: fresh, isNew: true };
  }
  for (const details of $$("details[data-keep]", old)) {
    const twin = $(`details[data-keep="${details.dataset.keep}"]`, fresh);
    if (twin && details.open) twin.open = true;
  }
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  if (focus) refocus(fresh, focus);
  return { card: fresh, isNew: false };
}

function refocus(card, focus) {
  const twin = focus.id ? $(`#${CSS.escape(focus.id)}`, card) : focus.dataset.action ? $(`[data-action="${focus.dataset.action}"]`, card) : $(focus.tagName, card);
  if (!twin || twin.disabled) return;
  twin.focus({ preventScroll: true });
  if (focus.selectionStart !== undefined && focus.selectionStart !== null && twin.setSelectionRange) twin.setSelectionRange(focus.selectionStart, focus.selectionEnd);
}

/** All of the text so far of an answer that is being written. */
export function putDraft(items, key, html) {
  const prose = items.querySelector(`:scope > [data-key="${CSS.escape(key)}"] .prose`);
  prose?.replaceChildren(drawn(html));
}
