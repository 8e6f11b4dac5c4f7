/** What the types refuse: each line below an expectation fails to compile, and so does an expectation without an error. */

import type { Command, Event, Gateway, RefusalCode, Row } from "@counterfoil/client";

export const known: Command = { type: "cancel_bid", v: 1, body: { bid_id: "bid-1-0" } };
// @ts-expect-error there is no such command
export const unknown: Command = { type: "cancel_bids", v: 1, body: { bid_id: "bid-1-0" } };
// @ts-expect-error there is no such version
export const later: Command = { type: "cancel_bid", v: 9, body: { bid_id: "bid-1-0" } };
// @ts-expect-error bodies are closed
export const open: Command = { type: "cancel_bid", v: 1, body: { bid_id: "bid-1-0", reason: "none" } };
// @ts-expect-error ids are text
export const id: Command = { type: "cancel_bid", v: 1, body: { bid_id: 5 } };
// @ts-expect-error there is no such code
export const code: RefusalCode = "no_such_code";

export async function views(gateway: Gateway): Promise<string> {
  // @ts-expect-error there is no such view
  await gateway.page("bidz", {});
  // @ts-expect-error bids are not filtered so
  await gateway.page("bids", { price: "1" });
  const [bid] = (await gateway.page("bids", { status: "open" })).items;
  // @ts-expect-error bids have no such column
  return (bid as Row<"bids">).colour;
}

/** Events are told apart by their names. */
export function tradeOf(event: Event): string | null {
  return event.type === "trade.matched.v1" ? event.trade_id : null;
}
