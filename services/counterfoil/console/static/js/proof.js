// Proves figures in the reader's browser: the entry that a figure comes from is in the log, and says what the page shows.
import { CounterfoilError, fromBase64, NotProven, Refused } from "../vendor/counterfoil-client.js";
import { Badge } from "./badge.js";
import { element, localTime } from "./dom.js";
import { agrees } from "./figures.js";
import { availableNow } from "./state.js";
import { get } from "./store.js";
import { proveSums } from "./sums.js";
import { headOver, originOf, pathOf } from "./trust.js";
import { say } from "./words.js";

/** @typedef {import("../vendor/counterfoil-client.js").Proven} Proven */

export { agrees };

/** So many at once: a page with thousands answers its reader meanwhile. */
const AT_ONCE = 25;
/** What an id's first letters say: the service that makes it, and the member of the event that does. */
const MADE = /** @type {Record<string, [string, string]>} */ ({
  amd: ["matching", "amendment_id"], auc: ["matching", "auction_id"], bid: ["matching", "bid_id"], cnl: ["matching", "cancellation_id"],
  hlt: ["matching", "halt_id"], off: ["matching", "offer_id"], trd: ["matching", "trade_id"],
  cro: ["ledger", "order_id"], crt: ["ledger", "trade_id"],
  adj: ["redemption", "adjustment_id"], cbk: ["redemption", "clawback_id"], clm: ["redemption", "claim_id"], cor: ["redemption", "correction_id"],
  rep: ["redemption", "report_id"], rev: ["redemption", "reversal_id"], stl: ["redemption", "settlement_id"],
  app: ["issuance", "application_id"], doc: ["issuance", "document_id"], inv: ["issuance", "claim_id"], rec: ["issuance", "recovery_id"],
  vch: ["issuance", "voucher_id"], win: ["issuance", "window_id"],
});
const ID = /^([a-z]{2,5})-(?:([a-z].*)-)?([0-9]{1,15})-[0-9]{1,6}(?:-[0-9]{1,6})?$/;
/** Members that are text though it may be all digits; every other text of digits is an amount in micro-units. */
const IS_TEXT = /_(?:id|number)$/;
const CURRENCY = /^[A-Z]{3}$/;
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
    const tables = new Set(found.map((each) => each.closest("table")));
    const seen = new IntersectionObserver(async (entries) => {
      const shown = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => /** @type {HTMLElement} */ (target));
      for (const each of shown) seen.unobserve(each);
      if (shown.length === 0) return;
      await proveSome(shown);
      for (const each of tables) if (each !== null) keepWidths(each);
      tables.clear();
    });
    for (const each of found) seen.observe(each);
    return;
  }
  for (let at = 0; at < found.length; at += AT_ONCE) await proveSome(found.slice(at, at + AT_ONCE));
}

/** Its columns keep their widths: a badge that comes into a cell lays out its row, and not every row. @param {HTMLTableElement} table */
function keepWidths(table) {
  const cells = [...(table.rows[0]?.cells ?? [])];
  const widths = cells.map((each) => each.getBoundingClientRect().width);
  for (const [at, each] of cells.entries()) each.style.width = `${widths[at]}px`;
  table.style.tableLayout = "fixed";
}

/** @param {HTMLElement} shown @returns {Promise<string>} the badge's state */
async function prove(shown) {
  const badge = new Badge(shown);
  const { path, index, member } = placeOf(shown);
  try {
    const head = await headOver(path, index);
    const proven = await entryOf(path, index, head);
    const { covered, unitless } = check(shown, proven, member);
    const balance = shown.dataset.account === undefined ? "" : ` ${await availableNow(path, index, shown.dataset)}`;
    for (const each of covered) {
      each.classList.add("covered");
      each.title = say("covered", { log: path, index });
    }
    badge.show("proven", provenBy(proven, head) + balance + (unitless ? ` ${say("no_currency")}` : ""));
    return "proven";
  } catch (problem) {
    return show(badge, problem, { path, index });
  }
}

/**
 * Where the entry must be: what an id says itself, whatever the page says beside it.
 * @param {HTMLElement} shown @returns {{ path: string, index: number, member?: string }}
 */
