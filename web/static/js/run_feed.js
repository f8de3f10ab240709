// One socket a run, however many parts of the page watch it.

import { eachFrame } from "./dom.js";
import { TERMINAL, newState, take } from "./run_state.js";
import { Link } from "./socket.js";

const feeds = new Map();

/** Watch a run: `listener(state)` is called at once and with each change. Returns a function that ends the watching. */
export function follow(run, listener) {
  let feed = feeds.get(run);
  if (!feed) feeds.set(run, (feed = open(run)));
  feed.listeners.add(listener);
  listener(feed.state);
  return () => {
    feed.listeners.delete(listener);
    if (feed.listeners.size === 0) {
      feed.link.close();
      feeds.delete(run);
    }
  };
}

function open(run) {
  const feed = { state: newState(), listeners: new Set() };
  const tell = eachFrame(() => feed.listeners.forEach((listener) => listener(feed.state)));
  feed.link = new Link(() => `/ws/runs/${run}?after=${feed.state.seq}`, {
    message: (event) => {
      take(feed.state, event);
      tell();
    },
    finished: () => Object.values(TERMINAL).includes(feed.state.state),
  });
  return feed;
}
