"""Prior-period adjustment: a payment of an earlier period was too small, and the rest is paid in the present one.

Nothing of the earlier period is changed: a new entry names the payment that it corrects, the decision on its budget and
its evidence. Two parties sign it, whatever the programme demands. What was paid too much comes back by a reversal, a
credit note or a clawback, each of which names what it corrects, too.
"""

from __future__ import annotations

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.paper import reference_used
from counterfoil.redemption.adjustment_commands import AdjustPayment
from counterfoil.redemption.adjustment_events import PaymentAdjusted
from counterfoil.redemption.state import Payment, RedemptionState, put


def adjust_payment(state: RedemptionState, body: AdjustPayment, actor: Party, at: At) -> Decision:
    """Make so much more payable; all adjustments of a payment are at most what it paid."""
    key = (body.settlement_id, body.provider_id)
    payment = state.payments.get(key)
    if payment is None or state.issuer(payment.programme_id) != actor.party_id or not payment.paid:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id, provider_id=body.provider_id)
    refused = (
        state.phases.shut(payment.programme_id)
        or unfit_lists(Listed("evidence", body.evidence, state.rules.max_evidence, may_be_empty=True))
        or not_separate(state, Held(Duty.APPROVER, actor.party_id), Held(Duty.CLAIMANT, body.provider_id))
        or _not_over(body, at)
        or reference_used(state, actor.party_id, "adjustment", body.document)
        or _too_much(state, body, payment)
    )
    payable = state.payable.get((payment.programme_id, body.provider_id), 0)
    return refused or [
        PaymentAdjusted(
            adjustment_id=at.new_id("adj"),
            settlement_id=body.settlement_id,
            programme_id=payment.programme_id,
            provider_id=body.provider_id,
            currency=state.currency(payment.programme_id),
            amount=body.amount,
            document=body.document,
            period_starts=body.period_starts,
            period_ends=body.period_ends,
            evidence=body.evidence,
            reason=body.reason,
            adjusted_by=actor.party_id,
            payable_after=payable + body.amount,
        )
    ]


def _not_over(body: AdjustPayment, at: At) -> Refusal | None:
    """Whether the period has not ended everywhere: what is in the present one is put right in it."""
    if body.period_starts > body.period_ends:
        return refuse(Code.PERIOD_NOT_VALID, field="period_ends")
    return refuse(Code.DATE_IN_FUTURE, field="period_ends") if (body.period_ends + 2) * DAY > at.time else None


def _too_much(state: RedemptionState, body: AdjustPayment, payment: Payment) -> Refusal | None:
    left = payment.amount - state.adjusted.get((body.settlement_id, body.provider_id), 0)
    if body.amount > left:
        return refuse(Code.EXCEEDS_PAID, left=left)
    payable = state.payable.get((payment.programme_id, body.provider_id), 0)
    over = payable + body.amount > MAX_AMOUNT
    return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=MAX_AMOUNT - payable) if over else None


# evolve -------------------------------------------------------------------------------------------------------------


def payment_adjusted(state: RedemptionState, event: PaymentAdjusted, at: At) -> None:
    """Apply that more is payable."""
    key = (event.settlement_id, event.provider_id)
    state.adjusted[key] = state.adjusted.get(key, 0) + event.amount
    put(state.payable, (event.programme_id, event.provider_id), event.payable_after)
    state.references.use(event.adjusted_by, "adjustment", event.document, at.index)
    state.last_days.more(event.programme_id, at.time)
