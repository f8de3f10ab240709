// The data page: register a folder, choose a zip, rename, remove. Dropping a zip works on every page.

import { request } from "./api.js";
import { ask } from "./confirm.js";
import { $, onClick } from "./dom.js";
import { t } from "./i18n.js";
import { sentences } from "./sentences.js";
import { takeArchives, uploadRow } from "./take_archive.js";
import { failure } from "./toast.js";
import { suggestName } from "./upload.js";

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
    problem.textContent = sentences(error.message, error.hint);
  }
  button.disabled = false;
});
$("#by-path [name=path]").addEventListener("change", (event) => {
  const name = $("#by-path [name=name]");
  if (!name.value) name.value = suggestName(event.target.value.replace(/[\\/]+$/, ""));
});

$("#archive").addEventListener("change", (event) => {
  takeArchives([...event.target.files]);
  event.target.value = "";
});

const dialog = $("#rename-dialog");
const refused = $(".refused", dialog);
let renamed = ""; // the data set that the dialog is about

onClick($("#datasets"), "[data-action=rename-dataset]", (_, button) => {
  renamed = button.closest("[data-dataset]").dataset.dataset;
  $("#rename-title").textContent = t("data.rename_title", { name: renamed });
  $("#rename-input").value = renamed;
  refused.hidden = true;
  dialog.showModal();
  $("#rename-input").select();
});
onClick(dialog, "[data-action=cancel-rename]", () => dialog.close());
$("#rename-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await request("PATCH", `/api/datasets/${encodeURIComponent(renamed)}`, { name: $("#rename-input").value });
    location.reload();
  } catch (error) {
    refused.hidden = false;
    refused.textContent = sentences(error.message, error.hint);
  }
});

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
