"""How a provider claims the subsidy it earned, with an invoice, and the issuer's decision on the claim.

An invoice number serves one claim of its provider, across all programmes, for ever. Cumulated, at every index:
paid <= in settlements <= approved <= claimed <= captured.
"""

from __future__ import annotations

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.issuance.events import ProviderDelisted, ProviderReinstated, ProviderSuspended
from counterfoil.redemption.commands import (
    ApproveClaim,
    RejectClaim,
    SubmitClaim,
)
from counterfoil.redemption.events import (
    ClaimApproved,
    ClaimLine,
    ClaimRejected,
    ClaimSubmitted,
)
from counterfoil.redemption.reversals import set_off
from counterfoil.redemption.state import Claim, RedemptionState


def submit_claim(state: RedemptionState, body: SubmitClaim, actor: Party, at: At) -> Decision:
    """Claim all captured and unclaimed subsidy of the actor's contracts of one programme, with a new invoice.

    What the actor owes the programme is set off first; if that takes everything, there is no claim.
    """
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    for contract_id in body.contract_ids:
        if _provider_of(state, contract_id) not in (None, actor.party_id):
            return refuse(Code.NOT_YOURS, contract_id=contract_id)
    refused = unfit_lists(Listed("contract_ids", body.contract_ids, state.rules.max_contracts_per_claim))
    if refused is not None:
        return refused
    amounts = {contract_id: _claimable(state, contract_id, body.programme_id) for contract_id in body.contract_ids}
    amount = sum(amounts.values())
    if amount > MAX_AMOUNT:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=amount)
    for contract_id, each in amounts.items():
        if each == 0:
            return refuse(Code.NOTHING_TO_CLAIM, contract_id=contract_id)
    used_by = state.invoices.get((actor.party_id, body.invoice_number))
    if used_by is not None:
        return refuse(Code.INVOICE_ALREADY_USED, claim_id=used_by)
    offset = set_off(state, body.programme_id, actor.party_id, amounts)
    if offset is not None:
        for line in offset.lines:
            amounts[line.contract_id] -= line.amount
    lines = tuple(ClaimLine(contract_id=contract_id, amount=each) for contract_id, each in amounts.items() if each)
    before: list[Event] = [] if offset is None else [offset]
    if not lines:
        return before
    return [
        *before,
        ClaimSubmitted(
            claim_id=at.new_id("clm"),
            programme_id=body.programme_id,
            provider_id=actor.party_id,
            invoice_number=body.invoice_number,
            lines=lines,
            amount=sum(line.amount for line in lines),
        ),
    ]


def approve_claim(state: RedemptionState, body: ApproveClaim, actor: Party, _at: At) -> Decision:
    """Approve a claim on one of the actor's programmes, of a provider that is not related to it nor suspended."""
    return (
        _undecided(state, body.claim_id, actor, Duty.APPROVER)
        or waits(state, state.claims[body.claim_id].terms)
        or [ClaimApproved(claim_id=body.claim_id)]
    )


def reject_claim(state: RedemptionState, body: RejectClaim, actor: Party, _at: At) -> Decision:
    """Reject a claim on one of the actor's programmes."""
    return _undecided(state, body.claim_id, actor) or [ClaimRejected(claim_id=body.claim_id, reason=body.reason)]


def waits(state: RedemptionState, claim: ClaimSubmitted) -> Refusal | None:
    """A claim of a provider that the programme has suspended is neither approved nor settled."""
    if (claim.programme_id, claim.provider_id) in state.suspended:
        return refuse(Code.PROVIDER_SUSPENDED, provider_id=claim.provider_id, claim_id=claim.claim_id)
    return None


def _provider_of(state: RedemptionState, contract_id: str) -> str | None:
    """Whose contract it is, as long as anything of it is open or claimable."""
    contract, earned = state.contracts.get(contract_id), state.claimable.get(contract_id)
    if contract is not None:
        return contract.terms.provider_id
    return None if earned is None else earned.provider_id


def _claimable(state: RedemptionState, contract_id: str, programme_id: str) -> int:
    earned = state.claimable.get(contract_id)
    return 0 if earned is None or earned.programme_id != programme_id else earned.amount


def _undecided(state: RedemptionState, claim_id: str, actor: Party, *duties: Duty) -> Refusal | None:
    """Why the actor may not decide on the claim; None if it may. `duties`: what it would be to the claimant."""
    claim = state.claims.get(claim_id)
    if claim is None:
        return refuse(Code.UNKNOWN_CLAIM, claim_id=claim_id)
    if state.programme(claim.terms.programme_id).issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, claim_id=claim_id)
    held = [Held(duty, actor.party_id) for duty in duties]
    together = not_separate(state, *held, Held(Duty.CLAIMANT, claim.terms.provider_id))
    if together is not None:
        return together
    return None if claim.status == "submitted" else refuse(Code.CLAIM_NOT_OPEN, claim_id=claim_id)


# evolve -------------------------------------------------------------------------------------------------------------


def provider_suspended(state: RedemptionState, event: ProviderSuspended, _at: At) -> None:
    """The provider's claims on the programme wait."""
    state.suspended[event.programme_id, event.provider_id] = True


def provider_no_longer_suspended(state: RedemptionState, event: ProviderReinstated | ProviderDelisted, _at: At) -> None:
    """The issuer decides on the provider's claims again: what was delivered is owed, listed or not."""
    if (event.programme_id, event.provider_id) in state.suspended:
        del state.suspended[event.programme_id, event.provider_id]


def claim_submitted(state: RedemptionState, event: ClaimSubmitted, _at: At) -> None:
    """Apply a claim: it takes all that was claimable of its contracts."""
    for line in event.lines:
        del state.claimable[line.contract_id]
    state.invoices[event.provider_id, event.invoice_number] = event.claim_id
    state.claims[event.claim_id] = Claim(event)


def claim_approved(state: RedemptionState, event: ClaimApproved, _at: At) -> None:
    """Apply an approval."""
    state.claims.edit(event.claim_id).status = "approved"


def claim_rejected(state: RedemptionState, event: ClaimRejected, _at: At) -> None:
    """Apply a rejection: its lines are claimable again, beside what was captured since; the invoice stays used."""
    terms = state.claims.pop(event.claim_id).terms
    for line in terms.lines:
        state.earn(line.contract_id, terms.programme_id, terms.provider_id, line.amount)
