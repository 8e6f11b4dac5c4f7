"""How an issuer stops a voucher under a document: on a ground that the document names, and not longer than it allows.

What earlier suspensions of the voucher lasted counts, whatever their grounds: else one after the other had no end.

A suspension begins when its notice is over, and ends by itself unless an operator extends it, who is related to neither
side. The document is the one that the voucher was granted under, whatever later versions say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.issuance.claimed import Purpose
from counterfoil.issuance.events import VoucherReinstated, VoucherRevoked, VoucherSuspended
from counterfoil.issuance.freeze_commands import ExtendSuspension, RevokeVoucher, SuspendVoucher
from counterfoil.issuance.freeze_events import RevocationOrdered, SuspensionExtended, SuspensionOrdered
from counterfoil.issuance.frozen import Suspension
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.vouchers import dead, own_voucher
from counterfoil.programme.control import freezing, may_revoke

TIMER: Final = "suspension"


def suspend_voucher(state: IssuanceState, body: SuspendVoucher, actor: Party, at: At) -> Decision:
    """Order a suspension; without notice it begins at once."""
    voucher = own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    purpose = state.claims.purposes.get(body.voucher_id)
    if purpose is None:
        return refuse(Code.GROUND_NOT_IN_RULES, why="no_document")
    allowed = freezing(state.rules_under(purpose), body.ground)
    if allowed is None:
        return refuse(Code.GROUND_NOT_IN_RULES, ground=body.ground)
    if voucher.status == "suspended" or body.voucher_id in state.suspensions.table:
        return refuse(Code.VOUCHER_SUSPENDED, voucher_id=body.voucher_id)
    most = max(allowed.max_days - state.suspensions.days.get(body.voucher_id, 0), 0)
    if not 0 < body.days <= most:
        return refuse(Code.SUSPENSION_TOO_LONG, most_days=most)
    begins_at = at.time + allowed.notice_days * DAY
    over = dead(voucher, body.voucher_id, at)
    if over is None and begins_at >= voucher.expires_at:
        over = refuse(Code.VOUCHER_EXPIRED, voucher_id=body.voucher_id)
    return over or [
        SuspensionOrdered(
            voucher_id=body.voucher_id,
            programme_id=voucher.programme_id,
            version=purpose.version,
            rules_hash=purpose.rules_hash,
            ground=body.ground,
            begins_at=begins_at,
            ends_at=begins_at + body.days * DAY,
            reason=body.reason,
        ),
        *([] if allowed.notice_days else [VoucherSuspended(voucher_id=body.voucher_id, reason=body.reason)]),
    ]


def extend_suspension(state: IssuanceState, body: ExtendSuspension, actor: Party, at: At) -> Decision:
    """Let a suspension last longer, by the decision of somebody who is no side of it."""
    voucher, purpose = state.vouchers.get(body.voucher_id), state.claims.purposes.get(body.voucher_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    issuer_id = state.programmes[voucher.programme_id].current.issuer_id
    sides = (Held(Duty.DISPUTANT, each) for each in (issuer_id, voucher.beneficiary_id))
    if (together := not_separate(state, Held(Duty.RESOLVER, actor.party_id), *sides)) is not None:
        return together
    suspension = state.suspensions.table.get(body.voucher_id)
    if suspension is None or purpose is None:
        return refuse(Code.VOUCHER_NOT_SUSPENDED, voucher_id=body.voucher_id)
    most = _most_days(state, purpose)
    if not 0 < body.days <= most:
        return refuse(Code.SUSPENSION_TOO_LONG, most_days=most)
    return dead(voucher, body.voucher_id, at) or [
        SuspensionExtended(
            voucher_id=body.voucher_id,
            programme_id=voucher.programme_id,
            ends_at=suspension.ends_at + body.days * DAY,
            extended_by=actor.party_id,
            reason=body.reason,
        )
    ]


def _most_days(state: IssuanceState, purpose: Purpose) -> int:
    freeze = state.rules_under(purpose).document.control.freeze
    return 0 if freeze is None else freeze.max_days


def revoke_voucher(state: IssuanceState, body: RevokeVoucher, actor: Party, at: At) -> Decision:
    """End a voucher, suspended or not; it cannot be reinstated."""
    voucher = own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    purpose = state.claims.purposes.get(body.voucher_id)
    if purpose is None:
        return refuse(Code.GROUND_NOT_IN_RULES, why="no_document")
    if not may_revoke(state.rules_under(purpose), body.ground):
        return refuse(Code.GROUND_NOT_IN_RULES, ground=body.ground)
    return dead(voucher, body.voucher_id, at) or [
        RevocationOrdered(
            voucher_id=body.voucher_id,
            programme_id=voucher.programme_id,
            version=purpose.version,
            rules_hash=purpose.rules_hash,
            ground=body.ground,
            reason=body.reason,
        ),
        VoucherRevoked(voucher_id=body.voucher_id, reason=body.reason),
    ]


def begin_or_end(state: IssuanceState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: suspensions whose notice is over begin, and those whose days are over end."""
    events: list[Event] = []
    for due_id in state.suspensions.due.reached(cutoff, state.rules.max_items_per_sweep):
        voucher_id = due_id.partition(" ")[0]
        if state.suspensions.table[voucher_id].begun:
            events.append(VoucherReinstated(voucher_id=voucher_id))
        else:
            events.append(VoucherSuspended(voucher_id=voucher_id, reason="the notice is over"))
    return events


def next_due(state: IssuanceState) -> tuple[int, str] | None:
    """When the timer has something to do."""
    due = state.suspensions.due.next()
    return None if due is None else (due, TIMER)


# evolve -------------------------------------------------------------------------------------------------------------


def suspension_ordered(state: IssuanceState, event: SuspensionOrdered, _at: At) -> None:
    """Apply an order."""
    state.suspensions.keep(event.voucher_id, Suspension(event.begins_at, event.ends_at, begun=False))


def suspension_extended(state: IssuanceState, event: SuspensionExtended, _at: At) -> None:
    """Apply a later end."""
    found = state.suspensions.table[event.voucher_id]
    state.suspensions.keep(event.voucher_id, found._replace(ends_at=event.ends_at))


def revocation_ordered(_state: IssuanceState, _event: RevocationOrdered, _at: At) -> None:
    """The next event revokes the voucher."""
