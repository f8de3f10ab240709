// Asks before something is lost. Our own dialog; the safe answer has the focus.

import { $ } from "./dom.js";

export function ask({ title, text, yes }) {
  const dialog = $("#confirm");
  $("#confirm-title").textContent = title;
  $("#confirm-text").textContent = text;
  $("#confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  $("button[value=no]", dialog).focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
