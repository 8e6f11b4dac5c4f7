"""Vouchers that the ledger makes of others, of what came back or was taken back; they follow what became of those.

Who gave a voucher back gave back its own part: what another has of it goes on, and is suspended as long as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.events import VoucherReinstated, VoucherRevoked, VoucherSuspended
from counterfoil.issuance.state import IssuanceState, Voucher
from counterfoil.issuance.words import VoucherStatus
from counterfoil.ledger.events import VoucherRestored
from counterfoil.ledger.transfer_events import VoucherReissued


def take_over_reissued(state: IssuanceState, event: VoucherReissued, _at: At) -> Sequence[Event]:
    """Mirror a voucher made of what was taken back of another, and let it follow what was decided about that."""
    former = state.vouchers.get(event.reissued_from)
    if event.programme_id not in state.programmes:  # another shard's
        return []
    if former is not None and _ends(state, former, to_another=True):
        reason = f"{event.reissued_from} was {former.status}"
        return [event, VoucherRevoked(voucher_id=event.voucher_id, reason=reason)]
    if former is not None and _stopped(state, event.reissued_from, former):
        reason = f"{event.reissued_from} is suspended"
        return [event, VoucherSuspended(voucher_id=event.voucher_id, reason=reason)]
    return [event]


def take_over_restored(state: IssuanceState, event: VoucherRestored, _at: At) -> Sequence[Event]:
    """Mirror a voucher made of what came back to another, and let it follow what was decided about that meanwhile."""
    if event.programme_id not in state.programmes:  # another shard's
        return []
    former = state.vouchers.get(event.restored_from)
    follows: Event | None = None
    if former is None:  # by rules 1 to 3 it was forgotten while some of it was held
        return [event]
    stopped = _stopped(state, event.restored_from, former)
    if _ends(state, former, to_another=event.beneficiary_id != former.beneficiary_id):
        follows = VoucherRevoked(voucher_id=event.voucher_id, reason=f"{event.restored_from} was {former.status}")
    elif event.suspended and not stopped and former.status != "expired":
        follows = VoucherReinstated(voucher_id=event.voucher_id)
    elif stopped and not event.suspended:
        follows = VoucherSuspended(voucher_id=event.voucher_id, reason=f"{event.restored_from} is suspended")
    return [event] if follows is None else [event, follows]


def _ends(state: IssuanceState, former: Voucher, *, to_another: bool) -> bool:
    """Whether what is made of a voucher ends with it: who gave it back gave back nothing of what another has."""
    spared = to_another and state.rules.returns_own_part
    return former.status == "revoked" or (former.status == "returned" and not spared)


def _stopped(state: IssuanceState, voucher_id: str, former: Voucher) -> bool:
    """Whether a voucher is suspended, or was when it was given back."""
    ordered = state.suspensions.table.get(voucher_id)
    given_back = former.status == "returned" and ordered is not None and ordered.begun
    return former.status == "suspended" or given_back


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_restored(state: IssuanceState, event: VoucherRestored, _at: At) -> None:
    """Apply a voucher made of what came back to another: it was issued, and counted, before."""
    former = state.vouchers.get(event.restored_from)
    group_id = None  # what is in another hand than the first never counts less towards the cap of that
    if former is not None and former.beneficiary_id == event.beneficiary_id:
        group_id = former.group_id
    status: VoucherStatus = "suspended" if event.suspended else "active"
    voucher = Voucher(event.programme_id, event.beneficiary_id, group_id, event.expires_at, status)
    state.open(event.voucher_id, voucher)
    granted = state.grants.get(event.restored_from)
    if granted is not None:  # it counts from now on as the new voucher, whatever becomes of the rest
        state.grants[event.restored_from], state.grants[event.voucher_id] = granted.parted(event.face)
    state.same_purpose(event.restored_from, event.voucher_id)
    state.suspensions.same(event.restored_from, event.voucher_id)


def voucher_reissued(state: IssuanceState, event: VoucherReissued, _at: At) -> None:
    """Apply a voucher made of what was taken back of another: it was issued, and counted, before, to another group."""
    state.open(event.voucher_id, Voucher(event.programme_id, event.beneficiary_id, None, event.expires_at))
    state.same_purpose(event.reissued_from, event.voucher_id)
    state.suspensions.same(event.reissued_from, event.voucher_id)
