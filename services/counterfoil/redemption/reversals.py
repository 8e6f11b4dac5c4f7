"""Reversals of captures: credit notes for usage that turns out not to have been delivered. Nothing is edited.

Both sides of the contract agree to one, as long as the provider has not claimed its subsidy; public money that was
claimed or paid needs the operator's decision, or two parties could turn one voucher into many; so does an allocation in
kind, which is used up when it is captured. All reversals of a capture together are at most what was captured. What a
provider owes is set off against its next claims, or paid back.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.hidden import not_yours
from counterfoil.core.paper import not_payable, reference_used, unknown_currency
from counterfoil.redemption.captured import Captured, Reversal
from counterfoil.redemption.clawbacks import contestable
from counterfoil.redemption.commands import AgreeReversal, ConfirmRecovery, ProposeReversal, ReverseCapture
from counterfoil.redemption.events import (
    ClaimOffset,
    DebtWrittenOff,
    LinePart,
    RecoveryConfirmed,
    ReversalProposed,
    UsageReversed,
)
from counterfoil.redemption.in_kind import contract_of, drawn_in_kind, not_paid
from counterfoil.redemption.state import RedemptionState, put


def propose_reversal(state: RedemptionState, body: ProposeReversal, actor: Party, at: At) -> Decision:
    """One side of the contract would reverse part of a capture."""
    captured = _captured_for_side(state, body.report_id, actor)
    if isinstance(captured, Refusal):
        return captured
    return _unfit(state, captured, body.amount, consent=True) or [
        ReversalProposed(
            reversal_id=at.new_id("rev"),
            report_id=body.report_id,
            contract_id=captured.contract_id,
            by=actor.party_id,
            amount=body.amount,
            reason=body.reason,
        )
    ]


def agree_reversal(state: RedemptionState, body: AgreeReversal, actor: Party, _at: At) -> Decision:
    """The other side agrees, and the capture is reversed."""
    captured = _captured_for_side(state, body.report_id, actor)
    if isinstance(captured, Refusal):
        return captured
    proposed = captured.proposed
    if proposed is None or proposed.reversal_id != body.reversal_id or proposed.by == actor.party_id:
        return refuse(Code.UNKNOWN_PROPOSAL, reversal_id=body.reversal_id)
    refused = _unfit(state, captured, proposed.amount, consent=True)
    return refused or [_reversed(state, body.report_id, captured, proposed)]


def reverse_capture(state: RedemptionState, body: ReverseCapture, actor: Party, at: At) -> Decision:
    """The operator, related to neither side, reverses part of a capture."""
    captured = state.captures.get(body.report_id)
    if captured is None:
        return refuse(Code.UNKNOWN_CAPTURE, report_id=body.report_id)
    sides = (Held(Duty.DISPUTANT, party_id) for party_id in _sides(state, captured))
    together = not_separate(state, Held(Duty.RESOLVER, actor.party_id), *sides)
    if together is not None:
        return together
    decided = Reversal(at.new_id("rev"), actor.party_id, body.amount, body.reason)
    refused = _unfit(state, captured, body.amount, consent=False)
    return refused or [_reversed(state, body.report_id, captured, decided)]


def confirm_recovery(state: RedemptionState, body: ConfirmRecovery, actor: Party, at: At) -> Decision:
    """Record that a provider paid back, outside, part of what it owes; less than a minor unit beside it is given up."""
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    owed = state.owed.get((body.programme_id, body.provider_id), 0)
    together = not_separate(state, Held(Duty.TREASURER, actor.party_id), Held(Duty.PAYEE, body.provider_id))
    if owed and together is not None:
        return together
    if (in_kind := not_paid(state, body.programme_id)) is not None:
        return in_kind
    currency = state.currency(body.programme_id)
    refused = unknown_currency(state, currency) or not_payable(state, currency, body.amount)
    if refused is not None:
        return refused
    if body.amount > owed:
        return refuse(Code.EXCEEDS_OWED, owed=owed)
    used = reference_used(state, actor.party_id, "recovery", body.payment_reference)
    if used is not None:
        return used
    left = owed - body.amount
    confirmed = RecoveryConfirmed(
        programme_id=body.programme_id,
        provider_id=body.provider_id,
        currency=currency,
        amount=body.amount,
        payment_reference=body.payment_reference,
        treasurer_id=actor.party_id,
        owed_after=left,
    )
    too_little = 0 < left < (state.minor_unit(currency) or 1) and state.rules.recovers_whole
    if not too_little or contestable(state, body.programme_id, body.provider_id, at.time):
        return [confirmed]
    return [
        confirmed,
        DebtWrittenOff(
            programme_id=body.programme_id,
            provider_id=body.provider_id,
            currency=currency,
            amount=left,
            written_off_by=actor.party_id,
            reason="less than a minor unit",
            owed_after=0,
        ),
    ]


def set_off(
    state: RedemptionState, programme_id: str, provider_id: str, amounts: Mapping[str, int], *, lapses: bool = False
) -> ClaimOffset | None:
    """What is set off of the amounts that a provider claims, by contract, in their order; None if it owes nothing.

    `lapses`: nobody gets them otherwise, so that they are no payment, and no document forbids to set off.
    """
    owed = state.owed.get((programme_id, provider_id), 0)
    if owed == 0 or not (lapses or state.sets_off(programme_id)):
        return None
    left, lines = owed, []
    for contract_id, amount in amounts.items():
        part = min(amount, left)
        left -= part
        if part:
            lines.append(LinePart(contract_id=contract_id, amount=part))
    return ClaimOffset(
        programme_id=programme_id,
        provider_id=provider_id,
        currency=state.currency(programme_id),
        lines=tuple(lines),
        amount=owed - left,
        owed_after=left,
    )


def _captured_for_side(state: RedemptionState, report_id: str, actor: Party) -> Captured | Refusal:
    """What was captured for a report, if the actor is a side of its contract."""
    captured = state.captures.get(report_id)
    if captured is None:
        return refuse(Code.UNKNOWN_CAPTURE, report_id=report_id)
    if actor.party_id not in _sides(state, captured):
        return not_yours(state.rules, Code.UNKNOWN_CAPTURE, report_id=report_id)
    return captured


def _sides(state: RedemptionState, captured: Captured) -> tuple[str, str]:
    return contract_of(state, captured).sides


def _unfit(state: RedemptionState, captured: Captured, amount: int, *, consent: bool) -> Refusal | None:
    """Why so much cannot be reversed. `consent`: by the sides, who may do so only before the subsidy is claimed."""
    if (shut := state.phases.shut(contract_of(state, captured).programme_id)) is not None:
        return shut
    if amount > captured.left:
        return refuse(Code.EXCEEDS_CAPTURED, left=captured.left)
    subsidy, reversible = _subsidy_in(captured, amount), state.reversible.get(captured.contract_id, 0)
    if subsidy > reversible:
        return refuse(Code.EXCEEDS_CAPTURED, reversible=reversible)
    unclaimed = _unclaimed(state, captured)
    if consent and subsidy > unclaimed:
        return refuse(Code.EXCEEDS_UNCLAIMED, unclaimed=unclaimed)
    return None


def _unclaimed(state: RedemptionState, captured: Captured) -> int:
    """The subsidy of the capture's contract that is in no claim."""
    claimable = state.claimable.get(captured.contract_id)
    return 0 if claimable is None else claimable.amount


