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

const english = Object.entries(JSON.parse(document.getElementById("english-reasons").textContent)).map(([key, text]) => {
  const [names, pieces] = [[], text.split(/\{(\w+)\}/)]; // literal and name in turn
  const pattern = pieces.map((piece, at) => (at % 2 ? (names.push(piece), "([^]+?)") : piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))).join("");
  return { key, names, pattern: new RegExp(`^${pattern}$`) };
});

const [LONGEST, DEEPEST] = [2000, 8]; // characters, and sentences of ours within one another; a log may hold any text

function whole(text, deepest) {
  for (const { key, names, pattern } of english) {
    const found = pattern.exec(text);
    if (found) return t(key, Object.fromEntries(names.map((name, at) => [name, said(found[at + 1], deepest - 1)])));
  }
  return null;
}

/** Why something could not be, as it was stored in English, in the reader's language (prompts/reasons.py does the same). */
export const reasonOf = (text) => (!text || english.length === 0 || text.length > LONGEST ? text : said(text, DEEPEST));

function said(text, deepest) {
  if (deepest === 0) return text;
  const end = text.indexOf("; ");
  const first = end > 0 ? whole(text.slice(0, end), deepest) : null;
  if (first !== null) return `${first}; ${said(text.slice(end + 2), deepest - 1)}`;
  const all = whole(text, deepest);
  if (all !== null) return all;
  if (text.endsWith(")"))
    for (const { index } of text.matchAll(/ \(/g)) {
      const head = whole(text.slice(0, index), deepest);
      if (head !== null) return `${head} (${said(text.slice(index + 2, -1), deepest - 1)})`;
    }
  return text;
}
