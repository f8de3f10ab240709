// Continuing a run that ended without a result: the button, or the link to the run that took its place.

import { request } from "./api.js";
import { $, el, icon, onClick } from "./dom.js";
import { t } from "./i18n.js";
import { lookAgain } from "./run_feed.js";
import { failure } from "./toast.js";

/** Draw into `place` what comes after this run, as the server tells it; nothing where nothing does. */
export function offerToContinue(place, run, next) {
  const key = JSON.stringify([next?.continued_as, next?.rest]);
  if (place.dataset.drawn === key) return;
  place.dataset.drawn = key;
  const drawn = next?.continued_as ? link(next.continued_as) : next?.rest ? button(run, next.rest) : null;
  place.replaceChildren(...(drawn ? [drawn] : []));
  place.hidden = drawn === null;
}

function link(run) {
  return el("a", { href: `/runs/${run}`, "data-open-run": run, textContent: t("run.continued_as", { run }) });
}

function button(run, { after_epoch: epoch, epochs }) {
  const [words, title] = epoch === null ? [t("run.start_again"), t("run.start_again_why")] : [t("run.continue", { epoch, epochs }), ""];
  return el("button", { type: "button", className: "button small", "data-action": "continue", "data-run": run, title }, icon("play"), words);
}

onClick(document, "[data-action=continue]", async (_, pressed) => {
  pressed.disabled = true;
  try {
    const next = await request("POST", `/api/runs/${pressed.dataset.run}/continue`);
    if ($("main").dataset.conversation !== next.conversation || !next.conversation) location.assign(`/runs/${next.id}`);
  } catch (error) {
    failure(error);
    pressed.disabled = false;
  }
  lookAgain(pressed.dataset.run);
});
