// Ctrl+K: find a conversation, run, data set, page or action by a few letters.

import { request } from "./api.js";
import { $, $$, el, icon, onClick } from "./dom.js";
import { t } from "./i18n.js";
import { newConversation } from "./side.js";
import { setTheme } from "./theme.js";

const dialog = $("#palette");
const input = $("#palette-input");
const list = $("#palette-list");
let entries = [];
let shown = [];
let chosen = 0;

export async function openPalette() {
  if (dialog.open) return;
  entries = atHand();
  input.value = "";
  show();
  dialog.showModal();
  input.focus();
  const [runs, datasets] = await Promise.allSettled([request("GET", "/api/runs"), request("GET", "/api/datasets")]);
  for (const row of runs.value ?? [])
    entries.push({ text: `${row.id} · ${t("plan.title", { model: row.model_title, dataset: row.dataset })}`, kind: "run", icon: "runs", go: `/runs/${row.id}` });
  for (const row of datasets.value ?? []) entries.push({ text: row.name, kind: "dataset", icon: "data", go: `/data/${encodeURIComponent(row.name)}` });
  show();
}

function atHand() {
  const pages = [["runs", "/runs"], ["data", "/data"], ["models", "/models"]];
  return [
    { text: t("nav.new"), kind: "action", icon: "plus", run: newConversation },
    ...($("#say") ? [{ text: t("palette.message"), kind: "action", icon: "chat", run: () => $("#say").focus() }] : []),
    ...pages.map(([name, go]) => ({ text: t(`nav.${name}`), kind: "page", icon: name, go })),
    ...$$("#history .history-row:not([hidden]) a").map((a) => ({ text: a.textContent, kind: "conversation", icon: "chat", go: a.pathname })),
    ...["system", "light", "dark"].map((name) => ({ text: t("palette.theme", { name: t(`theme.${name}`) }), kind: "action", icon: "sun", run: () => setTheme(name) })),
    { text: t("shortcuts.title"), kind: "action", icon: "info", run: () => $("#shortcuts").showModal() },
  ];
}

function show() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = entries.filter((entry) => words.every((word) => entry.text.toLowerCase().includes(word))).slice(0, 40);
  chosen = 0;
  list.replaceChildren(
    ...shown.map((entry, i) =>
      el("li", { id: `palette-${i}`, role: "option", "data-index": i, "aria-selected": "false" }, icon(entry.icon), el("span", { textContent: entry.text }), el("small", { textContent: t(`palette.kind.${entry.kind}`) })),
    ),
  );
  if (!shown.length) list.append(el("li", { className: "nothing", role: "option", "aria-selected": "false", textContent: t("palette.nothing", { text: input.value }) }));
  mark();
}

function mark() {
  $$("[data-index]", list).forEach((node, i) => node.setAttribute("aria-selected", String(i === chosen)));
  if (shown.length) input.setAttribute("aria-activedescendant", `palette-${chosen}`);
  $(`#palette-${chosen}`)?.scrollIntoView({ block: "nearest" });
}

function take(index) {
  const entry = shown[index];
  if (!entry) return;
  dialog.close();
  if (entry.go) location.assign(entry.go);
  else entry.run();
}

input.addEventListener("input", show);
input.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % (shown.length || 1);
    mark();
  } else if (event.key === "Enter") {
    event.preventDefault();
    take(chosen);
  }
});
onClick(list, "[data-index]", (_, node) => take(Number(node.dataset.index)));
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
