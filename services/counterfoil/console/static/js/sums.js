// Proves a total: that it is the sum of figures of the same page, each of which is proven; or says that it is not.
import { Badge } from "./badge.js";
import { agrees } from "./figures.js";
import { say } from "./words.js";

/** @type {WeakMap<Element, Badge>} */
const badges = new WeakMap();

/** Judge each total of the page by what is proven of its parts by now. */
export function proveSums() {
  for (const each of document.querySelectorAll("[data-sum]")) {
    const shown = /** @type {HTMLElement} */ (each);
    const badge = badges.get(shown) ?? new Badge(shown);
    badges.set(shown, badge);
    const [state, text] = judged(shown);
    shown.classList.toggle("covered", state === "proven");
    badge.show(state, text);
  }
}

/** @param {HTMLElement} shown @returns {["proven" | "forged" | "unknown", string]} */
function judged(shown) {
  const { sum = "", rows = "0", unit = "" } = shown.dataset;
  if (sum === "") return ["unknown", say("sum_of_server")];
  const parts = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(`[data-part="${CSS.escape(sum)}"]`)]);
  const proven = parts.filter((each) => each.classList.contains("covered"));
  if (proven.length < Number(rows) || proven.length < parts.length) return ["unknown", say("sum_not_proven", { proven: proven.length, rows })];
  const own = proven.filter((each) => agrees((each.textContent ?? "").trim(), each.dataset.value ?? "", "amount", unit));
  const found = `${own.reduce((total, { dataset }) => total + BigInt(dataset.value ?? "0"), 0n)}`;
  const text = (shown.textContent ?? "").trim();
  if (!agrees(text, found, "amount", unit)) return ["forged", say("sum_other", { shown: text, found })];
  return ["proven", say("sum_proven", { rows: own.length })];
}
