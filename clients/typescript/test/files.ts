/** Published test data of the repository. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of the repository, by its path from the root. */
export function file(path: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`../../../../${path}`, import.meta.url)));
}

// biome-ignore lint/suspicious/noExplicitAny: the data is what the tests are about
export function json(path: string): any {
  return JSON.parse(file(path).toString("utf8"));
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
