"""How vouchers are issued, suspended, reinstated and revoked, and when issuance removes them.

When a voucher ends, the ledger's event is mirrored in this log and the voucher is removed, so the state holds open
vouchers only.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.commands import (
    IssueVoucher,
    ReinstateVoucher,
    RevokeVoucher,
    SuspendVoucher,
)
from counterfoil.issuance.events import (
    BudgetRecycled,
    VoucherIssued,
    VoucherReinstated,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.issuance.programmes import duties_in, own_programme
from counterfoil.issuance.state import IssuanceState, Voucher
from counterfoil.ledger.events import VoucherCancelled, VoucherExpired


def issue_voucher(state: IssuanceState, body: IssueVoucher, actor: Party, at: At) -> Decision:
    """A voucher under the programme's current version, within the group's cap and the uncommitted budget."""
    beneficiary = state.directory.parties.get(body.beneficiary_id)
    if beneficiary is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.beneficiary_id)
    if (refused := not_taking_part(beneficiary)) is not None:
        return refused
    programme = own_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if state.open_vouchers.get(body.beneficiary_id, 0) >= state.rules.max_open_vouchers_per_party:
        return refuse(Code.OVER_LIMIT, field="beneficiary_id", limit=state.rules.max_open_vouchers_per_party)
    room = state.room(programme.terms.currency)
    if body.amount > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=room)
    if programme.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=body.programme_id)
    if not programme.terms.issues(at.time):
        return refuse(Code.PROGRAMME_NOT_OPEN, programme_id=body.programme_id)
    if "beneficiary" not in beneficiary.roles:
        return refuse(Code.PARTY_NOT_A_BENEFICIARY, party_id=body.beneficiary_id)
    held = Held(Duty.BENEFICIARY, body.beneficiary_id)
    if (together := not_separate(state, held, *duties_in(state, programme, body.beneficiary_id))) is not None:
        return together
    cap = programme.terms.beneficiary_cap
    group_issued = state.counted(body.programme_id, beneficiary.group_id)
    if group_issued + body.amount > cap:
        return refuse(Code.CAP_EXCEEDED, group_id=beneficiary.group_id, cap=cap, issued=group_issued)
    if body.amount > programme.uncommitted:
        return refuse(Code.APPROPRIATION_EXCEEDED, uncommitted=programme.uncommitted)
    return [
        VoucherIssued(
            voucher_id=at.new_id("vch"),
            programme_id=body.programme_id,
            version=programme.current.version,
            beneficiary_id=body.beneficiary_id,
            face=body.amount,
            not_before=at.time,
            expires_at=programme.terms.expires_at(at.time),
            issue_seq=programme.vouchers_issued + 1,
            uncommitted_after=programme.uncommitted - body.amount,
            group_issued_after=group_issued + body.amount,
        )
    ]


def suspend_voucher(state: IssuanceState, body: SuspendVoucher, actor: Party, at: At) -> Decision:
    """Bar new holds on a voucher."""
    voucher = _own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    if voucher.status == "suspended":
        return refuse(Code.VOUCHER_SUSPENDED, voucher_id=body.voucher_id)
    dead = _dead(voucher, body.voucher_id, at)
    return dead or [VoucherSuspended(voucher_id=body.voucher_id, reason=body.reason)]


def reinstate_voucher(state: IssuanceState, body: ReinstateVoucher, actor: Party, at: At) -> Decision:
    """Lift a suspension."""
    voucher = _own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    if voucher.status != "suspended":
        return refuse(Code.VOUCHER_NOT_SUSPENDED, voucher_id=body.voucher_id)
    dead = _dead(voucher, body.voucher_id, at)
    return dead or [VoucherReinstated(voucher_id=body.voucher_id)]


def revoke_voucher(state: IssuanceState, body: RevokeVoucher, actor: Party, at: At) -> Decision:
    """End a voucher, suspended or not; it cannot be reinstated."""
    voucher = _own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    dead = _dead(voucher, body.voucher_id, at)
    return dead or [VoucherRevoked(voucher_id=body.voucher_id, reason=body.reason)]


def _own_voucher(state: IssuanceState, voucher_id: str, actor: Party) -> Voucher | Refusal:
    voucher = state.vouchers.get(voucher_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=voucher_id)
    if state.programmes[voucher.programme_id].current.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, voucher_id=voucher_id)
    return voucher


def _dead(voucher: Voucher, voucher_id: str, at: At) -> Refusal | None:
    """Whether the voucher was revoked, or has expired by ledger time even if the ledger did not report it yet."""
    if voucher.status == "revoked":
        return refuse(Code.VOUCHER_REVOKED, voucher_id=voucher_id)
    return refuse(Code.VOUCHER_EXPIRED, voucher_id=voucher_id) if at.time >= voucher.expires_at else None


def take_over_end(state: IssuanceState, event: VoucherExpired | VoucherCancelled, _at: At) -> Sequence[Event]:
    """Mirror the end of a voucher, and record what may be issued again.

    The ledger reports the end of a voucher in several events if it has many owners or if some of it is held. The first
    one is mirrored.
    """
    ended: list[Event] = [event] if event.voucher_id in state.vouchers else []
    recycled = event.recycled if isinstance(event, VoucherExpired) else True
    if recycled and event.amount > 0 and event.programme_id in state.programmes:  # else another shard's
        uncommitted = state.programmes[event.programme_id].uncommitted + event.amount
        ended.append(
            BudgetRecycled(
                programme_id=event.programme_id,
                voucher_id=event.voucher_id,
                amount=event.amount,
                uncommitted_after=uncommitted,
            )
        )
    return ended


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_issued(state: IssuanceState, event: VoucherIssued, _at: At) -> None:
    """Apply an issue."""
    programme = state.programmes.edit(event.programme_id)
    group_id = state.directory.parties[event.beneficiary_id].group_id
    programme.issued += event.face
    state.commit(programme.terms.currency, event.face)
    programme.vouchers_issued += 1
    state.count(event.programme_id, event.beneficiary_id, group_id, event.face)
    state.vouchers[event.voucher_id] = Voucher(event.programme_id, event.beneficiary_id, event.expires_at)
    state.open_vouchers[event.beneficiary_id] = state.open_vouchers.get(event.beneficiary_id, 0) + 1
    after = (programme.uncommitted, state.counted(event.programme_id, group_id))
    same = after == (event.uncommitted_after, event.group_issued_after)
    ensure(same and programme.uncommitted >= 0, f"budget of {event.programme_id} differs")


def voucher_ended(state: IssuanceState, event: VoucherExpired | VoucherCancelled, _at: At) -> None:
    """Remove a voucher whose end the ledger reported."""
    voucher = state.vouchers.pop(event.voucher_id)
    state.open_vouchers[voucher.beneficiary_id] -= 1
    if state.open_vouchers[voucher.beneficiary_id] == 0:
        del state.open_vouchers[voucher.beneficiary_id]


def voucher_suspended(state: IssuanceState, event: VoucherSuspended, _at: At) -> None:
    """Apply a suspension."""
    state.vouchers.edit(event.voucher_id).status = "suspended"


def voucher_reinstated(state: IssuanceState, event: VoucherReinstated, _at: At) -> None:
    """Apply a reinstatement."""
    state.vouchers.edit(event.voucher_id).status = "active"


def voucher_revoked(state: IssuanceState, event: VoucherRevoked, _at: At) -> None:
    """Apply a revocation."""
    state.vouchers.edit(event.voucher_id).status = "revoked"
