// The regions of an inspected image in the large view: a list beside the picture, each with the good patches nearest to it.

import { el } from "../../dom.js";
import { value } from "../../format.js";
import { t } from "../../i18n.js";
import { cut } from "../../maths.js";
import { around, patch } from "../../patches.js";

const SHOWN = 5; // regions in the list; the others are counted

/**
 * Fill `list` with the regions of an image, cut at the threshold in force. Those that the run had found (`found`) come with the good patches
 * nearest to them; where there is none, the place nearest to the threshold (`peak`) is shown instead. `chosen(number)` is told which region
 * the reader points at, or null.
 */
export function showRegions(list, { run, index, regions, found, peak, width, height, input, chosen }) {
  const size = [width, height];
  const rows = regions.slice(0, SHOWN).map((region, number) => {
    const rank = found.regions.findIndex(({ peak_at: at }) => at && isInside(at, region.box));
    const nearest = found.regions[rank]?.nearest ?? [];
    const row = entry({ said: t("viewer.region", { number: number + 1, peak: value(region.peak), share: Number((100 * region.area_share).toPrecision(2)), x: Math.round(region.centre[0]), y: Math.round(region.centre[1]) }), region, nearest, url: (near) => `/runs/${run}/normals/${index}/${rank}/${near}`, input, size });
    for (const [event, to] of [["pointerenter", number], ["pointerleave", null], ["focus", number], ["blur", null]]) row.addEventListener(event, () => chosen(to));
    return row;
  });
  if (regions.length > SHOWN) rows.push(el("li", { className: "dim", textContent: t("viewer.region_more", { count: regions.length - SHOWN }) }));
  if (regions.length === 0) {
    rows.push(el("li", { className: "dim", textContent: t("viewer.no_regions") }));
    const at = { box: [peak.x, peak.y, 1, 1], peak_at: [peak.x, peak.y] };
    rows.push(entry({ said: t("viewer.peak", { score: value(peak.score), x: peak.x, y: peak.y }), region: at, nearest: found.image?.highest?.nearest ?? [], url: (near) => `/runs/${run}/normals/${index}/highest/${near}`, input, size }));
  }
  list.replaceChildren(...rows);
}

const isInside = ([x, y], [left, top, width, height]) => x >= left && y >= top && x < left + width && y < top + height;

/** A place in the image with what is said of it, its own patch, and the good patches nearest to it with the images that they come from. */
function entry({ said, region, nearest, url, input, size: [width, height] }) {
  const patches = [patch(input, cut(region, width, height), t("viewer.here"))];
  nearest.forEach((near, rank) => patches.push(patch(url(rank), around(near, region, width, height), t("viewer.nearest_of", { name: near.name, distance: value(near.distance) }))));
  const names = nearest.map((near) => t("viewer.nearest_of", { name: near.name.split("/").at(-1), distance: value(near.distance) }));
  return el("li", { tabIndex: 0 },
    el("p", { textContent: said }),
    el("div", { className: "patches" }, ...patches),
    nearest.length ? el("small", { textContent: `${t("viewer.nearest")}: ${names.join("; ")}` }) : null);
}
