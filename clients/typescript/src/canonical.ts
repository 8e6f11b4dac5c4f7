/** RFC 8785 canonical JSON, and the rule that only canonical bytes are accepted. */

import { type Bytes, text, utf8 } from "./bytes.js";
import { FormatError } from "./errors.js";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const LONE_SURROGATE = /\p{Surrogate}/u;

/** The RFC 8785 form of a value. Throws `FormatError` for what JSON cannot hold: NaN, lone surrogates, undefined. */
export function canonicalize(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new FormatError(`${value} is not JSON`);
  if (typeof value === "string" && LONE_SURROGATE.test(value)) throw new FormatError("a lone surrogate is not Unicode");
  if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string") {
    return JSON.stringify(value); // RFC 8785 takes numbers and escapes from ECMAScript
  }
  if (typeof value !== "object") throw new FormatError(`${typeof value} is not JSON`);
  if (isArray(value)) return `[${value.map(canonicalize).join(",")}]`;
  const names = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 sorts
  return `{${names.map((name) => `${canonicalize(name)}:${canonicalize(value[name] as Json)}`).join(",")}}`;
}

export function canonicalBytes(value: Json): Bytes {
  return utf8(canonicalize(value));
}

/** The value of canonical bytes. Throws `FormatError` for every other spelling: white space, order, doubled members. */
export function parseCanonical(data: Uint8Array): Json {
  const source = text(data);
  const value = parseJson(source);
  if (canonicalize(value) !== source) throw new FormatError("not canonical JSON (RFC 8785)");
  return value;
}

/** Throws `FormatError` for what is not JSON. */
export function parseJson(source: string): Json {
  try {
    return JSON.parse(source) as Json;
  } catch {
    throw new FormatError("not JSON");
  }
}

/** Throws `FormatError` for JSON that is not an object. */
export function asObject(value: Json): { readonly [name: string]: Json } {
  if (value === null || typeof value !== "object" || isArray(value)) throw new FormatError("not a JSON object");
  return value;
}

function isArray(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
