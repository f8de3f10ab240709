// What a memory model has gathered so far, from its run's events. Pure: node and the browser run it alike.

const BANKS = ["coreset", "neighbours"]; // what is fitted is a memory of patches

/** Features collected, by the images seen. */
export const samples = ({ collections }) => ({ x: collections.map((each) => each.images), y: collections.map((each) => each.samples) });

/** Entries of the memory, by the seconds that the run had worked. */
export function bank({ fittings }) {
  const grown = fittings.filter((each) => each.bank_size !== null && BANKS.includes(each.what));
  return { x: grown.map((each) => each.at), y: grown.map((each) => each.bank_size) };
}
