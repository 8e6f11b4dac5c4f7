/** Octets and their text forms. Each text has one accepted spelling, so that reading and writing again gives the same. */

import { FormatError } from "./errors.js";

export type Bytes = Uint8Array<ArrayBuffer>;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Bytes {
  return ENCODER.encode(text) as Bytes;
}

/** Throws `FormatError` for anything but UTF-8. */
export function text(data: Uint8Array): string {
  try {
    return DECODER.decode(data);
  } catch {
    throw new FormatError("not UTF-8");
  }
}

export function concat(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export function toHex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The inverse, of text that this program has. */
export function fromHex(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
}

/** RFC 4648 section 4, with padding. */
export function toBase64(data: Uint8Array): string {
  let binary = "";
  for (const byte of data) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** RFC 4648 section 4, with padding; throws `FormatError` for every other spelling (white space, unused bits). */
export function fromBase64(encoded: string): Bytes {
  let binary = "";
  try {
    binary = atob(encoded);
  } catch {
    throw new FormatError("not base64");
  }
  if (btoa(binary) !== encoded) throw new FormatError("not canonical base64");
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}
