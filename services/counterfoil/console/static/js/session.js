// The keys of this browser, and signing in with one: the server gets a signed document, and gives a cookie that only reads.
import { CounterfoilError, signOpenSession } from "../vendor/counterfoil-client.js";
import { button, element, fileLink, labelled, localTime } from "./dom.js";
import { authorOf, forgetKey, importKey, isParty, keptKeys, newKey, PASSPHRASE_MIN, proofOf } from "./keys.js";
import { say } from "./words.js";

/** @param {HTMLElement} section */
export async function signInSection(section) {
  const result = element("output", { "aria-live": "polite" });
  const list = element("ul", { class: "keys" });
  const refresh = async () => {
    const kept = await keptKeys();
    list.replaceChildren(...(await Promise.all(kept.map((each) => keyLine(each, result, refresh)))));
    if (kept.length === 0) list.append(element("li", { class: "none" }, say("no_keys")));
  };
  section.replaceChildren(element("h2", {}, say("keys_here")), list, result, makeForm(refresh), importForm(refresh));
  await refresh();
}

/** @param {import("./keys.js").KeptKey} kept @param {HTMLElement} result @param {() => Promise<void>} refresh */
async function keyLine(kept, result, refresh) {
  const enter = button(say("sign_in_as", { party: kept.party }), () => attempt(result, () => signIn(kept)), "primary");
  const proof = element("details", {}, element("summary", {}, say("register_this")), element("p", {}, say("register_how")), element("code", {}, await proofOf(kept)));
  const drop = button(say("forget_key"), async () => {
    if (!confirm(say("forget_sure", { party: kept.party }))) return;
    await forgetKey(kept);
    await refresh();
  });
  return element("li", {}, element("b", {}, kept.party), " ", element("code", {}, kept.id), " ", element("small", {}, localTime(kept.since)), " ", enter, " ", drop, proof);
}

/** @param {import("./keys.js").KeptKey} kept */
async function signIn(kept) {
  const body = await signOpenSession(await authorOf(kept));
  const headers = { "Content-Type": "application/vnd.dsse.envelope.v1+json" };
  const answer = await fetch("/console/session", { method: "POST", headers, body });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new SignInRefused(say("sign_in_refused", { code: problem.code ?? answer.status, title: problem.title ?? "" }));
  }
  location.assign("/console");
  return "";
}

class SignInRefused extends Error {}

/** @param {() => Promise<void>} refresh */
function makeForm(refresh) {
  const result = element("output", { "aria-live": "polite" });
  const party = text("new-party");
  const passphrase = secret("new-passphrase");
  passphrase.minLength = PASSPHRASE_MIN;
  return form("new_key", result, [labelled(say("party"), party), labelled(say("passphrase"), passphrase, say("passphrase_new"))], async () => {
    checkParty(party.value);
    const { kept, pem } = await newKey(party.value, passphrase.value);
    await refresh();
    result.replaceChildren(say("key_made", { id: kept.id }), " ", fileLink(`${kept.party}.pem`, pem, say("keep_file")));
    return null;
  });
}

/** @param {() => Promise<void>} refresh */
function importForm(refresh) {
  const result = element("output", { "aria-live": "polite" });
  const party = text("import-party");
  const file = /** @type {HTMLInputElement} */ (element("input", { type: "file", id: "import-file", accept: ".pem", required: true }));
  const passphrase = secret("import-passphrase");
  passphrase.required = false;
  const fields = [labelled(say("party"), party), labelled(say("key_file"), file), labelled(say("passphrase"), passphrase, say("passphrase_file"))];
  return form("import_key", result, fields, async () => {
    checkParty(party.value);
    const kept = await importKey(party.value, (await file.files?.[0]?.text()) ?? "", passphrase.value || undefined);
    await refresh();
    return say("key_imported", { id: kept.id });
  });
}

/** @param {string} name @param {HTMLElement} result @param {HTMLElement[]} fields @param {() => Promise<string | null>} work */
function form(name, result, fields, work) {
  const made = /** @type {HTMLFormElement} */ (element("form", { class: "command", id: name.replace("_", "-") }, ...fields));
  made.append(element("p", { class: "act" }, element("button", { type: "submit" }, say(name))), result);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await attempt(result, work)) made.reset();
  });
  return element("details", {}, element("summary", {}, say(name)), made);
}

/** Do the work, and say how it went. @param {HTMLElement} result @param {() => Promise<string | null>} work */
async function attempt(result, work) {
  try {
    const said = await work();
    if (said !== null) result.textContent = said;
    return true;
  } catch (problem) {
    if (!(problem instanceof CounterfoilError || problem instanceof SignInRefused || problem instanceof TypeError)) throw problem;
    result.textContent = problem.message;
    return false;
  }
}

/** @param {string} party */
function checkParty(party) {
  if (!isParty(party)) throw new SignInRefused(say("no_party"));
}

/** @param {string} id */
function text(id) {
  return /** @type {HTMLInputElement} */ (element("input", { type: "text", id, required: true, autocomplete: "off", spellcheck: "false", maxlength: "63" }));
}

/** @param {string} id */
function secret(id) {
  return /** @type {HTMLInputElement} */ (element("input", { type: "password", id, required: true, autocomplete: "off" }));
}
