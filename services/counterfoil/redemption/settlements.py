"""Settlements: approved claims gathered, netted per provider, and paid outside."""

from __future__ import annotations

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.redemption.claims import waits
from counterfoil.redemption.commands import (
    CloseSettlement,
    ConfirmPayment,
)
from counterfoil.redemption.events import (
    Payee,
    PaymentConfirmed,
    SettlementClosed,
)
from counterfoil.redemption.state import RedemptionState


def close_settlement(state: RedemptionState, body: CloseSettlement, actor: Party, at: At) -> Decision:
    """Gather approved claims on one of the actor's programmes, netted per provider, in order of provider id."""
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    for claim_id in body.claim_ids:
        if claim_id not in state.claims:
            return refuse(Code.UNKNOWN_CLAIM, claim_id=claim_id)
    programme = state.programme(body.programme_id)
    if programme.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=body.programme_id)
    refused = unfit_lists(Listed("claim_ids", body.claim_ids, state.rules.max_claims_per_settlement))
    if refused is not None:
        return refused
    gathered = [state.claims[claim_id] for claim_id in body.claim_ids]
    amount = sum(claim.terms.amount for claim in gathered)
    if amount > MAX_AMOUNT:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=amount)
    claimants = [Held(Duty.CLAIMANT, claim.terms.provider_id) for claim in gathered]
    together = not_separate(state, Held(Duty.APPROVER, actor.party_id), *claimants)
    if together is not None:
        return together
    for claim in gathered:
        if claim.status != "approved" or claim.terms.programme_id != body.programme_id:
            return refuse(Code.CLAIM_NOT_APPROVED, claim_id=claim.terms.claim_id)
        if (waiting := waits(state, claim.terms)) is not None:
            return waiting
    net: dict[str, int] = {}
    for claim in gathered:
        net[claim.terms.provider_id] = net.get(claim.terms.provider_id, 0) + claim.terms.amount
    return [
        SettlementClosed(
            settlement_id=at.new_id("stl"),
            programme_id=body.programme_id,
            currency=programme.terms.currency,
            claim_ids=body.claim_ids,
            payees=tuple(Payee(provider_id=provider_id, amount=each) for provider_id, each in sorted(net.items())),
            amount=amount,
        )
    ]


def confirm_payment(state: RedemptionState, body: ConfirmPayment, actor: Party, _at: At) -> Decision:
    """Record that a settlement was paid outside."""
    batch = state.settlements.get(body.settlement_id)
    if batch is None:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id)
    payees = [Held(Duty.PAYEE, payee.provider_id) for payee in batch.payees]
    return not_separate(state, Held(Duty.TREASURER, actor.party_id), *payees) or [
        PaymentConfirmed(
            settlement_id=body.settlement_id,
            programme_id=batch.programme_id,
            currency=batch.currency,
            payment_reference=body.payment_reference,
            claim_ids=batch.claim_ids,
            payees=batch.payees,
        )
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def settlement_closed(state: RedemptionState, event: SettlementClosed, _at: At) -> None:
    """Apply a settlement."""
    for claim_id in event.claim_ids:
        state.claims.edit(claim_id).status = "batched"
    state.settlements[event.settlement_id] = event


def payment_confirmed(state: RedemptionState, event: PaymentConfirmed, _at: At) -> None:
    """Apply a payment: the settlement and its claims are over."""
    for claim_id in state.settlements.pop(event.settlement_id).claim_ids:
        del state.claims[claim_id]
