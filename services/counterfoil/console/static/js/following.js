// Follows what a command made: the events that concern the reader's party, as they come, until the object has come to its end.
import { language, element, localTime } from "./dom.js";
import { say } from "./words.js";

/** Seconds that the gateway may wait for an event, and milliseconds between two attempts while it cannot be reached. */
const WAIT = 10;
const PAUSE = 2_000;
/** States of an order, claim or contract after which nothing becomes of it. */
const ENDS = ["filled", "closed", "cancelled", "expired", "refused", "rejected", "paid", "immediate", "lapsed", "self_trade", "below_minimum", "not_permitted", "voucher_ended"];

/**
 * @param {string} path of the log
 * @param {import("../vendor/counterfoil-client.js").Proven} proven
 * @param {any} outcome what the receipt says of the object, if it does
 * @param {HTMLElement} result
 */
export async function follow(path, { index, entry }, outcome, result) {
  const subjects = new Set(entry.data.events.flatMap((event) => Object.entries(event).filter(([name]) => name.endsWith("_id") && idOf(event.type, name)).map(([, value]) => value)));
  const state = element("p", { role: "status" });
  const list = element("ol", { class: "followed" });
  result.append(state, list);
  showOutcome(outcome, state);
  if (document.body.dataset.party === undefined || subjects.size === 0) return;
  const service = path.replace(/\/main$/, "");
  const positions = { ...JSON.parse(document.body.dataset.positions ?? "{}"), [service]: index + 1 };
  let next = Object.entries(positions).map(([log, at]) => `${log}:${at}`).join(",");
  const href = outcome?.href;
  let row = outcome;
  while (result.isConnected && !ENDS.includes(row?.status)) {
    try {
      const page = await ask(`/v1/feed?from=${encodeURIComponent(next)}&wait=${WAIT}`);
      next = page.next;
      const about = page.items.filter((/** @type {any} */ each) => Object.values(each.data).some((value) => subjects.has(value)));
      for (const each of about) list.append(element("li", {}, element("time", { datetime: each.time }, localTime(new Date(each.time))), ` ${each.type.replace(/\.v\d+$/, "")}`));
      if (href) showOutcome((row = await ask(href)), state);
      state.dataset.connected = "";
    } catch (problem) {
      if (problem instanceof Ended) {
        state.textContent = say("session_ended");
        return;
      }
      delete state.dataset.connected;
      state.textContent = say("connection_lost");
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

class Ended extends Error {}

/** @param {string} path @returns {Promise<any>} */
async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json", "Accept-Language": language() } });
  if (answer.status === 401) throw new Ended();
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** The id that an event is about: the one that its type names. @param {string} type @param {string} name */
function idOf(type, name) {
  return type.startsWith(name.slice(0, -"_id".length)) || (type.startsWith("credit.") && name === "order_id");
}

/** @param {any} outcome @param {HTMLElement} state */
function showOutcome(outcome, state) {
  if (!outcome?.status) return;
  const status = `status_${outcome.status}`;
  const said = say(status);
  const reason = outcome.status_reason ? ` (${outcome.status_reason.replaceAll("_", " ")})` : "";
  state.textContent = `${say("now")}: ${said === status ? outcome.status.replaceAll("_", " ") : said}${reason}`;
  state.dataset.status = outcome.status;
}
