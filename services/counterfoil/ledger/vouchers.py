"""What becomes of a voucher from issue on, and the end of its unheld value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.issuance.events import (
    VoucherIssued,
    VoucherReinstated,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import CANCELLED, CIRCULATION, EXPIRED, REDEEMED, budget, holder
from counterfoil.ledger.events import (
    Draw,
    VoucherCancelled,
    VoucherCredited,
    VoucherExpired,
    VoucherFrozen,
    VoucherUnfrozen,
)
from counterfoil.ledger.lots import Lot
from counterfoil.ledger.state import LedgerState


def credit_voucher(state: LedgerState, event: VoucherIssued, _at: At) -> Sequence[Event]:
    """Credit a new voucher to its beneficiary."""
    posting = Posting(state.accounts)
    posting.leg("post", budget(event.programme_id), "appropriation", "obligated", event.face)
    posting.leg("post", event.voucher_id, CIRCULATION, holder(event.beneficiary_id), event.face)
    return [
        VoucherCredited(
            voucher_id=event.voucher_id,
            programme_id=event.programme_id,
            version=event.version,
            beneficiary_id=event.beneficiary_id,
            face=event.face,
            not_before=event.not_before,
            expires_at=event.expires_at,
            issue_seq=event.issue_seq,
            legs=posting.take(),
        )
    ]


def freeze_voucher(state: LedgerState, event: VoucherSuspended, _at: At) -> Sequence[Event]:
    """Bar new holds on a voucher."""
    lot = state.vouchers.lots.get(event.voucher_id)
    return [] if lot is None or lot.dead else [VoucherFrozen(voucher_id=event.voucher_id)]


def unfreeze_voucher(state: LedgerState, event: VoucherReinstated, _at: At) -> Sequence[Event]:
    """Lift a suspension."""
    lot = state.vouchers.lots.get(event.voucher_id)
    return [] if lot is None or lot.dead else [VoucherUnfrozen(voucher_id=event.voucher_id)]


def cancel_voucher(state: LedgerState, event: VoucherRevoked, _at: At) -> Sequence[Event]:
    """End a revoked voucher."""
    lot = state.vouchers.lots.get(event.voucher_id)
    if lot is None or lot.dead:
        return []
    return [end(state, Posting(state.accounts), lot, CANCELLED)]


def expire_vouchers(state: LedgerState, cutoff: int, _at: At) -> Sequence[Event]:
    """Sweep vouchers that ran out."""
    posting = Posting(state.accounts)
    lots = state.vouchers.expired_by(cutoff, state.rules.max_items_per_sweep)
    return [end(state, posting, lot, EXPIRED) for lot in lots]


def due(state: LedgerState) -> tuple[int, str] | None:
    """The earliest (time, timer kind)."""
    expiry = state.vouchers.next_expiry()
    return None if expiry is None else (expiry, "voucher_expiry")


def end(state: LedgerState, posting: Posting, lot: Lot, how: Literal["expired", "cancelled"]) -> Event:
    """End the life of a voucher's unheld value; what is held follows when its hold is released."""
    owner = holder(lot.beneficiary_id)
    amount = posting.draft(owner, lot.voucher_id).available
    recycled = how == CANCELLED or state.terms(lot.programme_id, lot.version).recycles
    posting.leg("post", lot.voucher_id, owner, how, amount)
    posting.leg("post", budget(lot.programme_id), "obligated", "appropriation" if recycled else "lapsed", amount)
    voucher_id, programme_id, legs = lot.voucher_id, lot.programme_id, posting.take()
    if how == CANCELLED:
        return VoucherCancelled(voucher_id=voucher_id, programme_id=programme_id, amount=amount, legs=legs)
    return VoucherExpired(voucher_id=voucher_id, programme_id=programme_id, amount=amount, recycled=recycled, legs=legs)


def bury(state: LedgerState, posting: Posting, released: Sequence[Draw], at: At) -> list[Event]:
    """Value given back to a dead voucher never becomes available again: it ends as its voucher did.

    A voucher that ran out is dead by ledger time alone; if the sweep has yet to come, all its unheld value ends here.
    """
    ended: list[Event] = []
    for draw in released:
        lot = state.vouchers.lots[draw.voucher_id]
        if lot.dead or at.time >= lot.expires_at:
            ended.append(end(state, posting, lot, CANCELLED if lot.status == "revoked" else EXPIRED))
    return ended


def drop_if_over(state: LedgerState, voucher_id: str) -> None:
    """Forget a dead voucher once nothing of it is held; its value must then be accounted for to the last unit."""
    lot = state.vouchers.lots.get(voucher_id)
    if lot is None or not lot.dead or state.accounts.find(holder(lot.beneficiary_id), voucher_id).posted:
        return
    ended = sum(state.accounts.find(account, voucher_id).posted for account in (REDEEMED, EXPIRED, CANCELLED))
    issued = -state.accounts.find(CIRCULATION, voucher_id).posted
    ensure(ended == lot.face == issued, f"voucher {voucher_id} does not add up")
    state.vouchers.drop(lot)
    state.accounts.drop_asset(voucher_id)


def voucher_credited(state: LedgerState, event: VoucherCredited, _at: At) -> None:
    """Apply a new voucher."""
    state.accounts.apply(event.legs)
    times = (event.not_before, event.expires_at, event.issue_seq)
    state.vouchers.add(
        Lot(event.voucher_id, event.programme_id, event.version, event.beneficiary_id, event.face, *times)
    )


def voucher_frozen(state: LedgerState, event: VoucherFrozen, _at: At) -> None:
    """Apply a suspension."""
    state.vouchers.lots[event.voucher_id].status = "frozen"


def voucher_unfrozen(state: LedgerState, event: VoucherUnfrozen, _at: At) -> None:
    """Apply a reinstatement."""
    state.vouchers.lots[event.voucher_id].status = "active"


def voucher_ended(state: LedgerState, event: VoucherExpired | VoucherCancelled, _at: At) -> None:
    """Apply the end of a voucher's unheld value."""
    state.accounts.apply(event.legs)
    lot = state.vouchers.lots[event.voucher_id]
    if not lot.dead:
        lot.status = "expired" if isinstance(event, VoucherExpired) else "revoked"
    drop_if_over(state, event.voucher_id)
