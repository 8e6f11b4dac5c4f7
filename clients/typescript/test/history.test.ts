/** A log that has only grown is told from one that has changed, by its published tiles alone. */

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import {
  type Checkpoint,
  checkHistory,
  FormatError,
  Gateway,
  leafHash,
  NotProven,
  PublishedLog,
  parseBundle,
  parseVerifyKey,
  rootOf,
  tilePath,
  Unreachable,
} from "@counterfoil/client";
import { entryOf, octets } from "./logs.js";

const ORIGIN = "market.example/ledger/main";
const hash = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

/** Hashes of rows: `rows[0]` are leaves, `rows[h]` the complete nodes of height h. */
function rowsOf(size: number): Buffer[][] {
  const rows = [Array.from({ length: size }, (_, index) => hash(Buffer.from(`entry ${index}`)))];
  for (let row = rows[0] ?? []; row.length > 1; rows.push(row)) {
    row = Array.from({ length: row.length >> 1 }, (_, at) =>
      hash(Uint8Array.of(1), row[2 * at] as Buffer, row[2 * at + 1] as Buffer),
    );
  }
  return rows;
}

const rows = rowsOf(66_000); // three tile levels

function rootAt(size: number): Buffer {
  let [root, start]: [Buffer | null, number] = [null, size];
  for (let height = 0; 2 ** height <= size; height += 1) {
    if (Math.floor(size / 2 ** height) % 2 === 0) continue;
    start -= 2 ** height;
    const node = rows[height]?.[start / 2 ** height] as Buffer;
    root = root === null ? node : hash(Uint8Array.of(1), node, root);
  }
  return root ?? hash();
}

function checkpoint(size: number, root: Uint8Array = rootAt(size)): Checkpoint {
  return { origin: ORIGIN, size, root: Uint8Array.from(root), note: new Uint8Array() };
}

/** The tiles that a log of `size` entries has published. `spoil` may change them. */
function tilesOf(
  size: number,
  spoil: (path: string, data: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | null = (_, data) => data,
) {
  const tiles = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let level = 0; 256 ** level <= size; level += 1) {
    const count = Math.floor(size / 256 ** level);
    for (let index = 0; index * 256 < count; index += 1) {
      const width = Math.min(256, count - index * 256);
      const hashes = rows[8 * level]?.slice(index * 256, index * 256 + width) ?? [];
      const path = tilePath(level, index, width);
      const data = spoil(path, Uint8Array.from(Buffer.concat(hashes)));
      if (data !== null) tiles.set(path, data);
    }
  }
  return async (path: string) => tiles.get(path) ?? null;
}

test("paths of tiles", () => {
  assert.equal(tilePath(0, 0), "tile/0/000");
  assert.equal(tilePath("entries", 1_234_067), "tile/entries/x001/x234/067");
  assert.equal(tilePath(2, 1_000, 7), "tile/2/x001/000.p/7");
});

test("an entry is proven from tiles, whatever its place; a forged one is not", async () => {
  const entry = (index: number) => entryOf(`//${ORIGIN}`, index);
  for (const size of [1, 2, 3, 255, 256, 257, 600]) {
    const leaves = await Promise.all(Array.from({ length: size }, (_, index) => leafHash(entry(index))));
    const spoilt = new Map<string, Uint8Array<ArrayBuffer>>();
    const read = async (path: string) => {
      if (spoilt.has(path)) return spoilt.get(path) ?? null;
      const [, kind = "", number = "", width = "256"] =
        /^tile\/(0|entries|1)\/(\d{3})(?:\.p\/(\d+))?$/.exec(path) ?? [];
      const [start, end] = [256 * Number(number), 256 * Number(number) + Number(width)];
      if (kind === "entries") {
        if (end > size) return null;
        return octets(...Array.from({ length: end - start }, (_, at) => framed(entry(start + at))));
      }
      const row = kind === "0" ? leaves : await Promise.all(wholes(leaves));
      return end > row.length ? null : octets(...row.slice(start, end));
    };
    const head = { origin: ORIGIN, size, root: await rootOf(leaves), note: new Uint8Array() };
    const log = new PublishedLog(head, read);
    for (const index of new Set([0, 1, 2, 254, 255, 256, 300, 511, 512, 599].filter((each) => each < size))) {
      const proven = await log.entry(index);
      assert.deepEqual(proven.bytes, entry(index));
    }
    await assert.rejects(log.entry(size), NotProven);
    const width = Math.min(256, size);
    const others = Array.from({ length: width }, (_, at) => framed(entry(at === 0 ? 7_777 : at)));
    for (const forged of [octets(...others), Uint8Array.of(0, 9, 1)]) {
      spoilt.set(tilePath("entries", 0, width), forged);
      await assert.rejects(new PublishedLog(head, read).entry(0), NotProven);
    }
  }
});

const framed = (entry: Uint8Array) => octets(Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry);
/** The hashes of the full tiles below. */
const wholes = (leaves: readonly Uint8Array<ArrayBuffer>[]) =>
  Array.from({ length: leaves.length >> 8 }, (_, at) => rootOf(leaves.slice(256 * at, 256 * at + 256)));

