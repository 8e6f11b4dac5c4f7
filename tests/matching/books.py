"""A matching rule together with the book that it made, asked by what the tests vary: time in force, hour and bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.naive_book import NAIVE_PTW_1
from counterfoil.matching.orders import Bid, BidTif, Eligible, MatchingRule, Offer, OfferTif, Pass, Plan, Tried
from counterfoil.matching.position_state import RoomOf

RULES_OF_MATCHING: tuple[MatchingRule, ...] = (PTW_1, NAIVE_PTW_1)


class RuledBook:
    """The book of a rule.

    `continues`: passes take as many plans as they need, as from rules version 2 on. `consents`: what rests is cancelled
    for a related party only if its own mode says so, as from version 4 on. `uncrosses`: no pair that fits rests, as
    from version 8 on.
    """

    def __init__(
        self,
        rule: MatchingRule,
        eligible: Eligible,
        *,
        continues: bool,
        consents: bool = False,
        uncrosses: bool = False,
        room_of: RoomOf | None = None,
    ) -> None:
        self.rule, self.continues, self.consents, self.uncrosses = rule, continues, consents, uncrosses
        self.book = rule.new_book(eligible, None, room_of)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.book, name)

    def plan_bid(self, bid: Bid, tif: BidTif, floor_hour: int, most: int) -> Plan:
        """An arriving bid."""
        return self.rule.bid_arrives(self.book, bid, tif, self._pass(floor_hour, most))

    def plan_offer(self, offer: Offer, tif: OfferTif, floor_hour: int, most: int) -> Plan:
        """An arriving offer."""
        return self.rule.offer_arrives(self.book, offer, tif, self._pass(floor_hour, most))

    def plan_more(self, order_id: str, tif: BidTif, floor_hour: int, most: int) -> Plan:
        """A resting order whose pass continues."""
        return self.rule.order_continues(self.book, order_id, tif, self._pass(floor_hour, most))

    def plan_bids(self, bid_ids: Sequence[str], floor_hour: int, most: int) -> Tried:
        """Resting bids, in rank order, that meet all offers anew."""
        return self.rule.bids_meet(self.book, bid_ids, self._pass(floor_hour, most))

    def crossed(self, floor_hour: int) -> list[tuple[Bid, Offer]]:
        """The pairs that rest and fit, the best first, as the naive book says."""
        return list(self.book.fitting(self._pass(floor_hour, 1)))

    def _pass(self, floor_hour: int, most: int) -> Pass:
        return Pass(0, floor_hour, most, self.continues, self.consents, self.uncrosses)
