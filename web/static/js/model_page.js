// The page of a registered model: promotion with what it rests on, rolling back, the gate.

import { request } from "./api.js";
import { ask } from "./confirm.js";
import { $, $$, drawn, onClick, recall, remember } from "./dom.js";
import { value } from "./format.js";
import { t } from "./i18n.js";
import { mountStudies } from "./studies.js";
import { failure } from "./toast.js";
import { mountTryIt } from "./try_it.js";

const page = $(".model-page");
const { model } = page.dataset;
const seen = Number(page.dataset.revision);
const at = `/api/models/${encodeURIComponent(model)}`;
const WHO = "murascope-who";
if ($(".try-it")) mountTryIt($(".try-it"));
if ($(".studies")) mountStudies($(".studies"));

onClick(page, "[data-action=promote]", async (_, button) => {
  const version = Number(button.dataset.version);
  const [dialog, part] = [$("#promote"), (name) => $(`#promote [data-part=${name}]`)];
  $("#promote-title").textContent = t("promote.title", { version, name: model });
  part("checks").replaceChildren();
  for (const name of ["who", "why", "yes"]) part(name).hidden = true;
  part("waiting").hidden = false;
  const [who, why] = [$("input", part("who")), $("input", part("why"))];
  [who.value, why.value, why.required, dialog.returnValue] = [recall(WHO) ?? "", "", false, "no"];
  dialog.showModal();
  let assessed = null;
  try {
    assessed = await request("POST", `${at}/assess`, { version });
  } catch (error) {
    dialog.close("no");
    failure(error);
  }
  if (assessed === null || !dialog.open) return;
  part("waiting").hidden = true;
  part("checks").replaceChildren(drawn(assessed.html));
  for (const name of ["who", "why", "yes"]) part(name).hidden = !assessed.may_be_promoted;
  why.required = assessed.needs_reason;
  $("span", part("why")).textContent = t(assessed.needs_reason ? "promote.why_needed" : "promote.why");
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && promote(version, assessed.revision, who.value, why.value), { once: true });
});

async function promote(version, revision, who, why) {
  remember(WHO, who);
  await change("POST", "promote", { version, seen: revision, who, why });
}

onClick(page, "[data-action=roll-back]", async (_, button) => {
  const version = button.dataset.to;
  if (await ask({ title: t("registry.roll_back_title", { version }), text: t("registry.roll_back_text"), yes: t("registry.roll_back") }))
    await change("POST", "rollback", { seen, who: recall(WHO) ?? "" });
});

onClick(page, "[data-action=delete-version]", async (_, button) => {
  const { version } = button.dataset;
  if (await ask({ title: t("registry.delete_title", { version }), text: t("registry.delete_text"), yes: t("registry.delete_yes") }))
    await change("DELETE", `versions/${version}`);
});

$("[data-part=gate]").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const share = (input) => (input.value === "" ? null : Number(input.value) / 100);
  const types = $$("[name=type]", form).filter((input) => input.value !== "");
  const gate = {
    max_escape: share(form.elements.max_escape),
    max_overkill: share(form.elements.max_overkill),
    max_escape_of: Object.fromEntries(types.map((input) => [input.dataset.type, share(input)])),
    data: form.elements.data.value || null,
  };
  change("PUT", "gate", { gate, who: recall(WHO) ?? "" });
});

onClick(page, "[data-action=clear-gate]", () => change("PUT", "gate", { gate: null, who: recall(WHO) ?? "" }));

onClick(page, "[data-action=look-at-drift]", async (_, button) => {
  button.disabled = true;
  try {
    const found = await request("GET", `${at}/drift`);
    const outcome = found.outcome === "drifted" ? (found.moved > 0 ? "higher" : "lower") : found.outcome;
    $("[data-part=drift]").textContent = t(`drift.${outcome}`, { below: found.below, fewest: found.fewest, running: value(found.running), threshold: value(found.threshold) });
  } catch (error) {
    failure(error);
  }
  button.disabled = false;
});

async function change(method, path, body) {
  try {
    await request(method, `${at}/${path}`, body);
    location.reload();
  } catch (error) {
    failure(error);
  }
}
