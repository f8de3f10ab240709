// How a run of this kind is drawn: what is told while it goes on, and what when it is over.

import { metric, percentage, value } from "../../format.js";
import { t } from "../../i18n.js";
import { epochRow } from "../../run_words.js";

export { showResults } from "./results.js";
export { openPicture } from "./lightbox.js";

/** How long each stage usually takes, one against the other. */
export const WEIGHT = { loading: 3, training: 80, adjusting: 2, evaluating: 8, saving: 2, verifying: 3 };

/** Rows [text key, text, what it rests on] of the figures beside the charts. */
export function readouts({ epoch, epochs, row }) {
  if (!epoch) return [];
  const has = (name) => (epoch[name] ?? null) !== null;
  const best = epochs.filter((each) => each.best).at(-1);
  return [
    epochRow({ epoch, row }),
    ["read.loss", value(epoch.loss)],
    has("val_loss") && ["read.val_loss", value(epoch.val_loss)],
    best && best.val_loss !== null && ["read.best", value(best.val_loss), t("run.epoch", { epoch: best.epoch, epochs: best.epochs })],
    has("accuracy") && ["read.accuracy", percentage(epoch.accuracy)],
    has("val_accuracy") && ["read.val_accuracy", percentage(epoch.val_accuracy)],
    ["read.lr", value(epoch.lr)],
  ];
}

/** Charts [name, series, options]; those without a place in the template are passed over. */
export const charts = (state, { ofEpochs }) => ofEpochs("loss", "accuracy", "lr");

/** [name, text, tone] of the few figures that a finished run is known by in a conversation. */
export function badges(metrics) {
  return ["balanced_accuracy", "macro_f1"].map((name) => (metrics[name] ?? null) !== null && [t(`metric.${name}`), metric(metrics[name]), ""]);
}
