/** Against a served instance, named by COUNTERFOIL_URL and COUNTERFOIL_HOME: the quick start of the README, and more. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  Author,
  after,
  type Command,
  Gateway,
  leafHash,
  NotThere,
  parseBundle,
  parseVerifyKeys,
  Refused,
  readCommand,
  rootOf,
  SigningKey,
  tilePath,
  toHex,
  verifyReceipt,
} from "@counterfoil/client";
import { file } from "./files.js";

const { COUNTERFOIL_HOME: home, COUNTERFOIL_URL: url = "" } = process.env;
const served = home === undefined ? { skip: "no instance is served: set COUNTERFOIL_URL and COUNTERFOIL_HOME" } : {};
const HOST = "market.example";

test("the README shows the quick start as it is", () => {
  const blocks = file("clients/typescript/README.md")
    .toString()
    .matchAll(/^```ts\n(.*?)^```/gms);
  assert.equal(Array.from(blocks, ([, block]) => block)[0], file("clients/typescript/test/quickstart.ts").toString());
});

test("the quick start runs", served, () => {
  const script = fileURLToPath(new URL("./quickstart.js", import.meta.url));
  const [entry, ...lines] = execFileSync(process.execPath, [script], { encoding: "utf8", timeout: 60_000 }).split("\n");
  assert.match(entry ?? "", /^entry \d+ of market\.example\/issuance\/main for a key of 119 characters$/);
  assert.deepEqual(lines, ["acme", "operator", "already_exists: The id is taken.", "true", ""]);
});

test("a command is settled once, however often it is sent", served, async () => {
  const gateway = new Gateway(url);
  const operator = new Author(
    "operator",
    await SigningKey.fromPem(await readFile(`${home}/keys/operator.pem`, "utf8")),
    HOST,
  );
  const keys = await parseVerifyKeys(await readFile(`${home}/logs/issuance/main/vkey`, "utf8"));
  const party = async (party_id: string): Promise<Command> => ({
    type: "register_party",
    v: 2,
    body: {
      party_id,
      name: party_id,
      roles: ["provider"],
      group_id: party_id,
      key: await (await SigningKey.generate()).key.prove(HOST, party_id),
      recovery_key: null,
    },
  });

  const command = await operator.sign(await party("norn"));
  await assert.rejects(gateway.receipt(command), NotThere);
  const receipts = await Promise.all([1, 2, 3].map(() => gateway.submit(command)));
  const kept = await gateway.submit(readCommand(command.envelope));
  for (const receipt of [...receipts, kept, await gateway.receipt(command)]) {
    assert.equal(receipt.index, kept.index);
    await verifyReceipt(receipt, keys, command);
  }
  assert.equal(kept.events[0]?.type, "party.registered.v1");

  const other = { ...(await operator.sign(await party("other"), { id: command.id })) };
  await assert.rejects(
    gateway.submit(other),
    (error) => error instanceof Refused && error.code === "exists_with_different_content",
  );

  const batch = await operator.sign(await Promise.all(["a", "b", "norn"].map(party)));
  await gateway.send(batch);
  const settled = await verifyReceipt(await gateway.submit(batch), keys, batch);
  assert.deepEqual(
    settled.outcomes.map((each) => "accepted" in each),
    [true, true, false],
  );

  const waitFor = [after({ origin: settled.checkpoint.origin, index: settled.index })];
  const page = await gateway.page("parties", {}, { limit: 2, waitFor });
  const [first] = page.items;
  assert.equal(page.items.length, 2);
  assert.ok(page.next !== null && /^issuance.*:\d+/.test(page.position));
  assert.deepEqual(await gateway.row("parties", first?.party_id ?? ""), first);
  await assert.rejects(gateway.row("parties", "nobody"), NotThere);

  const checkpoint = await gateway.checkpoint("issuance/main", keys, settled.checkpoint);
  const bundle = await gateway.logFile("issuance/main", tilePath("entries", 0, checkpoint.size));
  const entries = parseBundle(bundle, checkpoint.size);
  assert.deepEqual(entries[settled.index], settled.bytes);
  assert.equal(toHex(await rootOf(await Promise.all(entries.map(leafHash)))), toHex(checkpoint.root));
});

test("entries are streamed from any position on", served, async () => {
  const gateway = new Gateway(url);
  let from: readonly string[] = ["issuance/main:0"];
  const seen: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    for await (const { entry, next } of gateway.entries(from, ["issuance"])) {
      seen.push(entry.data.index);
      from = next;
      break;
    }
  }
  assert.deepEqual(seen, [0, 1]);
  await assert.rejects(gateway.entries(["issuance/main:1000000"]).next(), Refused);
});

test("a command of a key that the log does not know is refused before it is logged", served, async () => {
  const { key } = await SigningKey.generate();
  const stranger = await new Author("stranger", key, HOST).sign({
    type: "cancel_bid",
    v: 1,
    body: { bid_id: "bid-1-0" },
  });
  await assert.rejects(new Gateway(url).submit(stranger), (error) => {
    return (
      error instanceof Refused && error.code === "unknown_key" && error.receipt === null && error.problem.transient
    );
  });
});
