// What every page needs.

import { $$ } from "./dom.js";
import { date } from "./format.js";
import "./palette.js";
import "./shortcuts.js";
import "./side.js";
import "./statusbar.js";
import "./take_archive.js";
import "./theme.js";

for (const time of $$("time[datetime]")) time.textContent = date(time.dateTime);
