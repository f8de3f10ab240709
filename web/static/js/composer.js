// The message box: Enter sends but never in the middle of a composition, the draft survives, ArrowUp recalls.

import { $, recall, remember } from "./dom.js";
import { t } from "./i18n.js";

/** `said()` gives earlier messages, oldest first; `send(text)` and `stop()` do what the button says. */
export function wireComposer({ conversation, said, send, stop }) {
  const box = $("#say");
  const button = $("#send");
  const memory = `draft:${conversation}`;
  let working = false;
  let back = 0;

  const grow = () => {
    box.style.blockSize = "auto";
    box.style.blockSize = `${Math.min(box.scrollHeight, 200)}px`;
  };
  const write = (text) => {
    box.value = text;
    remember(memory, text || null);
    grow();
  };
  const submit = () => {
    const text = box.value.trim();
    if (!text || working) return;
    back = 0;
    write("");
    send(text);
  };

  box.addEventListener("input", () => {
    back = 0;
    remember(memory, box.value || null);
    grow();
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && (box.value === "" || back > 0)) step(event, 1);
    else if (event.key === "ArrowDown" && back > 0) step(event, -1);
  });
  $("#composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (working) stop();
    else submit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && working && !event.isComposing && !$("dialog[open]")) stop();
  });

  function step(event, by) {
    const earlier = said();
    const next = back + by;
    if (next > earlier.length) return;
    event.preventDefault();
    back = next;
    write(back ? earlier.at(-back) : "");
    box.setSelectionRange(box.value.length, box.value.length);
  }

  const wish = new URLSearchParams(location.search).get("say");
  if (wish) history.replaceState(null, "", location.pathname);
  write(wish ?? recall(memory) ?? "");
  box.setSelectionRange(box.value.length, box.value.length);

  return {
    setWorking(value) {
      working = value;
      document.body.classList.toggle("working", value);
      button.setAttribute("aria-label", t(value ? "chat.stop" : "chat.send"));
      button.title = t(value ? "chat.stop" : "chat.send");
    },
    /** A message that was refused, before whatever has been typed since. */
    giveBack(text) {
      write([text, box.value].filter(Boolean).join("\n"));
    },
    focus: () => box.focus(),
  };
}
