"""How a provider claims the subsidy it earned, with an invoice, and what the issuer decides on the claim.

An invoice number serves one claim of its provider, across all programmes, for ever. Subsidy is claimed twice at most:
what was rejected once and is rejected again ends, and so does what the issuer says ends. Cumulated, at every index:
paid <= in settlements <= approved <= claimed <= captured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.hidden import not_yours
from counterfoil.core.paper import reference_used
from counterfoil.issuance.events import ProviderDelisted, ProviderReinstated, ProviderSuspended
from counterfoil.ledger.invoice_events import InvoiceCaptured, UseCaptured
from counterfoil.redemption.commands import (
    ApproveClaim,
    ApproveClaimV1,
    RejectClaim,
    RejectClaimV1,
    Rest,
    SubmitClaim,
    WithdrawApproval,
)
from counterfoil.redemption.events import (
    ApprovalWithdrawn,
    ClaimApproved,
    ClaimDenied,
    ClaimLine,
    ClaimRejected,
    ClaimReturned,
    ClaimSubmitted,
    LinePart,
)
from counterfoil.redemption.in_kind import not_paid
from counterfoil.redemption.reversals import set_off
from counterfoil.redemption.state import Claim, RedemptionState


def submit_claim(state: RedemptionState, body: SubmitClaim, actor: Party, at: At) -> Decision:
    """Claim all captured and unclaimed subsidy of the actor's contracts of one programme, with a new invoice.

    What the actor owes the programme is set off first; if that takes everything, there is no claim.
    """
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    if (shut := state.phases.shut(body.programme_id)) is not None:
        return shut
    if (in_kind := not_paid(state, body.programme_id)) is not None:
        return in_kind
    others = [each for each in body.contract_ids if _provider_of(state, each) not in (None, actor.party_id)]
    if others and not state.rules.hides_others:
        return refuse(Code.NOT_YOURS, contract_id=others[0])
    refused = unfit_lists(Listed("contract_ids", body.contract_ids, state.rules.max_contracts_per_claim))
    if refused is not None:
        return refused
    amounts = {
        contract_id: (0, 0) if contract_id in others else _claimable(state, contract_id, body.programme_id)
        for contract_id in body.contract_ids
    }
    amount = sum(each for each, _ in amounts.values())
    if amount > MAX_AMOUNT:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=amount)
    for contract_id, (each, _) in amounts.items():
        if each == 0:
            return refuse(Code.NOTHING_TO_CLAIM, contract_id=contract_id)
    refused = reference_used(state, actor.party_id, "invoice", body.invoice_number)
    if refused is not None:
        return refused
    offset = set_off(state, body.programme_id, actor.party_id, {name: each for name, (each, _) in amounts.items()})
    taken = {} if offset is None else {part.contract_id: part.amount for part in offset.lines}
    lines = tuple(
        ClaimLine(contract_id=contract_id, amount=left, resubmitted=min(again, left))
        for contract_id, (each, again) in amounts.items()
        if (left := each - taken.get(contract_id, 0))
    )
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


def open_claim(state: RedemptionState, event: InvoiceCaptured, _at: At) -> Sequence[Event]:
    """A claim on an invoice that a voucher pays is to be decided; its only line is the claim itself."""
    if event.programme_id not in state.programmes:
        return []
    line = ClaimLine(contract_id=event.claim_id, amount=event.amount, resubmitted=0)
    return [
        ClaimSubmitted(
            claim_id=event.claim_id,
            programme_id=event.programme_id,
            provider_id=event.payee_id,
            invoice_number=event.invoice_number,
            lines=(line,),
            amount=event.amount,
        )
    ]


def open_decided(state: RedemptionState, event: UseCaptured, _at: At) -> Sequence[Event]:
    """A claim after use was approved when its voucher was granted: it is due, unless the programme has two approve."""
    if event.programme_id not in state.programmes:
        return []
    line = ClaimLine(contract_id=event.claim_id, amount=event.amount, resubmitted=0)
    submitted = ClaimSubmitted(
        claim_id=event.claim_id,
        programme_id=event.programme_id,
        provider_id=event.beneficiary_id,
        invoice_number=event.invoice_number,
        lines=(line,),
        amount=event.amount,
    )
    if (event.programme_id, "approval") in state.four_eyes:
        return [submitted]
    return [
        submitted, ClaimApproved(claim_id=event.claim_id, lines=(line,), amount=event.amount, claimable=())
    ]  # fmt: skip


def approve_claim_v1(state: RedemptionState, body: ApproveClaimV1, actor: Party, _at: At) -> Decision:
    """Approve a claim on one of the actor's programmes."""
    claim = _undecided(state, body.claim_id, actor, Duty.APPROVER)
    if isinstance(claim, Refusal):
        return claim
    return waits(state, claim.terms) or _approve(state, claim, {}, "claimable")


