/** C2SP checkpoints: the head of a log's tree as the text of a signed note, without extension lines. */

import { type Bytes, text } from "./bytes.js";
import { FormatError, NotProven } from "./errors.js";
import { checkName, parseDecimal, parseHash, parseNote, type VerifyKey, verifyNote } from "./note.js";

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 octets. */
  readonly root: Bytes;
  /** The signed note that says so: keep it as evidence. */
  readonly note: Bytes;
}

/**
 * The checkpoint in `note`, believed because a pinned key that bears the origin's name signed it. `keys` may hold several
 * keys of the log. Throws `FormatError`, or `NotProven` if the log's signature is missing or a known one does not verify.
 */
export async function openCheckpoint(note: Bytes, keys: readonly VerifyKey[]): Promise<Checkpoint> {
  const parsed = parseNote(note);
  const signedBy = await verifyNote(parsed, keys);
  const checkpoint = { ...parseCheckpoint(text(parsed.text)), note };
  if (!signedBy.some((key) => key.name === checkpoint.origin)) {
    throw new NotProven(`the checkpoint of ${checkpoint.origin} is not signed by its log`);
  }
  return checkpoint;
}

function parseCheckpoint(source: string): Omit<Checkpoint, "note"> {
  const [origin = "", size = "", root = "", ...end] = source.split("\n");
  if (end.length !== 1 || end[0] !== "") throw new FormatError("a checkpoint has three lines");
  checkName(origin);
  return { origin, size: parseDecimal(size), root: parseHash(root) };
}
