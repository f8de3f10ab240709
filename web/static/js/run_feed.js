// One socket and one state a run, however many parts of the page watch it.

import { request } from "./api.js";
import { eachFrame } from "./dom.js";
import { kindOf, loadKind } from "./kinds.js";
import { TERMINAL, isActive, isRetried, know, newState, take, takeDamage } from "./run_state.js";
import { Link } from "./socket.js";

const WAITING_SECONDS = 8; // between two looks at what a run waits for
const ENDING_SECONDS = 0.5; // between two looks whether the server has noted an end that the log tells
const feeds = new Map();

/**
 * Watch a run: `listener(state, kind)` is called at once and with each change; `known` is the state in which the server drew it,
 * `kind` the module that draws its kind of run, null until it is loaded.
 * Returns a function that ends the watching.
 */
export function follow(run, listener, known) {
  let feed = feeds.get(run);
  if (!feed) feeds.set(run, (feed = open(run, known)));
  feed.listeners.add(listener);
  listener(feed.state, kindOf(feed.state.row?.kind));
  return () => {
    feed.listeners.delete(listener);
    if (feed.listeners.size === 0) {
      clearTimeout(feed.timer);
      feed.link.close();
      feeds.delete(run);
    }
  };
}

/** Ask the server again what it has on record: something was just done with this run. */
export const lookAgain = (run) => feeds.get(run)?.look();

function open(run, known) {
  const feed = { state: newState(known), listeners: new Set(), timer: 0 };
  const { state } = feed;
  const tell = eachFrame(() => {
    const kind = kindOf(state.row?.kind);
    if (kind !== null) state.weight = kind.WEIGHT;
    else if (state.row !== null) loadKind(state.row.kind).then(tell);
    feed.listeners.forEach((listener) => listener(state, kind));
  });
  let looks = 0;
  feed.look = async () => {
    clearTimeout(feed.timer);
    const look = ++looks;
    try {
      const row = await request("GET", `/api/runs/${run}`);
      if (look === looks) know(state, row); // else a later look knows more, such as that a stop was asked for
      tell();
    } catch {
      // the bar at the foot tells that the server is away
    }
    if (feeds.get(run) !== feed || look !== looks) return;
    const isEnding = state.ended !== null && isActive(state.row ?? { state: "running" });
    const wait = isActive(state) || state.row === null ? WAITING_SECONDS : isEnding ? ENDING_SECONDS : 0;
    if (wait) feed.timer = setTimeout(feed.look, wait * 1000);
  };
  feed.look();
  feed.link = new Link(() => `/ws/runs/${run}?after=${state.seq}`, {
    message: (event) => {
      if (event.type === "damaged") takeDamage(state, event);
      else take(state, event);
      state.heard = performance.now();
      tell();
      if (event.type in TERMINAL || (event.type === "started" && state.row !== null) || isRetried(event)) feed.look();
    },
    finished: () => Object.values(TERMINAL).includes(state.state),
  });
  return feed;
}
