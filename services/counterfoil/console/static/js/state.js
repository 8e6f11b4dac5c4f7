// Proves what a log's state holds, by the root that one of its entries commits to, and that no entry since changes it.
//
// A root is older than the page. So the entries behind it, as far as the page reflects them, are read too: where none is
// about the record, it is now as it was then. Where there are too many, or this reader may not read them, the badge says so.
import { CounterfoilError, NotProven, NotThere, parseVerifyKeys, Refused, Unreachable } from "../vendor/counterfoil-client.js";
import { Badge } from "./badge.js";
import { agrees } from "./figures.js";
import { gateway, headOver, pathOf, pinOf } from "./trust.js";
import { say } from "./words.js";

/** Entries behind a root that are read, at most. */
const SINCE_MOST = 256;

/** @typedef {import("../vendor/counterfoil-client.js").StateRecord} StateRecord */

/** @type {Map<string, Promise<StateRecord>>} */
const asked = new Map();
/** @type {Map<string, Promise<readonly any[]>>} */
const read = new Map();

/** A record of a log's state, proven; asked for once per page. Throws as the client. @param {string} path @param {string} key */
function recordOf(path, key) {
  const name = `${path} ${key}`;
  const found = asked.get(name) ?? readRecord(path, key);
  asked.set(name, found);
  return found;
}

/** @param {string} path @param {string} key */
async function readRecord(path, key) {
  const record = await gateway.record(path, key, await parseVerifyKeys((await pinOf(path)).vkeys));
  const head = await headOver(path, record.proven.index);
  await head.log.proven(record.proven.index, record.proven.bytes); // the root is in the log that this browser believes
  return record;
}

/** Whether a log has a state root of which the state is kept, as the page says. @param {string} path */
const isRooted = (path) => JSON.parse(document.body.dataset.states ?? "[]").includes(path.replace(/\/main$/, ""));
/** How many entries of a log the page reflects. @param {string} path */
const reflected = (path) => Number(JSON.parse(document.body.dataset.positions ?? "{}")[path.replace(/\/main$/, "")] ?? 0);

/**
 * The first entry from `from` on that is about something; null where there is none, undefined where that is not known.
 * @param {string} path @param {number} from @param {(events: readonly any[]) => boolean} isAbout
 */
async function entrySince(path, from, isAbout) {
  const until = reflected(path);
  if (until - from > SINCE_MOST) return undefined;
  try {
    for (let at = from; at < until; at += 1) if (isAbout(await eventsOf(path, at))) return at;
  } catch (problem) {
    if (problem instanceof Refused || problem instanceof NotThere || problem instanceof Unreachable) return undefined;
    throw problem;
  }
  return null;
}

/** The events of an entry, proven. @param {string} path @param {number} index */
function eventsOf(path, index) {
  const name = `${path} ${index}`;
  const found = read.get(name) ?? headOver(path, index).then(({ log }) => log.entry(index)).then(({ entry }) => entry.data.events);
  read.set(name, found);
  return found;
}

/**
 * What proves that a balance is still what its last posting left, in words. Throws `NotProven` where the state, or a later
 * entry, has another.
 * @param {string} path @param {number} index of the posting's entry @param {DOMStringMap} dataset
 */
export async function availableNow(path, index, { account = "", asset = "", value = "" }) {
  const record = await stated(path, `position/${asset}/${account}`);
  let from = index + 1;
  let text = say("balance_after", { index });
  if (record !== undefined && record.entries > index && record.entries <= reflected(path)) {
    const found = availableOf(record.value);
    if (found !== value) throw new NotProven(say("state_other", { shown: value, found, entries: record.entries }));
    from = record.entries;
    text += ` ${say("state_same", { entries: record.entries })}`;
  }
  const moves = (/** @type {any} */ leg) => leg.asset === asset && (leg.debit === account || leg.credit === account);
  const later = await entrySince(path, from, (events) => events.some((event) => (event.legs ?? []).some(moves)));
  if (typeof later === "number") throw new NotProven(say("moved_since", { index: later }));
  return later === null ? `${text} ${say("not_moved_since", { entries: reflected(path) })}` : text;
}

/** The record, if there is a state and this reader may read it. @param {string} path @param {string} key */
async function stated(path, key) {
  if (!isRooted(path)) return undefined;
  try {
    return await recordOf(path, key);
  } catch (problem) {
    if (problem instanceof NotProven || !(problem instanceof CounterfoilError)) throw problem;
    return undefined;
  }
}

