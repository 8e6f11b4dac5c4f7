/** As much of DER as key files need: values one after the other, each with its tag. */

import { type Bytes, concat } from "./bytes.js";
import { FormatError } from "./errors.js";

export const INTEGER = 0x02;
export const OCTETS = 0x04;
export const NULL = 0x05;
export const OBJECT = 0x06;
export const SEQUENCE = 0x30;

/** The contents of the values in `data`, which begin with those tags; more may follow. Throws `FormatError`. */
export function valuesIn<const T extends readonly number[]>(
  data: Bytes,
  ...tags: T
): [...{ [K in keyof T]: Bytes }, ...Bytes[]] {
  const found: Bytes[] = [];
  for (let at = 0; at < data.length; ) {
    const [start, end] = extent(data, at);
    const expected = tags[found.length];
    if (expected !== undefined && data[at] !== expected) throw new FormatError("not the DER that a key file has");
    found.push(data.slice(start, end));
    at = end;
  }
  if (found.length < tags.length) throw new FormatError("the DER of a key file is cut short");
  return found as [...{ [K in keyof T]: Bytes }, ...Bytes[]];
}

/** A value of less than 65,536 octets, with its tag. */
export function encoded(tag: number, ...content: Uint8Array[]): Bytes {
  const { length } = concat(...content);
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...size), ...content);
}

/** Where the content of the value at `at` begins and ends. */
function extent(data: Bytes, at: number): [number, number] {
  const first = data[at + 1] ?? 0;
  const octets = first < 0x80 ? 0 : first - 0x80;
  if (octets > 2) throw new FormatError("the DER of a key file is too long");
  let length = octets === 0 ? first : 0;
  for (let each = 0; each < octets; each += 1) length = length * 256 + (data[at + 2 + each] ?? 0);
  const start = at + 2 + octets;
  if (start + length > data.length) throw new FormatError("the DER of a key file is cut short");
  return [start, start + length];
}
