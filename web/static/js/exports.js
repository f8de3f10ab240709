// The part of a run's page that exports its model: what was asked for, how far it is, what came of it.

import { request } from "./api.js";
import { $, $$, el } from "./dom.js";
import { bytes, value } from "./format.js";
import { t } from "./i18n.js";
import { sentences } from "./sentences.js";
import { failure } from "./toast.js";

const LOOK_MS = 1000;

/** Show the part of the page and bring it to life. */
export function mountExports(section) {
  if (!section.hidden) return;
  section.hidden = false;
  const { run } = section.dataset;
  let timer = null;

  for (const row of $$("li", section))
    $("[data-part=export]", row).addEventListener("click", () => ask("POST", `/api/runs/${run}/export`, { format: row.dataset.format }));
  ask("GET", `/api/runs/${run}/exports`);

  async function ask(...what) {
    clearTimeout(timer);
    try {
      const told = await request(...what);
      for (const each of told.formats) show($(`[data-format="${each.format}"]`, section), each, told.threshold_version);
      if (section.isConnected && told.formats.some((each) => each.stage)) timer = setTimeout(ask, LOOK_MS, "GET", `/api/runs/${run}/exports`);
    } catch (error) {
      failure(error);
    }
  }

  function show(row, { format, stage, refused, done }, version) {
    const [line, files, button] = ["export-line", "export-files", "export"].map((part) => $(`[data-part="${part}"]`, row));
    button.disabled = Boolean(stage);
    row.classList.toggle("refused", Boolean(refused) && !stage);
    const text = stage ? t(`export.stage.${stage}`) : refused ? sentences(refused.message, refused.hint) : done ? measured(done, version) : "";
    if (line.textContent !== text) line.textContent = text; // a screen reader hears each once
    line.hidden = !text;
    files.hidden = Boolean(stage) || !done;
    files.replaceChildren(...(done?.files ?? []).map(({ name, bytes: size }) => el("a", { href: `/runs/${run}/exports/${format}/${encodeURIComponent(name)}`, download: name, textContent: `${name} (${bytes(size)})` })));
  }
}

/** How near the file comes to the engine, and whether the threshold has moved since. */
function measured({ about, parity }, version) {
  const largest = Object.values(parity.differences)[0].largest;
  const times = value(parity.engine_ms_per_image / parity.ms_per_image);
  const said = t("export.holds", { count: parity.images, largest: value(largest), times });
  return about.threshold_version && about.threshold_version !== version ? sentences(said, t("export.older", { version: about.threshold_version })) : said;
}