def _subsidy_in(captured: Captured, amount: int) -> int:
    """The subsidy in the next so much that is reversed."""
    return captured._replace(reversed=captured.reversed + amount).reversed_subsidy - captured.reversed_subsidy


def _reversed(state: RedemptionState, report_id: str, captured: Captured, by: Reversal) -> UsageReversed:
    subsidy = _subsidy_in(captured, by.amount)
    whose = contract_of(state, captured)
    programme_id, provider_id = whose.programme_id, whose.sides[1]
    unclaimed = subsidy if drawn_in_kind(state, captured) else min(subsidy, _unclaimed(state, captured))
    return UsageReversed(
        reversal_id=by.reversal_id,
        report_id=report_id,
        contract_id=captured.contract_id,
        programme_id=programme_id,
        provider_id=provider_id,
        currency=state.currency(programme_id),
        by=by.by,
        amount=by.amount,
        unclaimed=unclaimed,
        owed=subsidy - unclaimed,
        owed_after=state.owed.get((programme_id, provider_id), 0) + subsidy - unclaimed,
        co_payment=by.amount - subsidy,
        reason=by.reason,
    )


# evolve -------------------------------------------------------------------------------------------------------------


def reversal_proposed(state: RedemptionState, event: ReversalProposed, _at: At) -> None:
    """Apply a proposal, in the place of what was proposed before."""
    proposed = Reversal(event.reversal_id, event.by, event.amount, event.reason)
    state.captures[event.report_id] = state.captures[event.report_id]._replace(proposed=proposed)


def usage_reversed(state: RedemptionState, event: UsageReversed, _at: At) -> None:
    """Apply a reversal: less is claimable, or more is owed."""
    captured = state.captures[event.report_id]
    state.captures[event.report_id] = captured._replace(reversed=captured.reversed + event.amount, proposed=None)
    state.keep_reversible(event.contract_id, -event.unclaimed - event.owed)
    if not drawn_in_kind(state, captured):
        _take(state, event.contract_id, event.unclaimed)
    put(state.owed, (event.programme_id, event.provider_id), event.owed_after)


def claim_offset(state: RedemptionState, event: ClaimOffset, _at: At) -> None:
    """Apply a set-off: so much is no longer claimable."""
    for line in event.lines:
        _take(state, line.contract_id, line.amount)
    put(state.owed, (event.programme_id, event.provider_id), event.owed_after)


def recovery_confirmed(state: RedemptionState, event: RecoveryConfirmed, at: At) -> None:
    """Apply what was paid back."""
    state.references.use(event.treasurer_id, "recovery", event.payment_reference, at.index)
    put(state.owed, (event.programme_id, event.provider_id), event.owed_after)


def _take(state: RedemptionState, contract_id: str, amount: int) -> None:
    """Make so much less claimable."""
    if amount:
        claimable = state.claimable.edit(contract_id)
        claimable.amount -= amount
        claimable.rejected = min(claimable.rejected, claimable.amount)
        if claimable.amount == 0:
            del state.claimable[contract_id]
