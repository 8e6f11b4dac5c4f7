/** Verifies receipts: that an entry is in a log, and that it decides the command that was sent. */

import { type Bytes, equal, fromBase64, utf8 } from "./bytes.js";
import { asObject, type Json, parseCanonical } from "./canonical.js";
import type { Checkpoint } from "./checkpoint.js";
import type { SignedCommand } from "./commands.js";
import { FormatError, NotProven } from "./errors.js";
import type { components } from "./generated/api.js";
import type { VerifyKey } from "./note.js";
import { verifyProof } from "./proof.js";
import type { Outcome, Receipt } from "./receipt.js";

/** A log entry: a CloudEvents 1.0 event. */
export type Entry = components["schemas"]["entry"];

/** An entry, and the signed checkpoint that covers it. */
export interface Proven {
  readonly entry: Entry;
  readonly bytes: Bytes;
  readonly index: number;
  /** What the entry decides: one for each command of a batch. */
  readonly outcomes: readonly Outcome[];
  readonly checkpoint: Checkpoint;
}

/** An entry's octets and their tlog-proof, under pinned keys of the log. Throws `NotProven`. */
export async function verifyEntry(bytes: Bytes, proof: string, keys: readonly VerifyKey[]): Promise<Proven> {
  return provenOr("the receipt does not verify", async () => {
    const { proof: parsed, checkpoint } = await verifyProof(utf8(proof), bytes, keys);
    return readProven(bytes, parsed.index, checkpoint);
  });
}

/** A gateway's receipt under pinned keys; with `command`, also that the entry decides that command. Throws `NotProven`. */
export async function verifyReceipt(
  receipt: Receipt,
  keys: readonly VerifyKey[],
  command?: SignedCommand,
): Promise<Proven> {
  const bytes = await provenOr("not a receipt", async () => fromBase64(receipt.entry));
  const proven = await verifyEntry(bytes, receipt.proof, keys);
  if (command !== undefined) {
    const payload = await provenOr("not the entry of a command", async () => commandOf(proven.entry));
    if (!equal(payload, command.payload)) {
      throw new NotProven(`entry ${proven.index} of ${proven.checkpoint.origin} decides another command`);
    }
  }
  return proven;
}

/** The entry in octets that are proven to be at `index` under a checkpoint. Throws `NotProven`. */
export async function readProven(bytes: Bytes, index: number, checkpoint: Checkpoint): Promise<Proven> {
  return provenOr("what the log has is no entry", async () => {
    const entry = parseCanonical(bytes) as unknown as Entry;
    if (entry.source !== `//${checkpoint.origin}` || entry.data.index !== index) {
      throw new NotProven(`the entry is not entry ${index} of ${checkpoint.origin}`);
    }
    return { entry, bytes, index, outcomes: outcomesOf(entry), checkpoint };
  });
}

function outcomesOf({ data: { decision, events } }: Entry): readonly Outcome[] {
  if (decision === "accepted") return [{ accepted: events.length }];
  return "batch" in decision ? decision.batch : [decision];
}

function commandOf(entry: Entry): Bytes {
  const { payload } = asObject(asObject(entry.data.cause as unknown as Json).command ?? null);
  if (typeof payload !== "string") throw new FormatError("no payload");
  return fromBase64(payload);
}

async function provenOr<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FormatError || cause instanceof TypeError) throw new NotProven(message, { cause });
    throw cause;
  }
}
