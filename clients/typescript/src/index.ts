/** Counterfoil for TypeScript: signs commands, talks to a gateway, verifies receipts and logs. */

export { type Bytes, fromBase64, toBase64, toHex } from "./bytes.js";
export { canonicalBytes, canonicalize, type Json, parseCanonical } from "./canonical.js";
export { type Checkpoint, openCheckpoint } from "./checkpoint.js";
export { Author, type Draft, hourOf, readCommand, type SignedCommand, type SignOptions, timeOf } from "./commands.js";
export { encodeEnvelope, PAYLOAD_TYPE, payloadOf, preAuthEncoding } from "./envelope.js";
export {
  CounterfoilError,
  FormatError,
  NotProven,
  NotReady,
  NotThere,
  type Problem,
  Refused,
  Unreachable,
} from "./errors.js";
export type { GatewayOptions } from "./exchange.js";
export {
  after,
  type Filters,
  Gateway,
  type Market,
  type Page,
  type Row,
  type Streamed,
  type ViewName,
  type Wait,
} from "./gateway.js";
export type { components, paths } from "./generated/api.js";
export { type Command, type Event, type RefusalCode, SERVICE_OF, type Views } from "./generated/tables.js";
export { commandIdOf, newCommandId } from "./ids.js";
export { keyIdOf, possession, SigningKey, type Use, verifySignature } from "./keys.js";
export { leafHash, nodeHash, rootOf, verifyConsistency, verifyInclusion } from "./merkle.js";
export { type Note, parseNote, parseVerifyKey, parseVerifyKeys, type VerifyKey, verifyNote } from "./note.js";
export { type Followed, followOrder } from "./orders.js";
export { type LogProof, parseProof, verifyProof } from "./proof.js";
export { PublishedLog } from "./published.js";
export type { Outcome, Receipt, Settled } from "./receipt.js";
export { OPEN_SESSION_TYPE, type Session, signOpenSession } from "./sessions.js";
export { type StateAnswer, type StateProof, type StateRecord, verifyRecord, verifyState } from "./state.js";
export { checkHistory, parseBundle, type ReadFile, TILE_WIDTH, tilePath } from "./tiles.js";
export { type Entry, type Proven, verifyEntry, verifyReceipt } from "./verify.js";
export { type FeedEvent, NotVerified, type NotVerifiedCode, TOLERANCE, verifyWebhook } from "./webhooks.js";
