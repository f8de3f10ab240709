// The plan's card: settings are edited in place; a changed plan must be saved, and so checked, before it can be approved.

import { $, $$, el, onClick } from "./dom.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";

/** Wire all plans inside `items`; `send(frame)` hands a frame to the server. */
export function wireProposals(items, send) {
  items.addEventListener("input", (event) => {
    const card = event.target.closest(".proposal");
    if (card && event.target.closest(".settings")) reflect(card);
  });
  items.addEventListener("submit", (event) => {
    event.preventDefault();
    const card = event.target.closest(".proposal");
    if (event.target.matches(".settings")) save(card, send);
    else if (event.target.matches(".declining")) decline(card, send, $("[name=reason]", event.target).value.trim());
  });
  onClick(items, ".proposal [data-action=approve]", (_, button) => approve(button.closest(".proposal"), send));
  onClick(items, ".proposal [data-action=decline]", (_, button) => askWhy(button.closest(".proposal"), true));
  onClick(items, ".proposal [data-action=keep]", (_, button) => askWhy(button.closest(".proposal"), false));
  onClick(items, ".proposal [data-action=save]", (_, button) => save(button.closest(".proposal"), send));
  onClick(items, ".proposal [data-action=discard]", (_, button) => discard(button.closest(".proposal"), send));
  onClick(items, ".proposal [data-action=undo]", (_, button) => undo(button.closest(".proposal"), send));
  onClick(items, ".proposal [data-action=reopen]", (_, button) => send({ type: "take_up", proposal: button.closest(".proposal").dataset.proposal }));
  document.addEventListener("keydown", (event) => {
    if (!event.ctrlKey || !event.altKey || (event.key !== "Enter" && event.key !== "Backspace")) return;
    const card = $$(".proposal[data-state=open]", items).at(-1);
    if (!card) return;
    event.preventDefault();
    if (event.key === "Backspace") decline(card, send, "");
    else if (edited(card).length || isRefused(card)) save(card, send);
    else approve(card, send);
  });
}

/** Carry unsaved edits over to the card's new drawing. Where the plan was changed elsewhere meanwhile, what is typed here stays, and it is said. */
export function carryEdits(old, fresh) {
  if (!old || fresh.dataset.state !== "open" || old.dataset.discarded) return;
  const isChanged = old.dataset.revision !== fresh.dataset.revision;
  if (!isChanged && $(".wrong, .refused", fresh)) return; // of this very edit the server says what is wrong
  let kept = 0, lost = 0;
  for (const [name, field] of edited(old)) {
    const twin = $(`[name="${name}"]`, fresh);
    if (!twin) lost += 1;
    else if (!means(twin, current(field))) {
      const isContested = isChanged && twin.dataset.value !== field.dataset.value;
      if (twin.type === "checkbox") twin.checked = field.checked;
      else twin.value = field.value;
      if (isEdited(twin)) kept += 1;
      if (isContested) twin.closest(".field").append(el("small", { className: "because elsewhere", textContent: t("plan.changed_to", { value: chosen(twin) }) }));
    }
  }
  reflect(fresh);
  if (isChanged && !old.dataset.saved && kept + lost) toast(t(lost ? "plan.changed_lost" : "plan.changed_elsewhere"));
}

/** Whether a field as the server drew it means what was typed: 0.5 is 0.50. */
function means(field, typed) {
  const stands = field.dataset.value;
  return stands === typed || (stands !== "" && typed !== "" && Number(stands) === Number(typed)) || stands.split(/[\s,]+/).join() === typed.split(/[\s,]+/).join();
}

/** The value that the plan has, as the field shows it. */
const chosen = (field) => [...(field.options ?? [])].find(({ value }) => value === field.dataset.value)?.textContent ?? field.dataset.value;

function approve(card, send) {
  send({ type: "approve", proposal: card.dataset.proposal, revision: Number(card.dataset.revision) });
}

function decline(card, send, reason) {
  send({ type: "decline", proposal: card.dataset.proposal, reason });
}

