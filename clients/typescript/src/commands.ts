/** Signs commands for one party. */

import { type Bytes, toBase64 } from "./bytes.js";
import { asObject, canonicalBytes, type Json, parseCanonical } from "./canonical.js";
import type { Checkpoint } from "./checkpoint.js";
import { encodeEnvelope, payloadOf, preAuthEncoding } from "./envelope.js";
import { FormatError } from "./errors.js";
import { type Command, SERVICE_OF } from "./generated/tables.js";
import { newCommandId } from "./ids.js";
import type { SigningKey } from "./keys.js";

/** A command before its signature: what a person reads, and then signs, are these octets. */
export interface Draft {
  readonly id: string;
  readonly actor: string;
  /** Origin of the log that is to decide. */
  readonly aud: string;
  readonly payload: Bytes;
}

/**
 * A signed command, with one id from its making to its settling. Keep the envelope until there is a receipt: the same
 * bytes may be sent again at any time, and have their effect once.
 */
export interface SignedCommand extends Draft {
  /** The DSSE envelope as JSON: what is sent. */
  readonly envelope: string;
}

export interface SignOptions {
  /** Default: a fresh one. */
  readonly id?: string;
  /** Default: `main`. */
  readonly shard?: string;
  /** The last checkpoint of the deciding log that the author saw; the log must lead on from it. */
  readonly seen?: Pick<Checkpoint, "size" | "root">;
  /** Default: this machine's clock. */
  readonly issuedAt?: Date;
  /** Seconds until the command can no longer take effect. Default: one hour. */
  readonly validFor?: number;
}

const HOUR = 3_600;

export class Author {
  /** `host`: the first part of the logs' origins, such as `market.example`. */
  constructor(
    readonly party: string,
    readonly key: SigningKey,
    readonly host: string,
  ) {}

  /** Sign one command, or several of one service as a batch: decided in order, in one entry. */
  async sign(command: Command | readonly Command[], options: SignOptions = {}): Promise<SignedCommand> {
    return this.signDraft(this.draft(command, options));
  }

  /** The same without the signature: what is to be read before. */
  draft(command: Command | readonly Command[], options: SignOptions = {}): Draft {
    const all = Array.isArray(command) ? (command as readonly Command[]) : [command as Command];
    const issuedAt = options.issuedAt ?? new Date();
    const id = options.id ?? newCommandId();
    const aud = `${this.host}/${serviceOf(all)}/${options.shard ?? "main"}`;
    const { type, v, body } = all === command ? { type: "batch", v: 1, body: { commands: all } } : (all[0] as Command);
    const payload = canonicalBytes({
      type,
      v,
      aud,
      actor: this.party,
      key_id: this.key.id,
      command_id: id,
      issued_at: timeOf(issuedAt),
      expires_at: timeOf(new Date(issuedAt.getTime() + 1_000 * (options.validFor ?? HOUR))),
      seen: options.seen === undefined ? null : { size: options.seen.size, root: toBase64(options.seen.root) },
      body: body as unknown as Json,
    });
    return { id, actor: this.party, aud, payload };
  }

  async signDraft(draft: Draft): Promise<SignedCommand> {
    const signature = await this.key.sign(preAuthEncoding(draft.payload));
    return { ...draft, envelope: encodeEnvelope(draft.payload, signature, this.key.id) };
  }
}

/** The command in an envelope that was kept. Throws `FormatError`. */
export function readCommand(envelope: string): SignedCommand {
  const payload = payloadOf(envelope);
  const { command_id: id, actor, aud } = asObject(parseCanonical(payload));
  if (typeof id !== "string" || typeof actor !== "string" || typeof aud !== "string") {
    throw new FormatError("not the payload of a command");
  }
  return { id, actor, aud, payload, envelope };
}

/** UTC with six decimals, as in every signed text. */
export function timeOf(moment: Date): string {
  return moment.toISOString().replace("Z", "000Z");
}

/** The delivery hour of a moment: `20261122T18Z`. */
export function hourOf(moment: Date): string {
  return `${moment.toISOString().slice(0, 13).replaceAll("-", "")}Z`;
}

function serviceOf(commands: readonly Command[]): string {
  const services = new Set(commands.map(({ type }) => SERVICE_OF[type]));
  const [service] = services;
  if (service === undefined || services.size > 1) throw new FormatError("a batch has commands of one service");
  return service;
}