def approve_claim(state: RedemptionState, body: ApproveClaim, actor: Party, _at: At) -> Decision:
    """Approve a claim, or a part of it, on one of the actor's programmes, of a provider that is not related to it.

    Nor may the programme have suspended the provider.
    """
    claim = _undecided(state, body.claim_id, actor, Duty.APPROVER)
    if isinstance(claim, Refusal):
        return claim
    claimed = {line.contract_id: line.amount for line in claim.terms.lines}
    named = [line.contract_id for line in body.lines]
    refused = unfit_lists(Listed("lines", named, state.rules.max_contracts_per_claim, may_be_empty=True))
    if refused is not None:
        return refused
    for line in body.lines:
        if line.amount > claimed.get(line.contract_id, -1):
            return refuse(Code.APPROVAL_NOT_VALID, contract_id=line.contract_id)
    approved = {line.contract_id: line.amount for line in body.lines}
    if not any({**claimed, **approved}.values()):
        return refuse(Code.APPROVAL_NOT_VALID, claim_id=body.claim_id)
    return waits(state, claim.terms) or _approve(state, claim, approved, body.rest)


def withdraw_approval(state: RedemptionState, body: WithdrawApproval, actor: Party, _at: At) -> Decision:
    """Take back an approval of a claim that is in no settlement."""
    claim = _own_claim(state, body.claim_id, actor)
    if isinstance(claim, Refusal):
        return claim
    if claim.status != "approved":
        return refuse(Code.CLAIM_NOT_APPROVED, claim_id=body.claim_id)
    return [ApprovalWithdrawn(claim_id=body.claim_id, reason=body.reason)]


def reject_claim_v1(state: RedemptionState, body: RejectClaimV1, actor: Party, _at: At) -> Decision:
    """Reject a claim on one of the actor's programmes; it may be claimed again, however often."""
    claim = _undecided(state, body.claim_id, actor)
    if isinstance(claim, Refusal):
        return claim
    again = tuple(LinePart(contract_id=line.contract_id, amount=line.amount) for line in claim.terms.lines)
    return [ClaimRejected(claim_id=body.claim_id, reason=body.reason, claimable=again)]


def reject_claim(state: RedemptionState, body: RejectClaim, actor: Party, _at: At) -> Decision:
    """Reject a claim on one of the actor's programmes."""
    claim = _undecided(state, body.claim_id, actor)
    if isinstance(claim, Refusal):
        return claim
    claimable, ended = _rest(state, claim.terms.lines, {line.contract_id: 0 for line in claim.terms.lines}, body.rest)
    again = () if on_invoice(claim.terms) else claimable
    return [
        ClaimRejected(claim_id=body.claim_id, reason=body.reason, claimable=again),
        *_not_paid(claim.terms, claimable, ended),
    ]


def _approve(state: RedemptionState, claim: Claim, approved: Mapping[str, int], rest: Rest) -> Sequence[Event]:
    """Approve the lines named in `approved` with these amounts, the others in full."""
    terms, lines = claim.terms, list[ClaimLine]()
    for line in terms.lines:
        amount = approved.get(line.contract_id, line.amount)
        if amount:
            cut = line.amount - amount  # first of what was rejected before
            lines.append(replace(line, amount=amount, resubmitted=line.resubmitted - min(cut, line.resubmitted)))
    claimable, ended = _rest(state, terms.lines, approved, rest)
    return [
        ClaimApproved(
            claim_id=terms.claim_id,
            lines=tuple(lines),
            amount=sum(line.amount for line in lines),
            claimable=() if on_invoice(terms) else claimable,
        ),
        *_not_paid(terms, claimable, ended),
    ]


def on_invoice(claim: ClaimSubmitted) -> bool:
    """Whether it is a claim on an invoice for use, and not on what was captured of contracts."""
    return claim.lines[0].contract_id == claim.claim_id


def _not_paid(terms: ClaimSubmitted, claimable: tuple[LinePart, ...], ended: tuple[LinePart, ...]) -> list[Event]:
    """What becomes of the parts of a claim that are not approved; what of an invoice may be claimed again goes back."""
    back = [
        ClaimReturned(
            claim_id=terms.claim_id, programme_id=terms.programme_id, provider_id=terms.provider_id, amount=part.amount
        )
        for part in claimable
    ]  # fmt: skip
    return [*(back if on_invoice(terms) else ()), *_denied(terms, ended)]


def _rest(
    state: RedemptionState, lines: Sequence[ClaimLine], approved: Mapping[str, int], rest: Rest
) -> tuple[tuple[LinePart, ...], tuple[LinePart, ...]]:
    """What of the lines may be claimed once more, and what ends: of what is cut off, first what was rejected before.

    What was reversed since it was claimed does not end as well: it is owed, and the next claim is set off against that.
    """
    claimable, ended = [], []
    for line in lines:
        cut = line.amount - approved.get(line.contract_id, line.amount)
        wanted = cut if rest == "ends" else min(cut, line.resubmitted)
        ends = min(wanted, state.reversible.get(line.contract_id, 0))
        if ends:
            ended.append(LinePart(contract_id=line.contract_id, amount=ends))
        if cut > ends:
            claimable.append(LinePart(contract_id=line.contract_id, amount=cut - ends))
    return tuple(claimable), tuple(ended)


