"""How a bid stands to the outcome of its auction: its limit against the prices, and why a block is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from counterfoil.contract.times import format_hour
from counterfoil.matching.auction.book import Block, Placement, Settlement
from counterfoil.matching.auction.certificate import shortfalls
from counterfoil.matching.auction.settling import Prepared, may_start, settle
from counterfoil.matching.auction.solving import prepare
from counterfoil.matching.auction_book import frozen
from counterfoil.matching.auction_events import AuctionCleared, AuctionLocked
from counterfoil.matching.solutions import outcome_by
from counterfoil.matching.state import MatchingState

TRIED_SHOWN: Final = 5
"""Places of a rejected block that are tried and listed."""


def reasons(state: MatchingState, event: AuctionLocked | AuctionCleared, bid_id: str) -> dict[str, Any]:
    """What the event means for a bid, as JSON values; amounts in micro-units.

    `result`: ``met``, or why the bid has not got all that it asked for. Of a block `worth` is its limit over its hours,
    `cost` what its cheapest hours cost, both for one GPU; `tried`: if it is in the money and rejected, what would
    become of the outcome with it.
    """
    if isinstance(event, AuctionLocked):
        return {}
    now = frozen(state, event.auction_id)
    if bid_id in now.unfit:
        return {"result": now.unfit[bid_id]}
    prepared, outcome = prepare(now.book), outcome_by(state, event.solution_id, now.book)
    why = shortfalls(prepared, outcome).get(bid_id)
    told: dict[str, Any] = {"result": why or "met"}
    prices = [hour.price for hour in event.hours]
    for order in now.book.hourly:
        if order.order_id == bid_id:
            return told | {"limit": str(order.limit), "price": str(prices[order.slot])}
    block = prepared.block_by_id.get(bid_id)
    if block is None:
        return told
    starts = range(block.earliest, block.latest + 1)
    cost = min(sum(prices[start : start + block.hours]) for start in starts)
    told |= {"worth": str(block.limit * block.hours), "cost": str(cost)}
    if why == "paradoxically_rejected":
        first = state.auctions.open[event.auction_id].scheduled.first_hour
        tried = _tried(prepared, outcome, block, first)
        told["tried"] = [each for _, each in zip(range(TRIED_SHOWN), tried, strict=False)]
    return told


def _tried(prepared: Prepared, outcome: Settlement, block: Block, first_hour: int) -> Iterator[dict[str, Any]]:
    """Each offer and start with room for a block, and what the outcome would be with it.

    `surplus`: of all orders, per GPU of a node, beside the `surplus_now` without it; null where some accepted block
    would be out of the money at any prices, so that there is no such outcome.
    """
    sold = _sold(prepared, outcome)
    for ask in prepared.book.asks:
        for start in range(block.earliest, block.latest + 1) if ask.price <= block.limit else ():
            slots = range(start, start + block.hours)
            most = ask.nodes - block.nodes
            if not may_start(block, ask, start) or any(sold[slot, ask.order_id] > most for slot in slots):
                continue
            with_it = settle(prepared, (*outcome.placements, Placement(block.order_id, start, ask.order_id)))
            yield {
                "offer_id": ask.order_id,
                "first_hour": format_hour(first_hour + start),
                "surplus": None if with_it is None else str(with_it.surplus),
                "surplus_now": str(outcome.surplus),
            }


def _sold(prepared: Prepared, outcome: Settlement) -> Counter[tuple[int, str]]:
    """The nodes of each ask that are sold in each slot."""
    sold = Counter[tuple[int, str]]()
    for slot, each in enumerate(outcome.slots):
        sold.update({(slot, ask_id): nodes for ask_id, nodes in each.sold})
    for block_id, start, ask_id in outcome.placements:
        block = prepared.block_by_id[block_id]
        sold.update({(slot, ask_id): block.nodes for slot in range(start, start + block.hours)})
    return sold
