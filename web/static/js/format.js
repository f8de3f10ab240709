// Numbers, times and sizes as the reader's language writes them.

import { language, t } from "./i18n.js";

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const metricForm = new Intl.NumberFormat(language, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const dateForm = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 });
const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 });

export const count = (value) => whole.format(value);
export const metric = (value) => metricForm.format(value);
export const date = (iso) => dateForm.format(new Date(iso));
export const percentage = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

/** A measured value: four digits, very small ones as 1e-5. */
export function value(number) {
  if (number === null || number === undefined) return "–";
  if (number !== 0 && Math.abs(number) < 0.001) return number.toExponential(1);
  return short.format(number);
}

/** A value on an axis. */
export function tick(number) {
  if (number !== 0 && Math.abs(number) < 0.001) return number.toExponential(0);
  return Math.abs(number) >= 10000 ? compact.format(number) : short.format(number);
}

/** A length of time as exact as an estimate deserves: the same rule as prompts/durations.py. */
export function duration(seconds) {
  if (seconds < 0.95) return t("time.seconds", { count: Math.max(1, Math.round(10 * seconds)) / 10 });
  if (seconds < 90) return t("time.seconds", { count: Math.round(seconds) });
  const all = Math.round(seconds / 60);
  if (seconds < 5400) return t("time.minutes", { count: all });
  const [hours, minutes] = [Math.floor(all / 60), all % 60];
  return minutes ? t("time.hours", { hours, minutes }) : t("time.only_hours", { hours });
}

/** A running clock: 0:07, 12:30, 1:02:03. */
export function clock(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** Bytes as KB, MB or GB. */
export function bytes(size) {
  const unit = size >= 1e9 ? [1e9, "GB"] : size >= 1e6 ? [1e6, "MB"] : [1e3, "KB"];
  return `${(size / unit[0]).toFixed(size >= 1e7 * (unit[0] / 1e6) ? 0 : 1)} ${unit[1]}`;
}

const pad = (number) => String(number).padStart(2, "0");
