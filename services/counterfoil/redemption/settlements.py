"""Settlements: approved claims gathered and netted per provider, in whole minor units of the currency.

What is left of a minor unit stays payable, and is brought into the provider's next settlement in the programme. What
the provider owes the programme is set off against what it brings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.paper import unknown_currency
from counterfoil.redemption.claims import on_invoice
from counterfoil.redemption.closing_events import RestGivenUp
from counterfoil.redemption.commands import CloseSettlement, CloseSettlementV1
from counterfoil.redemption.events import ClaimOffset, Payee, SettlementClosed
from counterfoil.redemption.in_kind import not_paid
from counterfoil.redemption.payer_shares import parts_of
from counterfoil.redemption.settled import settle
from counterfoil.redemption.state import Claim, Payment, RedemptionState, Settlement, put


def close_settlement_v1(state: RedemptionState, body: CloseSettlementV1, actor: Party, at: At) -> Decision:
    """As `close_settlement`, of claims alone."""
    whole = CloseSettlement(programme_id=body.programme_id, claim_ids=body.claim_ids, payee_ids=())
    return close_settlement(state, whole, actor, at)


def close_settlement(state: RedemptionState, body: CloseSettlement, actor: Party, at: At) -> Decision:
    """Gather approved claims on one of the actor's programmes, netted per provider, in order of provider id."""
    if body.programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    if (in_kind := not_paid(state, body.programme_id)) is not None:
        return in_kind
    currency = state.currency(body.programme_id)
    if (unknown := unknown_currency(state, currency)) is not None:
        return unknown
    for claim_id in body.claim_ids:
        if claim_id not in state.claims:
            return refuse(Code.UNKNOWN_CLAIM, claim_id=claim_id)
    if state.issuer(body.programme_id) != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=body.programme_id)
    gathered = [state.claims[claim_id] for claim_id in body.claim_ids]
    payees = _payees(state, body, gathered, state.minor_unit(currency) or 1)
    refused = state.phases.shut(body.programme_id) or _unfit(state, body, gathered, payees, actor)
    if refused is not None:
        return refused
    settlement_id = at.new_id("stl")
    shared = parts_of(state, settlement_id, body.programme_id, payees, currency)
    if isinstance(shared, Refusal):
        return shared
    return [
        *_set_off(state, body.programme_id, currency, payees),
        *shared,
        SettlementClosed(
            settlement_id=settlement_id,
            programme_id=body.programme_id,
            currency=currency,
            claim_ids=body.claim_ids,
            payees=payees,
            amount=sum(payee.amount for payee in payees),
        ),
        *_given_up(state, body.programme_id, currency, settlement_id, payees),
    ]


def _given_up(
    state: RedemptionState, programme_id: str, currency: str, settlement_id: str, payees: tuple[Payee, ...]
) -> Iterator[RestGivenUp]:
    """In run-off, what is carried lapses: there may be no settlement that would pay it."""
    for payee in payees:
        if payee.carried and programme_id in state.phases:
            yield RestGivenUp(
                settlement_id=settlement_id,
                programme_id=programme_id,
                provider_id=payee.provider_id,
                currency=currency,
                amount=payee.carried,
            )


def _unfit(
    state: RedemptionState, body: CloseSettlement, gathered: list[Claim], payees: tuple[Payee, ...], actor: Party
) -> Refusal | None:
    """The first refusal that applies to what is to be gathered, or None."""
    most = state.rules.max_claims_per_settlement
    refused = unfit_lists(
        Listed("claim_ids", body.claim_ids, most, may_be_empty=bool(body.payee_ids)),
        Listed("payee_ids", body.payee_ids, most, may_be_empty=True),
    )
    if refused is not None:
        return refused
    amount = sum(payee.amount + payee.carried for payee in payees)
    if amount > MAX_AMOUNT:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=amount)
    claimants = [Held(Duty.CLAIMANT, payee.provider_id) for payee in payees]
    together = not_separate(state, Held(Duty.APPROVER, actor.party_id), *claimants)
    if together is not None:
        return together
    for payee in payees:
        if (body.programme_id, payee.provider_id) in state.suspended:
            return refuse(Code.PROVIDER_SUSPENDED, provider_id=payee.provider_id)
    for claim in gathered:
        if claim.status != "approved" or claim.terms.programme_id != body.programme_id:
            return refuse(Code.CLAIM_NOT_APPROVED, claim_id=claim.terms.claim_id)
    lapses = body.programme_id in state.phases  # what is too little to be paid
    for payee in payees:
        if not (payee.amount or (lapses and payee.carried)) and payee.provider_id in body.payee_ids:
            return refuse(Code.NOTHING_TO_PAY, provider_id=payee.provider_id)
    if not any(payee.amount or lapses for payee in payees):
        return refuse(Code.NOTHING_TO_PAY, programme_id=body.programme_id)
    return None


