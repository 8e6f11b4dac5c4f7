/** DSSE v1 envelopes with one Ed25519 signature over a canonical payload. */

import { type Bytes, concat, fromBase64, toBase64, utf8 } from "./bytes.js";
import { asObject, parseJson } from "./canonical.js";
import { FormatError } from "./errors.js";

export const PAYLOAD_TYPE = "application/vnd.counterfoil.command.v1+json";

/** DSSE's pre-authentication encoding: what is signed. */
export function preAuthEncoding(payload: Uint8Array, payloadType: string = PAYLOAD_TYPE): Bytes {
  const type = utf8(payloadType);
  return concat(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
}

export function encodeEnvelope(
  payload: Uint8Array,
  signature: Uint8Array,
  keyId: string,
  payloadType: string = PAYLOAD_TYPE,
): string {
  const signatures = [{ keyid: keyId, sig: toBase64(signature) }];
  return JSON.stringify({ payload: toBase64(payload), payloadType, signatures });
}

/** The payload in an envelope; the signature is not verified. Throws `FormatError`. */
export function payloadOf(envelope: string): Bytes {
  const { payload, payloadType } = asObject(parseJson(envelope));
  if (typeof payload !== "string" || payloadType !== PAYLOAD_TYPE)
    throw new FormatError("not the envelope of a command");
  return fromBase64(payload);
}
