// A data set's pictures: outlines of the defects on demand.

import { $, $$, recall, remember } from "./dom.js";
import { chain, contour } from "./maths.js";

const toggle = $("#masks-toggle");
const SVG = "http://www.w3.org/2000/svg";

async function outline(figure) {
  if ($("svg", figure)) return;
  const image = new Image();
  image.src = figure.dataset.mask;
  await image.decode();
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const g = new OffscreenCanvas(width, height).getContext("2d");
  g.drawImage(image, 0, 0);
  const pixels = g.getImageData(0, 0, width, height).data;
  const values = Float32Array.from({ length: width * height }, (_, i) => pixels[4 * i] / 255);
  const path = chain(contour(values, width, height, 0.35)).map((line) => `M${line.map((at) => at.toFixed(1)).join(" ")}`).join("");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("class", "mask-outline");
  svg.setAttribute("aria-hidden", "true");
  for (const kind of ["under", "over"]) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    line.setAttribute("class", kind);
    svg.append(line);
  }
  $("a", figure).append(svg);
}

function show() {
  remember("masks", toggle.checked ? "on" : null);
  $("#pictures").classList.toggle("outlined", toggle.checked);
  if (!toggle.checked) return;
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      seen.unobserve(entry.target);
      outline(entry.target).catch(() => entry.target.classList.add("no-outline"));
    }
  });
  $$("[data-mask]").forEach((figure) => seen.observe(figure));
}

toggle.checked = recall("masks") === "on";
toggle.disabled = !$("[data-mask]");
toggle.addEventListener("change", show);
show();
