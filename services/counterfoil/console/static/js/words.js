// The words of the modules, in the page's language.

/** @type {Record<string, string>} */
let words = {};

/** Load them; without them, names stand in their place. */
export async function loadWords() {
  const address = document.body.dataset.words;
  if (!address) return;
  const answer = await fetch(address);
  if (answer.ok) words = await answer.json();
}

/** @param {string} name @param {Record<string, string | number>} [values] by their names in braces */
export function say(name, values = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}
