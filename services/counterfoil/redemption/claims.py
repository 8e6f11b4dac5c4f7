"""How a provider gets the subsidy it earned: claim with an invoice, approval, settlement batch, payment.

An invoice number serves one claim of its provider, across all programmes and for good. Cumulated, at every index:
paid <= in settlements <= approved <= claimed <= captured.
"""

from __future__ import annotations

from counterfoil.contract.limits import MAX_AMOUNT, MAX_CLAIMS_PER_SETTLEMENT, MAX_CONTRACTS_PER_CLAIM
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.redemption.commands import ApproveClaim, CloseSettlement, ConfirmPayment, RejectClaim, SubmitClaim
from counterfoil.redemption.events import (
    ClaimApproved,
    ClaimLine,
    ClaimRejected,
    ClaimSubmitted,
    Payee,
    PaymentConfirmed,
    SettlementClosed,
)
from counterfoil.redemption.state import Claim, Claimable, State

# decide ---------------------------------------------------------------------------------------------------------------


def submit_claim(state: State, body: SubmitClaim, actor: Party, at: At) -> Decision:
    """Claim all captured and unclaimed subsidy of contracts of the actor's, of one programme, with a new invoice."""
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    for contract_id in body.contract_ids:
        if _provider_of(state, contract_id) not in (None, actor.party_id):
            return refuse(Code.NOT_YOURS, contract_id=contract_id)
    refused = _unfit_list("contract_ids", body.contract_ids, MAX_CONTRACTS_PER_CLAIM)
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
    return [
        ClaimSubmitted(
            claim_id=at.new_id("clm"),
            programme_id=body.programme_id,
            provider_id=actor.party_id,
            invoice_number=body.invoice_number,
            lines=tuple(ClaimLine(contract_id=contract_id, amount=each) for contract_id, each in amounts.items()),
            amount=amount,
        )
    ]


def approve_claim(state: State, body: ApproveClaim, actor: Party, _at: At) -> Decision:
    """Let a claim on a programme of the actor's be paid."""
    return _undecided(state, body.claim_id, actor) or [ClaimApproved(claim_id=body.claim_id)]


def reject_claim(state: State, body: RejectClaim, actor: Party, _at: At) -> Decision:
    """Refuse to pay a claim on a programme of the actor's."""
    return _undecided(state, body.claim_id, actor) or [ClaimRejected(claim_id=body.claim_id, reason=body.reason)]


def close_settlement(state: State, body: CloseSettlement, actor: Party, at: At) -> Decision:
    """Gather approved claims on a programme of the actor's into a batch, netted per provider, by provider id."""
    programme = state.programmes.get(body.programme_id)
    if programme is None:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    for claim_id in body.claim_ids:
        if claim_id not in state.claims:
            return refuse(Code.UNKNOWN_CLAIM, claim_id=claim_id)
    issuer_id, currency = programme
    if issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=body.programme_id)
    refused = _unfit_list("claim_ids", body.claim_ids, MAX_CLAIMS_PER_SETTLEMENT)
    if refused is not None:
        return refused
    gathered = [state.claims[claim_id] for claim_id in body.claim_ids]
    amount = sum(claim.terms.amount for claim in gathered)
    if amount > MAX_AMOUNT:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=amount)
    for claim in gathered:
        if claim.status != "approved" or claim.terms.programme_id != body.programme_id:
            return refuse(Code.CLAIM_NOT_APPROVED, claim_id=claim.terms.claim_id)
    net: dict[str, int] = {}
    for claim in gathered:
        net[claim.terms.provider_id] = net.get(claim.terms.provider_id, 0) + claim.terms.amount
    return [
        SettlementClosed(
            settlement_id=at.new_id("stl"),
            programme_id=body.programme_id,
            currency=currency,
            claim_ids=body.claim_ids,
            payees=tuple(Payee(provider_id=provider_id, amount=each) for provider_id, each in sorted(net.items())),
            amount=amount,
        )
    ]


def confirm_payment(state: State, body: ConfirmPayment, _actor: Party, _at: At) -> Decision:
    """Record that a batch was paid outside."""
    batch = state.settlements.get(body.settlement_id)
    if batch is None:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id)
    return [
        PaymentConfirmed(
            settlement_id=body.settlement_id,
            programme_id=batch.programme_id,
            currency=batch.currency,
            payment_reference=body.payment_reference,
            claim_ids=batch.claim_ids,
            payees=batch.payees,
        )
    ]


def _provider_of(state: State, contract_id: str) -> str | None:
    """Whose contract it is, as long as anything of it is open or claimable."""
    contract, earned = state.contracts.get(contract_id), state.claimable.get(contract_id)
    if contract is not None:
        return contract.terms.provider_id
    return None if earned is None else earned.provider_id


def _claimable(state: State, contract_id: str, programme_id: str) -> int:
    earned = state.claimable.get(contract_id)
    return 0 if earned is None or earned.programme_id != programme_id else earned.amount


def _unfit_list(field: str, ids: tuple[str, ...], most: int) -> Refusal | None:
    if len(set(ids)) < len(ids):
        return refuse(Code.DUPLICATE_ITEM, field=field)
    if not ids:
        return refuse(Code.EMPTY_LIST, field=field)
    return refuse(Code.OVER_LIMIT, field=field, limit=most) if len(ids) > most else None


def _undecided(state: State, claim_id: str, actor: Party) -> Refusal | None:
    """What bars the actor from deciding on the claim."""
    claim = state.claims.get(claim_id)
    if claim is None:
        return refuse(Code.UNKNOWN_CLAIM, claim_id=claim_id)
    if state.programmes[claim.terms.programme_id][0] != actor.party_id:
        return refuse(Code.NOT_YOURS, claim_id=claim_id)
    return None if claim.status == "submitted" else refuse(Code.CLAIM_NOT_OPEN, claim_id=claim_id)


# evolve ---------------------------------------------------------------------------------------------------------------


def claim_submitted(state: State, event: ClaimSubmitted, _at: At) -> None:
    """Apply a claim: its lines are all there was to claim."""
    for line in event.lines:
        del state.claimable[line.contract_id]
    state.invoices[event.provider_id, event.invoice_number] = event.claim_id
    state.claims[event.claim_id] = Claim(event)


def claim_approved(state: State, event: ClaimApproved, _at: At) -> None:
    """Apply an approval."""
    state.claims[event.claim_id].status = "approved"


def claim_rejected(state: State, event: ClaimRejected, _at: At) -> None:
    """Apply a rejection: give the lines back, beside what was captured since; the invoice stays used."""
    terms = state.claims.pop(event.claim_id).terms
    for line in terms.lines:
        fresh = Claimable(terms.programme_id, terms.provider_id)
        state.claimable.setdefault(line.contract_id, fresh).amount += line.amount


def settlement_closed(state: State, event: SettlementClosed, _at: At) -> None:
    """Apply a batch."""
    for claim_id in event.claim_ids:
        state.claims[claim_id].status = "batched"
    state.settlements[event.settlement_id] = event


def payment_confirmed(state: State, event: PaymentConfirmed, _at: At) -> None:
    """Apply a payment: the batch and its claims are over."""
    for claim_id in state.settlements.pop(event.settlement_id).claim_ids:
        del state.claims[claim_id]