function undo(card, send) {
  send({ type: "undo", proposal: card.dataset.proposal, revision: Number(card.dataset.revision) });
}

function save(card, send) {
  const invalid = edited(card).map(([, field]) => field).filter(complain);
  if (invalid.length) {
    invalid[0].closest("details")?.setAttribute("open", "");
    invalid[0].focus();
    return;
  }
  const changed = changes(card);
  card.dataset.saved = "true";
  if (Object.keys(changed).length) send({ type: "edit", proposal: card.dataset.proposal, revision: Number(card.dataset.revision), changes: changed });
}

/** Say at the field what the browser can already see is wrong with it. */
function complain(field) {
  const { badInput, rangeUnderflow, rangeOverflow, stepMismatch } = field.validity;
  const box = field.closest(".field");
  const name = $("label", box).textContent;
  const problem = badInput
    ? t("plan.number", { name })
    : rangeUnderflow || rangeOverflow
      ? t("plan.range", { name, min: field.min || "–", max: field.max || "–" })
      : stepMismatch
        ? t("plan.step", { name, step: field.step })
        : "";
  $(".problem", box)?.remove();
  box.classList.toggle("wrong", problem !== "");
  field.setAttribute("aria-invalid", String(problem !== ""));
  if (!problem) return false;
  const node = el("span", { className: "problem", id: `${field.id}-problem`, role: "alert", textContent: problem });
  field.setAttribute("aria-describedby", `${field.id}-help ${node.id}`);
  box.append(node);
  return true;
}

/** Back to the plan as it stands. Of a refused edit only the server knows that, so it is asked to draw the plan again. */
function discard(card, send) {
  if (isRefused(card)) {
    card.dataset.discarded = "true";
    send({ type: "edit", proposal: card.dataset.proposal, revision: Number(card.dataset.revision), changes: {} });
    return;
  }
  for (const [, field] of edited(card)) {
    if (field.type === "checkbox") field.checked = field.dataset.value === "true";
    else field.value = field.dataset.value;
    complain(field);
  }
  reflect(card);
}

function askWhy(card, asking) {
  $("[data-when=declining]", card).hidden = !asking;
  $("[data-when=clean]", card).hidden = asking;
  (asking ? $("[name=reason]", card) : $("[data-action=decline]", card)).focus();
}

/** Show the buttons that fit: approve a plan as it stands, or save what was changed. */
function reflect(card) {
  const dirty = edited(card).length > 0 || isRefused(card);
  $("[data-when=clean]", card).hidden = dirty;
  $("[data-when=edited]", card).hidden = !dirty;
  $("[data-when=declining]", card).hidden = true;
  for (const field of $$(".settings [name]", card)) field.closest(".field").classList.toggle("edited", isEdited(field));
}

const current = (field) => (field.type === "checkbox" ? String(field.checked) : field.value.trim());
const isEdited = (field) => current(field) !== field.dataset.value || field.dataset.refused === "true";
const isRefused = (card) => $("[data-refused], .refused", card) !== null;
const edited = (card) => $$(".settings [name]", card).filter(isEdited).map((field) => [field.name, field]);

function changes(card) {
  return Object.fromEntries(edited(card).map(([name, field]) => [name, typed(field)]));
}

/** The field's value as the spec wants it. What cannot be read goes as it was typed: the server says what is wrong with it. */
function typed(field) {
  const text = current(field);
  if (field.dataset.type === "boolean") return field.checked;
  if (text === "" && field.validity?.badInput !== true) return null;
  if (field.dataset.type === "integer" || field.dataset.type === "number") return Number.isFinite(Number(text)) ? Number(text) : text;
  if (field.dataset.type === "texts") return text.split(/[\s,]+/).filter(Boolean);
  if (field.dataset.type === "integers") {
    const parts = text.split(/[\s,]+/).filter(Boolean);
    return parts.every((part) => Number.isFinite(Number(part))) ? parts.map(Number) : text;
  }
  return text;
}
