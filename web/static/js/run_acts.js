// What is done with a run as a whole: deleted with a way back, restored, made again with changes.

import { request } from "./api.js";
import { $, onClick } from "./dom.js";
import { t } from "./i18n.js";
import { failure, toast } from "./toast.js";

const UNDO_SECONDS = 12;

/** Delete these runs, one by one; those that something needs are kept, and the reason is told. `back(run)` is called for each that is undone. */
export async function deleteRuns(runs, { gone = () => {}, back = () => {} } = {}) {
  const deleted = [];
  for (const run of runs) {
    try {
      await request("DELETE", `/api/runs/${run}`);
      deleted.push(run);
      gone(run);
    } catch (error) {
      failure(error);
    }
  }
  if (deleted.length) offerUndo(deleted, back);
  return deleted;
}

/** A message with the way back from having deleted these runs. */
export function offerUndo(runs, back) {
  const undo = async () => {
    for (const run of runs) if (await restore(run)) back(run);
  };
  toast(t("runs.deleted_now", { runs: runs.join(", "), count: runs.length }), { seconds: UNDO_SECONDS, action: { text: t("action.undo"), run: undo } });
}

export async function restore(run) {
  try {
    await request("POST", `/api/runs/${run}/restore`);
    return true;
  } catch (error) {
    failure(error);
    return false;
  }
}

onClick(document, "[data-action=duplicate]", async (_, button) => {
  button.disabled = true;
  const here = $("main").dataset.conversation;
  try {
    const { conversation, proposal } = await request("POST", `/api/runs/${button.dataset.run}/duplicate`, here ? { conversation: here } : {});
    if (here !== conversation) location.assign(`/c/${conversation}#plan-${proposal}`);
  } catch (error) {
    failure(error);
  }
  button.disabled = false;
});

onClick(document, "[data-action=delete-run]", async (_, button) => {
  const { run } = button.dataset;
  button.disabled = true;
  const deleted = await deleteRuns([run], { back: () => (button.disabled = false) });
  if (!deleted.length) button.disabled = false;
  else if ($("main").matches(".run-page")) location.assign(`/runs?deleted=${run}`);
});
