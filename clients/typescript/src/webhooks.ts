/** What a receiver of webhooks needs: the check that a message is the gateway's, fresh and whole (Standard Webhooks). */

import { type Bytes, concat, fromBase64, text, utf8 } from "./bytes.js";
import { CounterfoilError, FormatError } from "./errors.js";

/** Seconds by which a message may be older, or newer, than this machine's clock says. */
export const TOLERANCE = 300;
const PREFIX = "whsec_";
const VERSION = "v1,";
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** Why a message is refused: answer it with 401, and do nothing with it. */
export type NotVerifiedCode =
  | "header_missing"
  | "bad_timestamp"
  | "bad_signature"
  | "too_old"
  | "too_new"
  | "not_an_event";

export class NotVerified extends CounterfoilError {
  constructor(
    readonly code: NotVerifiedCode,
    message: string,
  ) {
    super(message);
  }
}

/** A CloudEvent 1.0, as a page of the feed has it. */
export interface FeedEvent {
  readonly specversion: string;
  /** The same each time that this event comes. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time?: string;
  readonly data?: unknown;
}

/**
 * The event of a message, after checking its signature and time.
 *
 * `secret`: `whsec_...`. `headers`: a request's, or names in any case. `body`: exactly the octets that came. `now`: Unix
 * seconds. Throws `NotVerified`, and `FormatError` for a secret that is none.
 */
export async function verifyWebhook(
  secret: string,
  headers: Headers | Readonly<Record<string, string>>,
  body: Uint8Array,
  tolerance: number = TOLERANCE,
  now: number = Math.round(Date.now() / 1000),
): Promise<FeedEvent> {
  const key = await crypto.subtle.importKey("raw", octetsOf(secret), HMAC, false, ["verify"]);
  const given = new Headers(headers);
  const [id, time, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => {
    const value = given.get(name);
    if (!value) throw new NotVerified("header_missing", `there is no header ${name}`);
    return value;
  }) as [string, string, string];
  if (!/^[0-9]{1,12}$/.test(time)) throw new NotVerified("bad_timestamp", "webhook-timestamp is no number of seconds");
  const sent = Number(time);
  if (!(await isSigned(key, concat(utf8(`${id}.${sent}.`), body), signatures.split(" "))))
    throw new NotVerified("bad_signature", "no signature of the message is by this secret");
  if (sent < now - tolerance) throw new NotVerified("too_old", `the message was signed ${now - sent} s ago`);
  if (sent > now + tolerance) throw new NotVerified("too_new", `the message was signed ${sent - now} s ahead`);
  return eventOf(body);
}

function octetsOf(secret: string): Bytes {
  try {
    const octets = fromBase64(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "");
    if (octets.length >= 24 && octets.length <= 64) return octets;
  } catch {
    // said below, without the secret
  }
  throw new FormatError("a secret is `whsec_` and base64 of 24 to 64 octets");
}

async function isSigned(key: CryptoKey, signed: Bytes, signatures: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    signatures.map(async (each) => {
      try {
        return (
          each.startsWith(VERSION) &&
          (await crypto.subtle.verify("HMAC", key, fromBase64(each.slice(VERSION.length)), signed))
        );
      } catch {
        return false;
      }
    }),
  );
  return found.includes(true);
}

function eventOf(body: Uint8Array): FeedEvent {
  let event: unknown;
  try {
    event = JSON.parse(text(body));
  } catch {
    event = null;
  }
  if (typeof event !== "object" || event === null || Array.isArray(event))
    throw new NotVerified("not_an_event", "the body is no JSON object");
  return event as FeedEvent;
}
