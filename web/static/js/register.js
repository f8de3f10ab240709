// A finished run gets a name and a version.

import { request } from "./api.js";
import { $, onClick, recall } from "./dom.js";
import { t } from "./i18n.js";
import { failure, toast } from "./toast.js";

onClick(document, "[data-action=register]", async (_, button) => {
  const { run, dataset } = button.dataset;
  const [dialog, form] = [$("#register"), $("#register form")];
  $("#register-title").textContent = t("registry.register_title", { run });
  form.reset();
  form.elements.name.value = dataset;
  dialog.returnValue = "no";
  dialog.showModal();
  offerNames();
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && register(run, form.elements.name.value.trim(), form.elements.note.value), { once: true });
});

async function offerNames() {
  const models = await request("GET", "/api/models").catch(() => []);
  $("#register-names").replaceChildren(...models.map((model) => Object.assign(document.createElement("option"), { value: model.name })));
}

async function register(run, name, note) {
  try {
    const version = await request("POST", `/api/models/${encodeURIComponent(name)}/versions`, { run, note, who: recall("murascope-who") ?? "" });
    const open = () => location.assign(`/models/${encodeURIComponent(version.model)}#version-${version.version}`);
    toast(t("registry.registered_now", { name: version.model, version: version.version }), { kind: "success", seconds: 12, action: { text: t("registry.open"), run: open } });
  } catch (error) {
    failure(error);
  }
}
