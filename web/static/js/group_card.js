// A group of runs, in a conversation or on its own page: drawn by the server, looked at again while it goes on.

import { refusal, request } from "./api.js";
import "./charts.js";
import { ask } from "./confirm.js";
import { $, drawn, onClick } from "./dom.js";
import { language, t } from "./i18n.js";
import { failure } from "./toast.js";

const LOOK_SECONDS = 1.5;
const timers = new Map();

export function mountGroupCard(card) {
  const { group } = card.dataset;
  clearTimeout(timers.get(group));
  fill(card);
  if (!card.dataset.wired) {
    card.dataset.wired = "true";
    onClick(card, "[data-action=stop-group]", (_, button) => stop(card, button));
  }
  if (card.dataset.state === "running") lookLater(card);
}

function lookLater(card) {
  timers.set(card.dataset.group, setTimeout(() => look(card), LOOK_SECONDS * 1000));
}

/** Draw it anew where it changed; what has the focus keeps it, and a table that was scrolled stays where it was. */
async function look(card) {
  if (!card.isConnected) return;
  const view = $(".group-view", card);
  try {
    const response = await fetch(`/groups/${card.dataset.group}/view?lang=${language}&talk=${card.matches(".item")}`);
    const html = await response.text();
    if (!response.ok) throw refusal(response.status, html);
    const fresh = $(".group-view", drawn(html));
    if (fresh.outerHTML !== card.dataset.drawn) {
      card.dataset.drawn = fresh.outerHTML;
      const at = $(".scroll", view)?.scrollLeft ?? 0;
      const focus = card.contains(document.activeElement) ? document.activeElement : null;
      view.replaceWith(fresh);
      card.dataset.state = fresh.dataset.state;
      $(".scroll", card).scrollLeft = at;
      fill(card);
      if (focus) $(focus.dataset.action ? `[data-action="${focus.dataset.action}"]` : `a[href="${focus.getAttribute("href")}"]`, card)?.focus({ preventScroll: true });
    }
  } catch {
    // the bar at the foot tells that the server is away
  }
  if (card.dataset.state === "running") lookLater(card);
}

/** What the server cannot draw: the page's security policy allows no styles in its HTML. */
function fill(card) {
  const bar = $(".bar", card);
  if (bar) bar.firstElementChild.style.inlineSize = `${(100 * bar.ariaValueNow) / Math.max(1, bar.ariaValueMax)}%`;
  chart(card);
}

function chart(card) {
  const box = $(".group-chart", card);
  if (!box) return;
  const points = JSON.parse(box.dataset.points);
  const x = points.map((each) => each[0]);
  const lines = [
    { name: box.dataset.worst, colour: "s1", x, y: points.map((each) => each[1]) },
    { name: box.dataset.mean, colour: "s2", x, y: points.map((each) => each[2]), dash: true },
  ];
  box.set(lines.filter((line) => line.y.some((value) => value !== null)), { xLabel: box.dataset.x });
}

async function stop(card, button) {
  const { group } = card.dataset;
  if (!(await ask({ title: t("group.stop_title", { group }), text: t("group.stop_text"), yes: t("group.stop") }))) return;
  button.disabled = true;
  try {
    await request("POST", `/api/groups/${group}/stop`);
  } catch (error) {
    button.disabled = false;
    failure(error);
  }
  clearTimeout(timers.get(group));
  look(card);
}
