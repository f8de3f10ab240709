// A conversation: what the server sends is drawn, what the reader says is sent, and nothing is lost in between.

import { carryEdits, wireProposals } from "./proposal.js";
import { putCard, putDraft } from "./cards.js";
import { mountGroupCard } from "./group_card.js";
import { wireComposer } from "./composer.js";
import { $, $$, onClick } from "./dom.js";
import { coded, language, t } from "./i18n.js";
import { loadKind, lookAgainAtResults } from "./kinds.js";
import { mountRunCard } from "./run_card.js";
import { noteRun, openPanel, remembered } from "./run_panel.js";
import { lookAgain } from "./run_feed.js";
import { follow, readFrom } from "./scroll.js";
import { showTitle } from "./side.js";
import { Link } from "./socket.js";
import { showConnection, watch } from "./statusbar.js";
import { toast } from "./toast.js";

const main = $("main");
const conversation = main.dataset.conversation;
const items = $("#items");
const wide = matchMedia("(min-width: 700px)");
let revision = Number(main.dataset.revision);
const unsent = []; // said, but not yet come back as an item; the oldest first
let working = main.dataset.working === "true";
let caughtUp = false;

const composer = wireComposer({
  conversation,
  said: () => $$(".item.user p", items).map((p) => p.textContent),
  send: say,
  stop: () => link.send({ type: "stop" }),
});

const link = new Link(() => `/ws/c/${conversation}?after=${revision}&lang=${language}`, {
  message: (frame) => FRAMES[frame.type]?.(frame),
  state: (state) => {
    showConnection(state === "open" ? "open" : "lost");
    caughtUp = false;
    if (state === "gone") location.assign("/");
  },
});

const FRAMES = {
  item: ({ key, revision: at, item, html }) => {
    revision = Math.max(revision, at);
    const old = items.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`);
    const { card, isNew } = putCard(items, key, html);
    if (item.kind === "proposal") (isNew ? readFrom(card) : carryEdits(old, card));
    $("#empty").hidden = true;
    arrived(key, item, card, isNew);
    items.setAttribute("aria-busy", String(item.kind === "assistant" && item.state === "streaming"));
  },
  delta: ({ key, html }) => {
    putDraft(items, key, html);
    items.setAttribute("aria-busy", "true");
  },
  turn: ({ state }) => {
    caughtUp = true;
    working = state === "working";
    composer.setWorking(working);
    $("#working").hidden = !working;
    if (!working) items.setAttribute("aria-busy", "false");
    if (!working) lookAgainAtResults(); // what was said may have moved a threshold
    sendOldest();
  },
  refused: ({ code, message, key }) => {
    toast(coded("refused", code, {}, coded("error", code, {}, message)), { kind: code === "busy" ? "info" : "failure" });
    const at = unsent.findIndex((frame) => frame.key === key || code === "bad_frame" || code === "too_long"); // of such a frame no key was read
    if (at >= 0) composer.giveBack(unsent.splice(at, 1)[0].text);
    $("#working").hidden = !working;
  },
};

function say(text) {
  unsent.push({ type: "say", text, key: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` });
  if (!link.isOpen) toast(t("chat.not_sent"));
  else if (unsent.length === 1 && !working) link.send(unsent[0]); // while an answer is being made it waits for the end of it
  if (link.isOpen) $("#working").hidden = false;
  follow();
}

/** What was said while the server was away goes out one by one, each when the answer to the one before is complete. */
function sendOldest() {
  if (caughtUp && !working && unsent.length) link.send(unsent[0]);
}

/** A frame that must not get lost silently; what the reader says is kept by `say`. */
function send(frame) {
  if (!link.send(frame)) toast(t("connection.offline"), { kind: "failure" });
  else if (frame.type !== "edit") follow(); // a plan that is edited stays where it is
}

function arrived(key, item, card, isNew) {
  if (item.kind === "user") {
    const at = unsent.findIndex((frame) => key === `user-${frame.key}`);
    if (at >= 0) unsent.splice(at, 1);
    if (!main.dataset.titled) showTitle(conversation, item.text.slice(0, 60));
  } else if (item.kind === "run") {
    mountRunCard(card);
    noteRun(item.run);
    if (isNew && caughtUp) {
      watch(item.run);
      if (wide.matches) openPanel(item.run);
    }
  } else if (item.kind === "group") {
    mountGroupCard(card);
  } else if (item.kind === "confirm" && item.state !== "open") {
    if (item.values.run) lookAgain(item.values.run); // it stops, or goes on as another
  } else if (item.state !== "streaming") sendOldest(); // a bare yes or no is answered without a turn
  if (item.kind === "heatmaps") showPictures(card);
}

async function showPictures(card) {
  (await loadKind(card.dataset.task)).showPictures?.(card);
}

wireProposals(items, send);
onClick(document, "[data-say]", (_, { dataset }) => {
  if (!unsent.some(({ text }) => text === dataset.say)) say(dataset.say); // a second click says it no second time
});
onClick(items, "[data-open-run]", (event, anchor) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPanel(anchor.dataset.openRun);
});
onClick(items, ".heatmaps [data-index]", async (_, button) => {
  const card = button.closest(".heatmaps");
  (await loadKind(card.dataset.task)).openPicture(card.dataset.run, card.dataset.images.split(",").map(Number), Number(button.dataset.index));
});
onClick(items, "[data-action=show-all]", (_, button) => {
  const box = button.parentElement;
  $("code", box).hidden = true;
  $(".whole", box).hidden = false;
  button.remove();
});
onClick(items, "[data-action=answer]", (_, button) => send({ type: "answer", call: button.closest("[data-call]").dataset.call, yes: button.dataset.yes === "true" }));
onClick(items, "[data-action=retry]", () => {
  const last = $$(".item.user p", items).at(-1);
  if (last) say(last.textContent);
});

function start() {
  if ($(".item.user", items)) main.dataset.titled = "true";
  composer.setWorking(working);
  $("#working").hidden = !working;
  $$(".group-card", items).forEach(mountGroupCard);
  const cards = $$(".run-card", items);
  cards.forEach(mountRunCard);
  $$(".heatmaps", items).forEach(showPictures);
  const last = cards.at(-1);
  if (last) {
    noteRun(last.dataset.run);
    const before = remembered();
    const active = ["queued", "running"].includes(last.dataset.state);
    if (wide.matches && before !== "closed" && (active || before)) openPanel(active ? last.dataset.run : before);
  }
  follow();
  if (matchMedia("(hover: hover)").matches) composer.focus();
}

start();
