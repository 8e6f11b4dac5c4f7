/** Proofs against the root of a service's state: that it holds a record, or none, under a key. */

import { type Bytes, equal, fromBase64, sha256, toHex, utf8 } from "./bytes.js";
import type { Json } from "./canonical.js";
import { FormatError, NotProven } from "./errors.js";
import { HASH_BYTES, leafHash, nodeHash } from "./merkle.js";
import type { VerifyKey } from "./note.js";
import { type Proven, verifyEntry } from "./verify.js";

const ROW_BYTES = 64;
const BUCKET_ROWS_MAX = 32;
const DEPTH_MAX = 256;

export interface StateProof {
  /** The rows of the key's bucket: positions and hashes of values, 64 octets each. */
  readonly rows: Bytes;
  /** The hashes beside the path to the root, the bucket's own sibling first. */
  readonly siblings: readonly Bytes[];
}

/** A gateway's answer about a record of a log's state. Nothing of it is believed before `verifyRecord`. */
export interface StateAnswer {
  readonly key: string;
  /** Canonical JSON; null if there is no such record. */
  readonly value: string | null;
  readonly rows: string;
  readonly siblings: readonly string[];
  /** Of the entry with the state root. */
  readonly index: number;
  readonly entry: string;
  readonly proof: string;
}

export interface StateRecord {
  readonly key: string;
  /** Null if the state has no such record. */
  readonly value: Json;
  /** How many entries the state follows: what was decided since is not in it. */
  readonly entries: number;
  /** The entry that commits to the state, and the checkpoint that covers it. */
  readonly proven: Proven;
}

/** What an answer proves, under pinned keys of the log, about the record under `key`. Throws `NotProven`. */
export async function verifyRecord(answer: StateAnswer, keys: readonly VerifyKey[], key: string): Promise<StateRecord> {
  try {
    const proven = await verifyEntry(fromBase64(answer.entry), answer.proof, keys);
    const roots = proven.entry.data.events.filter((event) => event.type === "state.rooted.v1");
    const [rooted] = roots as unknown as { readonly entries: number; readonly root: string }[];
    if (rooted === undefined || roots.length !== 1 || rooted.entries !== proven.index) {
      throw new NotProven(`entry ${proven.index} does not commit to the state in front of it`);
    }
    const value = answer.value === null ? null : utf8(answer.value);
    const proof = { rows: fromBase64(answer.rows), siblings: answer.siblings.map(fromBase64) };
    await verifyState(fromBase64(rooted.root), key, value, proof);
    const json = answer.value === null ? null : (JSON.parse(answer.value) as Json);
    return { key, value: json, entries: rooted.entries, proven };
  } catch (cause) {
    const malformed = cause instanceof FormatError || cause instanceof TypeError || cause instanceof SyntaxError;
    if (malformed) throw new NotProven("not a record with its proof", { cause });
    throw cause;
  }
}

/** Check that the state with this root holds `value` for `key`, or with null that it holds nothing. Throws `NotProven`. */
export async function verifyState(
  root: Uint8Array,
  key: string,
  value: Bytes | null,
  proof: StateProof,
): Promise<void> {
  const position = await sha256(utf8(key));
  const rows = rowsOf(proof.rows);
  const depth = proof.siblings.length;
  if (rows.length > BUCKET_ROWS_MAX || depth > DEPTH_MAX || proof.siblings.some((each) => each.length !== HASH_BYTES)) {
    throw new NotProven("not a proof about a state");
  }
  rows.forEach((row, at) => {
    const before = rows[at - 1];
    const rises = before === undefined || toHex(before.subarray(0, 32)) < toHex(row.subarray(0, 32));
    if (!rises || !sameBits(row, position, depth)) throw new NotProven("a row does not belong where it stands");
  });
  const held = rows.find((row) => equal(row.subarray(0, 32), position))?.subarray(32);
  const expected = value === null ? undefined : await sha256(value);
  if (held === undefined ? expected !== undefined : expected === undefined || !equal(held, expected)) {
    throw new NotProven(`the state holds ${held === undefined ? "nothing" : toHex(held)} for ${key}`);
  }
  let computed = await leafHash(proof.rows);
  for (const [at, sibling] of proof.siblings.entries()) {
    const right = bit(position, depth - 1 - at) === 1;
    computed = right ? await nodeHash(sibling, computed) : await nodeHash(computed, sibling);
  }
  if (!equal(computed, root)) throw new NotProven(`the proof for ${key} leads to root ${toHex(computed)}`);
}

function rowsOf(data: Bytes): Bytes[] {
  if (data.length % ROW_BYTES !== 0) throw new NotProven(`a row has ${ROW_BYTES} octets`);
  return Array.from({ length: data.length / ROW_BYTES }, (_, at) =>
    data.subarray(at * ROW_BYTES, (at + 1) * ROW_BYTES),
  );
}

function bit(data: Uint8Array, at: number): number {
  return ((data[at >> 3] ?? 0) >> (7 - (at & 7))) & 1;
}

function sameBits(one: Uint8Array, other: Uint8Array, count: number): boolean {
  for (let at = 0; at < count; at += 1) if (bit(one, at) !== bit(other, at)) return false;
  return true;
}
