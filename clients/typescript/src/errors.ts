/**
 * Errors of this package.
 *
 * CounterfoilError
 * ├── Refused        a command was refused, or a request was wrong, with a stable code
 * │   └── NotThere   there is nothing under this key
 * ├── Unreachable    no usable answer: the outcome is unknown, and the same request may be repeated
 * │   └── NotReady   the gateway answers, but cannot do this at the moment
 * ├── NotVerified    a message to a webhook that is not the gateway's, or too old (`webhooks.ts`)
 * ├── NotProven      an answer whose proof does not verify: keep it, it is evidence
 * └── FormatError    bytes that are not in the format they should be in
 */

import type { RefusalCode } from "./generated/tables.js";
import type { Receipt } from "./receipt.js";

export class CounterfoilError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An RFC 9457 problem document, as gateways send it. */
export interface Problem {
  readonly code: string;
  readonly title: string;
  /** HTTP status. */
  readonly status: number;
  readonly detail: string;
  /** Whether a new command may succeed later without being different. */
  readonly transient: boolean;
  /** What offended: names and values. */
  readonly fields: Readonly<Record<string, string>>;
  /** Of the refusal's own entry, if it is recorded in a log; then it is final for this command. */
  readonly receipt: Receipt | null;
}

export class Refused extends CounterfoilError {
  /** A code of schemas/refusals.md, or of the gateway itself (`bad_request`). */
  readonly code: RefusalCode | (string & {});

  constructor(readonly problem: Problem) {
    const what = Object.entries(problem.fields).map(([name, value]) => `${name}=${value}`);
    super([`${problem.code}: ${problem.title}`, problem.detail, what.join(", ")].filter(Boolean).join(" "));
    this.code = problem.code;
  }

  /** The receipt of the refusal's own entry, or null where nothing was recorded. */
  get receipt(): Receipt | null {
    return this.problem.receipt;
  }
}

export class NotThere extends Refused {}

export class Unreachable extends CounterfoilError {}

export class NotReady extends Unreachable {
  /** `code`: why (`stopped`, `catching_up`, `overloaded`). */
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class NotProven extends CounterfoilError {
  /** Signed notes that contradict each other, if there are any. */
  readonly evidence: readonly Uint8Array[];

  constructor(message: string, options: ErrorOptions & { readonly evidence?: readonly Uint8Array[] } = {}) {
    super(message, options);
    this.evidence = options.evidence ?? [];
  }
}

export class FormatError extends CounterfoilError {}
