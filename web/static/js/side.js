// The side bar: new conversation, rename in place, delete with a way back, and the drawer on small screens.

import { request } from "./api.js";
import { $, el, onClick } from "./dom.js";
import { t } from "./i18n.js";
import { failure, toast } from "./toast.js";

export async function newConversation() {
  try {
    location.assign(`/c/${(await request("POST", "/api/conversations")).id}`);
  } catch (error) {
    failure(error);
  }
}

onClick(document, "[data-action=new-conversation]", newConversation);
onClick(document, "[data-action=toggle-side]", () => toggleSide());
onClick($("#history"), "[data-action=rename]", (_, button) => rename(button.closest("[data-conversation]")));
onClick($("#history"), "[data-action=delete]", (_, button) => remove(button.closest("[data-conversation]")));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("side-open")) toggleSide();
});
keepLanguageLinks();

function toggleSide() {
  const open = document.body.classList.toggle("side-open");
  $(open ? ".side-close" : ".menu")?.focus();
}

function rename(row) {
  const link = $("a", row);
  const field = el("input", { type: "text", value: link.textContent, maxLength: 200, "aria-label": t("chat.rename_label") });
  link.hidden = true;
  row.prepend(field);
  field.select();
  let ended = false;
  const end = async (keep) => {
    if (ended) return;
    ended = true;
    const title = field.value.trim();
    field.remove();
    link.hidden = false;
    if (!keep || !title || title === link.textContent) return;
    try {
      await request("PATCH", `/api/conversations/${row.dataset.conversation}`, { title });
      showTitle(row.dataset.conversation, title);
    } catch (error) {
      failure(error);
    }
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && event.keyCode !== 229) end(true);
    else if (event.key === "Escape") end(false);
  });
  field.addEventListener("blur", () => end(true));
}

/** Put a conversation's title where it is shown. */
export function showTitle(conversation, title) {
  const link = $(`[data-conversation="${conversation}"] a`, $("#history"));
  if (link) link.textContent = link.title = title;
  const main = $("main[data-conversation]");
  if (main?.dataset.conversation !== conversation) return;
  $("#chat-title").textContent = title;
  document.title = `${title} · Murascope`;
  main.dataset.titled = "true";
}

/** The row goes at once, the conversation itself when the time to undo is over or the page is left. */
function remove(row) {
  const id = row.dataset.conversation;
  const title = $("a", row).textContent;
  const here = location.pathname === `/c/${id}`;
  row.hidden = true;
  let open = true;
  const commit = async () => {
    if (!open) return;
    open = false;
    removeEventListener("pagehide", commit);
    await fetch(`/api/conversations/${id}`, { method: "DELETE", keepalive: true });
    row.remove();
    if (here) location.assign("/");
  };
  addEventListener("pagehide", commit);
  const undo = () => {
    open = false;
    removeEventListener("pagehide", commit);
    row.hidden = false;
  };
  toast(t("chat.deleted", { title }), { action: { text: t("action.undo"), run: undo }, after: commit });
}

/** The language switch keeps the rest of the address. */
function keepLanguageLinks() {
  for (const link of document.querySelectorAll(".switches a[hreflang]")) {
    const address = new URL(location.href);
    address.searchParams.set("lang", link.hreflang);
    link.href = address.pathname + address.search;
  }
}
