/** Logs made for tests: whatever is put into them is signed. */

import { canonicalBytes, type Json, leafHash, nodeHash, SigningKey, toBase64, toHex } from "@counterfoil/client";

export type Bytes = Uint8Array<ArrayBuffer>;

export const utf8 = (text: string) => new TextEncoder().encode(text) as Bytes;
export const octets = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

/** A key of a log or of somebody else, and what it signs. */
export class NoteKey {
  private constructor(
    readonly name: string,
    private readonly key: SigningKey,
    private readonly id: Uint8Array,
    readonly vkey: string,
  ) {}

  static async named(name: string): Promise<NoteKey> {
    const { key } = await SigningKey.generate();
    const typed = octets(Uint8Array.of(1), key.publicKey);
    const id = new Uint8Array(await crypto.subtle.digest("SHA-256", octets(utf8(`${name}\n`), typed))).slice(0, 4);
    return new NoteKey(name, key, id, `${name}+${toHex(id)}+${toBase64(typed)}`);
  }

  async line(text: string): Promise<string> {
    return `\u2014 ${this.name} ${toBase64(octets(this.id, await this.key.sign(utf8(text))))}\n`;
  }

  async note(text: string): Promise<string> {
    return `${text}\n${await this.line(text)}`;
  }
}

/** The receipt of the entry at `at` of a log of two: its octets, and a proof under a checkpoint by `key`. */
export async function receiptOf(key: NoteKey, entry: Bytes, at: 0 | 1): Promise<{ bytes: Bytes; proof: string }> {
  const other = await leafHash(utf8("other"));
  const leaf = await leafHash(entry);
  const root = at === 0 ? await nodeHash(leaf, other) : await nodeHash(other, leaf);
  const note = await key.note(`${key.name}\n2\n${toBase64(root)}\n`);
  return { bytes: entry, proof: `c2sp.org/tlog-proof@v1\nindex ${at}\n${toBase64(other)}\n\n${note}` };
}

export const entryOf = (source: string, index: number): Bytes =>
  canonicalBytes({ source, data: { index, cause: {}, decision: "accepted", events: [] } } as Json);
