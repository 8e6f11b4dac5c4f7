// Proves figures in the reader's browser: the entry that a figure comes from is in the log, and says what the page shows.
import { CounterfoilError, fromBase64, NotProven, Refused } from "../vendor/counterfoil-client.js";
import { Badge } from "./badge.js";
import { element, language, localTime } from "./dom.js";
import { get } from "./store.js";
import { headOver, originOf, pathOf } from "./trust.js";
import { say } from "./words.js";

/** @typedef {import("../vendor/counterfoil-client.js").Proven} Proven */

/** So many at once: a page with thousands answers its reader meanwhile. */
const AT_ONCE = 25;
/** Of more figures on a page, those are proven that the reader has before them. */
const PROVEN_UNSEEN = 500;

/** Put a badge behind everything on the page that can be proven, and prove it, from the top. @param {ParentNode} [within] */
export async function proveAll(within = document) {
  const found = /** @type {HTMLElement[]} */ ([...within.querySelectorAll("[data-proof]:not([data-checked])")]);
  for (const each of found) each.dataset.checked = "";
  const proveSome = async (/** @type {HTMLElement[]} */ some) => {
    await Promise.all(some.map(prove));
    summarise();
    await new Promise((resolve) => setTimeout(resolve));
  };
  if (found.length > PROVEN_UNSEEN) {
    const seen = new IntersectionObserver((entries) => {
      const shown = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => /** @type {HTMLElement} */ (target));
      for (const each of shown) seen.unobserve(each);
      if (shown.length > 0) proveSome(shown);
    });
    for (const each of found) seen.observe(each);
    return;
  }
  for (let at = 0; at < found.length; at += AT_ONCE) await proveSome(found.slice(at, at + AT_ONCE));
}

/** @param {HTMLElement} shown @returns {Promise<string>} the badge's state */
async function prove(shown) {
  const badge = new Badge(shown);
  const path = pathOf(shown.dataset.log ?? "");
  const index = Number(shown.dataset.entry);
  try {
    const head = await headOver(path, index);
    const proven = await entryOf(path, index, head);
    check(shown, proven);
    const balance = shown.dataset.account === undefined ? "" : ` ${say("balance_after", { index })}`;
    badge.show("proven", provenBy(proven, head) + balance);
    return "proven";
  } catch (problem) {
    return show(badge, problem, { path, index });
  }
}

/** What is wrong, in words; a forged answer is told from one that is missing. @param {Badge} badge @param {unknown} problem @param {{ path: string, index: number }} place */
export function show(badge, problem, { path, index }) {
  if (problem instanceof NotProven) {
    badge.show("forged", say("forged", { log: path, index, why: problem.message }), problem.evidence);
    return "forged";
  }
  if (!(problem instanceof CounterfoilError)) throw problem;
  const withheld = problem instanceof Refused && [401, 403, 404].includes(problem.problem.status);
  badge.show("unknown", withheld ? say("withheld", { log: path, index }) : say("unchecked", { why: problem.message }));
  return "unknown";
}

/** The entry, by the octets of a receipt that this browser has, else by those that are published. @param {string} path @param {number} index @param {import("./trust.js").Head} head */
async function entryOf(path, index, head) {
  const receipt = await get("receipts", `${originOf(path)}:${index}`);
  return receipt ? head.log.proven(index, fromBase64(receipt.entry)) : head.log.entry(index);
}

/** Throws `NotProven` unless the entry says what the element shows, and its row. @param {HTMLElement} shown @param {Proven} proven */
function check(shown, { entry, index }) {
  const { dataset, textContent } = shown;
  const { field, value = "", key } = dataset;
  const text = (textContent ?? "").trim();
  if (dataset.account !== undefined) {
    checkBalance(shown, entry.data.events, index, text);
    return;
  }
  const about = entry.data.events.filter((event) => mentions(event, field === undefined ? text : key));
  if (about.length === 0) throw new NotProven(say("not_mentioned", { index, text: field === undefined ? text : (key ?? "") }));
  if (field !== undefined) checkValue(about, field, value, text);
  for (const each of shown.closest("tr")?.querySelectorAll("[data-said]") ?? []) {
    const cell = /** @type {HTMLElement} */ (each);
    checkValue(about, cell.dataset.said ?? "", cell.dataset.value ?? "", (cell.textContent ?? "").trim());
  }
}

