/** Entries of a published log, proven from its tiles to be under one checkpoint that is believed. */

import type { Bytes } from "./bytes.js";
import type { Checkpoint } from "./checkpoint.js";
import { FormatError, NotProven, Unreachable } from "./errors.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { parseBundle, type ReadFile, TILE_WIDTH, TileTree, tilePath } from "./tiles.js";
import { type Proven, readProven } from "./verify.js";

export class PublishedLog {
  private readonly tree: TileTree;
  private readonly bundles = new Map<number, Promise<Bytes[]>>();

  /** `read` gives files below the log's prefix, which need not be trusted. */
  constructor(
    readonly checkpoint: Checkpoint,
    private readonly read: ReadFile,
  ) {
    this.tree = new TileTree(checkpoint.size, read);
  }

  /**
   * The entry at an index, with its proof. Throws `NotProven` where what is published is not what the checkpoint covers;
   * `Unreachable` if a file is missing; and what `read` throws, where the reader may not see the entries.
   */
  async entry(index: number): Promise<Proven> {
    this.checkIndex(index);
    const { origin } = this.checkpoint;
    let bytes: Bytes | undefined;
    try {
      bytes = (await this.bundle(Math.floor(index / TILE_WIDTH)))[index % TILE_WIDTH];
    } catch (cause) {
      if (cause instanceof FormatError) throw new NotProven(`${origin}: ${cause.message}`, { cause });
      throw cause;
    }
    if (bytes === undefined) throw new NotProven(`${origin}: the bundle with entry ${index} is cut short`);
    return this.proven(index, bytes);
  }

  /** The entry in octets that the reader has already, such as those of a receipt. Throws as `entry`. */
  async proven(index: number, bytes: Bytes): Promise<Proven> {
    this.checkIndex(index);
    const { size, root, origin } = this.checkpoint;
    try {
      await verifyInclusion(index, size, await leafHash(bytes), await this.tree.inclusion(index), root);
    } catch (cause) {
      if (cause instanceof FormatError) throw new NotProven(`${origin}: ${cause.message}`, { cause });
      throw cause;
    }
    return readProven(bytes, index, this.checkpoint);
  }

  private checkIndex(index: number): void {
    const { size, origin } = this.checkpoint;
    if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
      throw new NotProven(`${origin} has ${size} entries, and none with index ${index}`);
    }
  }

  private bundle(number: number): Promise<Bytes[]> {
    const found = this.bundles.get(number) ?? this.fetch(number);
    this.bundles.set(number, found);
    return found;
  }

  /** A partial bundle may be gone once the full one is there. */
  private async fetch(number: number): Promise<Bytes[]> {
    const width = Math.min(TILE_WIDTH, this.checkpoint.size - number * TILE_WIDTH);
    const partial = await this.read(tilePath("entries", number, width));
    if (partial !== null) return parseBundle(partial, width);
    const whole = width < TILE_WIDTH ? await this.read(tilePath("entries", number)) : null;
    if (whole === null) throw new Unreachable(`${tilePath("entries", number, width)} is not published`);
    return parseBundle(whole, TILE_WIDTH);
  }
}
