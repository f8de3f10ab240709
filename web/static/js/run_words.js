// What is said of a run wherever it is shown: what it waits for, what it continues, how far it came, how long it took, its weights.

import { count, duration } from "./format.js";
import { coded, t } from "./i18n.js";
import { isActive } from "./run_state.js";

/** What a run waits for: room on the disk, the database, or the runs before it. Empty for one that goes on. */
export function waiting(state) {
  const trouble = isActive(state) ? state.row?.waits : null;
  if (trouble) return t("run.waits", { why: coded("error", trouble.code, {}, trouble.message) });
  if (state.state !== "queued") return "";
  const runs = state.row?.waits_for ?? [];
  return runs.length ? t("run.waiting_for", { count: runs.length, runs: runs.join(", ") }) : t("run.waiting");
}

/** The run whose place it takes; empty for one that takes none. */
export function continuesFrom({ continues }) {
  if (!continues) return "";
  const { run, epoch } = continues;
  return epoch === null ? t("run.starts_again", { run }) : t("run.continues_from", { run, epoch });
}

/** How long a run took, and how much of it in the run that it continues: the figure of the list, the chat and the command line. */
export function took(state) {
  const time = duration(state.row?.took_s ?? state.worked);
  const { run, seconds } = state.continues ?? { seconds: 0 };
  return seconds > 0 ? t("run.took_more", { time, before: duration(seconds), run }) : t("run.took", { time });
}

/** The row [text key, text, what it rests on] of its epochs: of a run that can be continued, the one that it is continued after. */
export function epochRow({ epoch, row }) {
  const kept = row?.rest?.after_epoch ?? epoch.epoch;
  return ["read.epoch", `${count(kept)} / ${count(epoch.epochs)}`, kept === epoch.epoch ? "" : t("read.epochs_kept", { epoch: epoch.epoch })];
}

/** Where weights came from; `source` is as the engine writes it: "local file NAME", "run ID", "hub" or "random". */
export function weightsFrom(source) {
  const [sort, ...name] = source.replace(/^local /, "").split(" ");
  return coded("results.weights", sort, { name: name.join(" ") }, source);
}