/** What is available of an account after an entry. @param {HTMLElement} shown @param {readonly any[]} events @param {number} index @param {string} text */
function checkBalance({ dataset: { account, asset, value = "" } }, events, index, text) {
  const legs = events.flatMap((event) => event.legs ?? []).filter((leg) => leg.asset === asset);
  const sides = legs.flatMap((leg) => [[leg.debit, leg.debit_after], [leg.credit, leg.credit_after]]);
  const after = sides.filter(([name]) => name === account).pop()?.[1];
  if (after === undefined) throw new NotProven(say("not_mentioned", { index, text: `${account}, ${asset}` }));
  const found = `${BigInt(after.posted) - BigInt(after.held)}`;
  if (found !== value) throw new NotProven(say("other_value", { shown: value, found }));
  if (!agrees(text, value)) throw new NotProven(say("other_value", { shown: text, found }));
}

/** @param {readonly unknown[]} events @param {string} field @param {string} value @param {string} text that the page shows for it */
function checkValue(events, field, value, text) {
  const found = events.map((event) => said(valueAt(event, field)));
  if (!found.includes(value)) throw new NotProven(say("other_value", { shown: value, found: found.join(", ") }));
  const shown = /^-?[0-9]+$/.test(value) ? agrees(text, value) : text === value;
  if (!shown) throw new NotProven(say("other_value", { shown: text, found: value }));
}

/** @param {any} event @param {string} path names with dots between them */
const valueAt = (event, path) => path.split(".").reduce((value, name) => value?.[name], event);

/** @param {unknown} value */
const said = (value) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

/** Whether a value is or has this text; without a text, whatever it is. @param {unknown} value @param {string | undefined} text @returns {boolean} */
function mentions(value, text) {
  if (text === undefined) return true;
  if (value !== null && typeof value === "object") return Object.values(value).some((each) => mentions(each, text));
  return value === text;
}

/** Whether a text shows a number as it is, or an amount of micro-units in units. @param {string} text @param {string} value */
function agrees(text, value) {
  const decimal = Intl.NumberFormat(language()).formatToParts(1.5).find(({ type }) => type === "decimal")?.value ?? ".";
  const [, sign = "", digits = ""] = /([-−]?)\s*([0-9][0-9.,'\s\u00a0\u202f]*)/.exec(text) ?? [];
  const [whole = "", part = "", ...more] = digits.trim().split(decimal);
  if (more.length > 0) return false;
  const units = whole.replace(/[^0-9]/g, "");
  const minus = sign ? "-" : "";
  const micro = BigInt(units || "0") * 1_000_000n + BigInt(part.replace(/[^0-9]/g, "").padEnd(6, "0").slice(0, 6));
  return `${minus}${micro}` === value || (part === "" && `${minus}${BigInt(units || "0")}` === value);
}

/** What was proven. @param {Proven} proven @param {import("./trust.js").Head} head */
function provenBy({ index, checkpoint }, { pin, older }) {
  const since = localTime(pin.since);
  const words = { log: checkpoint.origin, index, size: checkpoint.size, since };
  const signed = say(pin.given ? "proven_given" : "proven", words);
  return `${signed} ${older ? say("leads_on", { size: older.size }) : say("first_seen")}`;
}

/** One line at the end of the page about all figures that stand there now. */
function summarise() {
  const count = (/** @type {string} */ state) => document.querySelectorAll(`[data-proof] + .badge[data-state="${state}"]`).length;
  const all = document.querySelectorAll("[data-proof]").length;
  const forged = count("forged");
  const text = say(forged ? "summary_forged" : "summary", { proven: count("proven"), all, forged });
  let line = document.getElementById("proof-summary");
  if (line === null) {
    line = element("p", { id: "proof-summary", role: "status" });
    document.querySelector("footer")?.prepend(line);
  }
  line.dataset.state = forged ? "forged" : "proven";
  line.textContent = text;
}
