// How a run of this kind is drawn: what is told while it goes on, and what when it is over.

import { count, metric, value } from "../../format.js";
import { t } from "../../i18n.js";
import { epochRow } from "../../run_words.js";
import { bank, samples } from "./memory.js";

export { showPictures } from "./card.js";
export { lookForThresholds as lookAgainAtResults } from "./in_force.js";
export { showResults } from "./results.js";
export { openViewer as openPicture } from "./viewer.js";

/** How long each stage usually takes, one against the other. */
export const WEIGHT = { loading: 3, collecting: 30, fitting: 30, training: 60, calibrating: 8, evaluating: 20, saving: 3, verifying: 6 };

/** Rows [text key, text, what it rests on] of the figures beside the charts. */
export function readouts(state) {
  const { epoch, epochs } = state;
  const collection = state.collections.at(-1);
  const entries = bank(state).y.at(-1);
  const has = (name) => (epoch?.[name] ?? null) !== null;
  const best = epochs.filter((each) => each.best && each.val_loss !== null).at(-1);
  return [
    collection && ["read.images", `${count(collection.images)} / ${count(collection.total_images)}`],
    collection && ["read.samples", count(collection.samples)],
    collection && ["read.batches", count(collection.batches)],
    entries !== undefined && ["read.bank", count(entries)],
    collection && ["read.mean", value(collection.feature_mean)],
    collection && ["read.std", value(collection.feature_std)],
    epoch && epochRow(state),
    epoch && ["read.loss", value(epoch.loss)],
    has("val_loss") && ["read.val_loss", value(epoch.val_loss)],
    best && ["read.best", value(best.val_loss), t("run.epoch", { epoch: best.epoch, epochs: best.epochs })],
    has("psnr") && ["read.psnr", value(epoch.psnr)],
    has("ssim") && ["read.ssim", value(epoch.ssim)],
    epoch && ["read.lr", value(epoch.lr)],
  ];
}

/** Charts [name, series, options]; those without a place in the template are passed over. */
export function charts(state, { overTime, ofEpochs }) {
  return [
    ["samples", [{ name: t("read.samples"), colour: "s1", ...samples(state) }], { xLabel: t("chart.images"), whole: true, fromZero: true }],
    ["bank", [{ name: t("read.bank"), colour: "s1", ...bank(state) }], { ...overTime, fromZero: true }],
    ...ofEpochs("loss", "psnr", "ssim", "lr"),
  ];
}

/** [name, text, tone] of the few figures that a finished run is known by in a conversation. */
export function badges(metrics) {
  const known = (name) => metrics[name] !== null && metrics[name] !== undefined;
  return [
    known("image_auroc") && [t("metric.image_auroc"), metric(metrics.image_auroc), ""],
    known("pixel_auroc") && [t("metric.pixel_auroc"), metric(metrics.pixel_auroc), ""],
    known("missed") && [t("results.missed"), count(metrics.missed), metrics.missed ? "missed" : ""],
    known("false_alarms") && [t("results.false_alarms"), count(metrics.false_alarms), metrics.false_alarms ? "false_alarm" : ""],
  ];
}
