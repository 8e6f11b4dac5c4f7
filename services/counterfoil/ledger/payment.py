"""How the price of a bid, a trade or a report is divided between vouchers and cash.

By thin terms the vouchers' part is a share, rounded down. By a document it is what its rules say of the purchase. Since
rounding, floors and limits may make the parts more or less than the whole, what is held decides in the last resort: all
that is held covers every trade and every report, and only how it is divided moves, by no more than that.
"""

from __future__ import annotations

from typing import NamedTuple

from counterfoil.contract.limits import MAX_REASON
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.ledger.holds import BidNeed
from counterfoil.matching.amendment_events import BidAmendmentRequested
from counterfoil.matching.auction_events import Trade
from counterfoil.matching.events import BidReceived
from counterfoil.programme.paying import Paid, Purchase, judged_days, pays
from counterfoil.programme.terms import Terms

_MILLION = 10**6


class Parts(NamedTuple):
    """An amount: what vouchers pay of it, and what cash."""

    vouchers: int
    cash: int


def need(terms: Terms, event: BidReceived | BidAmendmentRequested, at: At) -> Parts:
    """What a bid needs to be held: by a document the most that vouchers may pay of it, and the most of cash."""
    if isinstance(terms, ProgrammeTerms):
        return thin_need(terms, event.cost_per_node, event.nodes, event.partial)
    whole = event.cost_per_node * event.nodes
    gpu_hours = event.nodes * event.gpus_per_node * event.hours * _MILLION
    first, region = event.classes[0], event.regions[0]
    purchases = [
        Purchase(at.time, first, region, "", start, event.hours, gpu_hours, whole)
        for start in (event.earliest, event.latest)
    ]
    # Most documents judge no day of delivery, and most bids have one time to start, or several of one day.
    of_days = {judged_days(terms, purchase): purchase for purchase in purchases}
    may_pay = [pays(terms, purchase).subsidy for purchase in of_days.values()]
    return Parts(max(may_pay), whole - min(may_pay))


def thin_need(terms: ProgrammeTerms, cost_per_node: int, nodes: int, partial: bool) -> Parts:
    """The same by a share.

    The voucher part is floored, so the cash parts of several trades may together need one micro-unit more per trade
    than the whole: a partial bid holds that much more.
    """
    whole = cost_per_node * nodes
    subsidy = terms.subsidy(whole)
    return Parts(subsidy, whole - subsidy + (max(nodes - 1, 0) if partial and terms.rounds else 0))


def keep(terms: Terms, bid: BidNeed, held: Parts, left: Parts, nodes: int) -> Parts:
    """What of `left` stays held for `nodes` of the nodes that `held` was for: by a document, in proportion."""
    if isinstance(terms, ProgrammeTerms):
        return thin_need(terms, bid.cost_per_node, nodes, bid.partial)
    if nodes == 0:
        return Parts(0, 0)
    price = bid.cost_per_node * nodes
    vouchers = max(min(left.vouchers, _part(held.vouchers, nodes, bid.nodes)), price - left.cash)
    return Parts(vouchers, min(left.cash, max(_part(held.cash, nodes, bid.nodes), price - vouchers)))


def divide(amount: int, wanted: int, held: Parts) -> Parts:
    """An amount that is paid out of a hold: as much by vouchers as is wanted, if that much is held of both."""
    vouchers = min(max(wanted, amount - held.cash, 0), held.vouchers, amount)
    return Parts(vouchers, amount - vouchers)


def purchase_of(event: Trade, at: At) -> Purchase:
    """What a trade buys."""
    gpu_hours = event.nodes * event.gpus_per_node * event.hours * _MILLION
    return Purchase(
        at.time, event.class_id, event.region, event.provider_id, event.first_hour, event.hours, gpu_hours,
        event.notional,
    )  # fmt: skip


def reasons(paid: Paid) -> tuple[str, ...]:
    """The reasons as an event has them."""
    return tuple(each[:MAX_REASON] for each in paid.explanation)


def delivery_ends(event: BidReceived | BidAmendmentRequested) -> int:
    """When the latest delivery of a bid is over (microseconds)."""
    return (event.latest + event.hours) * HOUR


def _part(amount: int, nodes: int, of: int) -> int:
    return -(-amount * nodes // of)
