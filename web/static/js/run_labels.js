// What people write on a run: its name, tags and note, edited where it is shown. All of it is text, never HTML.

import { request } from "./api.js";
import { $, $$, el, icon, onClick } from "./dom.js";
import { t } from "./i18n.js";
import { failure } from "./toast.js";

/** Draw what is written on a run wherever the page shows it. */
export function showLabels(run, written) {
  for (const box of $$(`[data-labels="${CSS.escape(run)}"]`)) draw(box, written);
}

export const written = (box) => JSON.parse(box.dataset.written);

function draw(box, { name, note, tags }) {
  const { labels: run, withNote } = box.dataset;
  box.dataset.written = JSON.stringify({ name, note, tags });
  box.replaceChildren(
    ...[
      el("span", { className: "labels-name", dir: "auto", textContent: name }),
      ...tags.map((tag) => el("button", { type: "button", className: "tag", dir: "auto", "data-tag": tag, textContent: tag })),
      note && !withNote ? el("span", { className: "dim has-note", title: note, tabIndex: 0, "aria-label": `${t("labels.note")}: ${note}` }, icon("info")) : null,
      el("button", { type: "button", className: "icon-button mini", "data-action": "edit-labels", "aria-label": t("labels.edit", { run }), title: t("labels.edit", { run }) }, icon("pencil")),
      note && withNote ? el("p", { className: "labels-note", dir: "auto", textContent: note }) : null,
    ].filter(Boolean),
  );
  box.dispatchEvent(new CustomEvent("labels", { bubbles: true }));
}

function edit(box) {
  const { labels: run } = box.dataset;
  const { name, note, tags } = written(box);
  const field = (tag, properties, words) => el("label", { className: "stack" }, words, el(tag, { ...properties, autocomplete: "off" }));
  const form = el("form", { className: "labels-form" },
    field("input", { type: "text", name: "name", value: name, maxLength: 80 }, t("labels.name")),
    field("input", { type: "text", name: "tags", value: tags.join(", "), maxLength: 500, placeholder: t("labels.tags_hint") }, t("labels.tags")),
    field("textarea", { name: "note", value: note, maxLength: 2000, rows: 3 }, t("labels.note")),
    el("div", { className: "row end" }, el("button", { type: "button", className: "button small", "data-action": "cancel-labels", textContent: t("action.cancel") }), el("button", { className: "button primary small", textContent: t("labels.save") })));
  const end = () => {
    draw(box, written(box));
    $("[data-action=edit-labels]", box).focus();
  };
  form.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the list's own keys are not meant
    if (event.key === "Escape") end();
  });
  $("[data-action=cancel-labels]", form).addEventListener("click", end);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = { name: form.elements.name.value, note: form.elements.note.value, tags: form.elements.tags.value.split(",") };
    try {
      showLabels(run, await request("PATCH", `/api/runs/${run}`, values));
      $("[data-action=edit-labels]", box)?.focus();
    } catch (error) {
      failure(error);
    }
  });
  box.replaceChildren(form);
  form.elements.name.select();
}

onClick(document, "[data-action=edit-labels]", (_, button) => edit(button.closest("[data-labels]")));
