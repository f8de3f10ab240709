// What is said of a run wherever it is shown: what it waits for, what it continues, how far it came, how long it took, its weights.

import { count, duration } from "./format.js";
import { coded, t } from "./i18n.js";
import { isActive } from "./run_state.js";

/** What a run waits for: room on the disk, the database, the queue that is paused, its next attempt, a place, or the runs before it. Empty for one that goes on. */
export function waiting(state) {
  if (!isActive(state)) return "";
  const { waits, standing, waits_for: ahead = [] } = state.row ?? {};
  if (waits) return t("run.waits", { why: coded("error", waits.code, {}, waits.message) });
  if (standing?.why === "place" && (state.state === "queued" || state.seq === 0)) return t("run.waits_place", { attempt: standing.attempts.length });
  if (state.state === "running") return "";
  const place = standing?.position && standing.waiting > 1 ? t("queue.position", { at: standing.position, waiting: standing.waiting }) : "";
  return [whyItWaits(standing, ahead), place].filter(Boolean).join(" · ");
}

function whyItWaits(standing, ahead) {
  if (standing?.why === "paused") return t("run.waits_paused");
  if (standing?.why === "retry") {
    const left = (Date.parse(standing.not_before) - Date.now()) / 1000;
    return left > 1 ? t("run.again_in", { time: duration(left) }) : t("run.again_now");
  }
  return ahead.length ? t("run.waiting_for", { count: ahead.length, runs: ahead.join(", ") }) : t("run.waiting");
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
