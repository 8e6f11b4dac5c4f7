"""Whether credit may be handed on or pledged: one predicate for check, proposal, approval and replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterfoil.contract.times import format_day
from counterfoil.programme.bounds import room
from counterfoil.programme.case import Case
from counterfoil.programme.conditions import facts_of, judge
from counterfoil.programme.eligibility import eligibility
from counterfoil.programme.facts import Facts
from counterfoil.programme.rules import CapRule, Rules
from counterfoil.programme.steps import Micros, Share, Step, step
from counterfoil.programme.values import parse_amount, parse_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One lot, or part of one, from one holder to another, on a local day. Amounts are micro-units.

    `related`: whether both are one group on that day. `price` is what is paid for it, None a gift. `hops` is how often
    the lot changed hands before, `last` the day of the last time. `counting` is the receiver's case for caps; its
    `facts` are judged as an applicant's are, and None where they are judged later.
    """

    day: int
    giver: str
    receiver: str
    amount: int
    facts: Facts | None
    related: bool = False
    price: int | None = None
    hops: int = 0
    last: int | None = None
    approved: bool = False
    starts: int | None = None
    ends: int | None = None
    frozen: bool = False
    pledged: bool = False
    counting: Case | None = None


def check_transfer(rules: Rules, handover: Handover) -> Step | None:
    """Why a lot may not be handed on; None if it may. Of several reasons the first of a fixed order is the answer."""
    return next(_reasons(rules, handover), None)


def _reasons(rules: Rules, each: Handover) -> Iterator[Step]:
    rule = rules.document.transfer
    if rule.mode == "NONE":
        yield step("transfer_not_permitted")
    if each.giver == each.receiver:
        yield step("same_party")
    yield from _state_of_lot(each)
    if rule.mode == "INTRA_GROUP" and not each.related:
        yield step("not_related")
    if each.facts is not None:
        yield from _receiver(rules, each.facts, each.day)
    yield from _terms(rules, each)
    yield from _caps(rules, each)
    if rule.mode == "SURRENDER_REISSUE" and not each.approved:
        yield step("not_surrendered")
    if rule.mode == "ISSUER_APPROVED" and not each.approved:
        yield step("approval_missing")


def _state_of_lot(each: Handover) -> Iterator[Step]:
    if each.frozen:
        yield step("frozen")
    if each.pledged:
        yield step("encumbered")
    if each.starts is not None and each.day < each.starts:
        yield step("not_yet_valid", day=format_day(each.starts))
    if each.ends is not None and each.day >= each.ends:
        yield step("expired", day=format_day(each.ends))


def _receiver(rules: Rules, facts: Facts, day: int) -> Iterator[Step]:
    rule = rules.document.transfer
    refusal = None if rule.mode == "OPEN" else eligibility(rules, facts, day).refusal
    if refusal is not None:
        codes = {"not_eligible": "receiver_not_eligible", "fact_not_attested": "receiver_fact_not_attested"}
        yield refusal._replace(code=codes[refusal.code]) if refusal.code in codes else refusal
    if judge(rule.to, facts, day).holds is not True:
        yield step("receiver_not_allowed")


def _terms(rules: Rules, each: Handover) -> Iterator[Step]:
    rule = rules.document.transfer
    price = each.price or 0
    wrong = {
        "FREE": False,
        "AT_PAR": price != each.amount,
        "BELOW_PAR_ONLY": price >= each.amount,
        "GIFT_ONLY": price != 0,
    }[rule.price_rule]
    if wrong:
        wanted = rule.price_rule.lower().replace("_", " ")
        yield step("price_not_allowed", price=Micros(price), amount=Micros(each.amount), rule=wanted)
    if rule.max_hops is not None and each.hops >= rule.max_hops:
        yield step("too_many_hops", hops=str(each.hops), limit=str(rule.max_hops))
    if each.last is not None and each.day < each.last + rule.cooling_off_days:
        yield step("cooling_off", day=format_day(each.last + rule.cooling_off_days))
    if rule.min_amount is not None and each.amount < parse_amount(rule.min_amount):
        yield step("below_minimum", amount=Micros(each.amount), minimum=rule.min_amount)


def _caps(rules: Rules, each: Handover) -> Iterator[Step]:
    """What the receiver gets counts towards its caps, as a grant would."""
    if each.counting is None:
        return
    for rule in rules.caps:
        if not _of_receiver(rule) or _waived(rule, each):
            continue
        found = room(rules, each.counting, rule)
        if found is not None and each.amount > found.left:
            yield step("cap_of_receiver", cap=rule.cap.id, left=Micros(found.left))


def _waived(rule: CapRule, each: Handover) -> bool:
    """Whether a cap does not count, or that is judged later, with the facts."""
    waiver = rule.cap.waived_when
    return waiver is not None and (each.facts is None or judge(waiver, each.facts, each.day).holds is True)


def _of_receiver(rule: CapRule) -> bool:
    return rule.cap.of == "SUBSIDY" and rule.cap.scope in ("BENEFICIARY", "GROUP")


def facts_of_taker(rules: Rules) -> frozenset[str]:
    """The facts by which a receiver is judged; none: whoever it is, it may take the value over."""
    rule = rules.document.transfer
    conditions = [rule.to, *(each.cap.waived_when for each in rules.caps if _of_receiver(each))]
    if rule.mode != "OPEN":
        conditions += [each.when for each in rules.document.eligibility]
    return frozenset[str]().union(*map(facts_of, conditions))


def bars_providers(rules: Rules) -> bool:
    """Whether no provider of the programme may take value over."""
    return rules.document.transfer.mode != "OPEN" and not rules.document.providers.may_be_beneficiary


def fee(rules: Rules, amount: int) -> int:
    """What the issuer takes of a value handed on, micro-units, rounded down."""
    return int(amount * parse_rate(rules.document.transfer.fee))


def facts_of_pledgee(rules: Rules) -> frozenset[str]:
    """The facts by which a pledgee is judged; none: whoever it is, it may have the pledge."""
    pledge = rules.document.transfer.pledge
    return frozenset(facts_of(None if pledge is None else pledge.to))


def check_pledge(rules: Rules, lot: int, amount: int, pledgee: Facts | None, day: int) -> Step | None:
    """Why so much of a lot may not be pledged; None if it may. `pledgee`: None where it is judged later."""
    pledge = rules.document.transfer.pledge
    if pledge is None or not pledge.allowed:
        return step("pledge_not_permitted")
    if pledgee is not None and judge(pledge.to, pledgee, day).holds is not True:
        return step("pledge_not_permitted")
    share = parse_rate(pledge.max_share)
    if amount > lot * share:
        return step("pledge_above_share", limit=Share(share))
    return None
