// <x-chart>: lines over a number axis, with crosshair, log scale, smoothing and zoom by dragging.

import { axes, colour, Drawing, FRAME } from "./canvas.js";
import { el } from "./dom.js";
import { tick, value } from "./format.js";
import { t } from "./i18n.js";
import { around, extent, logTicks, nearest, smooth, ticks } from "./maths.js";

class Chart extends Drawing {
  series = []; // { name, colour, x: [...], y: [...] with null for gaps, dash: true or the lengths of line and gap }
  xLabel = "";
  log = false;
  smoothing = 0;
  zoom = null;
  hidden_ = new Set();

  connectedCallback() {
    if (this.canvas) return;
    super.connectedCallback();
    this.tip = this.appendChild(el("div", { className: "tip", hidden: true }));
    this.addEventListener("pointermove", (event) => this.point(event));
    this.addEventListener("pointerleave", () => this.point(null));
    this.addEventListener("pointerdown", (event) => (this.dragFrom = event.offsetX));
    this.addEventListener("pointerup", (event) => this.drop(event));
    this.addEventListener("dblclick", () => this.setZoom(null));
  }

  set(series, options = {}) {
    Object.assign(this, options);
    this.series = series;
    this.setAttribute("aria-label", this.summary());
    this.redraw();
  }

  toggle(name) {
    if (!this.hidden_.delete(name)) this.hidden_.add(name);
    this.redraw();
  }

  summary() {
    const lines = this.series.filter((s) => s.x.length);
    if (!lines.length) return t("chart.empty");
    return lines
      .map((s) => {
        const [low, high] = extent(s.y) ?? [0, 0];
        return t("chart.summary", { name: s.name, value: value(s.y.at(-1)), x: `${this.xLabel} ${tick(s.x.at(-1))}`, low: value(low), high: value(high) });
      })
      .join(". ");
  }

  draw(g, width, height) {
    const lines = this.series.filter((s) => s.x.length && !this.hidden_.has(s.name));
    const within = (s) => (this.zoom ? s.y.filter((_, i) => s.x[i] >= this.zoom[0] && s.x[i] <= this.zoom[1]) : s.y);
    const range = extent(lines.flatMap(within));
    if (!range) return;
    const log = this.log && range[0] > 0;
    const scale = log ? Math.log10 : (v) => v;
    const [x0, x1] = this.zoom ?? around(extent(lines.flatMap((s) => [s.x[0], s.x.at(-1)])));
    let [y0, y1] = range[0] === range[1] && log ? [scale(range[0]) - 1, scale(range[0]) + 1] : around(range).map(scale);
    const pad = (y1 - y0) * 0.08;
    [y0, y1] = [y0 - pad, y1 + pad];
    if (this.fromZero && !log) y0 = 0;
    const x = (v) => FRAME.left + ((v - x0) / (x1 - x0)) * (width - FRAME.left - FRAME.right);
    const y = (v) => height - FRAME.bottom - ((scale(v) - y0) / (y1 - y0)) * (height - FRAME.top - FRAME.bottom);
    axes(g, {
      width, height, x, y, xLabel: this.xLabel,
      xTicks: ticks(x0, x1, width / 90).filter((v) => !this.whole || Number.isInteger(v)),
      yTicks: log ? logTicks(10 ** y0, 10 ** y1) : ticks(y0, y1, height / 44),
    });
    g.save();
    g.beginPath();
    g.rect(FRAME.left, 0, width - FRAME.left - FRAME.right + 2, height - FRAME.bottom + 1);
    g.clip();
    for (const s of lines) {
      if (this.smoothing && s.x.length > 2) {
        line(g, s.x, s.y, x, y, { stroke: colour(s.colour), alpha: 0.28, thick: 1, dash: s.dash });
        line(g, s.x, smooth(s.y, this.smoothing), x, y, { stroke: colour(s.colour), thick: 1.8, dash: s.dash });
      } else line(g, s.x, s.y, x, y, { stroke: colour(s.colour), thick: 1.8, dash: s.dash });
      const last = s.y.length - 1;
      if (s.y[last] !== null) dot(g, x(s.x[last]), y(this.smoothing ? smooth(s.y, this.smoothing)[last] : s.y[last]), colour(s.colour));
    }
    g.restore();
    this.xOf = (pixel) => x0 + ((pixel - FRAME.left) / (width - FRAME.left - FRAME.right)) * (x1 - x0);
    this.cross(g, lines, x, y, width, height);
  }

  cross(g, lines, x, y, width, height) {
    this.tip.hidden = this.at === undefined || !lines.length;
    if (this.tip.hidden) return;
    const s = lines[0];
    const k = nearest(s.x, this.xOf(this.at));
    const px = x(s.x[k]);
    g.strokeStyle = colour("dim");
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(Math.round(px) + 0.5, FRAME.top);
    g.lineTo(Math.round(px) + 0.5, height - FRAME.bottom);
    g.stroke();
    if (this.dragFrom !== undefined && Math.abs(this.at - this.dragFrom) > 6) {
      g.fillStyle = colour("wash");
      g.fillRect(Math.min(this.dragFrom, this.at), FRAME.top, Math.abs(this.at - this.dragFrom), height - FRAME.top - FRAME.bottom);
    }
    const rows = lines.map((each) => {
      const i = nearest(each.x, s.x[k]);
      if (each.y[i] !== null) dot(g, x(each.x[i]), y(each.y[i]), colour(each.colour));
      return el("div", {}, `${each.name} `, el("b", { textContent: value(each.y[i]) }));
    });
    this.tip.replaceChildren(el("small", { textContent: `${this.xLabel} ${tick(s.x[k])}` }), ...rows);
    this.tip.style.insetInlineStart = px > width / 2 ? "auto" : `${px + 10}px`;
    this.tip.style.insetInlineEnd = px > width / 2 ? `${width - px + 10}px` : "auto";
  }

  point(event) {
    this.at = event?.offsetX;
    if (event === null) this.dragFrom = undefined;
    this.redraw();
  }

  drop(event) {
    if (this.dragFrom !== undefined && Math.abs(event.offsetX - this.dragFrom) > 6) {
      this.setZoom([this.xOf(Math.min(this.dragFrom, event.offsetX)), this.xOf(Math.max(this.dragFrom, event.offsetX))]);
    }
    this.dragFrom = undefined;
  }

  setZoom(range) {
    this.zoom = range;
    this.redraw();
  }
}

function line(g, xs, ys, x, y, { stroke, thick, alpha = 1, dash = false }) {
  g.strokeStyle = stroke;
  g.lineWidth = thick;
  g.lineJoin = "round";
  g.globalAlpha = alpha;
  g.setLineDash(Array.isArray(dash) ? dash : dash ? [5, 3] : []);
  g.beginPath();
  let down = false;
  for (let i = 0; i < xs.length; i++) {
    if (ys[i] === null) down = false;
    else if (down) g.lineTo(x(xs[i]), y(ys[i]));
    else {
      g.moveTo(x(xs[i]), y(ys[i]));
      down = true;
    }
  }
  g.stroke();
  g.setLineDash([]);
  g.globalAlpha = 1;
}

function dot(g, x, y, fill) {
  g.fillStyle = fill;
  g.beginPath();
  g.arc(x, y, 2.6, 0, 7);
  g.fill();
}

customElements.define("x-chart", Chart);
