// Which checkpoints this browser believes: signed by a pinned key, and leading on from the one seen last.
//
// The keys of an instance's logs are pinned together at first use, or given by the reader. From then on the server's word
// counts for nothing: neither for another key, nor for another instance, nor for a log that it did not name then.
import { checkHistory, CounterfoilError, Gateway, NotProven, NotThere, openCheckpoint, parseVerifyKeys, PublishedLog } from "../vendor/counterfoil-client.js";
import { change, get, keysOf, put, putFirst } from "./store.js";
import { say } from "./words.js";

/** Milliseconds within which a log that is shorter than before must have caught up: an answer of a moment ago is none of a liar. */
const CATCHES_UP = 3_000;
const PUBLISHES_WITHIN = 5_000;
const POLL = 300;

export const gateway = new Gateway(location.origin, { credentials: "same-origin" });
export const host = () => document.body.dataset.host ?? location.hostname;

/**
 * @typedef {{ vkeys: string, since: Date, given: boolean }} Pin
 * @typedef {import("../vendor/counterfoil-client.js").Checkpoint} Checkpoint
 * @typedef {{ pin: Pin, older: Checkpoint | null, log: PublishedLog }} Head
 */

/** `service` or `service/shard` as the path of its log. @param {string} name */
export const pathOf = (name) => (name.includes("/") ? name : `${name}/main`);
/** @param {string} path */
export const originOf = (path) => `${host()}/${path}`;

/** The paths of the instance's logs, as the page names them. */
export const logPaths = () => Object.keys(JSON.parse(document.body.dataset.positions ?? "{}")).map(pathOf);

/** A log that this browser has no key of, while it knows others of its instance: only the reader may trust it. */
export class NotTrusted extends CounterfoilError {}

/** @type {Map<string, Promise<Head>>} */
const heads = new Map();

/** A log's newest checkpoint, believed; asked for once per page. Throws as the client. @param {string} path @returns {Promise<Head>} */
export function headOf(path) {
  const found = heads.get(path) ?? readHead(path);
  heads.set(path, found);
  return found;
}

/**
 * The same, once it covers an entry: what a page shows is committed, and published a moment later.
 * @param {string} path @param {number} index @returns {Promise<Head>}
 */
export async function headOver(path, index) {
  for (let waited = 0; ; waited += POLL) {
    const asked = headOf(path);
    const head = await asked;
    if (head.log.checkpoint.size > index || waited >= PUBLISHES_WITHIN) return head;
    await gateway.sleep(POLL);
    if (heads.get(path) === asked) heads.delete(path);
  }
}

/** Ask for heads anew from now on. */
export function forgetHeads() {
  heads.clear();
}

/** @type {Promise<void> | undefined} */
let first;

/**
 * The keys that this browser has pinned for a log. Throws `NotTrusted` for a new log of a known instance, `NotProven` for
 * another instance than the one that this browser knows here.
 * @param {string} path @returns {Promise<Pin>}
 */
export async function pinOf(path) {
  const origin = originOf(path);
  const kept = await get("pins", origin);
  if (kept) return kept;
  first ??= pinFirst();
  try {
    await first;
  } catch (problem) {
    first = undefined;
    throw problem;
  }
  const pinned = await get("pins", origin);
  if (pinned) return pinned;
  const known = [...new Set((await keysOf("pins")).map((name) => name.split("/")[0]))];
  if (known.length > 0 && !known.includes(host())) throw new NotProven(say("other_host", { host: host(), known: known.join(", ") }));
  throw new NotTrusted(say("new_log", { log: origin }));
}

/** At the first use of this address, all logs of the instance or none: one that comes later is the reader's to trust. */
async function pinFirst() {
  if ((await keysOf("pins")).length > 0) return;
  const since = new Date();
  /** @type {[string, Pin][]} */
  const pins = await Promise.all(logPaths().map(async (path) => [originOf(path), { vkeys: await servedKeys(path), since, given: false }]));
  await putFirst("pins", pins);
}

/** The keys that the server gives for a log now, each of which names it. @param {string} path */
export async function servedKeys(path) {
  const vkeys = new TextDecoder().decode(await gateway.logFile(path, "vkey")).trim();
  await checkNames(vkeys, originOf(path));
  return vkeys;
}

/** Pin what the reader has read and trusts; another pin of the log stays. @param {string} path @param {string} vkeys */
export async function pinRead(path, vkeys) {
  await change("pins", originOf(path), (before) => before ?? { vkeys, since: new Date(), given: true });
  forgetHeads();
}

/** Pin the keys that the reader gives; each names its log. Returns the origins. @param {string} lines */
export async function pinGiven(lines) {
  const origins = new Set((await parseVerifyKeys(lines)).map(({ name }) => name));
  for (const origin of origins) {
    const own = lines.split("\n").filter((line) => line.trim().startsWith(`${origin}+`));
    await put("pins", origin, { vkeys: own.join("\n"), since: new Date(), given: true });
  }
  forgetHeads();
  return [...origins];
}

/** @param {string} vkeys @param {string} origin */
async function checkNames(vkeys, origin) {
  const keys = await parseVerifyKeys(vkeys);
  const other = keys.find(({ name }) => name !== origin);
  if (keys.length === 0 || other) throw new NotProven(say("other_log", { origin, name: other?.name ?? "" }));
}

/** @param {string} path @returns {Promise<Head>} */
async function readHead(path) {
  const origin = originOf(path);
  const pin = await pinOf(path);
  const keys = await parseVerifyKeys(pin.vkeys);
  const kept = await get("heads", origin);
  const older = kept ? await openCheckpoint(kept.note, keys) : null;
  const newest = await newestOf(path, keys, older);
  if (newest.origin !== origin) throw new NotProven(say("other_log", { origin, name: newest.origin }));
  /** @param {string} file */
  const read = async (file) => {
    try {
      return await gateway.logFile(path, file);
    } catch (problem) {
      if (problem instanceof NotThere) return null;
      throw problem;
    }
  };
  if (older) await checkHistory(older, newest, read);
  await change("heads", origin, (before) => (before && before.size > newest.size ? undefined : { note: newest.note, size: newest.size, seen: new Date() }));
  return { pin, older, log: new PublishedLog(newest, read) };
}

/** @param {string} path @param {Awaited<ReturnType<typeof parseVerifyKeys>>} keys @param {Checkpoint | null} older */
async function newestOf(path, keys, older) {
  for (let waited = 0; ; waited += POLL) {
    const newest = await openCheckpoint(await gateway.logFile(path, "checkpoint"), keys);
    if (older === null || newest.size >= older.size || waited >= CATCHES_UP) return newest;
    await gateway.sleep(POLL);
  }
}
