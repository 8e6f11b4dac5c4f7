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
  followOrder,
  Gateway,
  hourOf,
  leafHash,
  NotThere,
  parseBundle,
  parseVerifyKeys,
  Refused,
  readCommand,
  rootOf,
  type Settled,
  type SignedCommand,
  SigningKey,
  signOpenSession,
  tilePath,
  toHex,
  Unreachable,
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
  assert.deepEqual(lines, ["zenith", "already_exists: The id is taken.", "true", ""]);
});

async function authorOf(party: string): Promise<Author> {
  return new Author(party, await SigningKey.fromPem(await readFile(`${home}/keys/${party}.pem`, "utf8")), HOST);
}

async function party(party_id: string): Promise<Command> {
  const key = await (await SigningKey.generate()).key.prove(HOST, party_id);
  const body = {
    party_id,
    name: party_id,
    roles: ["provider" as const],
    group_id: party_id,
    key,
    recovery_key: null,
    looks_like: null,
  };
  return { type: "register_party", v: 2, body };
}

test("a command is settled once, however often it is sent", served, async () => {
  const gateway = new Gateway(url);
  const operator = await authorOf("operator");
  const keys = await parseVerifyKeys(await readFile(`${home}/logs/issuance/main/vkey`, "utf8"));
  const command = await operator.sign(await party("kept"));
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

  const batch = await operator.sign(await Promise.all(["a", "b", "kept"].map(party)));
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

/** A network that loses requests and answers, cuts answers short and delivers requests twice, the same every time. */
function unreliable(seed: number): typeof fetch {
  let state = seed;
  const chance = (sides: number) => {
    state = (state * 48_271) % 2_147_483_647; // MINSTD
    return state % sides;
  };
  return async (address, init) => {
    const fate = chance(6);
    if (fate === 0) throw new TypeError("the request was lost");
    if (fate === 1) await fetch(address, init);
    const answer = await fetch(address, init);
    if (fate === 2) throw new TypeError("the answer was lost");
    if (fate === 3) return new Response((await answer.text()).slice(0, chance(400)), answer);
    if (fate === 4) return new Response("bad gateway", { status: 502 });
    return answer;
  };
}

test(
  "each command takes effect once over an unreliable network, and its outcome is told as it is",
  served,
  async () => {
    const gateway = new Gateway(url, { fetch: unreliable(7), sleep: async () => undefined });
    const operator = await authorOf("operator");
    const settle = async (command: SignedCommand): Promise<string> => {
      for (let attempt = 0; attempt < 50; attempt += 1) {
        try {
          return String((await gateway.submit(command)).index);
        } catch (error) {
          if (error instanceof Refused) return error.code;
          if (!(error instanceof Unreachable)) throw error;
        }
      }
      return "never settled";
    };
    const told: string[] = [];
    for (let number = 0; number < 60; number += 1)
      told.push(await settle(await operator.sign(await party(`u-${number % 40}`))));

    const indexes = told.slice(0, 40).map(Number);
    assert.deepEqual(
      indexes,
      [...indexes].sort((one, other) => one - other),
    );
    assert.equal(new Set(indexes).size, 40);
    assert.deepEqual(
      told.slice(40),
      Array.from({ length: 20 }, () => "already_exists"),
    );
    const names: string[] = [];
    for await (const { party_id } of new Gateway(url).rows(
      "parties",
      {},
      { waitFor: [`issuance:${indexes.at(-1)}`] },
    )) {
      if (party_id.startsWith("u-")) names.push(party_id);
    }
    assert.equal(names.length, 40);
  },
);

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

test("orders are followed until they rest, are filled or are refused", served, async () => {
  const gateway = new Gateway(url);
  const keys = await parseVerifyKeys(await readFile(`${home}/logs/matching/main/vkey`, "utf8"));
  const hour = (hours: number) => hourOf(new Date(Date.now() + hours * 3_600_000));
  const place = async (party: string, command: Command) => {
    const signed = await (await authorOf(party)).sign(command);
    const receipt = await gateway.submit(signed, { wait: 20 });
    const followed = await followOrder(gateway, await verifyReceipt(receipt, keys, signed));
    const outcome = receipt.outcome as Settled<"bids" | "offers">;
    assert.deepEqual([outcome.status, outcome.cause], [followed?.order.status, followed?.cause]);
    return followed;
  };
  const offer: Command = {
    type: "post_offer",
    v: 1,
    body: {
      class_id: "a100-80gb",
      region: "eu-west",
      currency: "USD",
      nodes: 4,
      window_start: hour(4),
      window_end: hour(30),
      price: "1800000",
      min_nodes: 1,
      min_hours: 1,
      bond_bps: 2_000,
      tif: "GTC",
      good_until: null,
      stp: "taker",
    },
  };
  const bid = (nodes: number, limit_price: string): Command => ({
    type: "place_bid",
    v: 1,
    body: {
      programme_id: "springfield-2026",
      voucher_ids: [],
      classes: ["a100-80gb"],
      regions: ["eu-west"],
      nodes,
      hours: 6,
      earliest: hour(4),
      latest: hour(12),
      limit_price,
      partial: false,
      min_nodes: nodes,
      tif: "GTC",
      good_until: null,
      post_only: false,
      stp: "taker",
    },
  });

  const resting = await place("norn", offer);
  assert.deepEqual([resting?.order.status, resting?.trades], ["open", []]);
  const filled = await place("acme", bid(1, "2000000"));
  assert.deepEqual([filled?.order.status, filled?.cause], ["filled", null]);
  assert.deepEqual(
    filled?.trades.map(({ price, nodes, provider_id }) => [price, nodes, provider_id]),
    [["1800000", 1, "norn"]],
  );
  const refused = await place("acme", bid(9, "90000000"));
  assert.deepEqual([refused?.order.status, refused?.cause], ["closed", "exceeds_available"]);
  assert.deepEqual((await gateway.depth("a100-80gb", "eu-west", "USD")).currency, "USD");
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

test("a session reads as its party until it is ended", served, async () => {
  const gateway = new Gateway(url);
  const operator = await authorOf("operator");
  const session = await gateway.openSession(operator);
  assert.deepEqual([session.party, session.roles], ["operator", ["operator"]]);
  assert.ok(session.expiresAt.getTime() > Date.now());
  const { size } = await gateway.checkpoint("issuance/main", await parseVerifyKeys(await pinned("issuance")));
  const bundle = `tile/entries/000${size < 256 ? `.p/${size}` : ""}`;
  await gateway.logFile("issuance/main", bundle);
  for await (const { entry } of gateway.entries(["issuance:0"], ["issuance"])) {
    assert.equal(entry.data.index, 0);
    break;
  }

  const same = new Gateway(url, { token: session.token });
  await same.endSession();
  await gateway.logFile("issuance/main", bundle); // by another session, which opens by itself
  const ended = new Gateway(url, { token: session.token });
  await assert.rejects(ended.logFile("issuance/main", bundle), isRefused);
});

test("what opens a session opens one, of its own instance, and is no command", served, async () => {
  const operator = await authorOf("operator");
  const send = (body: string, path = "/v1/sessions") => fetch(url + path, { method: "POST", body });
  const envelope = await signOpenSession(operator);
  assert.deepEqual([(await send(envelope)).status, (await send(envelope)).status], [201, 409]);
  const elsewhere = await signOpenSession(new Author("operator", operator.key, "rival.example"));
  assert.equal((await send(elsewhere)).status, 400);
  assert.equal((await send(await signOpenSession(operator, new Date(Date.now() - 200_000)))).status, 400);
  assert.equal((await send(await signOpenSession(operator), "/v1/commands")).status, 400);
});

function isRefused(problem: unknown): boolean {
  return problem instanceof Refused && problem.code === "unknown_session";
}

function pinned(service: string): Promise<string> {
  return readFile(`${home}/logs/${service}/main/vkey`, "utf8");
}
