"""Both rules on one class and day: PTW-1 as the orders arrive, UPA-1 once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.study.orders import HOURS, Lot, Order
from counterfoil.matching.auction.book import Ask, AuctionBook, Block, Parameters
from counterfoil.matching.auction.certificate import bound
from counterfoil.matching.auction.solving import prepare, solve
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.orders import Bid, Offer, Pass

_NOW: Final = Pass(time=0, floor_hour=0, most=64, continues=True, consents=True, uncrosses=True)
_TICK: Final = RULES[LATEST].price_tick
_CURRENCY: Final = "CNY"
_REGION: Final = "trace"


class Fill(NamedTuple):
    """An order that was met: from which hour, out of which lot; its hours cost `paid` for a GPU, micro-CNY."""

    order: Order
    lot: Lot
    start: int
    paid: int


class Cleared(NamedTuple):
    """What an auction came to. `bound`: what all orders could gain together at most, micro-CNY per GPU of a node."""

    fills: list[Fill]
    bound: int
    last_price: int


def continuous(lots: Sequence[Lot], orders: Sequence[Order]) -> list[Fill]:
    """Each order as it arrives takes the cheapest lot that it fits, from the earliest hour."""
    book, found = PTW_1.new_book(lambda *_: True), list[Fill]()
    by_id = {lot.lot_id: lot for lot in lots}
    for seq, lot in enumerate(lots):
        book.add_offer(Offer(
            offer_id=lot.lot_id, seq=seq, provider_id=lot.provider, group_id=lot.provider, class_id=lot.class_id,
            region=_REGION, currency=_CURRENCY, price=lot.price, nodes=lot.nodes, gpus_per_node=1, window_start=0,
            window_end=HOURS,
        ))  # fmt: skip
    for order in orders:
        bid = Bid(
            bid_id=f"bid-{order.nth}", seq=len(lots) + order.nth, beneficiary_id="firm", group_id="firm",
            programme_id="trace", currency=_CURRENCY, classes=(order.class_id,), regions=(_REGION,), nodes=order.nodes,
            hours=order.hours, earliest=order.earliest, latest=order.latest, limit_price=order.limit,
        )  # fmt: skip
        for match in PTW_1.bid_arrives(book, bid, "IOC", _NOW).matches:
            book.fill(match.offer_id, match.bid_id, match.nodes, match.first_hour, order.hours)
            found.append(Fill(order, by_id[match.offer_id], match.first_hour, match.price * order.hours))
    return found


def auction(lots: Sequence[Lot], orders: Sequence[Order], reference: int) -> Cleared:
    """All orders at once, at one price an hour. `reference`: the price that ties are decided by."""
    book = AuctionBook(
        HOURS,
        tuple(Ask(lot.lot_id, seq, lot.provider, lot.price, lot.nodes, 0, HOURS) for seq, lot in enumerate(lots)),
        (),
        tuple(
            Block(f"bid-{each.nth}", len(lots) + each.nth, f"bid-{each.nth}", each.limit, each.nodes, each.hours,
                  each.earliest, each.latest)
            for each in orders
        ),
        Parameters(tick=_TICK, reference=reference),
    )  # fmt: skip
    outcome = solve(book)
    prices = [slot.price for slot in outcome.slots]
    by_id, of_order = {lot.lot_id: lot for lot in lots}, {f"bid-{each.nth}": each for each in orders}
    fills = [
        Fill(order, by_id[ask_id], start, sum(prices[start : start + order.hours]))
        for block_id, start, ask_id in outcome.placements
        for order in (of_order[block_id],)
    ]
    return Cleared(fills, bound(prepare(book), prices), sum(prices) // HOURS // _TICK * _TICK)
