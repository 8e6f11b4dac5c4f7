/** Sessions: what a party signs to read, and the token that it gets. */

import { toBase64 } from "./bytes.js";
import { canonicalBytes } from "./canonical.js";
import { type Author, timeOf } from "./commands.js";
import { encodeEnvelope, preAuthEncoding } from "./envelope.js";

/** The payload type of what opens a session: a signature over it is none over a command. */
export const OPEN_SESSION_TYPE = "application/vnd.counterfoil.open-session.v1+json";
/** Milliseconds that it is valid for; gateways take five minutes at most. */
const VALID = 120_000;

export interface Session {
  /** Reads as the party: keep it as secret as a key. */
  readonly token: string;
  readonly party: string;
  readonly roles: readonly string[];
  readonly expiresAt: Date;
}

/**
 * The envelope that opens one session of an author with the instance of its host. Another instance refuses it, so sign
 * for the host whose log keys are pinned, and not for what a gateway calls itself.
 */
export async function signOpenSession({ party, key, host }: Author, now: Date = new Date()): Promise<string> {
  const payload = canonicalBytes({
    audience: host,
    expires_at: timeOf(new Date(now.getTime() + VALID)),
    key_id: key.id,
    nonce: toBase64(crypto.getRandomValues(new Uint8Array(16))),
    party_id: party,
  });
  const signature = await key.sign(preAuthEncoding(payload, OPEN_SESSION_TYPE));
  return encodeEnvelope(payload, signature, key.id, OPEN_SESSION_TYPE);
}
