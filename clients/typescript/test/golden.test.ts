/** The golden vectors of schemas/vectors: made to the octet, and read back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Author,
  type Command,
  canonicalize,
  encodeEnvelope,
  FormatError,
  fromBase64,
  keyIdOf,
  leafHash,
  NotProven,
  openCheckpoint,
  parseCanonical,
  parseVerifyKey,
  preAuthEncoding,
  type Receipt,
  readCommand,
  rootOf,
  SigningKey,
  toBase64,
  toHex,
  verifyEntry,
  verifyReceipt,
  verifyRecord,
  verifySignature,
  verifyState,
} from "@counterfoil/client";
import { fromHex, json } from "./files.js";

const utf8 = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const signed = json("schemas/vectors/commands.json");
const log = json("schemas/vectors/entries.json");
const state = json("schemas/vectors/state_tree.json");
const decoded = (text: string) => new TextDecoder().decode(fromBase64(text));

test("the test key", async () => {
  const key = await SigningKey.fromSeed(fromHex(signed.key.seed));
  assert.equal(toBase64(key.publicKey), signed.key.public_key);
  assert.equal(key.id, signed.key.key_id);
  assert.equal(await keyIdOf(key.publicKey), signed.key.key_id);
});

for (const vector of [...signed.commands, signed.batch]) {
  test(`${vector.type} v${vector.v} is signed to the octet`, async () => {
    const { type, v, body, aud, actor, command_id, issued_at, expires_at, seen } = JSON.parse(vector.payload);
    const author = new Author(actor, await SigningKey.fromSeed(fromHex(signed.key.seed)), aud.split("/")[0]);
    const made = await author.sign(type === "batch" ? body.commands : ({ type, v, body } as Command), {
      id: command_id,
      issuedAt: new Date(issued_at),
      validFor: (Date.parse(expires_at) - Date.parse(issued_at)) / 1_000,
      ...(seen === null ? {} : { seen: { size: seen.size, root: fromBase64(seen.root) } }),
    });
    // Times of the vectors have microseconds, which a Date has not.
    const rounded = (text: string) => text.replace(/("(?:issued|expires)_at":"[^"]*\.\d{3})\d{3}Z/g, "$1000Z");
    assert.equal(new TextDecoder().decode(made.payload), rounded(vector.payload));
    assert.equal(new TextDecoder().decode(preAuthEncoding(utf8(vector.payload))), vector.pae);
    const signature = await author.key.sign(utf8(vector.pae));
    assert.equal(toBase64(signature), vector.signature);
    assert.ok(await verifySignature(author.key.publicKey, utf8(vector.pae), signature));
    assert.deepEqual(
      JSON.parse(encodeEnvelope(utf8(vector.payload), signature, author.key.id)),
      JSON.parse(vector.envelope),
    );
    const read = readCommand(vector.envelope);
    assert.deepEqual(
      [read.id, read.actor, read.aud, decoded(toBase64(read.payload))],
      [command_id, actor, aud, vector.payload],
    );
  });
}

test("events are canonical", () => {
  const { events } = json("schemas/vectors/events.json") as { events: Record<string, string> };
  assert.ok(Object.keys(events).length > 50);
  for (const [name, text] of Object.entries(events)) {
    assert.equal(canonicalize(parseCanonical(utf8(text))), text, name);
    assert.equal(JSON.parse(text).type, name);
  }
});

test("entries, checkpoints and receipts of the sample log", async () => {
  const keys = [await parseVerifyKey(log.vkey)];
  const leaves: Uint8Array<ArrayBuffer>[] = [];
  for (const [index, each] of log.entries.entries()) {
    leaves.push(await leafHash(utf8(each.entry)));
    assert.equal(toHex(await leafHash(utf8(each.entry))), each.leaf);
    assert.equal(toHex(await rootOf(leaves)), each.root_after);
    const checkpoint = await openCheckpoint(utf8(each.checkpoint_after), keys);
    assert.deepEqual(
      [checkpoint.origin, checkpoint.size, toHex(checkpoint.root)],
      [log.origin, index + 1, each.root_after],
    );
    const proven = await verifyEntry(utf8(each.entry), each.receipt_in_last, keys);
    assert.deepEqual([proven.index, proven.checkpoint.size], [index, log.entries.length]);
    assert.equal(proven.entry.data.index, index);
  }
});

test("a receipt must be of this command, this entry, this log and its key", async () => {
  const keys = [await parseVerifyKey(log.vkey)];
  const [first, second] = log.entries;
  const receipt = { entry: toBase64(utf8(second.entry)), proof: second.receipt_in_last } as Receipt;
  const { cause } = JSON.parse(second.entry).data;
  const envelope = (payload: string) => encodeEnvelope(fromBase64(payload), new Uint8Array(64), "");
  await verifyReceipt(receipt, keys, readCommand(envelope(cause.command.payload)));

  const other = signed.commands.find(
    (each: { envelope: string }) =>
      readCommand(each.envelope).id !== undefined && !cause.command.payload.includes(JSON.parse(each.envelope).payload),
  );
  const refused = [
    () => verifyReceipt(receipt, keys, readCommand(other.envelope)),
    () => verifyReceipt({ ...receipt, entry: toBase64(utf8(first.entry)) }, keys),
    () => verifyReceipt({ ...receipt, entry: "#" }, keys),
    () => verifyReceipt({} as Receipt, keys),
    () => verifyReceipt({ ...receipt, proof: first.receipt_in_last }, keys),
    () => verifyReceipt({ ...receipt, proof: second.receipt_in_last.replace(/index 1/, "index 01") }, keys),
    () => verifyReceipt({ ...receipt, proof: second.receipt_in_last.replace(/\n7\n/, "\n8\n") }, keys),
    () =>
      verifyReceipt(
        { entry: toBase64(utf8(first.entry)), proof: first.receipt_in_last } as Receipt,
        keys,
        readCommand(other.envelope),
      ),
    () => verifyReceipt(receipt, []),
  ];
  for (const attempt of refused) await assert.rejects(attempt, NotProven, attempt.toString());
  const changed = log.vkey.replace(/^[^+]+/, "counterfoil.example/matching/main");
  await assert.rejects(parseVerifyKey(changed), FormatError);
});

test("state proofs hold, and those to refuse are refused", async () => {
  const proofOf = ({ rows, siblings }: { rows: string; siblings: string[] }) => ({
    rows: fromHex(rows),
    siblings: siblings.map(fromHex),
  });
  const octetsOf = ({ value }: { value: string | null }) => (value === null ? null : utf8(value));
  for (const tree of state.trees) {
    for (const proof of tree.proofs) await verifyState(fromHex(tree.root), proof.key, octetsOf(proof), proofOf(proof));
  }
  for (const each of state.refused) {
    await assert.rejects(verifyState(fromHex(each.root), each.key, octetsOf(each), proofOf(each)), NotProven, each.why);
  }
});

test("records of a state, proven from answers, and answers that must be refused", async () => {
  const { vkey, records, refused } = json("schemas/vectors/state_records.json");
  const keys = [await parseVerifyKey(vkey)];
  for (const { key, answer } of records) {
    const record = await verifyRecord(answer, keys, key);
    assert.deepEqual(record.value, answer.value === null ? null : JSON.parse(answer.value));
    assert.equal(record.entries, answer.index);
  }
  for (const { why, key, answer } of refused) await assert.rejects(verifyRecord(answer, keys, key), NotProven, why);
});

test("payloads that are not canonical are refused", () => {
  const { refusals } = json("schemas/vectors/refusals.json") as {
    refusals: { name: string; envelope: string; code: string }[];
  };
  const strict = refusals.filter(({ code }) => code === "not_canonical" || code === "wrong_payload_type");
  assert.ok(strict.length > 10);
  for (const { name, envelope } of strict) assert.throws(() => readCommand(decoded(envelope)), FormatError, name);
});
