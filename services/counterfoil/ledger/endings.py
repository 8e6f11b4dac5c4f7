"""How the unheld value of a voucher ends: for each of its owners, by expiry or by revocation.

An entry ends the value of a bounded number of owners; a timer continues with the others. Held value ends when its hold
is released.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.events import VoucherReturned, VoucherRevoked
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import (
    APPROPRIATION,
    CANCELLED,
    CIRCULATION,
    ENDS,
    EXPIRED,
    LAPSED,
    OBLIGATED,
    budget,
    owner,
)
from counterfoil.ledger.commands import SurrenderVoucher
from counterfoil.ledger.events import Draw, VoucherCancelled, VoucherClosed, VoucherExpired
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.transfer_events import VoucherSurrendered

How = Literal["expired", "cancelled"]


def revoke_voucher(state: LedgerState, event: VoucherRevoked, _at: At) -> Sequence[Event]:
    """End a voucher that was revoked, in every hand."""
    voucher = state.vouchers.open.get(event.voucher_id)
    return [] if voucher is None or voucher.dead else _end_all(state, [voucher.voucher_id], CANCELLED)


def return_voucher(state: LedgerState, event: VoucherReturned, _at: At) -> Sequence[Event]:
    """End a voucher that was given back; of one that was handed on, only what its first owner has and is free to."""
    voucher = state.vouchers.open.get(event.voucher_id)
    if voucher is None or voucher.dead:
        return []
    if state.owners(voucher.voucher_id) in ([], [voucher.issued_to]):
        return _end_all(state, [voucher.voucher_id], CANCELLED)
    available = state.accounts.find(owner(voucher.issued_to), voucher.voucher_id).available
    return [_give_up(state, voucher, voucher.issued_to, available)]


def surrender_voucher(state: LedgerState, body: SurrenderVoucher, actor: Party, at: At) -> Decision:
    """End so much of a voucher at the wish of its holder, suspended or not."""
    voucher = state.held_voucher(body.voucher_id, actor.party_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    if state.over(voucher, at.time):
        return refuse(Code.VOUCHER_REVOKED if voucher.status == "revoked" else Code.VOUCHER_EXPIRED)
    available = state.accounts.find(owner(actor.party_id), voucher.voucher_id).available
    if body.amount > available:
        return refuse(Code.EXCEEDS_AVAILABLE, available=available)
    return [_give_up(state, voucher, actor.party_id, body.amount)]


def _give_up(state: LedgerState, voucher: Voucher, party_id: str, amount: int) -> VoucherSurrendered:
    """A holder's value ends, and may be issued again."""
    posting = Posting(state.accounts)
    posting.leg("post", voucher.voucher_id, owner(party_id), CANCELLED, amount)
    posting.leg("post", budget(voucher.programme_id), OBLIGATED, APPROPRIATION, amount)
    return VoucherSurrendered(
        voucher_id=voucher.voucher_id, programme_id=voucher.programme_id, holder_id=party_id, amount=amount,
        suspended=voucher.suspended, legs=posting.take(),
    )  # fmt: skip


def expire_vouchers(state: LedgerState, cutoff: int, _at: At) -> Sequence[Event]:
    """End the vouchers that expired, up to the next step that is to be told."""
    cutoff = state.told_until(cutoff)
    return _end_all(state, state.expiring.reached(cutoff, state.rules.max_items_per_sweep), EXPIRED)


def cancel_vouchers(state: LedgerState, cutoff: int, _at: At) -> Sequence[Event]:
    """Continue with revoked vouchers that had too many owners for one entry."""
    return _end_all(state, state.cancelling.reached(cutoff, state.rules.max_items_per_sweep), CANCELLED)


def bury(state: LedgerState, posting: Posting, party_id: str, released: Iterable[Draw], at: At) -> list[Event]:
    """End value that a hold gave back from a dead voucher: it never becomes available again.

    A voucher ends by ledger time alone. If the sweep has not reached it yet, everything that this owner has of it
    and that is not held ends here, unless its holder is still to be told of a step to the end: then the sweep ends it.
    """
    ended: list[Event] = []
    for draw in released:
        voucher = state.vouchers.open[draw.voucher_id]
        told = not (state.rules.notifies_first and state.has_step(voucher.voucher_id))
        if state.over(voucher, at.time) and told:
            ended += _end(state, posting, voucher, CANCELLED if voucher.status == "revoked" else EXPIRED, [party_id])
    return ended


