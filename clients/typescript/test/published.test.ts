/** Vectors that others have published: RFC 8785, RFC 6962, DSSE. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalBytes,
  FormatError,
  leafHash,
  NotProven,
  parseCanonical,
  preAuthEncoding,
  rootOf,
  toHex,
  verifyConsistency,
  verifyInclusion,
} from "@counterfoil/client";
import { file, fromHex, json } from "./files.js";

const octets = (base64: string | null) => Uint8Array.from(Buffer.from(base64 ?? "", "base64"));

test("RFC 8785", () => {
  for (const name of ["arrays", "french", "structures", "unicode", "values", "weird"]) {
    const made = canonicalBytes(json(`tests/vectors/jcs/input/${name}.json`));
    assert.deepEqual(Buffer.from(made), file(`tests/vectors/jcs/output/${name}.json`), name);
    assert.deepEqual(parseCanonical(made), json(`tests/vectors/jcs/input/${name}.json`));
  }
  assert.throws(() => canonicalBytes("\ud800"), FormatError);
  assert.throws(() => canonicalBytes({ "\udfff": 1 }), FormatError);
  assert.throws(() => canonicalBytes(Number.NaN), FormatError);
  for (const text of ['{"a":1,"a":1}', '{"b":1,"a":1}', "1.0", "-0", "[1, 2]", '"\\u0061"', "\ufeff1", "1\n"]) {
    assert.throws(() => parseCanonical(new TextEncoder().encode(text)), FormatError, text);
  }
});

test("DSSE", () => {
  const { payload, payloadType, pae } = json("tests/vectors/dsse-pae.json");
  assert.equal(new TextDecoder().decode(preAuthEncoding(new TextEncoder().encode(payload), payloadType)), pae);
});

test("RFC 6962 roots", async () => {
  const { leaf_inputs_hex, roots_by_size_hex } = json("tests/vectors/rfc6962-roots.json");
  const leaves = await Promise.all(leaf_inputs_hex.map((text: string) => leafHash(fromHex(text))));
  for (const [size, root] of roots_by_size_hex.entries())
    assert.equal(toHex(await rootOf(leaves.slice(0, size))), root);
});

test("inclusion proofs", async () => {
  for (const each of json("tests/vectors/merkle-inclusion.json")) {
    const proof = (each.proof ?? []).map(octets);
    const verified = verifyInclusion(each.leafIdx, each.treeSize, octets(each.leafHash), proof, octets(each.root));
    await (each.wantErr ? assert.rejects(verified, NotProven, each.file) : verified);
  }
});

test("consistency proofs", async () => {
  for (const each of json("tests/vectors/merkle-consistency.json")) {
    const proof = (each.proof ?? []).map(octets);
    const verified = verifyConsistency(each.size1, each.size2, octets(each.root1), octets(each.root2), proof);
    const wanted = each.wantErr || each.size1 === 0; // about an empty tree nothing can be proved
    await (wanted ? assert.rejects(verified, NotProven, each.file) : verified);
  }
});
