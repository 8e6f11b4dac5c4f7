"""What the matching rule would do with a bid now: its own function, on a book made of the offers that are open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.orders import Bid, Offer, Pass, Plan

Counts = Callable[[Offer], bool]
"""Whether an offer may trade with the bid that is asked about, its terms and its end aside."""
WHOLE: Final = 1 << 20
"""More matches than a bid can have: a plan has all of a pass, however many entries the log needs for it."""


class Asked(NamedTuple):
    """A bid of one market that would arrive now. `group_of`: the related parties that a party is one of now."""

    bid: Bid
    now: Pass
    counts: Counts
    group_of: Callable[[str], str]


class OffersOnBook:
    """The open offers of one market. Who asks is alone with it meanwhile."""

    def __init__(self) -> None:
        """Without any."""
        self._asked: Asked | None = None
        self._book: Any = PTW_1.new_book(self._eligible)
        self._offers: dict[str, list[str]] = {}  # by provider
        self._until: dict[str, int] = {}

    def rest(self, offer: Offer, free: Sequence[int] | None, good_until: int | None) -> None:
        """Add an offer; `free`: the nodes that it has left in each hour of its window, None: all."""
        self._book.add_offer(offer)
        self._offers.setdefault(offer.provider_id, []).append(offer.offer_id)
        if good_until is not None:
            self._until[offer.offer_id] = good_until
        hour = offer.window_start
        for left, run in groupby(free or ()):
            hours = len(list(run))
            if left < offer.nodes:
                self._book.fill(offer.offer_id, "", offer.nodes - left, hour, hours)
            hour += hours

    def plan(self, asked: Asked) -> Plan:
        """What would come of the bid, all of its pass; nothing is changed."""
        self._asked = asked
        for provider_id, offers in self._offers.items() if asked.bid.group_id else ():
            group_id = asked.group_of(provider_id)
            for offer_id in offers:
                self._book.regroup(offer_id, group_id)
        return PTW_1.bid_arrives(self._book, asked.bid, "GTC", asked.now._replace(most=WHOLE))

    def _eligible(self, _bid: Bid, offer: Offer, time: int) -> bool:
        until = self._until.get(offer.offer_id)
        return (until is None or until > time) and self._asked is not None and self._asked.counts(offer)
