// Forms of commands: shows the exact octets and their meaning, signs them, sends them, and follows what becomes of them.
import { Author, CounterfoilError, FormatError, NotProven, parseVerifyKeys, readCommand, Refused, verifyReceipt } from "../vendor/counterfoil-client.js";
import { Badge } from "./badge.js";
import { readingOf } from "./bodies.js";
import { marketTime, otherTime } from "./clock.js";
import { button, element, fileLink, labelled, localTime } from "./dom.js";
import { follow } from "./following.js";
import { authorOf, keptKeys } from "./keys.js";
import { all, put, remove } from "./store.js";
import { gateway, headOf, host, pinOf } from "./trust.js";
import { say } from "./words.js";

/** Seconds that the gateway is asked to wait for what became of a command. */
const WAIT = 20;

/**
 * @typedef {import("../vendor/counterfoil-client.js").SignedCommand} SignedCommand
 * @typedef {{ type: string, v: number, body: Record<string, unknown> }} Command
 */

/** Take over the forms of commands. @param {ParentNode} within */
export function takeForms(within) {
  for (const each of within.querySelectorAll("form[data-command]:not([data-taken])")) {
    const form = /** @type {HTMLFormElement} */ (each);
    form.dataset.taken = "";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      read(form);
    });
  }
}

/** @param {HTMLFormElement} form */
const resultOf = (form) => /** @type {HTMLElement} */ (form.querySelector("[data-result]"));

/** @param {HTMLFormElement} form */
async function read(form) {
  try {
    const { command = "", version = "1" } = form.dataset;
    const { body, lines } = readingOf(form); // at once: whatever is typed from here on is neither shown nor signed
    await openDialog(form, { type: command, v: Number(version), body }, lines);
  } catch (problem) {
    if (!(problem instanceof CounterfoilError)) throw problem;
    resultOf(form).replaceChildren(problem.message);
  }
}

/** What is to be signed: in words, and as octets. @param {HTMLFormElement} form @param {Command} command @param {[string, string][]} lines */
async function openDialog(form, command, lines) {
  const keys = await keptKeys();
  const own = keys.filter(({ party }) => party === document.body.dataset.party);
  const usable = own.length > 0 ? own : keys;
  const path = (form.dataset.log ?? "").slice(host().length + 1);
  const { log } = await headOf(path);
  const octets = element("pre", { tabindex: "0" });
  const title = element("h2", { id: "sign-title" });
  const select = /** @type {HTMLSelectElement} */ (element("select", { id: "sign-key" }));
  select.append(...usable.map((each, at) => element("option", { value: String(at) }, `${each.party} · ${each.id}`)));
  /** @type {{ author: Author, draft: import("../vendor/counterfoil-client.js").Draft } | undefined} */
  let drafted;
  const draft = async () => {
    const kept = usable[Number(select.value)];
    title.textContent = say("sign_title", { party: kept?.party ?? "", command: command.type.replaceAll("_", " ") });
    if (kept === undefined) return;
    const author = await authorOf(kept);
    const shard = path.split("/")[1] ?? "main";
    drafted = { author, draft: author.draft(/** @type {any} */ (command), { shard, seen: log.checkpoint, issuedAt: marketTime() }) };
    octets.textContent = new TextDecoder().decode(drafted.draft.payload);
  };
  select.addEventListener("change", draft);
  await draft();
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { class: "sign", "aria-labelledby": "sign-title" }));
  const close = () => (dialog.close(), dialog.remove());
  dialog.addEventListener("close", () => dialog.remove());
  const confirmed = async () => {
    if (drafted === undefined) return;
    const { author, draft: read } = drafted;
    close();
    await send(await author.signDraft(read), resultOf(form));
  };
  const sign = button(say("sign_and_send"), confirmed, "primary");
  const words = element("dl", {}, ...lines.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  dialog.append(title, words, ...otherTime());
  if (usable.length > 0) dialog.append(labelled(say("with_key"), select), element("h3", {}, say("exact_octets")), octets);
  else dialog.append(element("p", { class: "notice" }, say("no_key_to_sign")));
  dialog.append(handOver(command), element("p", { class: "act" }, ...(usable.length > 0 ? [sign, " "] : []), button(say("cancel"), close)));
  document.body.append(dialog);
  dialog.showModal();
}

/** The same command for the command line, which has the key. @param {Command} command */
function handOver(command) {
  const name = `${command.type}.json`;
  const content = `${JSON.stringify(command, null, 2)}\n`;
  const party = document.body.dataset.party ?? "PARTY";
  const line = `counterfoil submit ${name} --as ${party}`;
  const copied = element("small", { role: "status" });
  const copy = button(say("copy"), async () => {
    await navigator.clipboard.writeText(line);
    copied.textContent = say("copied");
  });
  return element("details", {}, element("summary", {}, say("hand_over")), element("p", {}, say("hand_over_how")),
    element("p", {}, fileLink(name, content, name)), element("p", {}, element("code", {}, line), " ", copy, " ", copied));
}

