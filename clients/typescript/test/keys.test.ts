/** Keys come from PEM files and go back to none; ids are those of RFC 9562. */

import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import {
  commandIdOf,
  FormatError,
  fromBase64,
  keyIdOf,
  newCommandId,
  parseVerifyKeys,
  possession,
  SigningKey,
  toBase64,
  verifySignature,
} from "@counterfoil/client";
import { json } from "./files.js";

const message = new TextEncoder().encode("a message") as Uint8Array<ArrayBuffer>;

test("a PEM file that another library made", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = await SigningKey.fromPem(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  assert.deepEqual(Buffer.from(key.publicKey), publicKey.export({ type: "spki", format: "der" }).subarray(-32));
  assert.equal(key.id, await keyIdOf(key.publicKey));
  assert.ok(await verifySignature(key.publicKey, message, await key.sign(message)));
});

test("a new key and its PEM are one", async () => {
  const { key, pem } = await SigningKey.generate();
  const again = await SigningKey.fromPem(pem);
  assert.deepEqual(again.publicKey, key.publicKey);
  assert.deepEqual(await again.sign(message), await key.sign(message));
});

test("what is no key file is refused in words", async () => {
  const rsa = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" });
  for (const text of [rsa.toString(), "", "-----BEGIN PRIVATE KEY-----\n#\n-----END PRIVATE KEY-----\n"]) {
    await assert.rejects(SigningKey.fromPem(text), FormatError);
  }
  await assert.rejects(SigningKey.fromSeed(new Uint8Array(31)), FormatError);
});

test("an encrypted PEM file opens with its passphrase alone", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const made = (cipher: string) =>
    privateKey.export({ type: "pkcs8", format: "pem", cipher, passphrase: "correct horse" }).toString();
  const key = await SigningKey.fromPem(made("aes-256-cbc"), "correct horse");
  assert.deepEqual(Buffer.from(key.publicKey), publicKey.export({ type: "spki", format: "der" }).subarray(-32));
  await assert.rejects(SigningKey.fromPem(made("aes-256-cbc")), /encrypted/);
  await assert.rejects(SigningKey.fromPem(made("aes-256-cbc"), "wrong horse"), FormatError);
  await assert.rejects(SigningKey.fromPem(made("aes-128-cbc"), "correct horse"), /not supported/);
});

test("a new key is encrypted as openssl encrypts, and one that was kept signs", async () => {
  const passphrase = "correct horse battery";
  const { key, pem } = await SigningKey.generate(passphrase);
  const read = createPrivateKey({ key: pem, passphrase });
  assert.deepEqual(
    Buffer.from(key.publicKey),
    createPublicKey(read).export({ type: "spki", format: "der" }).subarray(-32),
  );
  assert.deepEqual((await SigningKey.fromPem(pem, passphrase)).publicKey, key.publicKey);
  assert.throws(() => createPrivateKey({ key: pem, passphrase: "another" }));
  const kept = await SigningKey.fromSecret(structuredClone(key.secret), key.publicKey);
  assert.equal(kept.id, key.id);
  assert.deepEqual(await kept.sign(message), await key.sign(message));
  await assert.rejects(crypto.subtle.exportKey("pkcs8", kept.secret));
});

test("damaged encrypted files are refused, and none takes long", async () => {
  const options = { type: "pkcs8", cipher: "aes-256-cbc", passphrase: "p" } as const;
  const der = generateKeyPairSync("ed25519").privateKey.export({ ...options, format: "der" });
  const pemOf = (data: Uint8Array) =>
    `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${toBase64(data)}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
  await SigningKey.fromPem(pemOf(der), "p");
  for (const length of [1, 10, 40, der.length - 1]) {
    await assert.rejects(SigningKey.fromPem(pemOf(der.subarray(0, length)), "p"), FormatError);
  }
  const rounds = der.indexOf(Uint8Array.of(2, 2, 8, 0)); // INTEGER 2048
  assert.ok(rounds > 0);
  const slow = Buffer.concat([
    der.subarray(0, rounds),
    Uint8Array.of(2, 4, 0x7f, 0xff, 0xff, 0xff),
    der.subarray(rounds + 4),
  ]);
  for (const at of [2, 4, 17, 19, 32]) slow[at] = (slow[at] ?? 0) + 2; // the lengths around it
  await assert.rejects(SigningKey.fromPem(pemOf(slow), "p"), /2147483647 rounds/);
});

test("signatures of others do not verify", async () => {
  const { key } = await SigningKey.generate();
  const { key: other } = await SigningKey.generate();
  const signature = await key.sign(message);
  assert.equal(await verifySignature(other.publicKey, message, signature), false);
  assert.equal(await verifySignature(key.publicKey, message, signature.slice(1)), false);
  assert.equal(await verifySignature(new Uint8Array(32).fill(255), message, signature), false);
});

test("a key proves for whom and where it is registered", async () => {
  const { key } = await SigningKey.generate();
  const { public_key, proof } = await key.prove("market.example", "acme");
  assert.equal(public_key, toBase64(key.publicKey));
  const statement = `counterfoil.possession.v1\nmarket.example\nacme\nsigning\n${public_key}\n`;
  assert.deepEqual(new TextDecoder().decode(possession("market.example", "acme", key.publicKey, "signing")), statement);
  const signed = new TextEncoder().encode(statement) as Uint8Array<ArrayBuffer>;
  assert.ok(await verifySignature(key.publicKey, signed, fromBase64(proof)));
});

test("command ids are UUIDs of version 7 that rise", () => {
  const ids = [0, 1_795_957_560_123, 2 ** 47].map((now) => newCommandId(now));
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(
    ids.map((id) => Number.parseInt(id.replace("-", "").slice(0, 12), 16)),
    [0, 1_795_957_560_123, 2 ** 47],
  );
  assert.notEqual(newCommandId(0), newCommandId(0));
});

test("words name a command, as they do for the command line", async () => {
  assert.equal(await commandIdOf("acme", "Order 4711"), "e62ce486-64b4-7c69-b75c-3e6e0df850ba"); // tests/client/test_kept.py
});

test("pinned keys of a file", async () => {
  const { vkey, origin } = json("schemas/vectors/entries.json");
  const keys = await parseVerifyKeys(`# the ledger\n\n${vkey}\n`);
  assert.deepEqual(
    keys.map(({ name }) => name),
    [origin],
  );
  for (const bad of [`x${vkey}`, vkey.slice(0, -1), "name", `${vkey}\n${vkey}+`]) {
    await assert.rejects(parseVerifyKeys(bad), FormatError, bad);
  }
});
