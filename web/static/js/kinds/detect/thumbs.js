// Thumbnails of inspected images, as the heatmap card draws them too.

import { el } from "../../dom.js";
import { value } from "../../format.js";
import { t } from "../../i18n.js";
import { outcome } from "./maths.js";

export function thumb(run, image, threshold) {
  const kind = outcome(image, threshold);
  return el("li", {}, el("button", { type: "button", className: `thumb ${kind}`, "data-index": image.index, "aria-label": `${t("gallery.open", { name: image.name })}, ${t(`outcome.${kind}`)}` },
    el("img", { src: `/runs/${run}/files/overlays/${image.index}`, alt: "", loading: "lazy", decoding: "async" }),
    el("span", { className: "caption" }, el("b", { dir: "auto", textContent: image.defect_type ?? t(`label.${image.label}`) }), el("span", { className: "mono", textContent: value(image.score) })),
    el("span", { className: `outcome ${kind}`, textContent: t(`outcome.${kind}`) })));
}
