// Short messages at the edge. Good news goes away by itself, a failure stays until it is read.

import { $, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { sentences } from "./sentences.js";

/** Show a message. `action` is { text, run }; `after` is called when the toast is gone without it. */
export function toast(text, { kind = "info", action = null, seconds = 6, after = null } = {}) {
  const close = el("button", { type: "button", className: "icon-button", "aria-label": t("action.dismiss") }, icon("close"));
  const node = el("div", { className: `toast ${kind}` }, icon(kind === "failure" ? "alert" : kind === "success" ? "check" : "info"), el("span", { textContent: text }));
  let settled = false;
  const end = (acted) => {
    if (settled) return;
    settled = true;
    node.remove();
    if (acted) action.run();
    else after?.();
  };
  if (action) node.append(el("button", { type: "button", className: "link", textContent: action.text, onclick: () => end(true) }));
  close.onclick = () => end(false);
  node.append(close);
  $("#toasts").append(node);
  if (kind !== "failure") setTimeout(() => end(false), seconds * 1000);
  return { end: () => end(false) };
}

export const failure = (error) => toast(sentences(error.message, error.hint), { kind: "failure" });