def _denied(terms: ClaimSubmitted, ended: tuple[LinePart, ...]) -> list[Event]:
    """The end of these parts of a claim, if there are any."""
    if not ended:
        return []
    return [
        ClaimDenied(
            claim_id=terms.claim_id,
            programme_id=terms.programme_id,
            provider_id=terms.provider_id,
            lines=ended,
            amount=sum(part.amount for part in ended),
        )
    ]


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


def _claimable(state: RedemptionState, contract_id: str, programme_id: str) -> tuple[int, int]:
    """What may be claimed of a contract, and how much of it was rejected once."""
    earned = state.claimable.get(contract_id)
    return (0, 0) if earned is None or earned.programme_id != programme_id else (earned.amount, earned.rejected)


def _own_claim(state: RedemptionState, claim_id: str, actor: Party) -> Claim | Refusal:
    """The claim, if it is open and on one of the actor's programmes."""
    claim = state.claims.get(claim_id)
    if claim is None:
        return refuse(Code.UNKNOWN_CLAIM, claim_id=claim_id)
    if state.issuer(claim.terms.programme_id) != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_CLAIM, claim_id=claim_id)
    return claim


def _undecided(state: RedemptionState, claim_id: str, actor: Party, *duties: Duty) -> Claim | Refusal:
    """The claim, if the actor may decide on it. `duties`: what it would be to the claimant."""
    claim = _own_claim(state, claim_id, actor)
    if isinstance(claim, Refusal):
        return claim
    held = [Held(duty, actor.party_id) for duty in duties]
    together = not_separate(state, *held, Held(Duty.CLAIMANT, claim.terms.provider_id))
    if together is not None:
        return together
    if claim.status == "submitted":
        return claim
    return refuse(Code.CLAIM_NOT_OPEN, claim_id=claim_id)


# evolve -------------------------------------------------------------------------------------------------------------


def provider_suspended(state: RedemptionState, event: ProviderSuspended, _at: At) -> None:
    """The provider's claims on the programme wait."""
    state.suspended[event.programme_id, event.provider_id] = True
    state.last_days.ended()


def provider_no_longer_suspended(state: RedemptionState, event: ProviderReinstated | ProviderDelisted, at: At) -> None:
    """The issuer decides on the provider's claims again: what was delivered is owed, listed or not."""
    if (event.programme_id, event.provider_id) in state.suspended:
        del state.suspended[event.programme_id, event.provider_id]
        state.last_days.more(event.programme_id, at.time)


def claim_submitted(state: RedemptionState, event: ClaimSubmitted, at: At) -> None:
    """Apply a claim: it takes all that was claimable of its contracts, or what a voucher pays of its invoice."""
    state.claims[event.claim_id] = Claim(event)
    if on_invoice(event):
        state.keep_reversible(event.claim_id, event.amount)
        return
    for line in event.lines:
        del state.claimable[line.contract_id]
    state.references.use(event.provider_id, "invoice", event.invoice_number, at.index)


def claim_approved(state: RedemptionState, event: ClaimApproved, at: At) -> None:
    """Apply an approval: the claim is for what was approved."""
    claim = state.claims.edit(event.claim_id)
    _claimable_again(state, claim.terms, event.claimable, at)
    claim.terms = replace(claim.terms, lines=event.lines, amount=event.amount)
    claim.status = "approved"


def approval_withdrawn(state: RedemptionState, event: ApprovalWithdrawn, _at: At) -> None:
    """Apply the withdrawal of an approval."""
    state.claims.edit(event.claim_id).status = "submitted"


def claim_rejected(state: RedemptionState, event: ClaimRejected, at: At) -> None:
    """Apply a rejection: what did not end is claimable, beside what was captured since; the invoice stays used."""
    _claimable_again(state, state.claims.pop(event.claim_id).terms, event.claimable, at)


def claim_denied(state: RedemptionState, event: ClaimDenied, _at: At) -> None:
    """What was denied is in no claim any more, and nobody got it: it cannot be given back."""
    for part in event.lines:
        state.keep_reversible(part.contract_id, -part.amount)


def claim_returned(state: RedemptionState, event: ClaimReturned, _at: At) -> None:
    """What went back to its voucher cannot be given back once more."""
    state.keep_reversible(event.claim_id, -event.amount)


def _claimable_again(state: RedemptionState, terms: ClaimSubmitted, parts: Sequence[LinePart], at: At) -> None:
    for part in parts:
        state.earn(part.contract_id, terms.programme_id, terms.provider_id, part.amount, rejected=part.amount)
    if parts:
        state.last_days.more(terms.programme_id, at.time)