test("every older head of a log is found in it", async () => {
  for (const size of [1, 2, 5, 255, 256, 257, 700, 65_535, 65_536, 66_000]) {
    const tiles = tilesOf(size);
    for (const older of [0, 1, 3, 128, 255, 256, 300, 512, 699, 65_536, 65_792, 65_999, size]) {
      if (older <= size) await checkHistory(checkpoint(older), checkpoint(size), tiles);
    }
  }
});

test("a log that changed, shrank or is another one is found", async () => {
  const spoiled = (path: string, data: Uint8Array<ArrayBuffer>) => {
    if (path === "tile/0/002.p/188") data[5] = (data[5] ?? 0) ^ 1;
    return data;
  };
  await assert.rejects(checkHistory(checkpoint(600), checkpoint(700), tilesOf(700, spoiled)), NotProven);
  await assert.rejects(checkHistory(checkpoint(600, rootAt(599)), checkpoint(700), tilesOf(700)), NotProven);
  await assert.rejects(checkHistory(checkpoint(700, rootAt(699)), checkpoint(700), tilesOf(700)), NotProven);
  await assert.rejects(checkHistory(checkpoint(700), checkpoint(600), tilesOf(700)), /had 700 entries, and now 600/);
  await assert.rejects(checkHistory({ ...checkpoint(6), origin: "x" }, checkpoint(7), tilesOf(7)), /two logs/);
  await assert.rejects(
    checkHistory(checkpoint(6), checkpoint(7), async () => null),
    /not published/,
  );
  await assert.rejects(
    checkHistory(
      checkpoint(6),
      checkpoint(7),
      tilesOf(7, (_, data) => data.slice(1)),
    ),
    FormatError,
  );
});

test("a partial tile that is gone is found in the full one", async () => {
  await checkHistory(checkpoint(100), checkpoint(200), tilesOf(256));
});

test("bundles have exactly their entries", () => {
  const bundle = Uint8Array.of(0, 1, 7, 0, 0, 0, 2, 8, 9);
  assert.deepEqual(
    parseBundle(bundle, 3).map((entry) => [...entry]),
    [[7], [], [8, 9]],
  );
  for (const [data, width] of [
    [bundle, 2],
    [bundle, 4],
    [bundle.slice(0, -1), 3],
    [Uint8Array.of(0), 1],
  ] as const) {
    assert.throws(() => parseBundle(data, width), FormatError);
  }
});

test("a gateway's newest checkpoint leads on from the last one", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = await parseVerifyKey(vkeyOf(publicKey));
  let sizes: number[] = [];
  let tiles = tilesOf(300);
  let waits = 0;
  const fetch = async (url: unknown) => {
    const path = String(url).replace("http://gateway/log/ledger/main/", "");
    if (path === "checkpoint") return new Response(noteOf(sizes.shift() ?? 0, privateKey));
    const tile = await tiles(path);
    const headers = { "content-type": "application/problem+json" };
    return tile ? new Response(tile) : Response.json({ code: "not_published" }, { status: 404, headers });
  };
  const sleep = async () => {
    waits += 1;
  };
  const gateway = new Gateway("http://gateway", { fetch, sleep });
  const newest = (last?: Checkpoint, trusted = key) => gateway.checkpoint("ledger/main", [trusted], last);

  sizes = [200];
  assert.equal((await newest()).size, 200);
  sizes = [300];
  assert.equal((await newest(checkpoint(100))).size, 300);
  sizes = [200, 300]; // committed, and published a moment later
  assert.equal((await newest(checkpoint(300))).size, 300);
  assert.equal(waits, 1);

  sizes = Array.from({ length: 1_000 }, () => 200);
  await assert.rejects(newest(checkpoint(300)), (error) => error instanceof NotProven && error.evidence.length === 2);
  assert.ok(waits < 200);
  sizes = [300];
  await assert.rejects(
    newest(checkpoint(100, rootAt(99))),
    (error) => error instanceof NotProven && error.evidence.length === 2,
  );
  sizes = [300];
  tiles = async () => null;
  await assert.rejects(newest(checkpoint(100)), Unreachable);
  sizes = [300];
  await assert.rejects(
    newest(undefined, await parseVerifyKey(vkeyOf(generateKeyPairSync("ed25519").publicKey))),
    NotProven,
  );
});

function vkeyOf(publicKey: KeyObject): string {
  const typed = Buffer.concat([Uint8Array.of(1), publicKey.export({ type: "spki", format: "der" }).subarray(-32)]);
  return `${ORIGIN}+${keyId(typed).toString("hex")}+${typed.toString("base64")}`;
}

function keyId(typed: Uint8Array): Buffer {
  return hash(Buffer.from(`${ORIGIN}\n`), typed).subarray(0, 4);
}

function noteOf(size: number, privateKey: KeyObject): string {
  const text = `${ORIGIN}\n${size}\n${rootAt(size).toString("base64")}\n`;
  const der = (privateKey.export({ format: "jwk" }).x ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const typed = Buffer.concat([Uint8Array.of(1), Buffer.from(der, "base64")]);
  const signature = Buffer.concat([keyId(typed), sign(null, Buffer.from(text), privateKey)]);
  return `${text}\n\u2014 ${ORIGIN} ${signature.toString("base64")}\n`;
}
