"""Market depth: the open orders of one class, region and currency, by price level.

Kept in memory and moved on by the events of matching's logs: a query reads no order, however many there are. The
orders that are open are read once, and again only where nobody has asked for so long that this is less work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, Final, cast

from counterfoil.contract.limits import MAX_PIECES
from counterfoil.contract.scalars import decode_base64
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.levels import Levels, Market, OnOffer, Order, bid_of, offer_of
from counterfoil.gateway.quoting import Asked
from counterfoil.issuance.views import DOCUMENT_PIECES, PROGRAMME_DOCUMENTS, PROGRAMME_VERSIONS, PROGRAMMES
from counterfoil.matching.orders import Plan
from counterfoil.matching.service import SERVICE
from counterfoil.matching.views import BIDS, OFFERS, TRADES
from counterfoil.ports import Inbox, Row, Unavailable, View, ViewReader
from counterfoil.programme.documents import rules_by_hash
from counterfoil.programme.terms import on_market
from counterfoil.vocabulary import CODEC

_PAGE: Final = 500
_BATCH: Final = 1_024
_WAIT: Final = 1.0  # seconds for entries that the views have already
_FAR_BEHIND: Final = 20_000  # entries, behind which the orders are read again


class DepthBook:
    """The levels of all markets. Any thread may call its methods; they wait for the database, and for each other."""

    def __init__(self, backend: Backend) -> None:
        """Nothing is read before the first query."""
        self._backend = backend
        self._logs = [origin for log, origin in backend.origins.items() if log.service == SERVICE.name]
        self._turn = Lock()  # guards the rest
        self._inbox: Inbox | None = None
        self._levels = Levels()
        self._positions: dict[str, int] = {}  # per log, the next entry that is not reflected

    def depth_of(
        self, market: Market, reached: Mapping[str, int], *, everything: bool
    ) -> tuple[dict[str, list[dict[str, Any]]], dict[str, int]]:
        """The best levels of a market, and the positions in matching's logs that they reflect: at least `reached`.

        Per level: how many `orders`, the `nodes` that each has at most in an hour, and `node_hours`. Of offers that is
        what can be had, in blocks no smaller than their smallest; those of which nothing can are left out, hours that
        passed unsold are included. Without `everything`, bids only where enough unrelated parties stand (`Levels.of`).
        Raises `Unavailable`, and errors of the database.
        """
        with self._turn:
            self._current(reached)
            return self._levels.of(market, everything=everything), dict(self._positions)

    def currencies_of(self, class_id: str, region: str, reached: Mapping[str, int]) -> set[str]:
        """The currencies of the open orders for a class in a region; as `depth_of`."""
        with self._turn:
            self._current(reached)
            return self._levels.currencies_of(class_id, region)

    def on_offer(self, reached: Mapping[str, int]) -> dict[Market, OnOffer]:
        """What the open offers of all markets have left; as `depth_of`."""
        with self._turn:
            self._current(reached)
            return self._levels.on_offer()

    def plan_of(self, asked: Asked, reached: Mapping[str, int]) -> tuple[Plan, dict[str, int]]:
        """What the matching rule would do with a bid for one market, and the positions of that; as `depth_of`."""
        with self._turn:
            self._current(reached)
            book = self._levels.on_book((asked.bid.classes[0], asked.bid.regions[0], asked.bid.currency))
            return book.plan(asked), dict(self._positions)

    def by_hour(
        self, market: Market, first: int, hours: int, reached: Mapping[str, int]
    ) -> tuple[list[Counter[int]], dict[str, int]]:
        """By delivery hour from `first` on, the nodes that can be had at each price; as `depth_of`."""
        with self._turn:
            self._current(reached)
            found = [Counter[int]() for _ in range(hours)]
            for offer in self._levels.offers_of(market):
                for hour, nodes in enumerate(offer.by_hour(), offer.first - first):
                    if nodes and 0 <= hour < hours:
                        found[hour][offer.price] += nodes
            return found, dict(self._positions)

    def scarcity_of(
        self, market: Market, first: int, reached: Mapping[str, int]
    ) -> tuple[dict[str, int | None], dict[str, int]]:
        """What is free from an hour on, and how well it covers what bids want (`Levels.scarcity_of`); as `depth_of`."""
        with self._turn:
            self._current(reached)
            return self._levels.scarcity_of(market, first), dict(self._positions)

    def _current(self, reached: Mapping[str, int]) -> None:
        try:
            self._move_on(reached)
        except BaseException:
            self._inbox = None  # read the orders again: an event may have been taken by half
            raise

    def _move_on(self, reached: Mapping[str, int]) -> None:
        ends = self._backend.receipts.ends()
        if self._inbox is None or any(ends[log] - self._positions[log] > _FAR_BEHIND for log in self._logs):
            self._load()
        inbox = cast(Inbox, self._inbox)
        while True:
            behind = any(self._positions[log] < reached[log] for log in self._logs)
            deliveries = inbox.poll(_BATCH, _WAIT if behind else 0.0)
            if not deliveries:
                break
            for each in deliveries:
                for event in CODEC.decode_proven_entry(each.data).events:
                    self._levels.take(event, each.position)
                self._positions[each.source] = each.position + 1
            inbox.acknowledge(self._positions)
        if behind:
            raise Unavailable("entries that the views have did not come in time")

    def _load(self) -> None:
        self._levels = levels = Levels()
        with self._backend.views.consistent_read() as views:
            progress = views.progress()
            self._positions = {log: progress[log].position for log in self._logs}
            for status in ("received", "open"):
                for row in _rows(views, OFFERS, status=status):
                    levels.add(str(row["offer_id"]), _offer(views, row))
                for row in _rows(views, BIDS, status=status):
                    levels.add(str(row["bid_id"]), bid_of(row, is_open=status == "open"))
        try:
            self._inbox = self._backend.transport.open_inbox("depth", None, self._positions)
        except ValueError as problem:
            raise Unavailable(f"the views are ahead of this gateway: {problem}") from problem


def _offer(views: ViewReader, row: Row) -> Order:
    """An open offer, less what its trades sold. Its nodes are those of now: a reduction took as many of each hour."""
    offer = offer_of(row, is_open=row["status"] == "open")
    for each in _rows(views, TRADES, offer_id=row["offer_id"]) if row["sold_node_hours"] else ():
        offer.sell(cast(int, each["nodes"]), cast(int, each["first_hour"]), cast(int, each["hours"]))
    return offer


def programmes_pay_in(views: ViewReader, class_id: str, region: str) -> set[str]:
    """The currencies of the programmes whose current terms pay for a class in a region."""
    found, after = set[str](), None
    while page := views.page(PROGRAMMES.name, {}, after, _PAGE):
        for row in page:
            if _pays(views, (row["programme_id"], row["version"]), class_id, region):
                found.add(str(row["currency"]))
        after = PROGRAMMES.place_of(page[-1])
    return found


def _pays(views: ViewReader, version: tuple[object, object], class_id: str, region: str) -> bool:
    terms = views.get(PROGRAMME_VERSIONS.name, version)
    if terms is not None:
        return class_id in _list(terms["classes"]) and region in _list(terms["regions"])
    row = views.get(PROGRAMME_DOCUMENTS.name, version)
    if row is None:
        return False

    def data() -> bytes:
        pieces = views.page(DOCUMENT_PIECES.name, {"document_id": row["document_id"]}, None, MAX_PIECES)
        return b"".join(decode_base64(str(each["octets"])) for each in pieces)

    rules = rules_by_hash(bytes.fromhex(str(row["rules_hash"])), data)
    return on_market(rules, meters_in_kind=True) and rules.allows((class_id,), (region,))


def _list(value: object) -> list[object]:
    return cast("list[object]", value)


def _rows(views: ViewReader, view: View, **filters: object) -> Iterator[Row]:
    after: tuple[object, ...] | None = None
    while page := views.page(view.name, filters, after, _PAGE):
        yield from page
        after = view.place_of(page[-1])
