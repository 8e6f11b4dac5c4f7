"""Four eyes: where a programme demands it, an act is decided only once two parties have signed the same command.

The first signature is recorded, and changes nothing else; it counts while its party may act. The second comes from
another party. For an approval, and where a payment is taken back or a debt given up, that is the issuer or a party of
its group with the role of issuer, whose signature then counts as the issuer's; for the payment of a provider, any other
treasurer. A party stands for one natural signatory: who can add a key to a party could sign twice with two keys.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from counterfoil.contract.canonical import canonical
from counterfoil.contract.forms import dump
from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import SignedAct
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.events import FourEyesDemanded
from counterfoil.redemption.adjustment_commands import AdjustPayment
from counterfoil.redemption.adjustment_events import PaymentAdjusted
from counterfoil.redemption.commands import ApproveClaim, ConfirmPayment, OrderClawback, WriteOff
from counterfoil.redemption.credit_events import ClaimCut
from counterfoil.redemption.events import (
    ActEndorsed,
    ClaimApproved,
    ClaimRejected,
    ClawbackOrdered,
    DebtWrittenOff,
    PaymentConfirmed,
    PaymentReturned,
)
from counterfoil.redemption.payer_commands import ConfirmShare
from counterfoil.redemption.payer_events import ShareConfirmed
from counterfoil.redemption.state import Endorsement, RedemptionState

Decide = Callable[[RedemptionState, Any, Party, At], Decision]
Evolve = Callable[[RedemptionState, Any, At], None]
Key = tuple[str, str]
"""A claim, a settlement or a programme, and the provider that claims, is paid or owes."""


def approval(decide: Decide) -> Decide:
    """An approval of a claim, by two parties where its programme demands it."""

    def decided(state: RedemptionState, body: ApproveClaim, actor: Party, at: At) -> Decision:
        claim = state.claims.get(body.claim_id)
        if claim is None or (claim.terms.programme_id, "approval") not in state.four_eyes:
            return decide(state, body, actor, at)
        issuer = state.directory.parties[state.issuer(claim.terms.programme_id)]
        signatory = issuer if state.directory.related(actor.party_id, issuer.party_id) else actor
        decision = decide(state, body, signatory, at)
        key = (body.claim_id, claim.terms.provider_id)
        return _by_two(state, actor, decision, _first(claim.terms.programme_id, "approval", key, body, actor))

    return decided


def payment(decide: Decide) -> Decide:
    """A payment to a provider, by two treasurers where its programme demands it."""

    def decided(state: RedemptionState, body: ConfirmPayment | ConfirmShare, actor: Party, at: At) -> Decision:
        decision = decide(state, body, actor, at)
        key = (body.settlement_id, body.provider_id)
        due = state.payments.get(key)
        if due is None or (due.programme_id, "payment") not in state.four_eyes:
            return decision
        return _by_two(state, actor, decision, _first(due.programme_id, "payment", key, body, actor))

    return decided


def clawback(decide: Decide, about: Callable[[RedemptionState, Any], tuple[str, Key] | None]) -> Decide:
    """Taking back, or giving up, what was paid: by two parties where the programme demands it. `about`: programme and
    key of what is signed for; None if there is no such thing."""

    def decided(state: RedemptionState, body: Command, actor: Party, at: At) -> Decision:
        found = about(state, body)
        if found is None or (found[0], "clawback") not in state.four_eyes:
            return decide(state, body, actor, at)
        programme_id, key = found
        issuer = state.directory.parties[state.issuer(programme_id)]
        signatory = issuer if state.directory.related(actor.party_id, issuer.party_id) else actor
        decision = decide(state, body, signatory, at)
        return _by_two(state, actor, decision, _first(programme_id, "clawback", key, body, actor))

    return decided


def adjustment(decide: Decide) -> Decide:
    """What is paid in addition for an earlier period: by two parties in every programme."""

    def decided(state: RedemptionState, body: AdjustPayment, actor: Party, at: At) -> Decision:
        key = (body.settlement_id, body.provider_id)
        payment = state.payments.get(key)
        if payment is None:
            return decide(state, body, actor, at)
        issuer = state.directory.parties[state.issuer(payment.programme_id)]
        signatory = issuer if state.directory.related(actor.party_id, issuer.party_id) else actor
        first = _first(payment.programme_id, "adjustment", key, body, actor)
        return _by_two(state, actor, decide(state, body, signatory, at), first)

    return decided


def ordered(state: RedemptionState, body: OrderClawback) -> tuple[str, Key] | None:
    """The payment that is to be given back."""
    payment = state.payments.get((body.settlement_id, body.provider_id))
    return None if payment is None else (payment.programme_id, (body.settlement_id, body.provider_id))


def given_up(state: RedemptionState, body: WriteOff) -> tuple[str, Key] | None:
    """The debt that is given up."""
    known = body.programme_id in state.programmes
    return (body.programme_id, (body.programme_id, body.provider_id)) if known else None


def _first(programme_id: str, act: SignedAct, key: Key, body: Command, actor: Party) -> ActEndorsed:
    """The record of a first signature; both sign the same, by the SHA-256 over the canonical command."""
    content = sha256(canonical({"type": body.TYPE, "v": body.V, "body": dump(body)})).digest()
    object_id, provider_id = key
    return ActEndorsed(
        programme_id=programme_id,
        act=act,
        object_id=object_id,
        provider_id=provider_id,
        content=content,
        endorsed_by=actor.party_id,
    )


def _by_two(state: RedemptionState, actor: Party, decision: Decision, first: ActEndorsed) -> Decision:
    """The decision, if another party signed the same; else the record of this signature."""
    if isinstance(decision, Refusal):
        return decision
    before = state.endorsements.get((first.object_id, first.provider_id))
    if before is None or before.content != first.content or not _may_act(state, before.endorsed_by):
        return [first]
    if before.endorsed_by == actor.party_id:
        return refuse(Code.SECOND_SIGNATORY_NEEDED, endorsed_by=before.endorsed_by)
    return decision


def _may_act(state: RedemptionState, party_id: str) -> bool:
    party = state.directory.parties[party_id]
    return not (party.closed or party.suspended)


# evolve -------------------------------------------------------------------------------------------------------------


def demanded(state: RedemptionState, event: FourEyesDemanded, _at: At) -> None:
    """From here on the programme's act needs two parties."""
    state.four_eyes[event.programme_id, event.act] = True


