// The log of a run: its newest lines, followed while somebody looks, found by text and weight. Older lines than fit are left out, and said to be.

import { request } from "./api.js";
import { $, el } from "./dom.js";
import { language, t } from "./i18n.js";

const LOOK_SECONDS = 1.5;
const KEPT = 2000; // lines that the page remembers
const AT_END = 24; // pixels from the end that still count as being there
const moment = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

/** Bring the log of a drawn run view to life. `goesOn()` says whether more may come. Returns a function that ends it. */
export function mountLog(view, run, goesOn) {
  const part = (name) => $(`[data-part="${name}"]`, view);
  const details = part("log"), box = part("log-lines"), what = part("log-what"), filter = part("log-filter"), latest = part("log-latest");
  let lines = [], end = null, leftOut = false, timer = 0, asked = 0, last = false;

  const isAtEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < AT_END;
  const fits = ({ text }) => text.toLowerCase().includes(filter.value.trim().toLowerCase());
  const none = () => t(lines.length ? "log.none_fits" : what.value === "printed" ? "run.log_empty" : what.value === "problems" ? "log.no_problems" : "log.empty");

  function draw() {
    const shown = lines.filter(fits);
    box.replaceChildren(...(shown.length ? shown.map(drawn) : [el("p", { className: "dim", textContent: none() })]));
    count(shown.length);
  }

  function count(shown) {
    part("log-count").textContent = shown === lines.length ? t("log.count", { count: shown }) : t("log.shown", { shown, count: lines.length });
    part("log-left-out").hidden = !leftOut;
  }

  /** New lines at the end; of the oldest those go that are too many. What is being read stays where it is. */
  function add(fresh) {
    const wasAtEnd = isAtEnd();
    const before = box.scrollHeight;
    const gone = lines.splice(0, Math.max(0, lines.length + fresh.length - KEPT));
    leftOut ||= gone.length > 0;
    for (const { node } of gone) node?.remove();
    box.scrollTop -= before - box.scrollHeight;
    if (!lines.length) box.replaceChildren();
    lines.push(...fresh);
    const shown = fresh.filter(fits);
    if (shown.length) $("p", box)?.remove();
    box.append(...shown.map(drawn));
    if (wasAtEnd) toEnd();
    count($(".log-line", box) ? box.childElementCount : 0);
  }

  function toEnd() {
    box.scrollTop = box.scrollHeight;
  }

  async function look() {
    clearTimeout(timer);
    if (!details.open || !view.isConnected) return;
    const look_ = ++asked;
    const wasOver = !goesOn();
    try {
      const told = await request("GET", `/api/runs/${run}/log?lang=${language}&what=${what.value}${end === null ? "" : `&at=${end}`}`);
      if (look_ !== asked) return;
      if (told.anew) {
        lines = told.lines;
        leftOut = told.left_out;
        draw();
        if (end === null) toEnd();
      } else if (told.lines.length) add(told.lines);
      end = told.end;
      last = wasOver;
    } catch {
      // the bar at the foot tells that the server is away
    }
    if (look_ === asked && !last) timer = setTimeout(look, LOOK_SECONDS * 1000);
  }

  details.addEventListener("toggle", look);
  what.addEventListener("change", () => {
    end = null;
    last = false;
    look();
  });
  filter.addEventListener("input", () => {
    const wasAtEnd = isAtEnd();
    draw();
    if (wasAtEnd) toEnd();
  });
  box.addEventListener("scroll", () => (latest.hidden = isAtEnd()), { passive: true });
  latest.addEventListener("click", toEnd);
  return () => {
    clearTimeout(timer);
    asked++;
  };
}

function drawn(line) {
  const time = line.time === null ? null : el("time", { dateTime: new Date(1000 * line.time).toISOString(), title: moments.format(1000 * line.time), textContent: moment.format(1000 * line.time) });
  line.node = el("div", { className: `log-line ${line.level}` }, time, el("span", { textContent: line.text }));
  return line.node;
}
