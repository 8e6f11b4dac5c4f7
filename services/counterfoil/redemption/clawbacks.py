"""Taking back what was paid, as the programme's document allows: ordered with a ground, contested, decided, owed.

What is in force is owed like what was reversed: it is set off against the next claims, or paid back, or written off. An
appeal ends it by new entries. The version of the programme that was the newest when it was paid decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.programme.control import contest, decided_by, most_taken_back, not_taken_back
from counterfoil.programme.rules import Rules
from counterfoil.redemption.commands import DecideAppeal, FileAppeal, OrderClawback, WriteOff
from counterfoil.redemption.events import (
    AppealDecided,
    AppealFiled,
    ClawbackInForce,
    ClawbackOrdered,
    DebtWrittenOff,
    PaymentConfirmed,
    PaymentReturned,
)
from counterfoil.redemption.payments import payment_confirmed, payment_returned
from counterfoil.redemption.settled import come_back, draw, give_back, reversed_of
from counterfoil.redemption.state import RedemptionState, put
from counterfoil.redemption.taken_back import Clawback, Paid


def order_clawback(state: RedemptionState, body: OrderClawback, actor: Party, at: At) -> Decision:
    """Take back part of a payment of one of the actor's programmes, within what its document allows in all."""
    key = (body.settlement_id, body.provider_id)
    payment = state.payments.get(key)
    if payment is None or state.issuer(payment.programme_id) != actor.party_id:
        return refuse(Code.UNKNOWN_SETTLEMENT, settlement_id=body.settlement_id, provider_id=body.provider_id)
    if (shut := state.phases.shut(payment.programme_id)) is not None:
        return shut
    held = (Held(Duty.APPROVER, actor.party_id), Held(Duty.CLAIMANT, body.provider_id))
    refused = unfit_lists(Listed("evidence", body.evidence, state.rules.max_evidence, may_be_empty=True))
    refused = refused or not_separate(state, *held)
    if refused is not None:
        return refused
    paid = state.paid.get(key)
    rules = None if paid is None else state.terms(payment.programme_id, paid.version)
    if paid is None or not payment.paid or not isinstance(rules, Rules):
        return refuse(Code.CLAWBACK_NOT_PERMITTED, why="no_clawback" if payment.paid else "not_paid")
    if (why := not_taken_back(rules, body.ground, paid.paid_at, at.time)) is not None:
        return refuse(Code.CLAWBACK_NOT_PERMITTED, why=why)
    left = most_taken_back(rules, payment.amount) - paid.taken
    if state.rules.owes_once:
        left = max(min(left, payment.amount - reversed_of(state, key)), 0)
    if body.amount > left:
        return refuse(Code.EXCEEDS_PAID, left=left)
    contested = contest(rules, at.time)
    ordered = ClawbackOrdered(
        clawback_id=at.new_id("cbk"),
        settlement_id=body.settlement_id,
        programme_id=payment.programme_id,
        version=paid.version,
        rules_hash=rules.digest,
        provider_id=body.provider_id,
        currency=rules.currency,
        ground=body.ground,
        amount=body.amount,
        evidence=body.evidence,
        reason=body.reason,
        ordered_by=actor.party_id,
        appeal_until=None if contested is None else contested.until,
        waits=contested is not None and contested.stays,
    )
    if ordered.waits:
        return [ordered]
    return [ordered, _in_force(state, ordered.clawback_id, payment.programme_id, body.provider_id, body.amount)]


def file_appeal(state: RedemptionState, body: FileAppeal, actor: Party, at: At) -> Decision:
    """Contest an order to give back, in time; where the document says so, it waits."""
    clawback = state.clawbacks.get(body.clawback_id)
    if clawback is None or clawback.provider_id != actor.party_id:
        return refuse(Code.UNKNOWN_CLAWBACK, clawback_id=body.clawback_id)
    refused = unfit_lists(Listed("evidence", body.evidence, state.rules.max_evidence, may_be_empty=True))
    if refused is not None:
        return refused
    if clawback.appealed or at.time >= state.appeal_until(body.clawback_id):
        return refuse(Code.APPEAL_NOT_OPEN, clawback_id=body.clawback_id)
    rules = state.terms(clawback.programme_id, clawback.version)
    return [
        AppealFiled(
            clawback_id=body.clawback_id,
            programme_id=clawback.programme_id,
            provider_id=clawback.provider_id,
            evidence=body.evidence,
            reason=body.reason,
            decide_by=decided_by(rules, at.time) if isinstance(rules, Rules) else None,
        )
    ]