function placeOf({ dataset, textContent }) {
  const text = (textContent ?? "").trim();
  const [, kind = "", shard, at = ""] = ID.exec(text) ?? [];
  const made = MADE[kind];
  if (dataset.account !== undefined || made === undefined) return { path: pathOf(dataset.log ?? ""), index: Number(dataset.entry) };
  const [service, member] = made;
  return { path: pathOf(shard === undefined ? service : `${service}/${shard}`), index: Number(at), member };
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

/**
 * Which elements show what the entry says, and whether it names no currency for an amount among them. Throws `NotProven`
 * where one shows something else.
 * @param {HTMLElement} shown @param {Proven} proven @param {string} [member] of the event that made what is shown
 * @returns {{ covered: HTMLElement[], unitless: boolean }}
 */
function check(shown, { entry, index }, member) {
  const { events } = entry.data;
  const text = (shown.textContent ?? "").trim();
  if (shown.dataset.account !== undefined) return checkBalance(shown, events, index, text);
  if (text === "") return { covered: [], unitless: false }; // the entry itself
  /** @type {any} */
  const maker = member === undefined ? undefined : events.find((/** @type {any} */ event) => event[member] === text || (member === "report_id" && event.part_id === text));
  if (maker === undefined) throw new NotProven(say("not_mentioned", { index, text }));
  if (maker[member ?? ""] !== text) return { covered: [shown], unitless: false }; // a part that was split off: the event's figures are of the rest
  const cells = /** @type {HTMLElement[]} */ ([...(shown.closest("tr")?.querySelectorAll("[data-said]") ?? [])]);
  const whole = cells.filter((cell) => checkValue(maker, cell.dataset.said ?? "", cell));
  return { covered: [shown, ...whole], unitless: whole.length < cells.length };
}

/** What is available of an account after an entry. @param {HTMLElement} shown @param {readonly any[]} events @param {number} index @param {string} text */
function checkBalance(shown, events, index, text) {
  const { account, asset, value = "" } = shown.dataset;
  const legs = events.flatMap((event) => event.legs ?? []).filter((leg) => leg.asset === asset);
  const sides = legs.flatMap((leg) => [[leg.debit, leg.debit_after], [leg.credit, leg.credit_after]]);
  const after = sides.filter(([name]) => name === account).pop()?.[1];
  const row = shown.closest("tr")?.textContent ?? "";
  if (after === undefined || !row.includes(asset ?? "")) throw new NotProven(say("not_mentioned", { index, text: `${account}, ${asset}` }));
  const found = `${BigInt(after.posted) - BigInt(after.held)}`;
  if (found !== value) throw new NotProven(say("other_value", { shown: value, found }));
  const unit = CURRENCY.test(asset ?? "") ? asset : undefined;
  if (!agrees(text, found, "amount", unit)) throw new NotProven(say("other_value", { shown: text, found }));
  const cells = /** @type {HTMLElement[]} */ ([...(shown.closest("tr")?.querySelectorAll("[data-balance]") ?? [])]);
  for (const cell of cells) checkPart(cell, String(after[cell.dataset.balance ?? ""]), unit);
  return { covered: [shown, ...cells], unitless: unit === undefined };
}

/** Another member of the same balance. @param {HTMLElement} cell @param {string} found @param {string} [unit] */
function checkPart(cell, found, unit) {
  const text = (cell.textContent ?? "").trim();
  const { value: given = "" } = cell.dataset;
  if (found !== given) throw new NotProven(say("other_value", { shown: given, found }));
  if (!agrees(text, found, "amount", unit)) throw new NotProven(say("other_value", { shown: text, found }));
}

/** Whether a cell shows all of what the event says; false where that names no currency. @param {any} event @param {string} field @param {HTMLElement} cell */
function checkValue(event, field, cell) {
  const value = event[field];
  const text = (cell.textContent ?? "").trim();
  const { value: given = "" } = cell.dataset;
  const found = value === undefined ? "–" : String(value);
  if (found !== given) throw new NotProven(say("other_value", { shown: given, found }));
  const kind = kindOf(field, value);
  const unit = kind === "amount" ? event.currency : undefined;
  if (kind === "other" || !agrees(text, found, kind, unit)) throw new NotProven(say("other_value", { shown: text, found }));
  return kind !== "amount" || unit !== undefined;
}

/** What a member is, by its type in JSON: a number is one, and a text of digits an amount. @param {string} field @param {unknown} value */
function kindOf(field, value) {
  if (typeof value === "number") return "number";
  if (typeof value !== "string") return "other";
  return /^-?[0-9]+$/.test(value) && !IS_TEXT.test(field) ? "amount" : "text";
}

/** What was proven. @param {Proven} proven @param {import("./trust.js").Head} head */
function provenBy({ index, checkpoint }, { pin, older }) {
  const since = localTime(pin.since);
  const words = { log: checkpoint.origin, index, size: checkpoint.size, since };
  const signed = say(pin.given ? "proven_given" : "proven", words);
  return `${signed} ${older ? say("leads_on", { size: older.size }) : say("first_seen")}`;
}

/** One line at the end of the page about all figures that stand there now: also those that nothing could prove. */
function summarise() {
  proveSums();
  const proven = document.querySelectorAll(".covered").length;
  const all = document.querySelectorAll("[data-proof], [data-said], [data-member], [data-sum], td.figure:not(:has([data-proof]))").length;
  const forged = document.querySelectorAll('.badge[data-state="forged"]').length;
  const text = say(forged ? "summary_forged" : "summary", { proven, all, forged });
  let line = document.getElementById("proof-summary");
  if (line === null) {
    line = element("p", { id: "proof-summary", role: "status" });
    document.querySelector("footer")?.prepend(line);
  }
  line.dataset.state = forged ? "forged" : "proven";
  line.textContent = text;
}