/** What is available of a position, micro-units. @param {any} value */
function availableOf(value) {
  if (value === null) return "0";
  return `${BigInt(value.credits_posted) - BigInt(value.debits_posted) - BigInt(value.debits_pending)}`;
}

/** Put a badge behind each record of a page, and prove the figures that are of it. @param {ParentNode} [within] */
export async function proveStates(within = document) {
  const found = /** @type {HTMLElement[]} */ ([...within.querySelectorAll("[data-state-key]:not([data-checked])")]);
  for (const each of found) each.dataset.checked = "";
  await Promise.all(found.map(proveState));
}

/** @param {HTMLElement} shown */
async function proveState(shown) {
  const badge = new Badge(shown);
  const path = pathOf(shown.dataset.stateLog ?? "");
  try {
    const [state, text] = await judged(shown, path);
    badge.show(state, text);
  } catch (problem) {
    if (problem instanceof NotProven) badge.show("forged", say("state_forged", { log: path, why: problem.message }), problem.evidence);
    else if (!(problem instanceof CounterfoilError)) throw problem;
    else if (problem instanceof NotThere) badge.show("unknown", say("state_not_yet", { log: path }));
    else if (problem instanceof Refused && [401, 403].includes(problem.problem.status)) badge.show("unknown", say("state_withheld", { log: path }));
    else badge.show("unknown", say("unchecked", { why: problem.message }));
  }
}

/**
 * Whether the page shows of a record what the state has. Of several keys the first counts under which it has something.
 * @param {HTMLElement} shown @param {string} path @returns {Promise<["proven" | "unknown", string]>}
 */
async function judged(shown, path) {
  const main = /** @type {HTMLElement} */ (document.getElementById("content"));
  const keys = (shown.dataset.stateKey ?? "").split(" ");
  const subject = keys[0].slice(keys[0].indexOf("/") + 1);
  const others = keys.some((key) => key.slice(key.indexOf("/") + 1) !== subject);
  if (others || ![...main.querySelectorAll("h1 code, .lead code")].some(({ textContent }) => textContent === subject)) {
    throw new NotProven(say("state_of_other", { key: keys.join(" ") }));
  }
  if (!isRooted(path)) return ["unknown", say("state_not_yet", { log: path })];
  let record = await recordOf(path, keys[0]);
  for (const key of keys.slice(1)) if (record.value === null) record = await recordOf(path, key);
  const { key, entries, value } = record;
  const figures = /** @type {HTMLElement[]} */ ([...main.querySelectorAll("[data-member]")]);
  const wrong = value === null ? undefined : figures.map((each) => difference(value, each)).find((each) => each !== undefined);
  const later = entries > reflected(path) ? undefined : await entrySince(path, entries, (events) => events.some((event) => isAbout(event, subject)));
  if (value === null || wrong !== undefined) {
    if (later === null) throw new NotProven(wrong ?? say("state_has_none", { key, entries }));
    return ["unknown", say("state_older", { entries })];
  }
  for (const each of figures) each.classList.add("covered");
  const since = later === null ? say("state_unchanged", { entries: reflected(path) }) : say("state_since");
  return ["proven", `${say("state_says", { key, log: path, entries })} ${since}`];
}

/** Whether a value of an event is the subject, wherever it stands. @param {any} value @param {string} subject @returns {boolean} */
function isAbout(value, subject) {
  if (typeof value === "string") return value === subject;
  return typeof value === "object" && value !== null && Object.values(value).some((each) => isAbout(each, subject));
}

/** What a figure shows that the record does not say, in words. @param {any} value of the record @param {HTMLElement} shown */
function difference(value, shown) {
  const { member = "", amount } = shown.dataset;
  const found = `${member.split(/(?=[+-])/).reduce((sum, part) => sum + (part.startsWith("-") ? -1n : 1n) * BigInt(value[part.replace(/^[+-]/, "")]), 0n)}`;
  const unit = value.current?.unit ?? value.current?.terms?.currency ?? value.terms?.currency;
  const text = (shown.textContent ?? "").trim();
  const same = amount === undefined ? agrees(text, found, "number") : agrees(text, found, "amount", unit);
  return same ? undefined : say("state_other_value", { shown: text, found });
}