def decide_appeal(state: RedemptionState, body: DecideAppeal, actor: Party, _at: At) -> Decision:
    """The operator, related to neither the issuer nor who contests, says how much is upheld."""
    clawback = state.clawbacks.get(body.clawback_id)
    if clawback is None:
        return refuse(Code.UNKNOWN_CLAWBACK, clawback_id=body.clawback_id)
    programme_id, provider_id = clawback.programme_id, clawback.provider_id
    sides = (Held(Duty.DISPUTANT, each) for each in (provider_id, state.issuer(programme_id)))
    together = not_separate(state, Held(Duty.RESOLVER, actor.party_id), *sides)
    if together is not None:
        return together
    if not clawback.appealed:
        return refuse(Code.APPEAL_NOT_OPEN, clawback_id=body.clawback_id)
    if body.amount > clawback.amount:
        return refuse(Code.EXCEEDS_ORDERED, ordered=clawback.amount)
    key = (programme_id, provider_id)
    undone, owed = clawback.amount - body.amount if clawback.in_force else 0, state.owed.get(key, 0)
    forgiven = min(undone, owed)
    decided = AppealDecided(
        clawback_id=body.clawback_id,
        programme_id=programme_id,
        provider_id=provider_id,
        currency=state.currency(programme_id),
        outcome=_outcome(body.amount, clawback.amount),
        amount=body.amount,
        forgiven=forgiven,
        refunded=undone - forgiven,
        owed_after=owed - forgiven,
        payable_after=state.payable.get(key, 0) + undone - forgiven,
        decided_by=actor.party_id,
        reason=body.reason,
    )
    if clawback.in_force or not body.amount:
        return [decided]
    return [decided, _in_force(state, body.clawback_id, programme_id, provider_id, body.amount, appealed=True)]


def _outcome(upheld: int, ordered: int) -> Literal["upheld", "modified", "reversed"]:
    if upheld == ordered:
        return "upheld"
    return "modified" if upheld else "reversed"


def write_off(state: RedemptionState, body: WriteOff, actor: Party, at: At) -> Decision:
    """Give up part of what is owed to one of the actor's programmes, once none of it can be contested.

    What an appeal ends of a debt is either owed no more or was paid: a part that was given up would be neither.
    """
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    if state.issuer(body.programme_id) != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=body.programme_id)
    together = not_separate(state, Held(Duty.APPROVER, actor.party_id), Held(Duty.CLAIMANT, body.provider_id))
    if together is not None:
        return together
    if contestable(state, body.programme_id, body.provider_id, at.time):
        return refuse(Code.APPEAL_OPEN, provider_id=body.provider_id)
    owed = state.owed.get((body.programme_id, body.provider_id), 0)
    if body.amount > owed:
        return refuse(Code.EXCEEDS_OWED, owed=owed)
    return [
        DebtWrittenOff(
            programme_id=body.programme_id,
            provider_id=body.provider_id,
            currency=state.currency(body.programme_id),
            amount=body.amount,
            written_off_by=actor.party_id,
            reason=body.reason,
            owed_after=owed - body.amount,
        )
    ]


def contestable(state: RedemptionState, programme_id: str, provider_id: str, time: int) -> bool:
    """Whether part of what a provider owes a programme is contested, or may be."""
    return any(
        each.in_force and (each.appealed or time < state.appeal_until(clawback_id))
        for clawback_id, each in state.clawbacks.items()
        if (each.programme_id, each.provider_id) == (programme_id, provider_id)
    )


