"""Continuous matching without anything around it: block bids against offers, an offer against bids, and crowds.

Every figure is in time of the thread, with the collector of garbage on. A shorter flow is first run through the naive
twin and must end in the same state, so that what is measured is right. A *crowd* is orders that a newcomer's order
meets in price and cannot trade with, in the ways that cost most; what is timed is the newcomer's order: planned, put on
the book, and taken out.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from counterfoil.bench.figure import Figure, Reading, ReportFigure
from counterfoil.ledger.price_book import PriceBook
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.naive_book import NAIVE_PTW_1
from counterfoil.matching.orders import Bid, MatchingRule, Offer, Pass

_FLOOR: Final = 490_000
_HORIZON: Final = 90 * 24
_NOW: Final = Pass(time=0, floor_hour=_FLOOR, most=64, continues=True, consents=True, uncrosses=True)
_NODES: Final = (1, 1, 1, 2, 2, 4, 8, 16)
_HOURS: Final = (4, 8, 12, 24, 48, 72, 168)
_CLASS, _REGION = "a100-80-sxm", "cn-sh"
_SEED: Final = 7
_WARM_UP: Final = 2_000
_BIDS: Final = 10_000
_RESTING: Final = 5_000
_CROWD: Final = 20_000
_ARRIVALS: Final = 100


def _anybody(bid: Bid, offer: Offer, _time: int) -> bool:
    return bid.currency == offer.currency


def _offer(rng: random.Random, n: int) -> Offer:
    """An offer of 4 to 64 nodes for 7 to 90 days inside the horizon; the price has 401 levels."""
    length = rng.randrange(7 * 24, _HORIZON + 1)
    start = _FLOOR + rng.randrange(_HORIZON - length + 1)
    return Offer(
        offer_id=f"offer-{n}", seq=n, provider_id=f"provider-{n % 50}", group_id=f"group-{n % 50}", class_id=_CLASS,
        region=_REGION, currency="CNY", price=10_000_000 + 10_000 * rng.randrange(401), nodes=rng.randrange(4, 65),
        gpus_per_node=8, window_start=start, window_end=start + length,
    )  # fmt: skip


def _bid(rng: random.Random, n: int, *, odd: bool) -> Bid:
    """A bid for one block that may start within three days, with a limit over the upper half of the prices."""
    nodes = rng.randrange(1, 17) if odd else rng.choice(_NODES)
    hours = rng.randrange(1, 169) if odd else rng.choice(_HOURS)
    earliest = _FLOOR + rng.randrange(_HORIZON - hours + 1)
    return Bid(
        bid_id=f"bid-{n}", seq=n, beneficiary_id=f"party-{n % 500}", group_id=f"party-{n % 500}", programme_id="city",
        currency="CNY", classes=(_CLASS,), regions=(_REGION,), nodes=nodes, hours=hours, earliest=earliest,
        latest=earliest + rng.randrange(73), limit_price=12_000_000 + 10_000 * rng.randrange(221),
    )  # fmt: skip


# bids against offers --------------------------------------------------------------------------------------------------


def _bids(rule: MatchingRule, offers: int, bids: int, *, odd: bool, warm_up: int) -> tuple[list[int], int, str]:
    """Nanoseconds of each bid after the warm-up (plan and fill), the matches, the book's digest.

    One offer is replaced for every 50 bids.
    """
    rng, book = random.Random(_SEED), rule.new_book(_anybody)
    for n in range(offers):
        book.add_offer(_offer(rng, n))
    resting = [f"offer-{n}" for n in range(offers)]
    times, filled = [], 0
    for n in range(offers, offers + warm_up + bids):
        bid = _bid(rng, n, odd=odd)
        began = time.thread_time_ns()
        plan = rule.bid_arrives(book, bid, "IOC", _NOW)
        for match in plan.matches:
            book.fill(match.offer_id, match.bid_id, match.nodes, match.first_hour, bid.hours)
        if n % 50 == 0:
            position = rng.randrange(len(resting))
            book.remove_offer(resting[position])
            book.add_offer(_offer(rng, n))
            resting[position] = f"offer-{n}"
        if n >= offers + warm_up:
            times.append(time.thread_time_ns() - began)
            filled += len(plan.matches)
    return times, filled, book.digest()


def _offers(resting: int, offers: int) -> tuple[list[int], int]:
    """Nanoseconds of each offer against `resting` bids (plan, fill, remove), and the matches made."""
    rng, book, bids = random.Random(_SEED), PTW_1.new_book(_anybody), dict[str, Bid]()
    for n in range(resting):
        bid = bids[f"bid-{n}"] = _bid(rng, n, odd=False)
        book.add_bid(bid)
    times, made = [], 0
    for n in range(resting, resting + offers):
        offer = _offer(rng, n)
        began = time.thread_time_ns()
        plan = PTW_1.offer_arrives(book, offer, "IOC", _NOW)
        book.add_offer(offer)
        for match in plan.matches:
            book.fill(match.offer_id, match.bid_id, match.nodes, match.first_hour, bids[match.bid_id].hours)
        book.remove_offer(offer.offer_id)
        times.append(time.thread_time_ns() - began)
        made += len(plan.matches)
        for match in plan.matches:  # the filled bid's place is taken by an equal one
            filled = bids[match.bid_id]
            if book.bid(match.bid_id) is None:
                bids[match.bid_id] = equal = replace(filled, remaining=filled.nodes)
                book.add_bid(equal)
    return times, made


def blocks(report: ReportFigure) -> None:
    """Block bids at 2,000 and 10,000 offers over 90 days, and new offers against 5,000 bids."""
    if _bids(PTW_1, 200, 300, odd=False, warm_up=0)[2] != _bids(NAIVE_PTW_1, 200, 300, odd=False, warm_up=0)[2]:
        raise RuntimeError("the book and its naive twin differ")
    for offers in (2_000, 10_000):
        for odd in (False, True):
            times, filled, _ = _bids(PTW_1, offers, _BIDS, odd=odd, warm_up=_WARM_UP)
            shapes = "1 to 16 nodes, 1 to 168 h" if odd else "1 to 16 nodes, 4 to 168 h, of the usual sizes"
            workload = f"bids at {offers:,} offers of 7 to 90 days, {shapes}; thread time"
            name = f"block bids, {offers:,} offers, {'odd' if odd else 'usual'} shapes"
            report(_figure(name, workload, times, f"{filled:,} matches"))
    times, made = _offers(_RESTING, _ARRIVALS * 3)
    workload = f"offers of 4 to 64 nodes against {_RESTING:,} resting bids; thread time"
    report(_figure("offers against bids", workload, times, f"{made // len(times)} matches each"))


def _figure(name: str, workload: str, times: Sequence[int], note: str) -> Figure:
    latencies = sorted(each // 1_000 for each in times)
    note = f"{note}; longest {latencies[-1]:,} us"
    return Figure(name, workload, len(times), sum(times) // 1_000_000, note, latencies)


# crowds ---------------------------------------------------------------------------------------------------------------

_CHEAP: Final[dict[str, Any]] = {
    "provider_id": "stranger", "group_id": "stranger", "class_id": _CLASS, "region": _REGION, "currency": "CNY",
    "nodes": 8, "gpus_per_node": 8, "window_start": _FLOOR, "window_end": _FLOOR + _HORIZON,
}  # fmt: skip
_DEAR: Final[dict[str, Any]] = {
    "beneficiary_id": "stranger", "group_id": "stranger", "programme_id": "theirs", "currency": "CNY",
    "classes": (_CLASS,), "regions": (_REGION,), "nodes": 6, "hours": 24, "earliest": _FLOOR + 5,
    "latest": _FLOOR + 50, "limit_price": 12_000_000,
}  # fmt: skip
_EVERYWHERE: Final[dict[str, Any]] = {
    "classes": (_CLASS, *(f"class-{n}" for n in range(7))),
    "regions": (_REGION, *(f"region-{n}" for n in range(7))),
}
"""64 markets."""
_OFFER_CROWDS: Final[dict[str, dict[str, Any]]] = {
    "too few nodes": {"nodes": 5},
    "blocks too long": {"min_hours": 25},
    "other hours": {"window_start": _FLOOR + 200},
    "of a provider not listed": {"provider_id": "unlisted"},
}
_BID_CROWDS: Final[dict[str, dict[str, Any]]] = {
    "too many nodes": {"nodes": 70},
    "too many nodes, in 64 markets": {"nodes": 70, **_EVERYWHERE},
    "too many hours, in 64 markets": {"hours": 1_000, **_EVERYWHERE},
    "of a programme that does not pay, in 64 markets": {"programme_id": "closed", **_EVERYWHERE},
    "too many nodes once one of them is taken": {"nodes": 64},
}


def _listed(bid: Bid, offer: Offer, _time: int) -> bool:
    return _pays(bid.programme_id, offer.provider_id)


def _pays(programme_id: str, provider_id: str) -> bool:
    return provider_id != "unlisted" and programme_id != "closed"


def crowding(report: ReportFigure) -> None:
    """A newcomer's order where 20,000 of strangers meet it in price, and none can trade with it."""
    for what, terms in _OFFER_CROWDS.items():
        book = PTW_1.new_book(_listed, _pays)
        for n in range(_CROWD):
            price = 10_000_000 + n % 50 * 10_000
            book.add_offer(Offer(**{"offer_id": f"o{n}", "seq": n, "price": price, **_CHEAP, **terms}))
        times = list(_newcomers(book, range(_CROWD, _CROWD + _ARRIVALS)))
        report(_figure(f"bid, {_CROWD:,} offers {what}", "bids of 6 nodes for 24 h; thread time", times, "no match"))
    for what, terms in _BID_CROWDS.items():
        book = PTW_1.new_book(_listed, _pays)
        for n in range(_CROWD):
            book.add_bid(Bid(**{"bid_id": f"b{n}", "seq": n, **_DEAR, **terms}))
        if terms.get("nodes") == 64:  # somebody else's bid comes before them
            book.add_bid(Bid(**{"bid_id": "first", "seq": _CROWD * 2, **_DEAR, "nodes": 1, "limit_price": 13_000_000}))
        times = list(_newcomers(book, range(_CROWD, _CROWD + _ARRIVALS), offers=True))
        report(_figure(f"offer, {_CROWD:,} bids {what}", "offers of 64 nodes; thread time", times, "no match"))
        times = list(_newcomers(book, range(_CROWD, _CROWD + _ARRIVALS), **_EVERYWHERE))
        report(_figure(f"bid for 64 markets, {_CROWD:,} bids {what}", "bids, no offer; thread time", times, "no match"))