def _payees(state: RedemptionState, body: CloseSettlement, gathered: list[Claim], minor_unit: int) -> tuple[Payee, ...]:
    """What each provider gets. `minor_unit`: the least that can be paid, in micro-units."""
    claimed = dict.fromkeys(body.payee_ids, 0)
    for claim in gathered:
        claimed[claim.terms.provider_id] = claimed.get(claim.terms.provider_id, 0) + claim.terms.amount
    payees = []
    for provider_id, each in sorted(claimed.items()):
        brought = state.payable.get((body.programme_id, provider_id), 0)
        brought -= _owed_of(state, body.programme_id, provider_id)
        carried = (each + brought) % minor_unit
        paid = each + brought - carried
        payees.append(Payee(provider_id=provider_id, claimed=each, brought=brought, amount=paid, carried=carried))
    return tuple(payees)


def _owed_of(state: RedemptionState, programme_id: str, provider_id: str) -> int:
    """How much of what is payable to a provider it owes the programme."""
    key = (programme_id, provider_id)
    return 0 if not state.sets_off(programme_id) else min(state.payable.get(key, 0), state.owed.get(key, 0))


def _set_off(
    state: RedemptionState, programme_id: str, currency: str, payees: tuple[Payee, ...]
) -> Iterator[ClaimOffset]:
    for payee in payees:
        amount = _owed_of(state, programme_id, payee.provider_id)
        if amount:
            yield ClaimOffset(
                programme_id=programme_id,
                provider_id=payee.provider_id,
                currency=currency,
                lines=(),
                amount=amount,
                owed_after=state.owed[programme_id, payee.provider_id] - amount,
            )


def _lines_of(claims: Iterable[Claim]) -> dict[str, int]:
    """The subsidy in claims on metered use, by contract, in micro-units."""
    found: dict[str, int] = {}
    for claim in claims:
        for line in () if on_invoice(claim.terms) else claim.terms.lines:
            found[line.contract_id] = found.get(line.contract_id, 0) + line.amount
    return found


# evolve -------------------------------------------------------------------------------------------------------------


def settlement_closed(state: RedemptionState, event: SettlementClosed, _at: At) -> None:
    """Apply a settlement: its claims become payments, and what is carried stays payable."""
    claims: dict[str, list[Claim]] = {payee.provider_id: [] for payee in event.payees}
    for claim_id in event.claim_ids:
        claim = state.claims.pop(claim_id)
        claims[claim.terms.provider_id].append(claim)
    due = [payee for payee in event.payees if payee.amount]
    for payee in event.payees:
        put(state.payable, (event.programme_id, payee.provider_id), payee.carried)
        put(state.sent_back, (event.programme_id, payee.provider_id), 0)
        payment = (event.settlement_id, payee.provider_id)
        state.unpaid_claims.settle(payment, event.programme_id, due=payee.amount > 0)
    for payee in due:
        state.payments[event.settlement_id, payee.provider_id] = Payment(
            event.programme_id, payee.amount, tuple(claim.terms.claim_id for claim in claims[payee.provider_id])
        )
        if state.rules.owes_once:
            key = (event.settlement_id, payee.provider_id)
            settle(state, key, event.programme_id, _lines_of(claims[payee.provider_id]))
    if due:
        state.settlements[event.settlement_id] = Settlement(
            event.programme_id, tuple(payee.provider_id for payee in due)
        )
