// <x-histogram> of the scores with the threshold, and <x-roc> with the operating point that belongs to it.

import { axes, colour, Drawing, FRAME } from "../../canvas.js";
import { metric, percentage, value } from "../../format.js";
import { t } from "../../i18n.js";
import { ticks } from "../../maths.js";
import { thinned } from "./maths.js";

class Histogram extends Drawing {
  /** `bins` are the counted scores of good and of defective images over the range. */
  set({ bins, range, threshold, inForce }) {
    Object.assign(this, { bins, range, threshold, inForce });
    this.redraw();
  }

  /** Say what is drawn; not with each step of a slider. */
  say({ good, defective }) {
    this.setAttribute("aria-label", t("results.histogram_text", { good, defective, value: value(this.threshold) }));
  }

  draw(g, width, height) {
    if (!this.range) return;
    const [lo, hi] = this.range;
    const groups = [
      [this.bins[0], "good"],
      [this.bins[1], "bad"],
    ];
    const top = Math.max(1, ...groups.flatMap(([counts]) => counts)) * 1.12;
    const base = height - FRAME.bottom;
    const x = (v) => FRAME.left + ((v - lo) / (hi - lo)) * (width - FRAME.left - FRAME.right);
    const y = (v) => base - (v / top) * (base - FRAME.top);
    axes(g, { width, height, x, y, xTicks: ticks(lo, hi, width / 80), yTicks: ticks(0, top, 3).filter(Number.isInteger), xLabel: "" });
    const wide = (width - FRAME.left - FRAME.right) / this.bins[0].length;
    for (const [counts, tone] of groups) {
      counts.forEach((count, i) => {
        if (!count) return;
        const left = FRAME.left + i * wide;
        g.fillStyle = colour(`${tone}-fill`);
        g.fillRect(left + 0.5, y(count), wide - 1, base - y(count));
        g.fillStyle = colour(tone);
        g.fillRect(left + 0.5, y(count), wide - 1, 2);
      });
    }
    if (this.inForce !== this.threshold) mark(g, x(this.inForce), base, colour("faint"), [2, 3]);
    mark(g, x(this.threshold), base, colour("text"), []);
    g.fillStyle = colour("text");
    g.beginPath();
    g.moveTo(x(this.threshold) - 5, FRAME.top - 8);
    g.lineTo(x(this.threshold) + 5, FRAME.top - 8);
    g.lineTo(x(this.threshold), FRAME.top);
    g.fill();
    legend(g, width, [[t("label.good"), "good"], [t("label.defective"), "bad"]]);
  }
}

function mark(g, at, base, stroke, dash) {
  g.strokeStyle = stroke;
  g.lineWidth = 1.5;
  g.setLineDash(dash);
  g.beginPath();
  g.moveTo(at, FRAME.top - 4);
  g.lineTo(at, base);
  g.stroke();
  g.setLineDash([]);
}

function legend(g, width, entries) {
  let right = width - FRAME.right;
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const [name, tone] of [...entries].reverse()) {
    g.fillStyle = colour("dim");
    g.fillText(name, right, FRAME.top + 4);
    right -= g.measureText(name).width + 14;
    g.fillStyle = colour(tone);
    g.fillRect(right, FRAME.top, 8, 8);
    right -= 14;
  }
}

class Roc extends Drawing {
  set({ curve, found, alarms }) {
    if (curve !== this.curve) this.line = thinned(curve.points);
    Object.assign(this, { curve, found, alarms });
    this.redraw();
  }

  say() {
    this.setAttribute("aria-label", t("results.roc_text", { area: metric(this.curve.area), found: percentage(this.found), alarms: percentage(this.alarms) }));
  }

  draw(g, width, height) {
    if (!this.curve) return;
    const base = height - FRAME.bottom;
    const x = (v) => FRAME.left + v * (width - FRAME.left - FRAME.right);
    const y = (v) => base - v * (base - FRAME.top);
    axes(g, { width, height, x, y, xTicks: [0, 0.5, 1], yTicks: [0, 0.5, 1] });
    g.strokeStyle = colour("faint");
    g.setLineDash([3, 3]);
    g.beginPath();
    g.moveTo(x(0), y(0));
    g.lineTo(x(1), y(1));
    g.stroke();
    g.setLineDash([]);
    g.beginPath();
    this.line.forEach(([a, b], i) => (i ? g.lineTo(x(a), y(b)) : g.moveTo(x(a), y(b))));
    g.strokeStyle = colour("accent");
    g.lineWidth = 1.8;
    g.stroke();
    g.lineTo(x(1), y(0));
    g.lineTo(x(0), y(0));
    g.fillStyle = colour("wash");
    g.fill();
    g.fillStyle = colour("pane");
    g.strokeStyle = colour("text");
    g.lineWidth = 1.8;
    g.beginPath();
    g.arc(x(this.alarms), y(this.found), 4.5, 0, 7);
    g.fill();
    g.stroke();
  }
}

customElements.define("x-histogram", Histogram);
customElements.define("x-roc", Roc);
