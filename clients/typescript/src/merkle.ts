/** RFC 6962 section 2.1 (RFC 9162 section 2.1 is the same tree): hashes, and the verification of proofs. */

import { type Bytes, equal, sha256, toHex } from "./bytes.js";
import { NotProven } from "./errors.js";

export const HASH_BYTES = 32;
/** No proof in a tree has more. */
export const PROOF_HASHES_MAX = 64;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(entry: Uint8Array): Promise<Bytes> {
  return sha256(LEAF, entry);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(NODE, left, right);
}

/** The root of a list of leaf hashes. */
export async function rootOf(leaves: readonly Bytes[]): Promise<Bytes> {
  const [only] = leaves;
  if (only === undefined) return sha256();
  if (leaves.length === 1) return only;
  const k = splitPoint(leaves.length);
  return nodeHash(await rootOf(leaves.slice(0, k)), await rootOf(leaves.slice(k)));
}

/** Largest power of two smaller than `size`, for `size` > 1. */
export function splitPoint(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

/** Check that the leaf hash `leaf` is at `index` of the tree (`size`, `root`). Throws `NotProven`. */
export async function verifyInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): Promise<void> {
  if (!isSize(index) || !isSize(size) || index >= size)
    throw new NotProven(`no leaf ${index} in a tree of size ${size}`);
  checkHashes(...proof, leaf, root);
  let computed = leaf;
  for (const [sibling, onLeft] of climb(index, size - 1, proof)) {
    computed = onLeft ? await nodeHash(sibling, computed) : await nodeHash(computed, sibling);
  }
  if (!equal(computed, root)) {
    throw new NotProven(`leaf ${index} of ${size} leads to root ${toHex(computed)}, not ${toHex(root)}`);
  }
}

/**
 * Check that the tree (`old`, `oldRoot`) is a prefix of (`size`, `root`). Throws `NotProven`, also for `old` 0: nothing
 * can be proved about it, the caller decides to trust on first use.
 */
export async function verifyConsistency(
  old: number,
  size: number,
  oldRoot: Uint8Array,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): Promise<void> {
  if (!isSize(old) || !isSize(size) || old < 1 || old > size) {
    throw new NotProven(`no consistency proof leads from size ${old} to size ${size}`);
  }
  checkHashes(...proof, oldRoot, root);
  if (old === size) {
    if (proof.length > 0 || !equal(oldRoot, root)) throw new NotProven(`two trees of size ${size}`);
    return;
  }
  let shift = 1; // the path starts at the last complete subtree of the old tree
  while (old % (shift * 2) === 0) shift *= 2;
  const path = shift === old ? [oldRoot, ...proof] : proof;
  const [first, ...siblings] = path;
  if (first === undefined) throw new NotProven(`an empty consistency proof from size ${old} to ${size}`);
  let oldComputed = first;
  let computed = first;
  for (const [sibling, onLeft] of climb(Math.floor((old - 1) / shift), Math.floor((size - 1) / shift), siblings)) {
    if (onLeft) oldComputed = await nodeHash(sibling, oldComputed);
    computed = onLeft ? await nodeHash(sibling, computed) : await nodeHash(computed, sibling);
  }
  if (!equal(oldComputed, oldRoot)) throw new NotProven(`the proof leads to another root of size ${old}`);
  if (!equal(computed, root)) throw new NotProven(`the proof leads to another root of size ${size}`);
}

/** Every hash of a proof from node `index` of a row whose last node is `last`, and whether it stands on the left. */
function* climb(index: number, last: number, proof: readonly Uint8Array[]): Generator<[Uint8Array, boolean]> {
  for (const sibling of proof) {
    if (last === 0) throw new NotProven("the proof continues above the root");
    const onLeft = index % 2 === 1 || index === last;
    if (onLeft) {
      while (index > 0 && index % 2 === 0) {
        index /= 2; // a row in which the right edge has no sibling
        last = Math.floor(last / 2);
      }
    }
    yield [sibling, onLeft];
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  if (last > 0) throw new NotProven("the proof ends below the root");
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** A hash of another length would make H(0x01 || l || r) ambiguous. */
function checkHashes(...hashes: Uint8Array[]): void {
  if (hashes.length > PROOF_HASHES_MAX + 2) throw new NotProven(`a proof has at most ${PROOF_HASHES_MAX} hashes`);
  if (hashes.some((each) => each.length !== HASH_BYTES)) throw new NotProven(`a hash has ${HASH_BYTES} octets`);
}
