// Takes a zip that is dropped on any page, or chosen: asks for a name, uploads it, and tells where the data set is.

import { $, el, icon } from "./dom.js";
import { bytes } from "./format.js";
import { t } from "./i18n.js";
import { sentences } from "./sentences.js";
import { failure, toast } from "./toast.js";
import { suggestName, upload } from "./upload.js";

const list = $("#uploads") ?? $("#toasts").appendChild(el("ul", { className: "uploads", "aria-live": "off" }));
const overlay = $("#drop-overlay");
const dialog = $("#name-dialog");
let depth = 0;
let isOurs = false; // a picture or link of the page itself is being dragged
let underWay = 0;

/** Name, upload and check these files, one after the other. */
export async function takeArchives(files) {
  for (const file of files) {
    if (!/\.zip$/i.test(file.name)) {
      failure(new Error(t("data.only_zip", { name: file.name })));
      continue;
    }
    const name = await askName(file);
    if (name) send(file, name);
  }
}

/** A line that tells how far a data set is: on the data page in its place, elsewhere among the messages at the edge. */
export function uploadRow(name) {
  const text = el("span", { className: "upload-text" });
  const fill = el("i");
  const cancel = el("button", { type: "button", className: "icon-button", hidden: true, "aria-label": t("action.cancel") }, icon("close"));
  const node = el("li", { className: "upload" }, el("b", { dir: "auto", textContent: name }), el("span", { className: "bar", "aria-hidden": "true" }, fill), text, cancel);
  list.append(node);
  const say = (words) => (text.textContent = words);
  return {
    node,
    say,
    onCancel: (abort) => {
      cancel.hidden = false;
      cancel.onclick = abort;
    },
    progress: (share, words) => {
      fill.style.inlineSize = `${100 * share}%`;
      if (share === 1) cancel.hidden = true;
      say(words);
    },
    done: (added) => {
      if (list.id === "uploads") {
        node.classList.add("done");
        say(t("data.added", { name: added }));
        if (underWay === 0) location.reload();
        return;
      }
      node.remove();
      toast(t("data.added", { name: added }), { kind: "success", seconds: 60, action: { text: t("data.show"), run: () => location.assign(`/data/${encodeURIComponent(added)}`) } });
    },
    fail: (error) => {
      node.classList.add("failed");
      node.setAttribute("role", "alert");
      say(sentences(error.message, error.hint));
      cancel.hidden = false;
      cancel.setAttribute("aria-label", t("action.dismiss"));
      cancel.onclick = () => node.remove();
    },
  };
}

async function askName(file) {
  $("#name-file").textContent = `${file.name} · ${bytes(file.size)}`;
  $("#name-input").value = suggestName(file.name);
  dialog.returnValue = "no";
  dialog.showModal();
  $("#name-input").select();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes" ? $("#name-input").value.trim() : "";
}

async function send(file, name) {
  const row = uploadRow(name);
  underWay += 1;
  try {
    const added = await upload(file, name, {
      progress: (share) => row.progress(share, t("data.uploading", { percent: Math.round(100 * share), size: bytes(file.size) })),
      checking: () => row.progress(1, t("data.checking")),
      cancel: row.onCancel,
    });
    underWay -= 1;
    row.done(added.name);
  } catch (error) {
    underWay -= 1;
    if (error.code === "cancelled") row.node.remove();
    else row.fail(error);
  }
}

// Enter in a dialog presses its first button, which is Cancel; here Enter means yes.
$("#name-input").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if ($("#name-input").reportValidity()) dialog.close("yes");
});

/** Hand what is dropped to the part of the page that judges pictures, where there is one, unless it is archives. */
function takesPictures(dropped) {
  const taker = $("[data-takes-pictures]:not([hidden])");
  if (!taker || [...dropped.files].every((file) => /\.zip$/i.test(file.name))) return false;
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean); // gone once this event is over
  taker.dispatchEvent(new CustomEvent("pictures", { detail: { entries, files: [...dropped.files] } }));
  return true;
}

const carriesFiles = (event) => !isOurs && [...(event.dataTransfer?.types ?? [])].includes("Files");
const takesText = (node) => Boolean(node.closest?.("input, textarea"));

addEventListener("dragstart", () => (isOurs = true));
addEventListener("dragend", () => (isOurs = false));
addEventListener("dragenter", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth += 1;
  $("p", overlay).textContent = t($("[data-takes-pictures]:not([hidden])") ? "try.drop_here" : "data.drop_here");
  overlay.hidden = false;
});
addEventListener("dragover", (event) => {
  if (!takesText(event.target) || carriesFiles(event)) event.preventDefault(); // else the browser would leave for what is dropped
});
addEventListener("dragleave", (event) => {
  if (!carriesFiles(event)) return;
  depth = Math.max(0, depth - 1);
  overlay.hidden = depth === 0;
});
addEventListener("drop", (event) => {
  const takes = carriesFiles(event);
  if (takes || !takesText(event.target)) event.preventDefault();
  depth = 0;
  overlay.hidden = true;
  if (dialog.open || isOurs) return;
  if (takes && takesPictures(event.dataTransfer)) return;
  if (takes) takeArchives([...event.dataTransfer.files]);
  else if (!takesText(event.target)) toast(t("data.drop_expected"));
});
addEventListener("beforeunload", (event) => underWay > 0 && event.preventDefault());
