// Parts of a message put together as sentences. Pure: no DOM in here.

/** What was wrong, then what to do: each part ends with a full stop, and all but names begin with a capital. */
export function sentences(...parts) {
  return parts.map((part) => (part ?? "").trim()).filter(Boolean).map(sentence).join(" ").replaceAll("。 ", "。");
}

function sentence(text) {
  const word = text.match(/^\p{L}+(?=[\s,;'’]|$)/u); // not of paths and names such as mobilenetv2_100
  const begun = word ? text[0].toUpperCase() + text.slice(1) : text;
  if (/[.!?…。！？]["”')]?$/u.test(begun)) return begun;
  return begun + (/\p{Script=Han}["”')]?$/u.test(begun) ? "。" : ".");
}
