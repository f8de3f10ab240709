// The list of runs: rows of runs that are under way show their percent, those without a result what comes after them.

import { $, $$ } from "./dom.js";
import { offerToContinue } from "./continue.js";
import { t } from "./i18n.js";
import { follow } from "./run_feed.js";
import { percent, stateName } from "./run_state.js";

for (const row of $$("tr[data-run]")) {
  const again = $("[data-next]", row);
  if (again) offerToContinue(again, row.dataset.run, JSON.parse(again.dataset.next));
  if (!["queued", "running"].includes(row.dataset.state)) continue;
  const pill = $(".state-pill", row);
  const leave = follow(row.dataset.run, (state) => {
    const name = stateName(state);
    pill.className = `state-pill ${state.state}`;
    pill.textContent = name === "running" && state.stage ? `${percent(state)} % · ${t(`stage.${state.stage}`)}` : t(`state.${name}`);
    if (state.ended !== null) queueMicrotask(() => leave());
  }, row.dataset.state);
}
