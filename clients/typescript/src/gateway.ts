/** A gateway: submits signed commands; queries receipts, views and published logs. */

import type { Bytes } from "./bytes.js";
import { type Checkpoint, openCheckpoint } from "./checkpoint.js";
import type { Author, SignedCommand } from "./commands.js";
import { NotThere, Refused, Unreachable } from "./errors.js";
import { Exchange, type GatewayOptions } from "./exchange.js";
import type { Views } from "./generated/tables.js";
import type { VerifyKey } from "./note.js";
import type { Receipt, Row, ViewName } from "./receipt.js";
import { type Session, signOpenSession } from "./sessions.js";
import { type StateAnswer, type StateRecord, verifyRecord } from "./state.js";
import { eventsOf } from "./stream.js";
import { checkHistory } from "./tiles.js";
import type { Entry } from "./verify.js";

export type { Row, ViewName } from "./receipt.js";
export type Filters<V extends ViewName> = Views[V]["filters"];

export interface Wait {
  /** Positions that the answer must have seen, `service[/shard]:index`; `after` makes them. */
  readonly waitFor?: readonly string[];
}

export interface Page<V extends ViewName> {
  readonly items: readonly Row<V>[];
  /** Cursor of the page after this one; null at the end. */
  readonly next: string | null;
  /** The first entry of each log that the answer does not reflect: `service[/shard]:index`, separated by commas. */
  readonly position: string;
}

export interface Streamed {
  readonly entry: Entry;
  /** Where to go on behind this entry: `from` of the next stream. */
  readonly next: readonly string[];
}

type Parameters = [string, string][];

const PAGE = 200;
const ENVELOPE = { "Content-Type": "application/vnd.dsse.envelope.v1+json" };
/** Where the entries of a log are, which not everybody may read. */
const BUNDLES = "tile/entries/";
/** Milliseconds within which a log must publish entries that are known to be committed, and between two looks. */
const PUBLISHED_WITHIN = 30_000;
const POLL = 250;

/** What is traded against what: a class of accelerators in a region, in a currency. */
export interface Market {
  readonly classId: string;
  readonly region: string;
  readonly currency: string;
}

export class Gateway {
  private readonly exchange: Exchange;
  private token: string | undefined;
  private author: Author | undefined;
  private readonly credentials: "omit" | "same-origin";
  /** Waits some milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<void>;

  /** `url`: base URL, such as `http://127.0.0.1:8470`. */
  constructor(url: string, options: GatewayOptions = {}) {
    this.exchange = new Exchange(url.replace(/\/+$/, ""), options);
    this.sleep = this.exchange.sleep;
    this.token = options.token;
    this.credentials = options.credentials ?? "omit";
  }

  /**
   * Open a session, and read as its party from now on; when it is over, another is opened. Throws `Refused`,
   * `Unreachable`.
   */
  async openSession(author: Author): Promise<Session> {
    let json: Readonly<Record<string, unknown>>;
    try {
      json = await this.opened(author);
    } catch (problem) {
      // an answer was lost, and its document is used up
      if (!(problem instanceof Refused && problem.code === "nonce_used")) throw problem;
      json = await this.opened(author);
    }
    const { token, party_id, roles, expires_at } = json;
    if (typeof token !== "string" || !Array.isArray(roles)) {
      throw new Unreachable(`${this.exchange.base} did not answer with a session`);
    }
    this.token = token;
    this.author = author;
    return { token, party: String(party_id), roles: roles.map(String), expiresAt: new Date(String(expires_at)) };
  }

  /** End this gateway's session; `all`: all of its party. From now on it reads as anybody. Throws `Refused`, `Unreachable`. */
  async endSession(all: boolean = false): Promise<void> {
    const request = { method: "DELETE", headers: this.authorisation() };
    await this.exchange.ask(`/v1/sessions${all ? "?all=true" : ""}`, request, 204);
    this.token = undefined;
    this.author = undefined;
  }

  /**
   * Send a signed command, and again while its outcome is unknown, and return its receipt. Throws `Refused`; or
   * `Unreachable`, after which the same command may be submitted again at any time until it expires.
   *
   * With `wait`, whole seconds up to 30, the receipt has the `outcome` if that is settled within the time.
   */
  async submit(command: SignedCommand, options: { readonly wait?: number } = {}): Promise<Receipt> {
    const prefer = options.wait === undefined ? {} : { Prefer: `wait=${options.wait}` };
    const request = { method: "POST", headers: { ...ENVELOPE, ...prefer }, body: command.envelope };
    const { json } = await this.exchange.askJson("/v1/commands", request);
    return json as unknown as Receipt;
  }

