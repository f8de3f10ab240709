// A run on its own page.

import { $ } from "./dom.js";
import { mountRun } from "./run.js";

mountRun($(".run-view"));
