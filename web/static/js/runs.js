// The list of runs: rows of runs that go on show their percent.

import { $, $$ } from "./dom.js";
import { t } from "./i18n.js";
import { follow } from "./run_feed.js";
import { percent } from "./run_state.js";

for (const row of $$("tr[data-run]")) {
  if (!["queued", "running"].includes(row.dataset.state)) continue;
  const pill = $(".state-pill", row);
  const leave = follow(row.dataset.run, (state) => {
    if (state.seq === 0) return;
    pill.className = `state-pill ${state.state}`;
    pill.textContent = state.state === "running" ? `${Math.floor(percent(state))} % · ${t(`stage.${state.stage ?? "loading"}`)}` : t(`state.${state.state}`);
    if (state.ended !== null) queueMicrotask(() => leave());
  });
}
