/** C2SP signed notes: a text, a blank line, signature lines. Read as bytes; sizes first. */

import { type Bytes, fromBase64, sha256, text, toHex, utf8 } from "./bytes.js";
import { FormatError, NotProven } from "./errors.js";
import { verifySignature } from "./keys.js";

const NOTE_BYTES_MAX = 1_000_000;
const SIGNATURES_MAX = 100;
const VKEY_CHARS_MAX = 1_024;
const ED25519 = 1;
const NAME = /^[^\s+]+$/u;
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/** A pinned Ed25519 key of a log. */
export interface VerifyKey {
  /** The log's origin. */
  readonly name: string;
  /** 4 octets. */
  readonly id: Bytes;
  readonly publicKey: Bytes;
}

interface NoteSignature {
  readonly name: string;
  readonly id: Bytes;
  readonly signature: Bytes;
}

export interface Note {
  /** Not to be believed before `verifyNote`. */
  readonly text: Bytes;
  readonly signatures: readonly NoteSignature[];
}

/** A vkey, `name+<key id>+<base64 of type || public key>`. Throws `FormatError`. */
export async function parseVerifyKey(vkey: string): Promise<VerifyKey> {
  const [, name = "", id = "", key = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(vkey.slice(0, VKEY_CHARS_MAX)) ?? [];
  checkName(name);
  const typed = fromBase64(key);
  if (typed.length !== 33 || typed[0] !== ED25519) throw new FormatError(`${name} is not an Ed25519 key`);
  const found = (await sha256(utf8(`${name}\n`), typed)).slice(0, 4);
  if (toHex(found) !== id) throw new FormatError(`the key of ${name} has id ${toHex(found)}, not ${id}`);
  return { name, id: found, publicKey: typed.slice(1) };
}

/** Pinned keys of a text with one vkey a line; blank lines and lines that start with `#` are left out. */
export async function parseVerifyKeys(lines: string): Promise<VerifyKey[]> {
  const kept = lines.split("\n").map((line) => line.trim());
  return Promise.all(kept.filter((line) => line && !line.startsWith("#")).map(parseVerifyKey));
}

/** Split a note at its last blank line. Throws `FormatError` for anything not in the format. */
export function parseNote(data: Bytes): Note {
  if (data.length > NOTE_BYTES_MAX) throw new FormatError(`a note has at most ${NOTE_BYTES_MAX} octets`);
  const whole = text(data);
  const blank = whole.lastIndexOf("\n\n");
  if (hasControl(whole) || blank < 0 || !whole.endsWith("\n")) throw new FormatError("not a signed note");
  const lines = whole
    .slice(blank + 2)
    .split("\n")
    .slice(0, -1);
  if (lines.length < 1 || lines.length > SIGNATURES_MAX) throw new FormatError(`a note of ${lines.length} signatures`);
  return { text: utf8(whole.slice(0, blank + 1)), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [dash, name = "", encoded = "", ...more] = line.split(" ");
  if (dash !== "\u2014" || more.length > 0) throw new FormatError("not a signature line");
  checkName(name);
  const raw = fromBase64(encoded);
  if (raw.length <= 4) throw new FormatError("a signature has more than 4 octets");
  return { name, id: raw.slice(0, 4), signature: raw.slice(4) };
}

/**
 * The keys that signed. Signatures of unknown keys are ignored. Throws `NotProven` if the signature of a known key does
 * not verify, or if there is none.
 */
export async function verifyNote(note: Note, keys: readonly VerifyKey[]): Promise<VerifyKey[]> {
  const signed = new Set<VerifyKey>();
  for (const { name, id, signature } of note.signatures) {
    const key = keys.find((each) => each.name === name && toHex(each.id) === toHex(id));
    if (key === undefined) continue;
    if (!(await verifySignature(key.publicKey, note.text, signature))) {
      throw new NotProven(`the signature of ${name} with key id ${toHex(id)} does not verify`);
    }
    signed.add(key);
  }
  if (signed.size === 0) throw new NotProven("no signature by a pinned key");
  return [...signed];
}

/** Throws `FormatError` unless `name` may name a key or a log. */
export function checkName(name: string): void {
  if (!NAME.test(name) || hasControl(name)) throw new FormatError("not a key name");
}

/** Whether there is an ASCII control character other than a line feed. */
function hasControl(line: string): boolean {
  return Array.from(line).some((character) => character < " " && character !== "\n");
}

/** A decimal without leading zero or sign, below 2^53. Throws `FormatError`. */
export function parseDecimal(digits: string): number {
  const value = Number(digits);
  if (!DECIMAL.test(digits) || !Number.isSafeInteger(value)) throw new FormatError("not a decimal below 2^53");
  return value;
}

/** The 32 octets of a hash in base64. Throws `FormatError`. */
export function parseHash(encoded: string): Bytes {
  const raw = fromBase64(encoded);
  if (raw.length !== 32) throw new FormatError(`a hash has 32 octets, not ${raw.length}`);
  return raw;
}
