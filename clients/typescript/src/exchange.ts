/** One exchange with a gateway: sends a request, again while its outcome is unknown, and reads problem documents. */

import { type Bytes, concat, text } from "./bytes.js";
import { asObject, type Json, parseJson } from "./canonical.js";
import { CounterfoilError, FormatError, NotReady, NotThere, type Problem, Refused, Unreachable } from "./errors.js";
import type { Receipt } from "./receipt.js";
import { linesOf } from "./stream.js";

export interface GatewayOptions {
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds before each repetition. Default: 100, 300, 900, 2000. */
  readonly pauses?: readonly number[];
  /** Waits some milliseconds; for tests. */
  readonly sleep?: (milliseconds: number) => Promise<void>;
  /** Milliseconds until a request is given up; a gateway answers a command within 30 s. Default: 40000. */
  readonly timeout?: number;
  /** The token of a session that was opened before, to read by. Default: none; `openSession` opens one. */
  readonly token?: string;
  /**
   * Whether what is read is asked for with the cookies of the page's own origin: in a browser that is signed in. Commands and
   * sessions never are. Default: "omit".
   */
  readonly credentials?: "omit" | "same-origin";
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Bytes;
}

const PAUSES = [100, 300, 900, 2_000];
const TIMEOUT = 40_000;
/** Longest pause in seconds that a gateway may ask for. */
const RETRY_AFTER_MAX = 10;
/** Longest answer in octets: a bundle of 256 of the longest entries. */
const ANSWER_BYTES_MAX = 256 * 65_537;
/** Milliseconds after which a stream without a heartbeat is given up. */
const SILENCE_MAX = 60_000;
const OWN = { redirect: "error" } as const;
const NO_COOKIES = { credentials: "omit" } as const;
const ACCEPTED = 202;
const TOO_MANY = 429;
const UNAVAILABLE = 503;
/** Of these the same request may have another answer later. */
const AGAIN: readonly number[] = [ACCEPTED, TOO_MANY, UNAVAILABLE];

export class Exchange {
  private readonly fetch: typeof globalThis.fetch;
  private readonly pauses: readonly number[];
  readonly sleep: (milliseconds: number) => Promise<void>;
  private readonly timeout: number;

  constructor(
    readonly base: string,
    options: GatewayOptions,
  ) {
    this.fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
    this.pauses = options.pauses ?? PAUSES;
    this.sleep = options.sleep ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
    this.timeout = options.timeout ?? TIMEOUT;
  }

  /**
   * Send a request, with the same octets again while its outcome is unknown: no answer, 202, 429, 503. `done`: a status
   * that ends the repetitions besides 200. Throws `Refused`, `NotThere`, `Unreachable`, `NotReady`.
   */
  async ask(path: string, request: RequestInit = {}, done: number = 200): Promise<Answer> {
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.once(path, request);
      const lost = outcome instanceof Unreachable;
      if (!lost && (outcome.status === 200 || outcome.status === done)) return outcome;
      const again = lost || AGAIN.includes(outcome.status);
      const pause = this.pauses[attempt];
      if (!again || pause === undefined) throw lost ? outcome : this.problem(outcome);
      await this.sleep(Math.max(pause, lost ? 0 : 1_000 * askedFor(outcome)));
    }
  }

  /** The JSON object that an answer must be. Throws `Unreachable` for another. */
  async askJson(
    path: string,
    request: RequestInit = {},
    done: number = 200,
  ): Promise<{ answer: Answer; json: { readonly [name: string]: Json } }> {
    const answer = await this.ask(path, request, done);
    return { answer, json: this.json(answer) };
  }

  /**
   * The lines of an endless answer; a heartbeat is due every 15 s. Throws as `ask`, without repetitions, and `Unreachable`
   * when the stream ends or stands still.
   */
  async *lines(path: string, headers: Record<string, string> = {}): AsyncGenerator<string> {
    const still = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => still.abort(new Error("nothing came, not even a heartbeat")), SILENCE_MAX);
    };
    alive();
    try {
      const response = await this.fetch(this.base + path, { ...NO_COOKIES, headers, ...OWN, signal: still.signal });
      if (response.status !== 200 || response.body === null) {
        throw this.problem({ status: response.status, headers: response.headers, body: await bounded(response) });
      }
      yield* linesOf(response.body, alive);
    } catch (cause) {
      if (cause instanceof CounterfoilError) throw cause;
      throw new Unreachable(`the stream from ${this.base} broke: ${reason(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
    }
    throw new Unreachable(`the stream from ${this.base} ended`);
  }

  private async once(path: string, request: RequestInit): Promise<Answer | Unreachable> {
    try {
      const signal = AbortSignal.timeout(this.timeout);
      const response = await this.fetch(this.base + path, { ...NO_COOKIES, ...request, ...OWN, signal });
      return { status: response.status, headers: response.headers, body: await bounded(response) };
    } catch (cause) {
      return new Unreachable(`cannot reach ${this.base}: ${reason(cause)}`, { cause });
    }
  }

  private json(answer: Answer): { readonly [name: string]: Json } {
    try {
      return asObject(parseJson(text(answer.body)));
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      throw new Unreachable(`${this.base} did not answer with a JSON object`, { cause });
    }
  }

  private problem(answer: Answer): Error {
    const { status } = answer;
    if (status === ACCEPTED) return new Unreachable(`${this.base} did not decide in time; send the same command again`);
    if (!answer.headers.get("content-type")?.startsWith("application/problem+json")) {
      return new Unreachable(`${this.base} answered ${status}, but not as a Counterfoil gateway does`);
    }
    const document = this.json(answer);
    const problem = problemOf(document, status);
    const said = `${this.base}: ${problem.title} (${problem.code}) ${problem.detail}`.trimEnd();
    if (status === UNAVAILABLE || status === TOO_MANY) return new NotReady(problem.code, said);
    if (status >= 500) return new Unreachable(said);
    const isRefusal = String(document.type).startsWith("urn:counterfoil:refusal:");
    return status === 404 && !isRefusal ? new NotThere(problem) : new Refused(problem);
  }
}

function problemOf(document: { readonly [name: string]: Json }, status: number): Problem {
  const { code, title, detail, transient, fields, receipt } = document;
  const named = fields !== null && typeof fields === "object" ? Object.entries(fields) : [];
  return {
    code: String(code ?? ""),
    title: String(title ?? ""),
    status,
    detail: String(detail ?? ""),
    transient: transient === true,
    fields: Object.fromEntries(named.map(([name, value]) => [name, String(value)])),
    receipt: (receipt ?? null) as Receipt | null,
  };
}

/** Read no more than the longest answer into memory. */
async function bounded(response: Response): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    length += part.value.length;
    if (length > ANSWER_BYTES_MAX) {
      await reader?.cancel();
      throw new FormatError(`an answer has at most ${ANSWER_BYTES_MAX} octets`);
    }
    parts.push(part.value);
  }
  return concat(...parts);
}

/** The pause in seconds that the gateway asks for; 0 without one. */
function askedFor({ headers }: Answer): number {
  const header = headers.get("retry-after") ?? "";
  return /^[0-9]{1,5}$/.test(header) ? Math.min(Number(header), RETRY_AFTER_MAX) : 0;
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}
