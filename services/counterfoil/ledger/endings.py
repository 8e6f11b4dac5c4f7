"""How the unheld value of a voucher ends: for each of its owners, by expiry or by revocation.

An entry ends the value of a bounded number of owners; a timer goes on with the others. What is held ends as its hold is
released.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.issuance.events import VoucherRevoked
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import (
    APPROPRIATION,
    CANCELLED,
    CIRCULATION,
    EXPIRED,
    LAPSED,
    OBLIGATED,
    REDEEMED,
    budget,
    owner,
)
from counterfoil.ledger.events import Draw, VoucherCancelled, VoucherExpired
from counterfoil.ledger.lots import Lot
from counterfoil.ledger.state import LedgerState

How = Literal["expired", "cancelled"]


def revoke_voucher(state: LedgerState, event: VoucherRevoked, _at: At) -> Sequence[Event]:
    """End a revoked voucher."""
    lot = state.vouchers.lots.get(event.voucher_id)
    return [] if lot is None or lot.dead else _end_all(state, [lot.voucher_id], CANCELLED)


def expire_vouchers(state: LedgerState, cutoff: int, _at: At) -> Sequence[Event]:
    """End the vouchers that ran out."""
    return _end_all(state, state.expiring.reached(cutoff, state.rules.max_items_per_sweep), EXPIRED)


def cancel_vouchers(state: LedgerState, cutoff: int, _at: At) -> Sequence[Event]:
    """Go on ending revoked vouchers that have more owners than one entry could end."""
    return _end_all(state, state.cancelling.reached(cutoff, state.rules.max_items_per_sweep), CANCELLED)


def bury(state: LedgerState, posting: Posting, party_id: str, released: Iterable[Draw], at: At) -> list[Event]:
    """Value given back to its owner from a dead voucher never becomes available again: it ends as its voucher did.

    A voucher that ran out is dead by ledger time alone; if the sweep has yet to come, all that this owner has of it and
    that is not held ends here.
    """
    ended: list[Event] = []
    for draw in released:
        lot = state.vouchers.lots[draw.voucher_id]
        if lot.dead or at.time >= lot.expires_at:
            ended.append(_end(state, posting, lot, CANCELLED if lot.status == "revoked" else EXPIRED, [party_id]))
    return ended


def _end_all(state: LedgerState, voucher_ids: Iterable[str], how: How) -> list[Event]:
    """End vouchers in order, for at most as many owners together as a sweep may have items."""
    posting, room = Posting(state.accounts), state.rules.max_items_per_sweep
    ended: list[Event] = []
    for voucher_id in voucher_ids:
        if room < 1:
            break
        owners = state.unheld(voucher_id)[:room]
        room -= max(len(owners), 1)
        ended.append(_end(state, posting, state.vouchers.lots[voucher_id], how, owners))
    return ended


def _end(state: LedgerState, posting: Posting, lot: Lot, how: How, owners: Sequence[str]) -> Event:
    """End what these owners have of a voucher that is not held."""
    amount = 0
    for party_id in owners:
        available = posting.draft(owner(party_id), lot.voucher_id).available
        posting.leg("post", lot.voucher_id, owner(party_id), how, available)
        amount += available
    recycled = how == CANCELLED or state.terms(lot.programme_id, lot.version).recycles
    posting.leg("post", budget(lot.programme_id), OBLIGATED, APPROPRIATION if recycled else LAPSED, amount)
    voucher_id, programme_id, legs = lot.voucher_id, lot.programme_id, posting.take()
    if how == CANCELLED:
        return VoucherCancelled(voucher_id=voucher_id, programme_id=programme_id, amount=amount, legs=legs)
    return VoucherExpired(voucher_id=voucher_id, programme_id=programme_id, amount=amount, recycled=recycled, legs=legs)


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_ended(state: LedgerState, event: VoucherExpired | VoucherCancelled, at: At) -> None:
    """Apply the end of unheld value."""
    voucher_id = event.voucher_id
    lot = state.vouchers.lots[voucher_id]
    expiring, cancelling = state.expires(voucher_id), state.cancels(voucher_id)
    state.book(event.legs)
    if not lot.dead:
        lot.status = "expired" if isinstance(event, VoucherExpired) else "revoked"
    if state.cancels(voucher_id):
        state.cancelling.add(at.time, at.index, at.item, voucher_id)
    forget_if_over(state, voucher_id)
    if expiring and not state.expires(voucher_id):
        state.expiring.ended()
    if cancelling and not state.cancels(voucher_id):
        state.cancelling.ended()


def forget_if_over(state: LedgerState, voucher_id: str) -> None:
    """Forget a dead voucher once nobody owns any of it; its value must then be accounted for to the last unit."""
    lot = state.vouchers.lots.get(voucher_id)
    if lot is None or not lot.dead or state.owners(voucher_id):
        return
    ended = sum(state.accounts.find(account, voucher_id).posted for account in (REDEEMED, EXPIRED, CANCELLED))
    issued = -state.accounts.find(CIRCULATION, voucher_id).posted
    ensure(ended == lot.face == issued, f"voucher {voucher_id} does not add up")
    del state.vouchers.lots[voucher_id]
    state.accounts.drop_asset(voucher_id)
