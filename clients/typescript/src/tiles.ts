/** C2SP tlog-tiles: where a log's hashes and entries are published, and proofs made of them. */

import type { Bytes } from "./bytes.js";
import type { Checkpoint } from "./checkpoint.js";
import { FormatError, NotProven, Unreachable } from "./errors.js";
import { HASH_BYTES, rootOf, splitPoint, verifyConsistency } from "./merkle.js";

export const TILE_WIDTH = 256;

/** Reads a file below the log's prefix; null if it is not published. */
export type ReadFile = (path: string) => Promise<Bytes | null>;

/** `tile/<L>/<N>[.p/<W>]`; level `entries` is that of bundles. */
export function tilePath(level: number | "entries", index: number, width: number = TILE_WIDTH): string {
  const digits = String(index).padStart(3, "0");
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g) ?? [];
  const last = groups.pop() ?? "000";
  const path = [...groups.map((group) => `x${group}`), last].join("/");
  return `tile/${level}/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** The entries of a bundle. Throws `FormatError` unless there are exactly `width`. */
export function parseBundle(data: Bytes, width: number): Bytes[] {
  const entries: Bytes[] = [];
  let at = 0;
  while (at < data.length) {
    const length = ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
    const end = at + 2 + length;
    if (end > data.length) throw new FormatError("an entry of the bundle is cut short");
    entries.push(data.slice(at + 2, end));
    at = end;
  }
  if (entries.length !== width) throw new FormatError(`a bundle of ${width} entries has ${entries.length}`);
  return entries;
}

/**
 * Check that `older` is a head that the log of `newer` had before: the log has only grown. `read` gives its published
 * tiles, which need not be trusted. Throws `NotProven` with both notes as evidence; `FormatError` and `Unreachable` for
 * tiles that are none or are missing; and what `read` throws.
 */
export async function checkHistory(older: Checkpoint, newer: Checkpoint, read: ReadFile): Promise<void> {
  const evidence = [older.note, newer.note];
  if (older.origin !== newer.origin) throw new NotProven(`${older.origin} and ${newer.origin} are two logs`);
  if (older.size === 0) return;
  if (older.size > newer.size) {
    throw new NotProven(`${newer.origin} had ${older.size} entries, and now ${newer.size}`, { evidence });
  }
  const proof = await new TileTree(newer.size, read).consistency(older.size);
  try {
    await verifyConsistency(older.size, newer.size, older.root, newer.root, proof);
  } catch (cause) {
    const message = `${newer.origin} has ${newer.size} entries that do not lead on from the ${older.size} before`;
    throw new NotProven(message, { cause, evidence });
  }
}

/** Hashes of a log's tree, read from tiles that are not trusted: what is made of them must be verified. */
export class TileTree {
  private readonly tiles = new Map<string, Promise<Bytes[]>>();
  private readonly roots = new Map<string, Promise<Bytes>>();

  constructor(
    private readonly size: number,
    private readonly read: ReadFile,
  ) {}

  /** PROOF(old, D[size]) of RFC 6962 section 2.1.2. */
  async consistency(old: number): Promise<Bytes[]> {
    let [start, end, known] = [0, this.size, true];
    const parts: [number, number][] = [];
    while (old !== end) {
      const middle = start + splitPoint(end - start);
      if (old <= middle) {
        parts.push([middle, end]);
        end = middle;
      } else {
        parts.push([start, middle]);
        start = middle;
        known = false;
      }
    }
    if (!known) parts.push([start, end]);
    return Promise.all(parts.reverse().map(([from, to]) => this.root(from, to)));
  }

  /** PATH(index, D[size]) of RFC 6962 section 2.1.1: leaf side first. */
  async inclusion(index: number): Promise<Bytes[]> {
    let [start, end] = [0, this.size];
    const parts: [number, number][] = [];
    while (end - start > 1) {
      const middle = start + splitPoint(end - start);
      if (index < middle) {
        parts.push([middle, end]);
        end = middle;
      } else {
        parts.push([start, middle]);
        start = middle;
      }
    }
    return Promise.all(parts.reverse().map(([from, to]) => this.root(from, to)));
  }

  /** MTH(D[start:end]), `start` a multiple of a power of two that is not below the length. */
  private root(start: number, end: number): Promise<Bytes> {
    const range = `${start}:${end}`;
    const found = this.roots.get(range) ?? this.computed(start, end);
    this.roots.set(range, found);
    return found;
  }

  private async computed(start: number, end: number): Promise<Bytes> {
    let [level, span] = [0, 1]; // the highest tile level whose hashes make up the range
    while (start % (span * TILE_WIDTH) === 0 && end % (span * TILE_WIDTH) === 0) {
      level += 1;
      span *= TILE_WIDTH;
    }
    const count = (end - start) / span;
    if (count === 1) return rootOf(await this.hashes(level, start / span, 1));
    const middle = start + span * splitPoint(count);
    return rootOf([await this.root(start, middle), await this.root(middle, end)]);
  }

  /** `count` hashes of a tile level from `first` on, all in one tile. */
  private async hashes(level: number, first: number, count: number): Promise<Bytes[]> {
    const tile = Math.floor(first / TILE_WIDTH);
    const at = first % TILE_WIDTH;
    return (await this.tile(level, tile)).slice(at, at + count);
  }

  private tile(level: number, index: number): Promise<Bytes[]> {
    const path = tilePath(level, index);
    const found = this.tiles.get(path) ?? this.fetch(level, index);
    this.tiles.set(path, found);
    return found;
  }

  /** A partial tile may be gone once the full one is there. */
  private async fetch(level: number, index: number): Promise<Bytes[]> {
    const row = Math.floor(this.size / TILE_WIDTH ** level);
    const width = Math.min(TILE_WIDTH, row - index * TILE_WIDTH);
    const partial = await this.read(tilePath(level, index, width));
    const data = partial ?? (width < TILE_WIDTH ? await this.read(tilePath(level, index)) : null);
    const expected = partial === null ? TILE_WIDTH : width;
    if (data === null) throw new Unreachable(`${tilePath(level, index, width)} is not published`);
    if (data.length !== expected * HASH_BYTES) throw new FormatError(`${tilePath(level, index, width)} is cut short`);
    return Array.from({ length: width }, (_, at) => data.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
  }
}
