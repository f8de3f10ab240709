// A group of runs on its own page.

import { $ } from "./dom.js";
import { mountGroupCard } from "./group_card.js";

mountGroupCard($(".group-card"));
