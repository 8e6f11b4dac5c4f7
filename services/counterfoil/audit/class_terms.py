"""What an entry says otherwise than the decision made again: an offer, a bond, its division, or what a bid admits."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.entry import Entry
from counterfoil.contract.refusals import Code
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching.cover_events import CoverQuoted
from counterfoil.matching.events import OfferReceived
from counterfoil.matching.performance_events import PerformanceRequired
from counterfoil.matching.reclaim_events import BidReclaimable, OfferReclaimable, TradeReclaimable
from counterfoil.redemption.reclaim_events import ContractReclaimable, DeliveryReclaimed, ReclaimBegun

_NOTICES: Final = (
    OfferReclaimable, BidReclaimable, TradeReclaimable, ContractReclaimable, ReclaimBegun, DeliveryReclaimed,
)  # fmt: skip
"""What orders and contracts say of notice, and what is reclaimed with it."""


def misjudged(decided: Entry, entry: Entry) -> tuple[str, str] | None:
    """The code and text of the first finding; None if there is none."""
    for again, recorded in zip(decided.outcomes, entry.outcomes, strict=False):
        refusal = again.refusal
        if refusal is not None and refusal.code is Code.EXCEEDS_INVENTORY and recorded.refusal is None:
            return (
                "inventory_exceeded",
                f"an offer of more than is free at its site: {dict(refusal.detail)}",
            )
    for mine, theirs in zip(decided.events, entry.events, strict=False):
        if isinstance(mine, OfferReceived) and isinstance(theirs, OfferReceived) and mine.bond != theirs.bond:
            return "bond_differs", f"the bond of {theirs.offer_id} is recorded as {theirs.bond}, and is {mine.bond}"
        if isinstance(mine, PerformanceRequired) and isinstance(theirs, PerformanceRequired) and mine != theirs:
            text = f"{theirs.bid_id} is recorded to admit {_text(theirs)}, and admits {_text(mine)}"
            return "class_limits_differ", text
        if isinstance(mine, CoverQuoted) and isinstance(theirs, CoverQuoted) and mine != theirs:
            found = f"{mine.offer_id} at {mine.price}" if mine.offer_id else "nothing"
            text = f"{theirs.offer_id} at {theirs.price} is recorded to replace {mine.contract_id}, and {found} would"
            return "cover_differs", text
        if isinstance(mine, _NOTICES) and type(mine) is type(theirs) and mine != theirs:
            return "notice_differs", f"{theirs} is recorded, and it is {mine}"
        if isinstance(mine, ContractReclaimed) and isinstance(theirs, ContractReclaimed) and mine.paid != theirs.paid:
            text = f"for the hours of {mine.contract_id} {theirs.paid} is recorded as paid, and {mine.paid} is owed"
            return "bond_differs", text
        if isinstance(mine, BondDivided) and isinstance(theirs, BondDivided) and mine.paid != theirs.paid:
            text = f"of the bond of {mine.contract_id} {theirs.paid} is recorded as paid, and {mine.paid} is owed"
            return "bond_differs", text
    return None


def _text(event: PerformanceRequired) -> str:
    return ", ".join(f"{each.class_id} v{each.version} up to {each.limit_price}" for each in event.limits)
