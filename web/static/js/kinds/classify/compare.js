// Classifiers beside each other: of a picture what each of them looked at.

import { el } from "../../dom.js";
import { t } from "../../i18n.js";

/** Charts [name, series, options]: none that two classifiers share. */
export const curves = () => [];

/** An element that `show` draws pictures in. */
export const frame = () => el("img", { alt: "" });

export async function show(image, { run, seen, picture }) {
  image.alt = picture.name;
  image.src = `/runs/${run}/files/overlays/${seen.index}`;
  await image.decode();
}

export const nameOf = (called) => called;

export const score = (seen) => t("compare.probability", { percent: (100 * seen.score).toFixed(1) });
