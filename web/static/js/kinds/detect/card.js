// A gallery in a conversation: the heat of its images and what they count as follow the threshold in force, though the card is older.

import { $, $$, el } from "../../dom.js";
import { value } from "../../format.js";
import { t } from "../../i18n.js";
import { judge } from "./gallery.js";
import "./heat.js";
import { followThreshold } from "./in_force.js";
import { loadResults } from "./results_data.js";

/** Draw the images of a card, when the reader comes to it. */
export function showPictures(card) {
  const watcher = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    watcher.disconnect();
    draw(card).catch(() => null); // a run whose results are gone: the names and scores stay
    followThreshold(card.dataset.run, () => draw(card), () => card.isConnected);
  });
  watcher.observe(card);
}

async function draw(card) {
  const { run } = card.dataset;
  const { byIndex, threshold, mapRange: range } = await loadResults(run);
  for (const item of $$(".thumbs > li", card)) {
    const image = byIndex.get(Number($("[data-index]", item).dataset.index));
    if (!image) continue;
    judge(item, image, threshold.image);
    $("x-heat", item).set({ run, index: image.index, level: threshold.pixel, range });
  }
  const isMoved = "threshold" in card.dataset && Math.abs(Number(card.dataset.threshold) - threshold.image) > 1e-9 * Math.abs(threshold.image);
  $("[data-part=moved]", card)?.remove();
  if (isMoved) card.append(el("p", { className: "dim", "data-part": "moved", textContent: t("threshold.moved_since", { value: value(threshold.image) }) }));
}