def closed(
    state: LedgerState, posting: Posting, voucher_ids: Iterable[str], *, ending: bool = False
) -> Sequence[VoucherClosed]:
    """Of which vouchers nothing is left after the legs drafted so far: of dead ones; with `ending`, they end here."""
    if not state.rules.follows_vouchers:
        return []
    return [
        VoucherClosed(voucher_id=voucher_id)
        for voucher_id in voucher_ids
        if (ending or state.vouchers.open[voucher_id].dead)
        and not any(posting.draft(owner(each), voucher_id).posted for each in state.owners(voucher_id))
    ]


def _end_all(state: LedgerState, voucher_ids: Iterable[str], how: How) -> list[Event]:
    """End vouchers in order, for at most as many owners together as a sweep may have items."""
    posting, room = Posting(state.accounts), state.rules.max_items_per_sweep
    ended: list[Event] = []
    for voucher_id in voucher_ids:
        if room < 1:
            break
        owners = state.unheld(voucher_id)[:room]
        room -= max(len(owners), 1)
        ended += _end(state, posting, state.vouchers.open[voucher_id], how, owners)
    return ended


def _end(state: LedgerState, posting: Posting, voucher: Voucher, how: How, owners: Sequence[str]) -> list[Event]:
    """End the unheld value that these owners have of a voucher."""
    amount = 0
    for party_id in owners:
        available = posting.draft(owner(party_id), voucher.voucher_id).available
        posting.leg("post", voucher.voucher_id, owner(party_id), how, available)
        amount += available
    recycled = how == CANCELLED or state.terms(voucher.programme_id, voucher.version).recycles
    posting.leg("post", budget(voucher.programme_id), OBLIGATED, APPROPRIATION if recycled else LAPSED, amount)
    what: dict[str, Any] = {
        "voucher_id": voucher.voucher_id, "programme_id": voucher.programme_id, "amount": amount,
        "legs": posting.take(),
    }  # fmt: skip
    ended = VoucherCancelled(**what) if how == CANCELLED else VoucherExpired(**what, recycled=recycled)
    return [ended, *closed(state, posting, [voucher.voucher_id], ending=True)]


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_ended(state: LedgerState, event: VoucherExpired | VoucherCancelled, at: At) -> None:
    """Apply the end of unheld value."""
    voucher_id = event.voucher_id
    voucher = state.vouchers.open[voucher_id]
    expiring, cancelling, endless = state.expires(voucher_id), state.cancels(voucher_id), state.gets_end(voucher_id)
    stepping = state.has_step(voucher_id)
    state.book(event.legs)
    if not voucher.dead:
        keeps = voucher.suspended and state.rules.restored_for is not None  # for what a default may give back
        expired: Literal["expired", "expired_frozen"] = "expired_frozen" if keeps else "expired"
        state.vouchers.open.edit(voucher_id).status = expired if isinstance(event, VoucherExpired) else "revoked"
        voucher.ended_at = at.time
    state.cancel_later(voucher)
    state.unfund_later(voucher)
    state.free_later(voucher)
    remove_if_ended(state, voucher_id)
    if expiring and not state.expires(voucher_id):
        state.expiring.ended()
    if cancelling and not state.cancels(voucher_id):
        state.cancelling.ended()
    if stepping:
        state.stepping.ended()
    if endless:
        state.endless.ended()


def voucher_surrendered(state: LedgerState, event: VoucherSurrendered, _at: At) -> None:
    """Apply that a holder gave value back: the voucher goes on."""
    state.book(event.legs)


def remove_if_ended(state: LedgerState, voucher_id: str) -> None:
    """Remove a dead voucher without owners; what was redeemed, expired and so on must then add up to its face."""
    voucher = state.vouchers.open.get(voucher_id)
    if voucher is None or not voucher.dead or state.owners(voucher_id):
        return
    ended = sum(state.accounts.find(account, voucher_id).posted for account in ENDS)
    issued = -state.accounts.find(CIRCULATION, voucher_id).posted
    ensure(ended == voucher.face == issued, f"voucher {voucher_id} does not add up")
    state.has_end(voucher)
    del state.vouchers.open[voucher_id]
    state.accounts.drop_asset(voucher_id)
    state.encumbrances.forget(voucher_id)
    for table in (state.expiries, state.extended):
        if voucher_id in table:
            del table[voucher_id]


def voucher_closed(state: LedgerState, event: VoucherClosed, _at: At) -> None:
    """The event before it has removed the voucher; offers of it that wait for a trade leave."""
    ensure(event.voucher_id not in state.vouchers.open, f"something is left of {event.voucher_id}")
    state.credit.leave_voucher(event.voucher_id)
