"""A voucher from its issue on: its credit to its first owner, its suspension and reinstatement."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.events import VoucherGranted, VoucherIssued, VoucherReinstated, VoucherSuspended
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import APPROPRIATION, CIRCULATION, OBLIGATED, budget, owner
from counterfoil.ledger.events import VoucherCredited, VoucherFrozen, VoucherUnfrozen
from counterfoil.ledger.gains import count_gain
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.tranches import withhold


def credit_voucher(state: LedgerState, event: VoucherIssued | VoucherGranted, at: At) -> Sequence[Event]:
    """Credit a new voucher to its beneficiary, from the programme's appropriation."""
    posting = Posting(state.accounts)
    posting.leg("post", budget(event.programme_id), APPROPRIATION, OBLIGATED, event.face)
    posting.leg("post", event.voucher_id, CIRCULATION, owner(event.beneficiary_id), event.face)
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
        ),
        *withhold(state, posting, event, at),
    ]


def freeze_voucher(state: LedgerState, event: VoucherSuspended, _at: At) -> Sequence[Event]:
    """Bar new holds on a voucher."""
    voucher = state.vouchers.open.get(event.voucher_id)
    return [] if voucher is None or voucher.dead else [VoucherFrozen(voucher_id=event.voucher_id)]


def unfreeze_voucher(state: LedgerState, event: VoucherReinstated, _at: At) -> Sequence[Event]:
    """Lift a suspension."""
    voucher = state.vouchers.open.get(event.voucher_id)
    return [] if voucher is None or voucher.dead else [VoucherUnfrozen(voucher_id=event.voucher_id)]


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_credited(state: LedgerState, event: VoucherCredited, at: At) -> None:
    """Apply a new voucher."""
    voucher = Voucher(
        voucher_id=event.voucher_id, programme_id=event.programme_id, version=event.version,
        issued_to=event.beneficiary_id, face=event.face, not_before=event.not_before, expires_at=event.expires_at,
        issue_seq=event.issue_seq, index=at.index,
    )  # fmt: skip
    state.vouchers.open[event.voucher_id] = voucher
    state.book(event.legs)
    state.begin_expiry(voucher, at.time, restored=False)
    count_gain(state, voucher, event.beneficiary_id, event.face, at.time)


def voucher_frozen(state: LedgerState, event: VoucherFrozen, _at: At) -> None:
    """Apply a suspension."""
    voucher = state.vouchers.open.edit(event.voucher_id)
    voucher.status = "frozen"
    state.unfund_later(voucher)


def voucher_unfrozen(state: LedgerState, event: VoucherUnfrozen, _at: At) -> None:
    """Apply a reinstatement."""
    unfunding = state.unfunds(event.voucher_id)
    state.vouchers.open.edit(event.voucher_id).status = "active"
    if unfunding:
        state.unfunding.ended()
