/** What a gateway answers to a command. */

import type { components } from "./generated/api.js";
import type { Event, RefusalCode, Views } from "./generated/tables.js";

export type ViewName = keyof Views;
export type Row<V extends ViewName> = Views[V]["row"];

/** What was decided about one command: how many of the entry's events are its own, or why it was refused. */
export type Outcome =
  | { readonly accepted: number }
  | { readonly refused: RefusalCode; readonly detail: Readonly<Record<string, string>> };

/** What a command made, as the gateway's view `V` shows it; of an order also its trades, and why funds were refused. */
export type Settled<V extends ViewName = ViewName> = components["schemas"]["Outcome"] & Row<V>;

/** A gateway's answer to a command. Only `entry` and `proof` are evidence; the rest says in short what is in them. */
export interface Receipt {
  /** Of the log. */
  readonly origin: string;
  readonly index: number;
  readonly id: string;
  readonly time: string;
  /** One for each command of a batch. */
  readonly outcomes: readonly Outcome[];
  readonly events: readonly Event[];
  /** The entry's octets, in base64. */
  readonly entry: string;
  /** A C2SP tlog-proof. */
  readonly proof: string;
  /** What became of it, if `submit` waited for that and it is settled. */
  readonly outcome?: Settled;
}
