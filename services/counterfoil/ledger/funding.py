"""What becomes of bids on the book when a voucher that pays for them is suspended, is revoked, expires or
is taken offline.

Such a voucher pays for the trades that were made before, and for no more: matching is told to close the bid, and what
the bid holds is released as with any bid that is closed. A trade that matching makes before the news reaches it stands.
An entry tells of a bounded number of bids; a timer continues with the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nsmallest
from typing import Final, Literal

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.events import FundingEnded
from counterfoil.ledger.state import LedgerState

_REASON: Final[Mapping[str, Literal["revoked", "suspended", "expired"]]] = {
    "revoked": "revoked",
    "frozen": "suspended",
    "expired": "expired",
    "expired_frozen": "expired",
    "active": "suspended",
}
"""By the status of the voucher; one that is active is offline before its expiry."""


def end_funding(state: LedgerState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: tell matching of bids that a voucher may pay for no longer, each once, in order of their ids."""
    room, told = state.rules.max_items_per_sweep, dict[str, Event]()
    for voucher_id in state.unfunding.reached(cutoff, room):
        voucher = state.vouchers.open[voucher_id]
        reason = _REASON["expired" if at.time >= voucher.expires_at else voucher.status]
        for bid_id in nsmallest(room, state.holds.bids_on(voucher_id)):
            if len(told) < room and bid_id not in told:
                told[bid_id] = FundingEnded(bid_id=bid_id, voucher_id=voucher_id, reason=reason)
    return list(told.values())


# evolve -------------------------------------------------------------------------------------------------------------


def funding_ended(state: LedgerState, event: FundingEnded, _at: At) -> None:
    """Apply that matching was told to close a bid."""
    vouchers = [draw.voucher_id for draw in state.holds.open["bid", event.bid_id].draws]
    waiting = [voucher_id for voucher_id in vouchers if state.unfunds(voucher_id)]
    state.holds.leave(event.bid_id)
    for voucher_id in waiting:
        if not state.unfunds(voucher_id):
            state.unfunding.ended()
