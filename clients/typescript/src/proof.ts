/** C2SP tlog-proof: shows, offline and years later, that an entry is in a log. */

import { type Bytes, fromBase64, text, utf8 } from "./bytes.js";
import { type Checkpoint, openCheckpoint } from "./checkpoint.js";
import { FormatError } from "./errors.js";
import { leafHash, PROOF_HASHES_MAX, verifyInclusion } from "./merkle.js";
import { parseDecimal, parseHash, type VerifyKey } from "./note.js";

const MAGIC = "c2sp.org/tlog-proof@v1";
const PROOF_BYTES_MAX = 1_200_000;

export interface LogProof {
  /** Of the entry. */
  readonly index: number;
  /** Leaf side first. */
  readonly hashes: readonly Bytes[];
  /** A signed note. */
  readonly checkpoint: Bytes;
  /** Not authenticated; empty without one. */
  readonly extra: Bytes;
}

/** Throws `FormatError`. */
export function parseProof(data: Uint8Array): LogProof {
  if (data.length > PROOF_BYTES_MAX) throw new FormatError(`a proof has at most ${PROOF_BYTES_MAX} octets`);
  const whole = text(data);
  const blank = whole.indexOf("\n\n");
  const [magic, ...lines] = whole.slice(0, Math.max(blank, 0)).split("\n");
  if (magic !== MAGIC) throw new FormatError("not a tlog-proof");
  let extra: Bytes = new Uint8Array();
  if (lines[0]?.startsWith("extra ")) {
    extra = fromBase64(lines.shift()?.slice("extra ".length) ?? "");
    if (extra.length === 0) throw new FormatError("extra data that is empty is left out");
  }
  const index = lines.shift() ?? "";
  if (!index.startsWith("index ")) throw new FormatError("a tlog-proof names the index of the entry");
  if (lines.length > PROOF_HASHES_MAX) throw new FormatError(`a proof has at most ${PROOF_HASHES_MAX} hashes`);
  const hashes = lines.map(parseHash);
  return { index: parseDecimal(index.slice("index ".length)), hashes, checkpoint: utf8(whole.slice(blank + 2)), extra };
}

/** Check that `entry` is in the log whose keys are given. Throws `FormatError`, `NotProven`. */
export async function verifyProof(
  proof: Uint8Array,
  entry: Uint8Array,
  keys: readonly VerifyKey[],
): Promise<{ proof: LogProof; checkpoint: Checkpoint }> {
  const parsed = parseProof(proof);
  const checkpoint = await openCheckpoint(parsed.checkpoint, keys);
  await verifyInclusion(parsed.index, checkpoint.size, await leafHash(entry), parsed.hashes, checkpoint.root);
  return { proof: parsed, checkpoint };
}
