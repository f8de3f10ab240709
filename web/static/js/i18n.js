// The words of the page. The server puts the reader's language into the page as JSON.

const texts = JSON.parse(document.getElementById("texts").textContent);
export const language = document.documentElement.lang;

const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 4 });
const shown = (value) => (typeof value === "number" ? numbers.format(value) : String(value));

/** The text of a key, with its {placeholders} filled in. */
export function t(key, values = {}) {
  const text = texts[key];
  if (text === undefined) return key;
  const form = Array.isArray(text) ? text[values.count === 1 ? 0 : 1] : text;
  return form.replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
}

/** The wording of `kind.code`; the English `message` when there is none, or when a value that it needs is missing. */
export function coded(kind, code, values, message) {
  const text = texts[`${kind}.${code}`];
  if (text === undefined) return message;
  const needed = JSON.stringify(text).matchAll(/\{(\w+)\}/g);
  return [...needed].every(([, name]) => name in values) ? t(`${kind}.${code}`, values) : message;
}