def come_into_force(state: RedemptionState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: orders that nobody contested in time are in force."""
    due = state.appeals.reached(cutoff, state.rules.max_items_per_sweep)
    owed: dict[tuple[str, str], int] = {}
    events: list[Event] = []
    for clawback_id in due:
        each = state.clawbacks[clawback_id]
        key = (each.programme_id, each.provider_id)
        before = owed.get(key, 0)
        events.append(_in_force(state, clawback_id, *key, each.amount, before))
        owed[key] = before + each.amount
    return events


def _in_force(
    state: RedemptionState,
    clawback_id: str,
    programme_id: str,
    provider_id: str,
    amount: int,
    before: int = 0,
    *,
    appealed: bool = False,
) -> ClawbackInForce:
    """`before`: what other orders of the same entry add to what is owed."""
    return ClawbackInForce(
        clawback_id=clawback_id,
        programme_id=programme_id,
        provider_id=provider_id,
        currency=state.currency(programme_id),
        amount=amount,
        owed_after=state.owed.get((programme_id, provider_id), 0) + before + amount,
        appealed=appealed,
    )


# evolve -------------------------------------------------------------------------------------------------------------


def paid(state: RedemptionState, event: PaymentConfirmed, at: At) -> None:
    """Apply a payment; which version of the programme says whether it may be taken back is known from now on."""
    payment_confirmed(state, event, at)
    version = max(state.programmes[event.programme_id])
    if state.takes_back(event.programme_id):
        before = state.paid.get((event.settlement_id, event.provider_id))  # of a payer's part that came back meanwhile
        again = state.settled.get((event.settlement_id, event.provider_id))
        taken = before.taken if before is not None else 0 if again is None else again.taken
        state.paid[event.settlement_id, event.provider_id] = Paid(version, at.time, taken)


def came_back(state: RedemptionState, event: PaymentReturned, at: At) -> None:
    """Apply a payment that came back: nothing more is taken back of it; what was ordered stands."""
    payment_returned(state, event, at)
    key = (event.settlement_id, event.provider_id)
    before = state.paid.take(key)
    come_back(state, key, event.programme_id, None if before is None else before.taken)


def clawback_ordered(state: RedemptionState, event: ClawbackOrdered, at: At) -> None:
    """Apply an order; one that cannot be contested needs no record but what was taken of the payment."""
    key = (event.settlement_id, event.provider_id)
    _take(state, key, event.amount)
    drawn = draw(state, key, event.amount)
    if event.appeal_until is not None:
        if drawn:
            state.drawn[event.clawback_id] = drawn
        state.keep_clawback(
            event.clawback_id,
            Clawback(
                event.settlement_id, event.programme_id, event.version, event.provider_id, event.amount, at.time,
                event.appeal_until, appealed=False, in_force=not event.waits,
            ),
        )  # fmt: skip


def clawback_in_force(state: RedemptionState, event: ClawbackInForce, _at: At) -> None:
    """Apply that an amount is owed."""
    put(state.owed, (event.programme_id, event.provider_id), event.owed_after)
    clawback = state.clawbacks.get(event.clawback_id)
    if clawback is None or clawback.in_force:
        return
    del state.clawbacks[event.clawback_id]  # nobody contested it in time
    state.drawn.take(event.clawback_id)
    state.appeals.ended()


def appeal_filed(state: RedemptionState, event: AppealFiled, _at: At) -> None:
    """Apply that an order is contested."""
    clawback = state.clawbacks[event.clawback_id]
    state.clawbacks[event.clawback_id] = clawback._replace(appealed=True)
    if not clawback.in_force:
        state.appeals.ended()


def appeal_decided(state: RedemptionState, event: AppealDecided, at: At) -> None:
    """Apply a decision: what is not upheld may be taken back on another ground."""
    clawback = state.clawbacks.pop(event.clawback_id)
    _take(state, (clawback.settlement_id, clawback.provider_id), event.amount - clawback.amount)
    drawn = state.drawn.take(event.clawback_id)
    if drawn is not None:
        give_back(state, drawn, event.amount)
    key = (event.programme_id, event.provider_id)
    put(state.owed, key, event.owed_after)
    put(state.payable, key, event.payable_after)
    if event.refunded:
        state.last_days.more(event.programme_id, at.time)


def debt_written_off(state: RedemptionState, event: DebtWrittenOff, _at: At) -> None:
    """Apply that part of a debt is given up."""
    put(state.owed, (event.programme_id, event.provider_id), event.owed_after)


def _take(state: RedemptionState, key: tuple[str, str], amount: int) -> None:
    found = state.paid.get(key)
    if found is not None:  # it did not come back meanwhile
        state.paid[key] = found._replace(taken=found.taken + amount)
