"""What a recorded decision has otherwise than the decision made again, by the finding that says most about it."""

from __future__ import annotations

from typing import Final

from counterfoil.audit.auctions import forged
from counterfoil.audit.class_terms import misjudged
from counterfoil.audit.credit import misdealt
from counterfoil.audit.meetings import skipped
from counterfoil.audit.positions import exceeded
from counterfoil.contract.entry import Entry
from counterfoil.contract.events import StateRooted
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.matching.amendment_events import (
    AmendmentFailed,
    BidAmended,
    BidAmendmentRequested,
    OfferAmended,
    OfferAmendmentRequested,
)
from counterfoil.matching.events import BidClosed, OfferClosed, TradeMatched

SHOWN: Final = 400
"""Characters of a value that a finding shows."""
_HIDDEN: Final = {Code.EXCEEDS_INVENTORY: "inventory_exceeded", Code.ORDERS_EXCEED_TRADES: "orders_exceeded"}
"""What an order is accepted in spite of, by a finding of its own."""


def compared(decided: Entry, entry: Entry, state: object) -> tuple[str, str]:
    """The code and the text of the finding about a recorded entry whose bytes are not those of the one made again.

    `state`: of the service, after the decision made again.
    """
    if (crowd := exceeded(state, decided, entry)) is not None:
        return crowd
    if (amended := _misamended(decided, entry)) is not None:
        return amended
    if (hidden := _misrefused(decided, entry)) is not None:
        return hidden
    if (lie := forged(decided, entry)) is not None:
        return lie
    if (missing := skipped(decided, entry)) is not None:
        return "match_skipped", missing
    if (wrong := misjudged(decided, entry) or misdealt(decided, entry) or _mispriced(decided, entry)) is not None:
        return wrong
    if (wrong := _misrooted(decided, entry)) is not None:
        return wrong
    return "entry_not_canonical" if decided == entry else "decision_differs", _difference(decided, entry)


def _misamended(decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """An order that was closed since it was to have another price, or has that although nothing more is held for it."""
    asked = {order_id for each in decided.events if (order_id := _asked(each)) is not None}
    right = [each for each in decided.events if isinstance(each, BidAmended | OfferAmended)]
    for each in entry.events:
        if isinstance(each, BidAmended | OfferAmended) and each not in right:
            return "amendment_unfunded", f"{_order(each)} has another price, and what that needs is not held"
        if isinstance(each, BidClosed | OfferClosed) and each not in decided.events and _order(each) in asked:
            return "order_dropped", f"{_order(each)} was to have another price, and is closed instead of standing"
    return None


def _misrefused(decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """A refusal kept silent, or without a reason; where an order ends, another reason than the one it has."""
    for right, wrong in zip(decided.outcomes, entry.outcomes, strict=False):
        if right.refusal is not None and wrong.refusal is None:
            code = right.refusal.code
            return _HIDDEN.get(code, "rejection_hidden"), f"accepted, and is to be refused: {_shown(right.refusal)}"
        if right.refusal is None and wrong.refusal is not None:
            return "rejection_unfounded", f"refused, and is to be accepted: {_shown(wrong.refusal)}"
    ends = {_order(each): each.reason for each in decided.events if isinstance(each, BidClosed | OfferClosed)}
    for each in entry.events:
        if isinstance(each, BidClosed | OfferClosed) and ends.get(_order(each), each.reason) != each.reason:
            text = f"{_order(each)} is closed for {each.reason}, and the reason is {ends[_order(each)]}"
            return "rejection_hidden", text
    return None


def _mispriced(decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """A trade of the right pair at another price."""
    right = {(each.bid_id, each.offer_id): each.price for each in decided.events if isinstance(each, TradeMatched)}
    for each in entry.events:
        if isinstance(each, TradeMatched):
            price = right.get((each.bid_id, each.offer_id), each.price)
            if price != each.price:
                return "price_wrong", f"{each.trade_id} is at {each.price}, and the rule gives {price}"
    return None


def _misrooted(decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """Every decision since the state root before is as published, and the state is not."""
    for right, wrong in zip(decided.events, entry.events, strict=False):
        if isinstance(right, StateRooted) and isinstance(wrong, StateRooted) and right.root != wrong.root:
            text = f"recorded {wrong.records} records with root {wrong.root.hex()}, by the replay {right.records}"
            return "state_root_differs", f"{text} with {right.root.hex()}"
    return None


def _asked(event: Event) -> str | None:
    """The order that an event of its amendment is about."""
    if isinstance(event, AmendmentFailed):
        return event.order_id
    of_bid = isinstance(event, BidAmendmentRequested | BidAmended)
    return _order(event) if of_bid or isinstance(event, OfferAmendmentRequested | OfferAmended) else None


def _order(event: Event) -> str:
    return str(getattr(event, "bid_id", None) or getattr(event, "offer_id", None))


def _difference(decided: Entry, entry: Entry) -> str:
    """The first difference between the repeated decision and the recorded one."""
    if decided.outcomes != entry.outcomes:
        return f"outcome recorded {_shown(entry.outcomes)}, decided again {_shown(decided.outcomes)}"
    for nth, (mine, theirs) in enumerate(zip(decided.events, entry.events, strict=False)):
        if mine != theirs:
            return f"event {nth} recorded {_shown(theirs)}, decided again {_shown(mine)}"
    if len(decided.events) != len(entry.events):
        return f"{len(entry.events)} events recorded, {len(decided.events)} decided again"
    return "the entry is not the canonical form of its decision"


def _shown(value: object) -> str:
    return f"{value!r}"[:SHOWN]
