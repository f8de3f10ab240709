// The panel beside a conversation that shows one of its runs.

import { $, drawn, onClick, recall, remember } from "./dom.js";
import { language, t } from "./i18n.js";
import { mountRun } from "./run.js";
import { failure } from "./toast.js";

const panel = $("#panel");
const opener = $("#panel-open");
const memory = `panel:${$("main").dataset.conversation}`;
let shown = null;
let unmount = null;
let latest = null;

/** Remember the run that the button in the header opens. */
export function noteRun(run) {
  latest = run;
  opener.hidden = shown !== null;
}

export async function openPanel(run) {
  if (shown === run) return;
  try {
    const response = await fetch(`/runs/${run}/view?lang=${language}`, { headers: { accept: "application/json" } });
    if (!response.ok) throw new Error(t("run.no_results", { message: `HTTP ${response.status}` }));
    const content = drawn(await response.text());
    unmount?.();
    panel.replaceChildren(content);
  } catch (error) {
    failure(error);
    return;
  }
  shown = run;
  panel.hidden = false;
  panel.scrollTop = 0;
  opener.hidden = true;
  document.body.classList.add("panel-shown");
  remember(memory, run);
  unmount = mountRun($(".run-view", panel));
}

function closePanel() {
  unmount?.();
  unmount = shown = null;
  panel.hidden = true;
  panel.replaceChildren();
  opener.hidden = latest === null;
  document.body.classList.remove("panel-shown");
  remember(memory, "closed");
}

/** What the reader had open before: a run, "closed", or nothing yet. */
export const remembered = () => recall(memory);

onClick(panel, "[data-action=close-panel]", () => {
  closePanel();
  (opener.hidden ? $("#say") : opener).focus();
});
opener.addEventListener("click", () => latest && openPanel(latest));
