/** Messages to a webhook are accepted and refused as the golden vectors say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError, NotVerified, verifyWebhook } from "@counterfoil/client";
import { json } from "./files.js";

const vectors = json("schemas/vectors/webhooks.json");
const utf8 = (text: string) => new TextEncoder().encode(text);

for (const { why, code, headers, body } of vectors.messages) {
  test(`a message: ${why}`, async () => {
    const verified = verifyWebhook(vectors.secret, headers, utf8(body), vectors.tolerance, vectors.now);
    if (code === null) assert.deepEqual(await verified, JSON.parse(body));
    else await assert.rejects(verified, (error) => error instanceof NotVerified && error.code === code);
  });
}

test("what is no secret is told without it", async () => {
  for (const text of vectors.no_secrets) {
    await assert.rejects(verifyWebhook(text, {}, utf8("")), (error) => {
      return error instanceof FormatError && error.message.startsWith("a secret is `whsec_`");
    });
  }
});

test("a message is old by this machine's clock", async () => {
  const { headers, body } = vectors.messages[0];
  const old = (error: unknown) => error instanceof NotVerified && error.code === "too_old";
  await assert.rejects(verifyWebhook(vectors.secret, new Headers(headers), utf8(body)), old);
});
