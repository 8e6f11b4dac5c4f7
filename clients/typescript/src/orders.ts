/** Follows a bid or an offer from its entry to what became of it: the entry says only that it was received. */

import { after, type Gateway, type Row } from "./gateway.js";
import type { Proven } from "./verify.js";

export interface Followed {
  readonly order: Row<"bids"> | Row<"offers">;
  /** Why no funds could be held for it; null if it was not refused so. */
  readonly cause: string | null;
  readonly trades: readonly Row<"trades">[];
}

/** Milliseconds between two looks. */
const POLL = 100;
/** Reasons to close an order whose cause is with its hold. */
const REFUSED: readonly (string | null)[] = ["hold_refused", "bond_refused"];

/**
 * The first order that an entry has received, once it rests, is filled or is closed; null if it received none. After
 * `within` milliseconds it may still have the status `received`: then it is not known yet. Throws as `Gateway.row`.
 */
export async function followOrder(gateway: Gateway, placed: Proven, within: number = 10_000): Promise<Followed | null> {
  for (const event of placed.entry.data.events) {
    if (event.type === "bid.received.v1") return follow(gateway, "bids", event.bid_id, placed, within);
    if (event.type === "offer.received.v1") return follow(gateway, "offers", event.offer_id, placed, within);
  }
  return null;
}

async function follow(
  gateway: Gateway,
  view: "bids" | "offers",
  id: string,
  { checkpoint: { origin }, index }: Proven,
  within: number,
): Promise<Followed> {
  const waitFor = [after({ origin, index })];
  let order = await gateway.row(view, id, { waitFor });
  for (let waited = 0; order.status === "received" && waited < within; waited += POLL) {
    await gateway.sleep(POLL);
    order = await gateway.row(view, id);
  }
  const cause = REFUSED.includes(order.status_reason) ? (await gateway.row("holds", id)).reason : null;
  const trades: Row<"trades">[] = [];
  for await (const trade of gateway.rows("trades", view === "bids" ? { bid_id: id } : { offer_id: id }))
    trades.push(trade);
  return { order, cause, trades };
}