def _newcomers(book: Any, numbers: Sequence[int], *, offers: bool = False, **terms: Any) -> Iterator[int]:
    """Nanoseconds of each order: planned, on the book, and out of it."""
    for n in numbers:
        if offers:
            change: dict[str, Any] = {
                "offer_id": f"o{n}", "provider_id": "we", "group_id": "we", "nodes": 64, "window_end": _FLOOR + 29,
            }  # fmt: skip
            offer = Offer(**{"seq": n, "price": 11_000_000, **_CHEAP, **change})
            began = time.thread_time_ns()
            matches = PTW_1.offer_arrives(book, offer, "GTC", _NOW).matches
            book.add_offer(offer)
            book.remove_offer(offer.offer_id)
        else:
            change = {"bid_id": f"b{n}", "beneficiary_id": "we", "group_id": "we", "programme_id": "ours"}
            bid = Bid(**{"seq": n, **_DEAR, **change, **terms})
            began = time.thread_time_ns()
            matches = PTW_1.bid_arrives(book, bid, "GTC", _NOW).matches
            book.add_bid(bid)
            book.remove_bid(bid.bid_id)
        yield time.thread_time_ns() - began
        if any(each.bid_id != "first" for each in matches):
            raise RuntimeError("a crowd that was to be in the way traded")


