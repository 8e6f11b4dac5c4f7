// Receipt files, dropped or chosen: verified in the browser, under the keys that are pinned.
import { checkHistory, CounterfoilError, FormatError, fromBase64, NotProven, parseVerifyKeys, verifyEntry } from "../vendor/counterfoil-client.js";
import { Badge } from "./badge.js";
import { button, element, labelled, localTime } from "./dom.js";
import { get } from "./store.js";
import { gateway, headOf, host, NotTrusted, pinGiven, pinOf, pinRead, servedKeys } from "./trust.js";
import { say } from "./words.js";

const BYTES_MAX = 64 * 1_048_576;

/** @param {HTMLElement} section */
export function receiptSection(section) {
  const field = element("input", { type: "file", id: "receipt-file", accept: ".json,.txt" });
  const found = element("div", { class: "receipts", "aria-live": "polite" });
  const zone = element("div", { class: "drop" }, labelled(say("receipt_file"), field, say("receipt_hint")));
  const input = /** @type {HTMLInputElement} */ (field);
  const take = async (/** @type {FileList | null | undefined} */ files) => {
    for (const file of files ?? []) await verifyFile(file, found);
  };
  input.addEventListener("change", () => take(input.files));
  for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => (event.preventDefault(), zone.classList.add("over")));
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => (event.preventDefault(), take(event.dataTransfer?.files)));
  section.replaceChildren(element("h2", {}, say("verify_receipt")), zone, found);
}

/** @param {File} file @param {HTMLElement} found */
async function verifyFile(file, found) {
  const line = element("p", {}, element("code", {}, file.name));
  found.prepend(line);
  const badge = new Badge(/** @type {Element} */ (line.firstElementChild));
  try {
    if (file.size > BYTES_MAX) throw new FormatError(say("too_large", { bytes: BYTES_MAX }));
    const receipts = receiptsIn(await file.text());
    const lines = [];
    for (const each of receipts) lines.push(await verified(each));
    badge.show("proven", lines.join(" "));
    badge.toggle();
  } catch (problem) {
    if (!(problem instanceof CounterfoilError)) throw problem;
    const evidence = problem instanceof NotProven ? problem.evidence : [];
    badge.show(problem instanceof NotProven ? "forged" : "unknown", problem.message, evidence);
    badge.toggle();
  }
}

/**
 * The receipts in a file: one, or the evidence that `voucher prove --save` keeps. Throws `FormatError`.
 * @param {string} text @returns {{ entry: string, proof: string, index?: number, origin?: string }[]}
 */
function receiptsIn(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError(say("no_receipt"));
  }
  const found = Array.isArray(value?.entries) ? value.entries : [value?.receipt ?? value];
  const whole = (/** @type {any} */ each) => typeof each?.entry === "string" && typeof each?.proof === "string";
  if (found.length === 0 || !found.every(whole)) throw new FormatError(say("no_receipt"));
  return found;
}

/** What a receipt proves, in words. @param {ReturnType<typeof receiptsIn>[number]} receipt */
async function verified({ entry, proof, index, origin }) {
  const named = /\n\n([^\n]+)\n/.exec(proof)?.[1] ?? "";
  const path = named.startsWith(`${host()}/`) ? named.slice(host().length + 1) : null;
  const pin = path === null ? await get("pins", named) : await pinOf(path);
  if (!pin) throw new NotProven(say("not_pinned", { name: named }));
  const proven = await verifyEntry(fromBase64(entry), proof, await parseVerifyKeys(pin.vkeys));
  if ((index ?? proven.index) !== proven.index || (origin ?? named) !== named) throw new NotProven(say("receipt_differs"));
  let later = "";
  if (path !== null) {
    const { log } = await headOf(path);
    if (log.checkpoint.size >= proven.checkpoint.size) await leadsOn(path, proven.checkpoint, log.checkpoint);
    later = ` ${say("in_the_log_still", { size: log.checkpoint.size })}`;
  }
  const { time, data } = proven.entry;
  const decision = proven.outcomes.map((each) => ("refused" in each ? `${say("refused")} (${each.refused})` : say("accepted"))).join(", ");
  const events = data.events.map(({ type }) => type.replace(/\.v\d+$/, "")).join(", ");
  const words = { log: named, index: proven.index, time: localTime(new Date(time)), decision, events: events || "–" };
  return say("receipt_proven", words) + later;
}

/** @param {string} path @param {import("./trust.js").Checkpoint} older @param {import("./trust.js").Checkpoint} newer */
function leadsOn(path, older, newer) {
  return checkHistory(older, newer, (file) => gateway.logFile(path, file));
}

/** A log that asks for trust, with the keys that the server gives for it. @param {string} path @param {NotTrusted} problem */
async function newLog(path, problem) {
  try {
    const vkeys = await servedKeys(path);
    const line = element("li", {}, element("code", {}, vkeys), " ", element("small", {}, problem.message), " ");
    line.append(button(say("pin"), async () => (await pinRead(path, vkeys), line.lastElementChild?.replaceWith(say("pinned", { names: path })))));
    return line;
  } catch (other) {
    if (!(other instanceof CounterfoilError)) throw other;
    return element("li", {}, `${path}: ${other.message}`);
  }
}

/** The keys that are trusted here, and a form to give others. @param {HTMLElement} section @param {readonly string[]} paths */
export async function trustSection(section, paths) {
  const rows = element("ul", { class: "pins" });
  for (const path of paths) {
    try {
      const { vkeys, since, given } = await pinOf(path);
      const how = say(given ? "pinned_given" : "pinned_first", { since: localTime(since) });
      rows.append(element("li", {}, element("code", {}, vkeys), " ", element("small", {}, how)));
    } catch (problem) {
      if (!(problem instanceof CounterfoilError)) throw problem;
      rows.append(problem instanceof NotTrusted ? await newLog(path, problem) : element("li", {}, `${path}: ${problem.message}`));
    }
  }
  const field = /** @type {HTMLTextAreaElement} */ (element("textarea", { id: "pin-keys", rows: "4", spellcheck: "false", required: true }));
  const result = element("output");
  const form = element("form", {}, labelled(say("pin_keys"), field, say("pin_hint")), element("button", { type: "submit" }, say("pin")), result);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      result.textContent = say("pinned", { names: (await pinGiven(field.value)).join(", ") });
    } catch (problem) {
      if (!(problem instanceof CounterfoilError)) throw problem;
      result.textContent = problem.message;
    }
  });
  section.append(element("h2", {}, say("trusted_keys")), element("p", {}, say("trusted_why")), rows, form);
}