  /** Send a signed command until the gateway has accepted it, without waiting for its decision. Throws as `submit`. */
  async send(command: SignedCommand): Promise<void> {
    const headers = { ...ENVELOPE, Prefer: "respond-async" };
    await this.exchange.ask("/v1/commands", { method: "POST", headers, body: command.envelope }, 202);
  }

  /** The receipt of a command that was decided. Throws `Refused`; `NotThere` while it is not decided; `Unreachable`. */
  async receipt({ aud, actor, id }: Pick<SignedCommand, "aud" | "actor" | "id">): Promise<Receipt> {
    const [, service = "", shard = "main"] = aud.split("/");
    const log = shard === "main" ? [service] : [service, shard];
    const { json } = await this.readJson(`/v1/commands/${quoted(...log, actor, id)}`);
    return json as unknown as Receipt;
  }

  /** One row by the parts of its key. Throws `NotThere`, `Refused`, `Unreachable`. */
  async row<V extends ViewName>(view: V, key: string | readonly string[], wait: Wait = {}): Promise<Row<V>> {
    const parts = typeof key === "string" ? [key] : key;
    const { json } = await this.readJson(`/v1/${view}/${quoted(...parts)}${query(waiting(wait))}`);
    return json as Row<V>;
  }

  /** One page of rows in order of key. Throws `Refused`, `Unreachable`. */
  async page<V extends ViewName>(
    view: V,
    filters: Filters<V>,
    options: Wait & { readonly after?: string; readonly limit?: number } = {},
  ): Promise<Page<V>> {
    const { after, limit = PAGE } = options;
    const given = Object.entries<string | number | boolean | undefined>(filters).flatMap(
      ([name, value]): Parameters => (value === undefined ? [] : [[name, String(value)]]),
    );
    const cursor: Parameters = after === undefined ? [] : [["after", after]];
    const limited: Parameters = [["limit", String(limit)]];
    const parameters = [...given, ...waiting(options), ...limited, ...cursor];
    const { answer, json } = await this.readJson(`/v1/${view}${query(parameters)}`);
    const { items, next } = json;
    if (!Array.isArray(items)) throw new Unreachable(`${this.exchange.base} did not answer with a page`);
    const position = answer.headers.get("counterfoil-position") ?? "";
    return { items: items as Row<V>[], next: typeof next === "string" ? next : null, position };
  }

