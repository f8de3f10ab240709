// Keys that work on every page.

import { $, onClick } from "./dom.js";
import { openPalette } from "./palette.js";

const typing = (node) => node.closest?.("input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
  } else if (event.key === "?" && !event.ctrlKey && !event.altKey && !typing(event.target) && !$("dialog[open]")) {
    event.preventDefault();
    $("#shortcuts").showModal();
  }
});
onClick(document, "[data-action=palette]", openPalette);
onClick(document, "[data-action=shortcuts]", () => $("#shortcuts").showModal());
