// The data page: register a folder, drop a zip anywhere, remove.

import { request } from "./api.js";
import { ask } from "./confirm.js";
import { $, el, icon, onClick } from "./dom.js";
import { bytes } from "./format.js";
import { t } from "./i18n.js";
import { failure } from "./toast.js";
import { suggestName, upload } from "./upload.js";

const overlay = $("#drop-overlay");
let depth = 0;

$("#by-path").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const [button, problem] = [$("button", form), $(".refused", form)];
  problem.hidden = true;
  button.disabled = true;
  const row = uploadRow($("[name=name]", form).value);
  row.say(t("data.checking"));
  try {
    const added = await request("POST", "/api/datasets", { name: $("[name=name]", form).value, path: $("[name=path]", form).value });
    row.done(added.name);
  } catch (error) {
    row.node.remove();
    problem.hidden = false;
    problem.textContent = [error.message, error.hint].filter(Boolean).join(" ");
  }
  button.disabled = false;
});
$("#by-path [name=path]").addEventListener("change", (event) => {
  const name = $("#by-path [name=name]");
  if (!name.value) name.value = suggestName(event.target.value.replace(/[\\/]+$/, ""));
});

$("#archive").addEventListener("change", (event) => {
  for (const file of event.target.files) take(file);
  event.target.value = "";
});

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragenter", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth += 1;
  overlay.hidden = false;
});
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("dragleave", (event) => {
  if (!carriesFiles(event)) return;
  depth = Math.max(0, depth - 1);
  overlay.hidden = depth === 0;
});
addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  overlay.hidden = true;
  for (const file of event.dataTransfer.files) await take(file);
});

async function take(file) {
  if (!/\.zip$/i.test(file.name)) {
    failure(new Error(t("data.only_zip", { name: file.name })));
    return;
  }
  const name = await askName(file);
  if (name) send(file, name);
}

function askName(file) {
  const dialog = $("#name-dialog");
  $("#name-file").textContent = `${file.name} · ${bytes(file.size)}`;
  $("#name-input").value = suggestName(file.name);
  dialog.returnValue = "no";
  dialog.showModal();
  $("#name-input").select();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? $("#name-input").value.trim() : null), { once: true }));
}

// Enter in a dialog presses its first button, which is Cancel; here Enter means yes.
$("#name-input").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if ($("#name-input").reportValidity()) $("#name-dialog").close("yes");
});

async function send(file, name) {
  const row = uploadRow(name);
  try {
    const added = await upload(file, name, {
      progress: (share) => row.progress(share, t("data.uploading", { percent: Math.round(100 * share), size: bytes(file.size) })),
      checking: () => row.progress(1, t("data.checking")),
      cancel: row.onCancel,
    });
    row.done(added.name);
  } catch (error) {
    if (error.code === "cancelled") row.node.remove();
    else row.fail(error);
  }
}

function uploadRow(name) {
  const text = el("span", { className: "upload-text" });
  const fill = el("i");
  const cancel = el("button", { type: "button", className: "icon-button", hidden: true, "aria-label": t("action.cancel") }, icon("close"));
  const node = el("li", { className: "upload" }, el("b", { dir: "auto", textContent: name }), el("span", { className: "bar", "aria-hidden": "true" }, fill), text, cancel);
  $("#uploads").append(node);
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
      node.classList.add("done");
      say(t("data.added", { name: added }));
      location.reload();
    },
    fail: (error) => {
      node.classList.add("failed");
      node.setAttribute("role", "alert");
      say([error.message, error.hint].filter(Boolean).join(" "));
      cancel.hidden = false;
      cancel.setAttribute("aria-label", t("action.dismiss"));
      cancel.onclick = () => node.remove();
    },
  };
}

onClick($("#datasets"), "[data-action=remove-dataset]", async (_, button) => {
  const card = button.closest("[data-dataset]");
  const name = card.dataset.dataset;
  const text = t(button.dataset.origin === "uploaded" ? "data.remove_uploaded" : "data.remove_registered");
  if (!(await ask({ title: t("data.remove_title", { name }), text, yes: t("data.remove_yes") }))) return;
  try {
    await request("DELETE", `/api/datasets/${encodeURIComponent(name)}`);
    card.remove();
  } catch (error) {
    failure(error);
  }
});