  /** All rows in order of key, fetched page by page, at most `limit`. Throws as `page`. */
  async *rows<V extends ViewName>(
    view: V,
    filters: Filters<V> = {} as Filters<V>,
    options: Wait & { readonly limit?: number } = {},
  ): AsyncGenerator<Row<V>, void, undefined> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let after: string | null | undefined;
    while (left > 0 && after !== null) {
      const cursor = after === undefined ? {} : { after };
      const page: Page<V> = await this.page(view, filters, { ...options, ...cursor, limit: Math.min(PAGE, left) });
      yield* page.items;
      left -= page.items.length;
      after = page.next;
    }
  }

  /** Open quantity by price level. Throws `Refused`, `Unreachable`. */
  async depth(
    classId: string,
    region: string,
    currency: string,
    wait: Wait = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const market: Parameters = [
      ["class_id", classId],
      ["region", region],
      ["currency", currency],
    ];
    return (await this.readJson(`/v1/depth${query([...market, ...waiting(wait)])}`)).json;
  }

  /**
   * What the matching rule would do with a bid for a block now, on the book as it is: `nodes`, `hours`, and what else
   * the query takes. Throws `Refused`, `Unreachable`.
   */
  async quote(
    market: Market,
    block: Readonly<Record<string, string | number>>,
    wait: Wait = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.ofMarket("quote", market, block, wait);
  }

  /** What can be had in each delivery hour: `first`, `hours`. Throws `Refused`, `Unreachable`. */
  async depthByHour(
    market: Market,
    span: Readonly<Record<string, string | number>> = {},
    wait: Wait = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.ofMarket("depth/hours", market, span, wait);
  }

  /** A market's price index by day (`days`), and how scarce it is now. Throws `Refused`, `Unreachable`. */
  async index(
    market: Market,
    span: Readonly<Record<string, string | number>> = {},
    wait: Wait = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.ofMarket("index", market, span, wait);
  }

  private async ofMarket(
    what: string,
    market: Market,
    more: Readonly<Record<string, string | number>>,
    wait: Wait,
  ): Promise<Readonly<Record<string, unknown>>> {
    const named: Parameters = [
      ["class_id", market.classId],
      ["region", market.region],
      ["currency", market.currency],
    ];
    const given: Parameters = Object.entries(more).map(([name, value]) => [name, String(value)]);
    return (await this.readJson(`/v1/${what}${query([...named, ...given, ...waiting(wait)])}`)).json;
  }

  /**
   * The entries of logs as they come, endless, from `from` on (`service[/shard]:index`; default: from now on), in the order
   * of each log. They are as believable as the gateway. Throws `Unreachable` when the stream breaks: go on from the last
   * position; `Refused`.
   */
  async *entries(
    from: readonly string[] = [],
    logs: readonly string[] = [],
  ): AsyncGenerator<Streamed, never, undefined> {
    const start: Parameters = from.map((position) => ["from", position]);
    const wanted: Parameters = logs.map((log) => ["service", log]);
    const path = `/v1/events${query([...start, ...wanted])}`;
    for await (const { id, data } of eventsOf(this.exchange.lines(path, this.authorisation()))) {
      yield { next: id.split(","), entry: JSON.parse(data) as Entry };
    }
    throw new Unreachable(`the stream from ${this.exchange.base} ended`);
  }

  /**
   * A published file of a log (`ledger/main`): `checkpoint`, `vkey` or a tile's path. Throws `NotThere`, `Unreachable`;
   * `Refused` for entry bundles that this reader may not see.
   */
  async logFile(log: string, path: string): Promise<Bytes> {
    const file = `/log/${quoted(...log.split("/"))}/${path}`;
    if (!path.startsWith(BUNDLES)) return (await this.exchange.ask(file)).body;
    return (await this.reading((request) => this.exchange.ask(file, request))).body;
  }

  /**
   * The newest published checkpoint of a log (`ledger/main`), signed by a pinned key and, with `last`, proven to lead on
   * from the last one that was believed. Keep it for the next time. What is committed is published a moment later: a log
   * that is still shorter than `last` is waited for. Throws `NotProven`, `NotThere`, `Unreachable`, `FormatError`.
   */
  async checkpoint(log: string, keys: readonly VerifyKey[], last?: Checkpoint): Promise<Checkpoint> {
    for (let waited = 0; ; waited += POLL) {
      const newest = await openCheckpoint(await this.logFile(log, "checkpoint"), keys);
      if (last === undefined) return newest;
      if (newest.size >= last.size || waited >= PUBLISHED_WITHIN) {
        await checkHistory(last, newest, (path) => this.optional(log, path));
        return newest;
      }
      await this.sleep(POLL);
    }
  }

  /**
   * What the state of a log (`ledger/main`) has under a key (`schemas/state.md`), proven; for who may read everything.
   * Throws `NotThere` where no state is kept yet, `NotProven`, `Refused`, `Unreachable`.
   */
  async record(log: string, key: string, keys: readonly VerifyKey[]): Promise<StateRecord> {
    const { json } = await this.readJson(`/v1/state/${quoted(...log.split("/"))}${query([["key", key]])}`);
    return verifyRecord(json as unknown as StateAnswer, keys, key);
  }

  private async opened(author: Author): Promise<Readonly<Record<string, unknown>>> {
    const body = await signOpenSession(author);
    return (await this.exchange.askJson("/v1/sessions", { method: "POST", headers: ENVELOPE, body }, 201)).json;
  }

  private authorisation(): Record<string, string> {
    return this.token === undefined ? {} : { Authorization: `Bearer ${this.token}` };
  }

  private readJson(path: string): ReturnType<Exchange["askJson"]> {
    return this.reading((request) => this.exchange.askJson(path, request));
  }

  /** Send a request with the token; where that is over and its author is known, again with another one. */
  private async reading<T>(send: (request: RequestInit) => Promise<T>): Promise<T> {
    try {
      return await send({ headers: this.authorisation(), credentials: this.credentials });
    } catch (problem) {
      if (!(problem instanceof Refused && problem.code === "unknown_session") || !this.author) throw problem;
      await this.openSession(this.author);
      return send({ headers: this.authorisation(), credentials: this.credentials });
    }
  }

  private async optional(log: string, path: string): Promise<Bytes | null> {
    try {
      return await this.logFile(log, path);
    } catch (problem) {
      if (problem instanceof NotThere) return null;
      throw problem;
    }
  }
}

/** The position of a receipt's entry, to read one's own writes: `gateway.row(..., { waitFor: [after(receipt)] })`. */
export function after(receipt: Pick<Receipt, "origin" | "index">): string {
  return `${receipt.origin.split("/").slice(1).join("/")}:${receipt.index}`;
}

function quoted(...parts: string[]): string {
  return parts.map(encodeURIComponent).join("/");
}

function waiting({ waitFor = [] }: Wait): Parameters {
  return waitFor.map((position) => ["wait_for", position]);
}

function query(parameters: Parameters): string {
  return parameters.length === 0 ? "" : `?${new URLSearchParams(parameters)}`;
}