def endorsed(state: RedemptionState, event: ActEndorsed, _at: At) -> None:
    """Apply a first signature; another one takes its place if they signed different commands."""
    state.endorsements[event.object_id, event.provider_id] = Endorsement(event.endorsed_by, event.content)


def of_claim(state: RedemptionState, event: ClaimApproved | ClaimRejected | ClaimCut) -> Key:
    """What was signed for before a claim is decided."""
    return event.claim_id, state.claims[event.claim_id].terms.provider_id


def of_debt(_state: RedemptionState, event: DebtWrittenOff) -> Key:
    """What was signed for before a debt is given up."""
    return event.programme_id, event.provider_id


def of_payment(
    _state: RedemptionState,
    event: PaymentConfirmed | PaymentReturned | PaymentAdjusted | ClawbackOrdered | ShareConfirmed,
) -> Key:
    """What was signed for before a payment is made, returned, adjusted or taken back."""
    return event.settlement_id, event.provider_id


def ends(evolve: Evolve, about: Callable[[RedemptionState, Any], Key]) -> Evolve:
    """Apply an event that decides about something: what was signed for that is over."""

    def applied(state: RedemptionState, event: Any, at: At) -> None:
        key = about(state, event)
        evolve(state, event, at)
        if key in state.endorsements:
            del state.endorsements[key]

    return applied
