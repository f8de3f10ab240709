// Light, dark or as the system; remembered in a cookie so that the server draws the page right from the start.

import { $$, onClick } from "./dom.js";

export function setTheme(choice) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  document.cookie = `murascope_theme=${choice}; path=/; max-age=31536000; samesite=lax`;
  for (const button of $$("[data-theme-choice]")) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  dispatchEvent(new Event("themechange"));
}

onClick(document, "[data-theme-choice]", (_, button) => setTheme(button.dataset.themeChoice));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