# memory ---------------------------------------------------------------------------------------------------------------


def memory(report: Callable[[Reading], None]) -> None:
    """What a resting order takes in the book, with what searches keep beside it, by Python's own account."""
    rng = random.Random(_SEED)
    tracemalloc.start()
    try:
        book = PTW_1.new_book(_anybody)
        before = _traced()
        for n in range(_WARM_UP):
            book.add_offer(_offer(rng, n))
        report(_bytes("resting offer", _traced() - before, _WARM_UP))
        for n in range(_WARM_UP, 2 * _WARM_UP):
            PTW_1.bid_arrives(book, _bid(rng, n, odd=True), "IOC", _NOW)
        report(_bytes("resting offer, searched", _traced() - before, _WARM_UP))
        for markets, terms in (("one market", {}), ("64 markets", _EVERYWHERE)):
            book = PTW_1.new_book(_anybody)
            before = _traced()
            for n in range(_WARM_UP):
                book.add_bid(replace(_bid(rng, n, odd=True), **terms))
            report(_bytes(f"resting bid in {markets}", _traced() - before, _WARM_UP))
        of_credit = PriceBook()
        before = _traced()
        for n in range(_WARM_UP):
            of_credit.place(f"order-{n}", n % 2 == 0, 9_000 + 2_000 * (n % 2) + rng.randrange(1_000), 1, (n, 0))
        report(_bytes("resting order on a price book", _traced() - before, _WARM_UP))
    finally:
        tracemalloc.stop()


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _bytes(what: str, taken: int, orders: int) -> Reading:
    return Reading(f"memory of a {what}", "B", taken // orders, False)
