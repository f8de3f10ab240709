// The part of a model's page that begins a repeatability study and tells how far it is; when it is done the page is drawn anew.

import { request } from "./api.js";
import { $, recall } from "./dom.js";
import { coded, t } from "./i18n.js";
import { sentences } from "./sentences.js";
import { failure } from "./toast.js";

const LOOK_MS = 1000;

/** Bring the part to life; a study that another page began is told of too. */
export function mountStudies(section) {
  const at = `/api/models/${encodeURIComponent(section.dataset.model)}/studies`;
  const form = $("[data-part=study]", section);
  const line = $("[data-part=study-line]", section);
  let known = null; // how many there were

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [folder, dataset] = [form.elements.folder.value.trim(), form.elements.dataset?.value ?? ""];
    if (folder || dataset) ask("POST", at, { ...(dataset ? { dataset } : { folder }), who: recall("murascope-who") ?? "" });
    else form.elements.folder.focus();
  });
  ask("GET", at);

  async function ask(...what) {
    try {
      show(await request(...what));
    } catch (error) {
      failure(error);
    }
  }

  function show({ studies, under_way: now }) {
    const newest = studies[0]?.id ?? "";
    known ??= newest;
    const goesOn = now !== null && now.refused === null;
    for (const element of form.elements) element.disabled = goesOn;
    const words = now === null ? "" : goesOn ? (now.of ? t("study.progress", { done: now.done, of: now.of }) : t("study.starting")) : told(now);
    if (line.textContent !== words) line.textContent = words; // a screen reader hears each once
    line.hidden = !words;
    if (goesOn) setTimeout(ask, LOOK_MS, "GET", at);
    else if (newest !== known) location.reload();
  }
}

function told({ folder, refused: { code, values, message, hint } }) {
  return `${folder}: ${sentences(coded("error", code, values, message), coded("error", `${code}.hint`, {}, hint))}`;
}