/**
 * Send a signed command, and say what became of it. It has one id until it is settled: whatever is lost on the way, the same
 * octets are sent again, and its form makes no other command meanwhile.
 * @param {SignedCommand} command @param {HTMLElement} result
 */
async function send(command, result) {
  lock(result, true);
  await put("outbox", command.id, { envelope: command.envelope, made: new Date() });
  result.replaceChildren(say("sent", { id: command.id }));
  try {
    await settled(command, await gateway.submit(command, { wait: WAIT }), result);
  } catch (problem) {
    if (problem instanceof Refused && problem.receipt) await settled(command, problem.receipt, result, problem);
    else if (problem instanceof Refused) await unrecorded(command, problem, result);
    else if (problem instanceof CounterfoilError) result.replaceChildren(say("unsettled", { id: command.id }), " ", again(command, result));
    else throw problem;
  }
}

/** A refusal without a receipt proves nothing: an earlier attempt may have been decided. @param {SignedCommand} command @param {Refused} problem @param {HTMLElement} result */
async function unrecorded(command, problem, result) {
  try {
    return await settled(command, await gateway.receipt(command), result);
  } catch (missing) {
    if (!(missing instanceof CounterfoilError)) throw missing;
  }
  const text = say("refused_because", { code: problem.code, title: problem.problem.title, detail: problem.problem.detail });
  result.replaceChildren(text, " ", say("refused_unrecorded"), " ", again(command, result), " ", forget(command.id, result));
}

/** No other command from this form until its last one is settled. @param {HTMLElement} result @param {boolean} locked */
function lock(result, locked) {
  const submit = result.closest("form")?.querySelector("[type=submit]");
  if (submit instanceof HTMLButtonElement) submit.disabled = locked;
}

/** @param {string} id of a command that the reader gives up @param {HTMLElement} result */
function forget(id, result) {
  return button(say("forget_command"), async () => {
    await remove("outbox", id);
    lock(result, false);
    result.replaceChildren(say("command_forgotten", { id }));
  });
}

/** @param {SignedCommand} command @param {HTMLElement} result */
function again(command, result) {
  return button(say("send_again"), () => send(command, result));
}

/** Believe a receipt, and say what it decides. @param {SignedCommand} command @param {any} receipt @param {HTMLElement} result @param {Refused} [refused] */
async function settled(command, receipt, result, refused) {
  const path = command.aud.slice(host().length + 1);
  const whole = typeof receipt?.entry === "string" && typeof receipt?.proof === "string";
  const text = !whole ? say("no_receipt") : refused
    ? say("refused_because", { code: refused.code, title: refused.problem.title, detail: refused.problem.detail })
    : say("accepted_as", { log: path, index: receipt.index });
  const line = element("span", {}, text);
  result.replaceChildren(line);
  const badge = new Badge(line);
  try {
    if (!whole) throw new FormatError(say("no_receipt"));
    const keys = await parseVerifyKeys((await pinOf(path)).vkeys);
    const proven = await verifyReceipt(receipt, keys, command);
    await put("receipts", `${command.aud}:${proven.index}`, { entry: receipt.entry, proof: receipt.proof });
    await remove("outbox", command.id);
    lock(result, false);
    badge.show("proven", say("receipt_is_proven", { log: command.aud, index: proven.index }));
    result.append(" ", fileLink(`${command.id}.json`, JSON.stringify({ entry: receipt.entry, proof: receipt.proof }, null, 2), say("keep_receipt")));
    if (!refused) await follow(path, proven, receipt.outcome, result);
  } catch (problem) {
    if (!(problem instanceof CounterfoilError)) throw problem;
    if (problem instanceof NotProven) badge.show("forged", problem.message, problem.evidence);
    else badge.show("unknown", say("unchecked", { why: problem.message }));
    result.append(" ", again(command, result));
  }
}

/** Commands that this browser sent and knows no outcome of: each may be sent again, as it is. */
export async function showUnsettled() {
  const lines = (await all("outbox")).flatMap((each) => unsettledLine(each) ?? []);
  if (lines.length === 0) return;
  document.getElementById("content")?.prepend(element("section", { class: "notice", id: "unsettled" }, element("p", {}, say("unsettled_here")), element("ul", {}, ...lines)));
}

/** One of them; null for another instance's. What cannot be read is said, and stops no other. @param {any} row */
function unsettledLine(row) {
  try {
    const command = readCommand(row.envelope);
    if (!command.aud.startsWith(`${host()}/`)) return null;
    const result = element("output");
    return element("li", {}, element("code", {}, command.id), ` ${command.actor}, ${localTime(row.made)} `, again(command, result), " ", result);
  } catch (problem) {
    return element("li", {}, say("unchecked", { why: problem instanceof Error ? problem.message : String(problem) }));
  }
}
