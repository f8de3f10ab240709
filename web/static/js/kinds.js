// The kinds of runs, each drawn by the module of its folder (kinds/<kind>/index.js): found by name, loaded when there is one to draw.

const loaded = new Map();

/** The module of a kind: { WEIGHT, readouts, charts, badges, showResults, openPicture }, and where its
 * results can change, showPictures(card) and lookAgainAtResults(); null until it is loaded. */
export const kindOf = (name) => loaded.get(name) ?? null;

export async function loadKind(name) {
  if (!loaded.has(name)) loaded.set(name, await import(`./kinds/${name}/index.js`));
  return loaded.get(name);
}

/** Whoever shows results that can change after the run's end looks whether they have. */
export async function lookAgainAtResults() {
  for (const kind of loaded.values()) (await kind).lookAgainAtResults?.();
}
