"""Whether value of a voucher may be handed on or pledged, as its programme's rules say now: one place for all commands.

A programme whose terms are not a document hands nothing on.
"""

from __future__ import annotations

from typing import NamedTuple

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import refuse
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.ledger.chart import owner
from counterfoil.ledger.gains import counted
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.programme.claiming import facts_given
from counterfoil.programme.facts import Facts
from counterfoil.programme.rules import Rules
from counterfoil.programme.steps import Step
from counterfoil.programme.transfers import (
    Handover,
    bars_providers,
    check_pledge,
    check_transfer,
    facts_of_pledgee,
    facts_of_taker,
)


class Handing(NamedTuple):
    """So much of a holder's voucher to another party, for a price (micro-units of the programme's currency)."""

    holder_id: str
    receiver_id: str
    amount: int
    price: int = 0


def not_handed_on(
    state: LedgerState, voucher: Voucher, each: Handing, at: At, *, approved: bool, facts: Facts | None = None
) -> Refusal | None:
    """Why the voucher's programme, and the duties in it, do not let this be handed on now; None if they do.

    `approved`: whether the issuer has approved it, or, before it is asked, would. `facts`: of the receiver; None: they
    are judged when it takes the value over, if the programme asks for any.
    """
    rules = state.rules_of(voucher)
    if rules is None:
        return _refusal("transfer_not_permitted", {})
    issuer_id = state.issuer(voucher.programme_id)
    held = (Held(Duty.ISSUER, issuer_id), Held(Duty.BENEFICIARY, each.receiver_id))
    if (together := not_separate(state, *held)) is not None:
        return together
    hand = state.encumbrances.hand(voucher.voucher_id, each.holder_id)
    day = rules.day(at.time)
    none = _nothing(rules, each.receiver_id, day)
    known = facts if facts is not None or asks_facts(state, rules, each.receiver_id) else none
    found = check_transfer(
        rules,
        Handover(
            day=day,
            giver=each.holder_id,
            receiver=each.receiver_id,
            amount=each.amount,
            facts=known,
            related=state.directory.related(each.holder_id, each.receiver_id),
            price=each.price,
            hops=0 if hand is None else hand.hops,
            last=None if hand is None else rules.day(hand.since),
            approved=approved,
            counting=counted(state, rules, voucher.programme_id, each.receiver_id, known or none, day),
        ),
    )
    return _said(found)


def not_ordered(state: LedgerState, rules: Rules, order: Handing, voucher_id: str | None, at: At) -> Refusal | None:
    """Why an order for credit could lead to no trade, whoever is on its other side, whose id is "".

    `voucher_id`: what it offers. Whoever buys is judged at the trade.
    """
    if not has_book(rules):
        return _refusal("no_credit_market", {})
    if order.receiver_id:
        issuer_id = state.issuer(rules.document.id)
        held = (Held(Duty.ISSUER, issuer_id), Held(Duty.BENEFICIARY, order.receiver_id))
        if (together := not_separate(state, *held)) is not None:
            return together
    hand = None if voucher_id is None else state.encumbrances.hand(voucher_id, order.holder_id)
    handover = Handover(
        day=rules.day(at.time),
        giver=order.holder_id,
        receiver=order.receiver_id,
        amount=order.amount,
        facts=None,
        price=order.price,
        hops=0 if hand is None else hand.hops,
        last=None if hand is None else rules.day(hand.since),
    )
    return _said(check_transfer(rules, handover))


def has_book(rules: Rules) -> bool:
    """Whether vouchers of the programme are sold on the credit market.

    None are where a buyer is judged by facts of the project that a voucher was granted for: they are not alike.
    """
    rule, kinds = rules.document.transfer, rules.facts.kinds
    alike = not any(kinds[name].of == "PROJECT" for name in facts_of_taker(rules))
    return alike and rule.mode in ("CLOSED_MARKET", "OPEN") and rule.price_rule != "GIFT_ONLY"


def not_pledged(state: LedgerState, voucher: Voucher, each: Handing, at: At) -> Refusal | None:
    """Why the voucher's programme does not let this be pledged, with all that its holder has pledged of it before.

    Who is judged by facts is so once issuance has said what is attested of it.
    """
    rules = state.rules_of(voucher)
    if rules is None:
        return _refusal("pledge_not_permitted", {})
    if each.holder_id == each.receiver_id:
        return _refusal("same_party", {})
    day = rules.day(at.time)
    facts = None if asks_of_pledgee(state, rules) else _nothing(rules, each.receiver_id, day)
    before = state.encumbrances.pledged(voucher.voucher_id, each.holder_id)
    has = state.accounts.find(owner(each.holder_id), voucher.voucher_id).posted
    return _said(check_pledge(rules, has, before + each.amount, facts, day))


def not_a_pledgee(state: LedgerState, voucher: Voucher, pledgee: Facts, at: At) -> Refusal | None:
    """Why the voucher's programme does not let this pledgee have what is pledged to it."""
    rules = state.rules_of(voucher)
    if rules is None:
        return _refusal("pledge_not_permitted", {})
    return _said(check_pledge(rules, 0, 0, pledgee, rules.day(at.time)))


def asks_of_pledgee(state: LedgerState, rules: Rules) -> bool:
    """Whether issuance is asked what is attested of a pledgee."""
    return state.rules.judges_pledgees and bool(facts_of_pledgee(rules))


def asks_for_approval(rules: Rules) -> bool:
    """Whether the issuer approves each transfer in the programme."""
    return rules.document.transfer.mode in ("ISSUER_APPROVED", "SURRENDER_REISSUE")


def reissues(rules: Rules) -> bool:
    """Whether a transfer makes another voucher."""
    return rules.document.transfer.mode == "SURRENDER_REISSUE"


def asks_facts(state: LedgerState, rules: Rules, receiver_id: str) -> bool:
    """Whether issuance is asked what is attested of a receiver, before the value is its own.

    Issuance also knows whom the programme lists; it can list who has the role of a provider, and nobody else.
    """
    listed = bars_providers(rules) and "provider" in state.directory.parties[receiver_id].roles
    return state.rules.judges_takers and (listed or bool(facts_of_taker(rules)))


def stated_facts(rules: Rules, event: FactsStated, at: At) -> Facts | None:
    """What issuance said of a party; None where two facts contradict each other."""
    try:
        return None if event.contradict else facts_given(rules, event.facts, rules.day(at.time))
    except ValueError:  # issuance does not say so: its facts contradict each other all the same
        return None


def _nothing(rules: Rules, party_id: str, day: int) -> Facts:
    return Facts(rules.facts, (), day, party_id)


def _said(found: Step | None) -> Refusal | None:
    return None if found is None else _refusal(found.code, found.texts)


def _refusal(why: str, texts: dict[str, str]) -> Refusal:
    return refuse(Code.TRANSFER_NOT_PERMITTED, why=why, **texts)
