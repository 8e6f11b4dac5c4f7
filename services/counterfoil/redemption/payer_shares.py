"""Several payers of one settlement: what each pays to a provider, who refunds whom, and when a payment is whole.

A payment is made once every payer has paid its part; only then are claims settled and the budget disbursed. A part that
comes back is due again, of the same payer, so that no other bears it. Where nobody has paid yet, the whole payment may
be returned instead, and is payable by another settlement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.paper import reference_used
from counterfoil.programme.rules import Rules
from counterfoil.programme.sharing import borne
from counterfoil.redemption.events import Payee
from counterfoil.redemption.payer_commands import ConfirmShare, ReturnShare
from counterfoil.redemption.payer_events import PayerPart, PaymentShared, ShareConfirmed, ShareReturned
from counterfoil.redemption.payments import confirmed, not_yet, own_payment, payment_of
from counterfoil.redemption.shared import Part, Shared
from counterfoil.redemption.state import Payment, RedemptionState, Settlement


def parts_of(
    state: RedemptionState, settlement_id: str, programme_id: str, payees: Sequence[Payee], currency: str
) -> list[PaymentShared] | Refusal:
    """What each payer pays to each payee, by the newest version of the programme; nothing where there is one payer."""
    most, version = state.rules.max_shares_per_settlement, max(state.programmes[programme_id])
    rules, unit = state.terms(programme_id, version), state.minor_unit(currency) or 1
    if not most or not isinstance(rules, Rules) or len(rules.document.budget.funding) < 2:
        return []
    shared = [
        PaymentShared(
            settlement_id=settlement_id, programme_id=programme_id, version=version, provider_id=payee.provider_id,
            currency=currency,
            parts=tuple(
                PayerPart(payer=each.payer, bears=each.bears, pays=each.pays)
                for each in borne(rules, payee.amount, unit)
            ),
        )
        for payee in payees
        if payee.amount
    ]  # fmt: skip
    if sum(len(each.parts) for each in shared) > most:
        return refuse(Code.OVER_LIMIT, field="claim_ids", limit=most)
    return shared


class _Asked(NamedTuple):
    payment: Payment
    parts: tuple[Part, ...]
    part: Part


def _asked(state: RedemptionState, body: ConfirmShare | ReturnShare) -> _Asked | Refusal:
    payment = payment_of(state, body.settlement_id, body.provider_id)
    if isinstance(payment, Refusal):
        return payment
    shared = state.shared.get((body.settlement_id, body.provider_id))
    parts = () if shared is None else shared.parts
    part = next((each for each in parts if each.payer == body.payer), None)
    if part is None:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id, payer=body.payer)
    return _Asked(payment, parts, part)


def confirm_share(state: RedemptionState, body: ConfirmShare, actor: Party, at: At) -> Decision:
    """Record that a payer paid its part; with the last that the payee waits for, the payment."""
    asked = _asked(state, body)
    if isinstance(asked, Refusal):
        return asked
    payment, parts, part = asked
    if part.paid:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id, paid=body.payer)
    if not part.pays and not payment.paid:
        return refuse(Code.PAID_BY_SHARES, why="refunds_afterwards")
    if body.amount != part.due:
        return refuse(Code.AMOUNT_DIFFERS, due=part.due)
    refused = (
        not_yet(body.paid_on, at)
        or own_payment(state, actor, body.provider_id)
        or reference_used(state, actor.party_id, "payment", body.payment_reference)
    )
    if refused is not None:
        return refused
    share = ShareConfirmed(
        settlement_id=body.settlement_id,
        programme_id=payment.programme_id,
        provider_id=body.provider_id,
        payer=body.payer,
        refunds=None if part.pays else next(each.payer for each in parts if each.pays > each.bears),
        currency=state.currency(payment.programme_id),
        amount=body.amount,
        payment_reference=body.payment_reference,
        paid_on=body.paid_on,
        treasurer_id=actor.party_id,
    )
    if not part.pays or any(each.pays and not each.paid for each in parts if each is not part):
        return [share]
    left = len(state.settlements[body.settlement_id].due) - 1
    key = (body.settlement_id, body.provider_id)
    return [share, confirmed(state, *key, body.payment_reference, body.paid_on, actor, left)]


def return_share(state: RedemptionState, body: ReturnShare, actor: Party, _at: At) -> Decision:
    """Record that what a payer paid came back."""
    asked = _asked(state, body)
    if isinstance(asked, Refusal):
        return asked
    payment, _, part = asked
    if not part.paid:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id, due=body.payer)
    refused = (
        own_payment(state, actor, body.provider_id)
        or state.phases.shut(payment.programme_id)
        or reference_used(state, actor.party_id, "return", body.return_reference)
    )
    return refused or [
        ShareReturned(
            settlement_id=body.settlement_id,
            programme_id=payment.programme_id,
            provider_id=body.provider_id,
            payer=body.payer,
            currency=state.currency(payment.programme_id),
            amount=part.due,
            payment=payment.amount,
            claim_ids=payment.claim_ids,
            reopened=payment.paid and part.pays > 0,
            return_reference=body.return_reference,
            reason=body.reason,
            treasurer_id=actor.party_id,
        )
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def payment_shared(state: RedemptionState, event: PaymentShared, _at: At) -> None:
    """Apply what each payer pays."""
    parts = tuple(Part(each.payer, each.bears, each.pays, paid=False) for each in event.parts)
    state.shared[event.settlement_id, event.provider_id] = Shared(event.version, parts)


def share_confirmed(state: RedemptionState, event: ShareConfirmed, at: At) -> None:
    """Apply that a payer paid."""
    _set(state, event, paid=True)
    state.references.use(event.treasurer_id, "payment", event.payment_reference, at.index)


def share_returned(state: RedemptionState, event: ShareReturned, at: At) -> None:
    """Apply that a payer's part is due again; its payee waits for it, if it was paid."""
    _set(state, event, paid=False)
    state.references.use(event.treasurer_id, "return", event.return_reference, at.index)
    if not event.reopened:
        return
    state.payments.edit((event.settlement_id, event.provider_id)).paid = False
    if event.settlement_id in state.settlements:
        settlement = state.settlements.edit(event.settlement_id)
        settlement.due = (*settlement.due, event.provider_id)
    else:
        state.settlements[event.settlement_id] = Settlement(event.programme_id, (event.provider_id,))


def _set(state: RedemptionState, event: ShareConfirmed | ShareReturned, *, paid: bool) -> None:
    key = (event.settlement_id, event.provider_id)
    shared = state.shared[key]
    parts = tuple(each._replace(paid=paid) if each.payer == event.payer else each for each in shared.parts)
    state.shared[key] = shared._replace(parts=parts)
