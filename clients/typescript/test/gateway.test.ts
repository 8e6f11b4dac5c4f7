/** The same octets again while an outcome is unknown, within bounds, and never otherwise; problems become errors. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Author,
  after,
  Gateway,
  NotReady,
  NotThere,
  Refused,
  type SignedCommand,
  SigningKey,
  Unreachable,
} from "@counterfoil/client";

type Scripted = Response | Error;

/** A gateway that plays its answers in turn, and keeps what it was asked and how long was waited. */
function scripted(...answers: Scripted[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const slept: number[] = [];
  const gateway = new Gateway("http://gateway/", {
    fetch: async (url, init = {}) => {
      asked.push({ url: String(url), init });
      const answer = answers.shift() ?? new TypeError("connection refused");
      if (answer instanceof Error) throw answer;
      return answer;
    },
    sleep: async (milliseconds) => void slept.push(milliseconds),
  });
  return { gateway, asked, slept, left: answers };
}

const ok = (body: unknown, headers = {}) => Response.json(body, { headers });
const pending = () => Response.json({ status: "pending" }, { status: 202 });

function problem(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Response {
  const type = `urn:counterfoil:${"transient" in more ? "refusal" : "problem"}:${code}`;
  const body = { type, title: "A title.", status, code, ...more };
  return Response.json(body, { status, headers: { ...headers, "content-type": "application/problem+json" } });
}

async function command(): Promise<SignedCommand> {
  const { key } = await SigningKey.generate();
  return new Author("acme", key, "market.example").sign({ type: "cancel_bid", v: 1, body: { bid_id: "bid-1-0" } });
}

test("a command is sent again, the same octets, until it has its receipt", async () => {
  const receipt = { origin: "market.example/matching/main", index: 7 };
  const { gateway, asked, slept } = scripted(
    new TypeError("connection reset"),
    problem(503, "unknown_outcome", {}, { "retry-after": "5" }),
    pending(),
    problem(429, "rate_limited", { transient: true, recorded: false, fields: {} }, { "retry-after": "86400" }),
    ok(receipt),
  );
  const sent = await command();
  assert.deepEqual(await gateway.submit(sent), receipt);
  assert.deepEqual(slept, [100, 5_000, 900, 10_000]);
  assert.equal(asked.length, 5);
  for (const { url, init } of asked) {
    assert.deepEqual([url, init.method, init.body], ["http://gateway/v1/commands", "POST", sent.envelope]);
  }
});

test("after a bounded number of attempts the outcome is unknown", async () => {
  const lost = scripted();
  await assert.rejects(lost.gateway.submit(await command()), Unreachable);
  assert.equal(lost.asked.length, 5);
  await assert.rejects(
    scripted(...Array.from({ length: 5 }, pending)).gateway.submit(await command()),
    /send the same/,
  );
  const shed = () => problem(503, "overloaded", { transient: true, recorded: false, fields: {} });
  const overloaded = scripted(...Array.from({ length: 5 }, shed)).gateway.submit(await command());
  await assert.rejects(overloaded, (error) => error instanceof NotReady && error.code === "overloaded");
});

test("a refusal is final and typed", async () => {
  const receipt = { origin: "market.example/matching/main", index: 7 };
  const more = { transient: false, recorded: true, fields: { available: "12", needed: "13" }, receipt };
  const { gateway, asked } = scripted(problem(422, "exceeds_available", more));
  await assert.rejects(gateway.submit(await command()), (error) => {
    assert.ok(error instanceof Refused);
    assert.deepEqual([error.name, error.code, error.problem.status], ["Refused", "exceeds_available", 422]);
    assert.deepEqual(error.problem.fields, { available: "12", needed: "13" });
    assert.deepEqual(error.receipt, receipt);
    assert.match(error.message, /exceeds_available: A title\. .*available=12/);
    return true;
  });
  assert.equal(asked.length, 1);
});

test("what is no answer of a gateway is an error of its own", async () => {
  const strange = [
    new Response("<html>", { status: 200 }),
    new Response("[]", { status: 200 }),
    new Response("bad gateway", { status: 502 }),
    problem(500, "internal_error"),
  ];
  for (const answer of strange) await assert.rejects(scripted(answer).gateway.submit(await command()), Unreachable);
});

test("a command may be sent without waiting for its decision", async () => {
  const { gateway, asked } = scripted(
    problem(503, "unavailable"),
    pending(),
    problem(404, "not_decided"),
    ok({ index: 7 }),
  );
  const sent = await command();
  await gateway.send(sent);
  assert.equal(new Headers(asked[1]?.init.headers).get("prefer"), "respond-async");
  await assert.rejects(gateway.receipt(sent), NotThere);
  assert.deepEqual(await gateway.receipt({ ...sent, aud: "market.example/matching/cn.sh" }), { index: 7 });
  assert.deepEqual(
    asked.slice(2).map(({ url }) => url),
    [`matching/acme/${sent.id}`, `matching/cn.sh/acme/${sent.id}`].map((path) => `http://gateway/v1/commands/${path}`),
  );
});

test("rows are read page by page", async () => {
  const row = (offer_id: string) => ({ offer_id });
  const { gateway, asked } = scripted(
    ok({ items: [row("a"), row("b")], next: "c1" }, { "counterfoil-position": "matching/main:9" }),
    ok({ items: [row("c")], next: null }),
  );
  const found: string[] = [];
  const waitFor = [after({ origin: "market.example/matching/main", index: 9 })];
  for await (const offer of gateway.rows("offers", { status: "open" }, { waitFor })) found.push(offer.offer_id);
  assert.deepEqual(found, ["a", "b", "c"]);
  const first = "http://gateway/v1/offers?status=open&wait_for=matching%2Fmain%3A9&limit=200";
  assert.deepEqual(
    asked.map(({ url }) => url),
    [first, `${first}&after=c1`],
  );
});

test("no more rows are asked for than wanted", async () => {
  const { gateway, asked } = scripted(ok({ items: [{}, {}], next: "c1" }, { "counterfoil-position": "ledger/main:3" }));
  assert.equal((await all(gateway.rows("holds", {}, { limit: 2 }))).length, 2);
  assert.equal(asked[0]?.url, "http://gateway/v1/holds?limit=2");
  const page = await scripted(ok({ items: [], next: null }, { "counterfoil-position": "ledger/main:3" })).gateway.page(
    "holds",
    {},
  );
  assert.deepEqual(page, { items: [], next: null, position: "ledger/main:3" });
});

test("one row by its key, whatever is in it", async () => {
  const { gateway, asked } = scripted(ok({}), problem(404, "not_found"));
  await gateway.row("balances", ["party/acme/cash", "USD"]);
  assert.equal(asked[0]?.url, "http://gateway/v1/balances/party%2Facme%2Fcash/USD");
  await assert.rejects(gateway.row("parties", "nobody"), NotThere);
});

test("a stream is read over any cuts, and its end is an error", async () => {
  const sent =
    'id: ledger:1\r\ndata: {"data":{"index":0}}\r\n\r\n: ping\r\n\r\nid: ledger:2\r\nevent: ledger\r\ndata: {"data":\r\ndata: {"index":"é"}}\r\n\r\n';
  for (const cut of [1, 7, sent.length]) {
    const octets = new TextEncoder().encode(sent);
    const parts = Array.from({ length: Math.ceil(octets.length / cut) }, (_, at) =>
      octets.slice(at * cut, (at + 1) * cut),
    );
    const { gateway, asked } = scripted(new Response(streamed(parts)));
    const found: unknown[] = [];
    const read = async () => {
      for await (const each of gateway.entries(["ledger:0"], ["ledger"])) found.push(each);
    };
    await assert.rejects(read, Unreachable);
    const expected = [0, "é"].map((index, at) => ({ entry: { data: { index } }, next: [`ledger:${at + 1}`] }));
    assert.deepEqual(found, expected);
    assert.equal(asked[0]?.url, "http://gateway/v1/events?from=ledger%3A0&service=ledger");
  }
  await assert.rejects(scripted(problem(400, "bad_position")).gateway.entries().next(), Refused);
});

test("an answer is read to a limit", async () => {
  const endless = () =>
    new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1 << 20)) }), { status: 200 });
  const { gateway } = scripted(...Array.from({ length: 5 }, endless));
  await assert.rejects(gateway.logFile("ledger/main", "checkpoint"), /at most/);
});

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

function streamed(parts: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(stream) {
      for (const part of parts) stream.enqueue(part);
      stream.close();
    },
  });
}

test("the page's cookies go with what is read where that is asked for, and never with a command", async () => {
  for (const credentials of [undefined, "same-origin"] as const) {
    const sent: (string | undefined)[] = [];
    const gateway = new Gateway("http://gateway", {
      ...(credentials && { credentials }),
      fetch: async (_, init) => {
        sent.push(init?.credentials);
        return ok({ items: [], next: null });
      },
    });
    await gateway.page("offers", {});
    await gateway.logFile("matching/main", "tile/entries/000.p/3");
    await gateway.logFile("matching/main", "checkpoint");
    await gateway.submit(await command());
    const read = credentials ?? "omit";
    assert.deepEqual(sent, [read, read, "omit", "omit"]);
  }
});
