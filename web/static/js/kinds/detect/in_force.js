// The threshold in force of a run, as the server has it: read, put in force, and heard of when another tab, the conversation or the command
// line moves it.

import { request } from "../../api.js";
import { lookAgain } from "../../run_feed.js";
import { forgetResults } from "./results_data.js";

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("murascope-thresholds") : null;
const runs = new Map(); // run -> { told, listeners }

/**
 * The threshold in force with its versions, presets and knots; null where the run has none to move. `listener(told)` is called when another
 * one is in force, until `isWanted()` says no.
 */
export async function followThreshold(run, listener, isWanted) {
  if (!runs.has(run)) runs.set(run, { told: ask(run), listeners: new Map() });
  const { told, listeners } = runs.get(run);
  listeners.set(listener, isWanted);
  return told;
}

const ask = (run) => request("GET", `/api/runs/${run}/threshold`).catch(() => null);

/** Put what is asked for in force. Throws Refused; when it is that another one was put in force meanwhile, that one is shown first. */
export async function putInForce(run, asked, { seen, why }) {
  try {
    const told = await request("POST", `/api/runs/${run}/threshold`, { asked, seen, ...(why ? { why } : {}) });
    await adopt(run, told);
    channel?.postMessage(run);
  } catch (error) {
    if (error.code === "stale_threshold") await look(run);
    throw error;
  }
}

/** Look whether another threshold came in force in any run that is shown. */
export function lookForThresholds() {
  for (const run of runs.keys()) look(run);
}

async function look(run) {
  const told = await ask(run);
  if (told) await adopt(run, told);
}

async function adopt(run, told) {
  const followed = runs.get(run);
  const before = await followed?.told;
  if (!followed || before?.in_force.version === told.in_force.version) return;
  followed.told = Promise.resolve(told);
  forgetResults(run);
  lookAgain(run); // its figures, which badges show
  for (const [listener, isWanted] of followed.listeners) {
    if (isWanted()) await listener(told);
    else followed.listeners.delete(listener);
  }
  if (followed.listeners.size === 0) runs.delete(run);
}

channel?.addEventListener("message", ({ data }) => runs.has(data) && look(data));
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && lookForThresholds());
