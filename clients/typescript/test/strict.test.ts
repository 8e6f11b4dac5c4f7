/** Each format has one accepted spelling, and each check of a verifier is needed: what only one of them refuses. */

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  FormatError,
  fromBase64,
  leafHash,
  NotProven,
  nodeHash,
  openCheckpoint,
  parseNote,
  parseProof,
  parseVerifyKey,
  SigningKey,
  toBase64,
  type VerifyKey,
  verifyEntry,
  verifyNote,
  verifyState,
} from "@counterfoil/client";
import { type Bytes, entryOf, NoteKey, octets, receiptOf, utf8 } from "./logs.js";

const ORIGIN = "market.example/ledger/main";
let log: NoteKey;
let pinned: VerifyKey[];

before(async () => {
  log = await NoteKey.named(ORIGIN);
  pinned = [await parseVerifyKey(log.vkey)];
});

test("base64", () => {
  assert.deepEqual([...fromBase64("QQ==")], [65]);
  for (const text of ["QR==", "QQ", "QQ=", " QQ==", "QQ==\n", "Q-==", "=", "Q"]) {
    assert.throws(() => fromBase64(text), FormatError, text);
  }
});

test("notes", async () => {
  const twice = await log.note("one\n\ntwo\n");
  const note = parseNote(utf8(twice));
  assert.equal(new TextDecoder().decode(note.text), "one\n\ntwo\n");
  assert.deepEqual(await verifyNote(note, pinned), pinned);
  await assert.rejects(verifyNote(note, []), NotProven);
  const line = await log.line("text\n");
  const refused = {
    "no blank line": `text\n${line}`,
    "no signature": "text\n\n",
    "no last line feed": `text\n\n${line.trimEnd()}`,
    "a control character": `te\u0001xt\n\n${line}`,
    "a carriage return": `text\n\n${line.trimEnd()}\r\n`,
    "another dash": `text\n\n${line.replace("\u2014", "-")}`,
    "a word too many": `text\n\n${line.trimEnd()} more\n`,
    "a key id only": `text\n\n\u2014 ${ORIGIN} AAAAAA==\n`,
    "too many signatures": `text\n\n${line.repeat(101)}`,
  };
  for (const [why, text] of Object.entries(refused)) assert.throws(() => parseNote(utf8(text)), FormatError, why);
  assert.throws(() => parseNote(octets(Uint8Array.of(0xff), utf8(`text\n\n${line}`))), FormatError);
});

test("checkpoints", async () => {
  const root = toBase64(new Uint8Array(32));
  const text = `${ORIGIN}\n7\n${root}\n`;
  const note = utf8(await log.note(text));
  const checkpoint = await openCheckpoint(note, pinned);
  assert.deepEqual([checkpoint.origin, checkpoint.size, checkpoint.note], [ORIGIN, 7, note]);

  const witness = await NoteKey.named("witness.example");
  const both = utf8(`${text}\n${await log.line(text)}${await witness.line(text)}`);
  assert.equal((await openCheckpoint(both, pinned)).size, 7); // the key of the witness is not known
  const alone = utf8(await witness.note(text));
  await assert.rejects(openCheckpoint(alone, [await parseVerifyKey(witness.vkey)]), NotProven);

  for (const bad of [
    `${text}extension\n`,
    `${ORIGIN}\n07\n${root}\n`,
    `${ORIGIN}\n-7\n${root}\n`,
    `${ORIGIN}\n9007199254740992\n${root}\n`,
    `${ORIGIN}\n7\nAA==\n`,
    `a b\n7\n${root}\n`,
  ]) {
    await assert.rejects(openCheckpoint(utf8(await log.note(bad)), pinned), FormatError, bad);
  }
});

test("proofs", async () => {
  const { proof } = await receiptOf(log, entryOf(`//${ORIGIN}`, 1), 1);
  assert.deepEqual(parseProof(utf8(proof.replace("index", "extra QQ==\nindex"))).extra, Uint8Array.of(65));
  for (const [what, instead] of [
    ["@v1", "@v2"],
    ["index 1", "extra \nindex 1"],
    ["index 1", "index 1 "],
    ["index 1\n", ""],
    ["\n\n", "\n"],
    ["index 1\n", `index 1\n${`${toBase64(new Uint8Array(32))}\n`.repeat(64)}`],
  ] as const) {
    assert.throws(() => parseProof(utf8(proof.replace(what, instead))), FormatError, instead);
  }
});

test("entries: in the log, canonical, of that log and at that index", async () => {
  const verified = async (entry: Bytes, at: 0 | 1) => {
    const { bytes, proof } = await receiptOf(log, entry, at);
    return verifyEntry(bytes, proof, pinned);
  };
  const { outcomes, index } = await verified(entryOf(`//${ORIGIN}`, 1), 1);
  assert.deepEqual([outcomes, index], [[{ accepted: 0 }], 1]);
  await assert.rejects(verified(entryOf(`//${ORIGIN}`, 1), 0), NotProven);
  await assert.rejects(verified(entryOf("//market.example/matching/main", 1), 1), NotProven);
  for (const text of [
    "null",
    "{}",
    "[]",
    '{"data":null}',
    "not JSON",
    new TextDecoder().decode(entryOf(`//${ORIGIN}`, 1)).replace(":", ": "),
  ]) {
    await assert.rejects(verified(utf8(text), 1), NotProven, text);
  }
  const { proof } = await receiptOf(log, entryOf(`//${ORIGIN}`, 1), 1);
  const changed = utf8(new TextDecoder().decode(entryOf(`//${ORIGIN}`, 1)).replace('"cause":{}', '"cause":{"a":1}'));
  await assert.rejects(verifyEntry(changed, proof, pinned), NotProven);
});

test("state proofs whose root fits, but not their form", async () => {
  const keys = ["a", "b", "c"];
  const value = utf8("1");
  const hash = async (data: Bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const rowOf = async (key: string) => octets(await hash(utf8(key)), await hash(value));
  const rows = (await Promise.all(keys.map(rowOf))).sort(Buffer.compare);
  const claim = async (data: Bytes, siblings: Bytes[] = [], root?: Uint8Array) =>
    verifyState(root ?? (await leafHash(data)), "a", value, { rows: data, siblings });
  await claim(octets(...rows));
  await assert.rejects(claim(octets(...rows.reverse())), NotProven);
  const own = await rowOf("a");
  await assert.rejects(claim(octets(own, own)), NotProven);
  const filler = Array.from({ length: 32 }, (_, at) => octets(Uint8Array.of(0, at), new Uint8Array(62)));
  await assert.rejects(claim(octets(...filler, own)), NotProven);

  const sibling = new Uint8Array(32);
  const right = ((own[0] ?? 0) & 0x80) !== 0;
  const rootOver = async (data: Bytes, beside: Bytes) =>
    right ? nodeHash(beside, await leafHash(data)) : nodeHash(await leafHash(data), beside);
  await claim(own, [sibling], await rootOver(own, sibling));
  const stranger = octets(Uint8Array.of(right ? 0 : 0xff), new Uint8Array(63));
  const mixed = right ? octets(stranger, own) : octets(own, stranger);
  await assert.rejects(claim(mixed, [sibling], await rootOver(mixed, sibling)), NotProven);
  const short = new Uint8Array(31);
  await assert.rejects(claim(own, [short], await rootOver(own, short)), NotProven);
});

test("a private key does not leave WebCrypto", async () => {
  const { key } = await SigningKey.generate();
  const { secret } = key as unknown as { secret: CryptoKey };
  assert.equal(secret.extractable, false);
});
