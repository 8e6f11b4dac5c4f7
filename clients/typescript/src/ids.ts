/** Command ids: UUIDs of version 7 (RFC 9562). */

import { type Bytes, sha256, toHex, utf8 } from "./bytes.js";

/** A fresh id, which rises with time and never collides. */
export function newCommandId(now: number = Date.now()): string {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(octets.buffer);
  view.setUint32(0, Math.floor(now / 0x1_0000));
  view.setUint16(4, now % 0x1_0000);
  return uuid(octets);
}

/**
 * The id of the command that a party names by these words, such as `Order 4711`: the same words give the same id, also in
 * `counterfoil --idempotency-key`. A program that is run again asks for the receipt of this id before it signs anew.
 */
export async function commandIdOf(party: string, words: string): Promise<string> {
  return uuid((await sha256(utf8(`${party}\n${words}`))).slice(0, 16));
}

/** Octets in the form of version 7. */
function uuid(octets: Bytes): string {
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x70;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  return toHex(octets).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
