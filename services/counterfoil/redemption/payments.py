"""Payments: what the treasurer says of the bank's transfers, one provider of a settlement at a time.

A payment is due, then paid or returned. One that is returned, even after it was paid, is payable again, and the issuer
may put it into another settlement. A settlement is over once each of its payees was paid or returned.
"""

from __future__ import annotations

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.paper import reference_used
from counterfoil.redemption.commands import ConfirmPayment, ConfirmPaymentV1, ReturnPayment
from counterfoil.redemption.events import PaymentConfirmed, PaymentReturned
from counterfoil.redemption.state import Payment, RedemptionState, put

_EARLIEST_ZONE = 14 * HOUR  # where a date begins first


def confirm_payment_v1(state: RedemptionState, body: ConfirmPaymentV1, actor: Party, _at: At) -> Decision:
    """Record that every payee of a settlement was paid outside, all by one reference."""
    settlement = state.settlements.get(body.settlement_id)
    if settlement is None:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id)
    return own_payment(state, actor, *settlement.due) or [
        confirmed(state, body.settlement_id, provider_id, body.payment_reference, None, actor, left)
        for left, provider_id in zip(range(len(settlement.due) - 1, -1, -1), settlement.due, strict=True)
    ]


def confirm_payment(state: RedemptionState, body: ConfirmPayment, actor: Party, at: At) -> Decision:
    """Record that a payee of a settlement was paid what is due, by a reference that the treasurer never used."""
    payment = payment_of(state, body.settlement_id, body.provider_id)
    if isinstance(payment, Refusal):
        return payment
    if payment.paid:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id, paid=body.provider_id)
    if (body.settlement_id, body.provider_id) in state.shared:
        return refuse(Code.PAID_BY_SHARES, why="each_payer_pays")
    if body.amount != payment.amount:
        return refuse(Code.AMOUNT_DIFFERS, due=payment.amount)
    refused = (
        not_yet(body.paid_on, at)
        or own_payment(state, actor, body.provider_id)
        or reference_used(state, actor.party_id, "payment", body.payment_reference)
    )
    left = len(state.settlements[body.settlement_id].due) - 1
    return refused or [
        confirmed(state, body.settlement_id, body.provider_id, body.payment_reference, body.paid_on, actor, left)
    ]


def return_payment(state: RedemptionState, body: ReturnPayment, actor: Party, _at: At) -> Decision:
    """Record that a payment failed or came back: it is payable again."""
    payment = payment_of(state, body.settlement_id, body.provider_id)
    if isinstance(payment, Refusal):
        return payment
    shared = state.shared.get((body.settlement_id, body.provider_id))
    if shared is not None and any(each.paid for each in shared.parts):
        return refuse(Code.PAID_BY_SHARES, why="some_are_paid")
    refused = (
        own_payment(state, actor, body.provider_id)
        or state.phases.shut(payment.programme_id)
        or reference_used(state, actor.party_id, "return", body.return_reference)
    )
    settlement = state.settlements.get(body.settlement_id)
    payable = state.payable.get((payment.programme_id, body.provider_id), 0)
    return refused or [
        PaymentReturned(
            settlement_id=body.settlement_id,
            programme_id=payment.programme_id,
            provider_id=body.provider_id,
            currency=state.currency(payment.programme_id),
            amount=payment.amount,
            return_reference=body.return_reference,
            reason=body.reason,
            treasurer_id=actor.party_id,
            was_paid=payment.paid,
            claim_ids=payment.claim_ids,
            payable_after=payable + payment.amount,
            over=settlement is None or settlement.due == (body.provider_id,),
        )
    ]


def not_yet(paid_on: int, at: At) -> Refusal | None:
    """Whether the bank's day has begun nowhere."""
    return refuse(Code.DATE_IN_FUTURE, field="paid_on") if paid_on * DAY - _EARLIEST_ZONE > at.time else None


def own_payment(state: RedemptionState, treasurer: Party, *providers: str) -> Refusal | None:
    """Why the treasurer may not say that these were paid, or were not."""
    payees = [Held(Duty.PAYEE, provider_id) for provider_id in providers]
    return not_separate(state, Held(Duty.TREASURER, treasurer.party_id), *payees)


def payment_of(state: RedemptionState, settlement_id: str, provider_id: str) -> Payment | Refusal:
    """What a settlement pays, or paid, to a provider."""
    payment = state.payments.get((settlement_id, provider_id))
    if payment is None:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=settlement_id, provider_id=provider_id)
    return payment


def confirmed(
    state: RedemptionState,
    settlement_id: str,
    provider_id: str,
    reference: str,
    paid_on: int | None,
    actor: Party,
    left: int,
) -> PaymentConfirmed:
    """The payment of a payee, after which `left` others are due."""
    payment = state.payments[settlement_id, provider_id]
    return PaymentConfirmed(
        settlement_id=settlement_id,
        programme_id=payment.programme_id,
        provider_id=provider_id,
        currency=state.currency(payment.programme_id),
        amount=payment.amount,
        payment_reference=reference,
        paid_on=paid_on,
        treasurer_id=actor.party_id,
        claim_ids=payment.claim_ids,
        over=left == 0,
    )


# evolve -------------------------------------------------------------------------------------------------------------


def payment_confirmed(state: RedemptionState, event: PaymentConfirmed, at: At) -> None:
    """Apply a payment; it is kept, since it may come back."""
    state.payments.edit((event.settlement_id, event.provider_id)).paid = True
    state.references.use(event.treasurer_id, "payment", event.payment_reference, at.index)
    _no_longer_due(state, event.settlement_id, event.provider_id)


def payment_returned(state: RedemptionState, event: PaymentReturned, at: At) -> None:
    """Apply a return: the amount is payable beside what is payable already."""
    if (event.settlement_id, event.provider_id) in state.shared:
        del state.shared[event.settlement_id, event.provider_id]
    del state.payments[event.settlement_id, event.provider_id]
    if (event.settlement_id, event.provider_id) in state.adjusted:
        del state.adjusted[event.settlement_id, event.provider_id]
    put(state.payable, (event.programme_id, event.provider_id), event.payable_after)
    state.keep_sent_back(event.programme_id, event.provider_id, event.amount)
    if state.rules.tells_lapsed_claims:
        on_invoices = tuple(each for each in event.claim_ids if each in state.reversible)  # others by their contracts
        state.unpaid_claims.came_back((event.settlement_id, event.provider_id), event.programme_id, on_invoices)
    state.last_days.more(event.programme_id, at.time)
    state.references.use(event.treasurer_id, "return", event.return_reference, at.index)
    if not event.was_paid:
        _no_longer_due(state, event.settlement_id, event.provider_id)


def _no_longer_due(state: RedemptionState, settlement_id: str, provider_id: str) -> None:
    settlement = state.settlements.edit(settlement_id)
    settlement.due = tuple(each for each in settlement.due if each != provider_id)
    if not settlement.due:
        del state.settlements[settlement_id]
