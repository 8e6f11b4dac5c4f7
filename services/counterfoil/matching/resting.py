"""The orders on the book as records: their priority, and what is left of them.

The terms of an order are those that it was received with; the book has both together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

from counterfoil.core.directory import Directory
from counterfoil.core.form import COUNT, COUNTS, Form, listed, row
from counterfoil.core.table import Records
from counterfoil.matching.events import BidReceived, OfferReceived
from counterfoil.matching.orders import Admitted, Bid, Offer, Run
from counterfoil.matching.performance_events import OfferClassed, PerformanceRequired


class OfferRow(NamedTuple):
    """An offer on the book. `left`: what is unsold of its `nodes`, in runs that cover its window."""

    seq: int
    nodes: int
    left: tuple[Run, ...]


class BidRow(NamedTuple):
    """A bid on the book. `version`: of the programme, that of the vouchers which pay. `remaining`: nodes."""

    seq: int
    version: int
    remaining: int


Event = TypeVar("Event")
Row = TypeVar("Row")

RESTING_OFFER: Final = Form(
    "resting_offer",
    ("offer_id",),
    row(OfferRow, seq=COUNT, nodes=COUNT, left=listed(COUNTS)),
    "an offer on the book: `seq` is the entry that admitted it, `left` its unsold nodes as runs of"
    " [first hour, hours, nodes] that cover its window",
)
RESTING_BID: Final = Form(
    "resting_bid",
    ("bid_id",),
    row(BidRow, seq=COUNT, version=COUNT, remaining=COUNT),
    "a bid on the book: `seq` is the entry that admitted it, `version` that of the programme by whose vouchers it pays",
)


class Resting(Records, Generic[Event, Row]):
    """The orders of one kind on a book. What is loaded is on the book once `rest` was called."""

    __slots__ = ("_admitted", "_book", "_loaded", "_notices", "_received", "form", "touched")

    def __init__(
        self,
        form: Form,
        book: Any,
        received: Mapping[str, Event],
        admitted: dict[str, int],
        notices: Mapping[str, int],
    ) -> None:
        self.form, self.touched = form, dict[str, None]()
        self._book, self._received, self._admitted, self._notices = book, received, admitted, notices
        self._loaded: dict[str, Row] = {}

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Every order that rests."""
        for order_id in self._received:
            found = self.find(order_id)
            if found is not None:
                yield order_id, found

    def put(self, key: str, row: Row) -> None:
        """Remember an order that is to rest once its terms are known, too."""
        self._loaded[key] = row


class RestingOffers(Resting[OfferReceived, OfferRow]):
    """The offers on a book."""

    __slots__ = ("_classed",)

    def __init__(
        self,
        book: Any,
        received: Mapping[str, OfferReceived],
        admitted: dict[str, int],
        notices: Mapping[str, int],
        classed: Mapping[str, OfferClassed],
    ) -> None:
        super().__init__(RESTING_OFFER, book, received, admitted, notices)
        self._classed = classed

    def find(self, key: str) -> OfferRow | None:
        """The offer as it rests, None if it does not."""
        offer = self._book.offer(key)
        return None if offer is None else OfferRow(offer.seq, offer.nodes, self._book.residual(key))

    def rest(self, directory: Directory) -> None:
        """Put on the book what was loaded."""
        for offer_id, (seq, nodes, left) in self._loaded.items():
            received = self._received[offer_id]
            group_id = directory.group_now(received.provider_id)
            notice = self._notices.get(offer_id, 0)
            offer = offer_of(received, seq, group_id, self._classed.get(offer_id), notice)
            offer.nodes = nodes
            self._book.add_offer(offer)
            self._admitted[offer_id] = seq
            for first_hour, hours, unsold in left:
                if unsold < nodes:
                    self._book.fill(offer_id, "", nodes - unsold, first_hour, hours)
        self._loaded = {}


class RestingBids(Resting[BidReceived, BidRow]):
    """The bids on a book."""

    __slots__ = ("_performance", "_versions")

    def __init__(
        self,
        book: Any,
        received: Mapping[str, BidReceived],
        admitted: dict[str, int],
        notices: Mapping[str, int],
        versions: dict[str, int],
        performance: Mapping[str, PerformanceRequired],
    ) -> None:
        super().__init__(RESTING_BID, book, received, admitted, notices)
        self._versions, self._performance = versions, performance

    def find(self, key: str) -> BidRow | None:
        """The bid as it rests, None if it does not."""
        bid = self._book.bid(key)
        return None if bid is None else BidRow(bid.seq, self._versions[key], bid.remaining)

    def rest(self, directory: Directory) -> None:
        """Put on the book what was loaded."""
        for bid_id, (seq, version, remaining) in self._loaded.items():
            received = self._received[bid_id]
            group_id, notice = directory.group_now(received.beneficiary_id), self._notices.get(bid_id, 0)
            bid = bid_of(received, seq, group_id, self._performance.get(bid_id), notice)
            bid.remaining = remaining
            self._book.add_bid(bid)
            self._admitted[bid_id], self._versions[bid_id] = seq, version
        self._loaded = {}


def offer_of(event: OfferReceived, seq: int, group_id: str, classed: OfferClassed | None, notice: int) -> Offer:
    """The offer as the book keeps it; `group_id`: that of its provider now, which may have changed since.

    `notice`: the hours of notice of a reclaim that it names, 0 for none.
    """
    return Offer(
        offer_id=event.offer_id, seq=seq, provider_id=event.provider_id, group_id=group_id,
        class_id=event.class_id, region=event.region, currency=event.currency, price=event.price, nodes=event.nodes,
        gpus_per_node=event.gpus_per_node, window_start=event.window_start, window_end=event.window_end,
        min_nodes=event.min_nodes, min_hours=event.min_hours, stp=event.stp,
        class_version=0 if classed is None else classed.class_version, reclaim_notice=notice,
    )  # fmt: skip


def bid_of(event: BidReceived, seq: int, group_id: str, performance: PerformanceRequired | None, notice: int) -> Bid:
    """The bid as the book keeps it; `group_id`: that of its beneficiary now, which may have changed since.

    `notice`: the least hours of notice of a reclaim that it asks for, 0 for none.
    """
    limits = () if performance is None else performance.limits
    return Bid(
        bid_id=event.bid_id, seq=seq, beneficiary_id=event.beneficiary_id, group_id=group_id,
        programme_id=event.programme_id, currency=event.currency, classes=event.classes, regions=event.regions,
        nodes=event.nodes, hours=event.hours, earliest=event.earliest, latest=event.latest,
        limit_price=event.limit_price, partial=event.partial, min_nodes=event.min_nodes, stp=event.stp,
        post_only=event.post_only, min_notice=notice,
        performance=tuple(
            Admitted(each.class_id, each.version, each.mtflops, each.limit_price) for each in limits
        ),
    )  # fmt: skip
