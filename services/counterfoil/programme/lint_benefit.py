"""Checks of the benefit and the budget: rates, tiers, caps, shares, rounding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import combinations
from typing import Final

from msgspec import UNSET

from counterfoil.core.currencies import ISO_4217
from counterfoil.programme.findings import Finding
from counterfoil.programme.form.benefit import Tier
from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.form.identity import MoneyUnit
from counterfoil.programme.form.life import NoExpiry
from counterfoil.programme.models import MODELS
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import WHOLE, parse_amount, parse_rate, percent


def _rates(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    shares = [(f"benefit.tiers[{i}].rate", each.rate) for i, each in enumerate(document.benefit.tiers)]
    shares += [(f"budget.funding[{i}].share", each.share) for i, each in enumerate(document.budget.funding)]
    if document.benefit.co_payment is not None:
        shares.append(("benefit.co_payment.min_share", document.benefit.co_payment.min_share))
    for i, each in enumerate(document.benefit.stacking):
        if each.aggregate_max is not None:
            shares.append((f"benefit.stacking[{i}].aggregate_max", each.aggregate_max))
    for place, text in shares:
        if parse_rate(text) > WHOLE:
            yield Finding("rate_above_whole", f"{text} is more than all", (place,))


def _sums(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    for code, place, texts in (
        ("funding_shares_not_whole", "budget.funding", [each.share for each in document.budget.funding]),
        ("tranches_not_whole", "benefit.tranches", [each.share for each in document.benefit.tranches]),
    ):
        total = sum(map(parse_rate, texts), Fraction(0))
        if texts and total != WHOLE:
            yield Finding(code, f"{' + '.join(texts)} = {percent(total)}", (place,))


def _tranches(rules: Rules) -> Iterator[Finding]:
    """What a condition lacks, or does not ask for."""
    for index, each in enumerate(rules.document.benefit.tranches):
        place = f"benefit.tranches[{index}]"
        if each.release_on == "FORMER_USED" and index == 0:
            yield Finding("tranche_condition", "the first tranche has none before it", (f"{place}.release_on",))
        for field, on in (("used_share", "FORMER_USED"), ("attested_by", "PROGRESS_REPORT")):
            if getattr(each, field) is not None and each.release_on != on:
                text = f"{field} belongs to {on}, not to {each.release_on}"
                yield Finding("tranche_condition", text, (f"{place}.{field}", f"{place}.release_on"))


def _aggregate(rules: Rules) -> Iterator[Finding]:
    """A tier that pays more than other rules leave, as Shenzhen's 60 % for young firms beside 50 % of all support."""
    benefit = rules.document.benefit
    for index, tier in enumerate(rules.tiers):
        place = f"benefit.tiers[{index}].rate"
        for other, each in enumerate(benefit.stacking):
            if each.aggregate_max is not None and tier.rate > parse_rate(each.aggregate_max):
                text = f"{tier.tier.rate} is more than {each.aggregate_max}, which all support together may be"
                yield Finding("rate_above_aggregate", text, (place, f"benefit.stacking[{other}].aggregate_max"))
        own = benefit.co_payment
        if own is not None and tier.rate > WHOLE - parse_rate(own.min_share):
            text = f"{tier.tier.rate} leaves less than {own.min_share} to the beneficiary"
            yield Finding("rate_above_co_payment", text, (place, "benefit.co_payment.min_share"))


def _tiers(rules: Rules) -> Iterator[Finding]:
    benefit = rules.document.benefit
    for (i, one), (j, other) in combinations(enumerate(benefit.tiers), 2):
        if not _share_instruments(one, other) or disjoint(one.when, other.when):
            continue
        places = (f"benefit.tiers[{i}]", f"benefit.tiers[{j}]")
        if benefit.tier_order is None and one.until is None:
            text = f"{one.id} and {other.id} may both apply, and `benefit.tier_order` is not stated"
            yield Finding("tiers_overlap", text, (*places, "benefit.tier_order"))
        elif benefit.tier_order == "FIRST" and _takes_all(one, other):
            yield Finding("tier_unreachable", f"{one.id} applies wherever {other.id} would", places)


def _share_instruments(one: Tier, other: Tier) -> bool:
    return not one.instruments or not other.instruments or any(each in other.instruments for each in one.instruments)


def _takes_all(one: Tier, other: Tier) -> bool:
    covers = not one.instruments or (other.instruments and all(each in one.instruments for each in other.instruments))
    return one.when is None and one.until is None and one.max_months is None and bool(covers)


def disjoint(one: Condition | None, other: Condition | None) -> bool:
    """Whether two conditions surely never hold together. What cannot be seen from their form counts as overlapping."""
    if one is None or other is None:
        return False
    return any(_exclude(a, b) for a in _needed(one) for b in _needed(other))


def _needed(condition: Condition) -> tuple[Condition, ...]:
    """What has to hold for the condition to hold."""
    return condition.all if condition.all is not None else (condition,)


def _exclude(one: Condition, other: Condition) -> bool:
    if one.negated is not None or other.negated is not None:
        negated, plain = (one, other) if one.negated is not None else (other, one)
        return negated.negated == plain
    if one.fact is None or one.fact != other.fact:
        return False
    values = _values(one), _values(other)
    if values[0] is not None and values[1] is not None:
        return not any(each in values[1] for each in values[0])
    if _before_and_after(one, other) or _before_and_after(other, one):
        return True
    low, high = _range(one), _range(other)
    return low[0] > high[1] or high[0] > low[1]


def _before_and_after(one: Condition, other: Condition) -> bool:
    """Whether one asks for less time than the other asks for at least."""
    less, at_least = one.within_months, other.not_within_months
    return less is not None and at_least is not None and less <= at_least


def _values(condition: Condition) -> tuple[object, ...] | None:
    if condition.equals is not UNSET:
        return (condition.equals,)
    return condition.one_of


def _range(condition: Condition) -> tuple[int, int]:
    """Least and greatest number that it takes."""
    most = 2**63
    low = max(condition.at_least if condition.at_least is not None else -most, _next(condition.above, -most, 1))
    high = min(condition.at_most if condition.at_most is not None else most, _next(condition.below, most, -1))
    return low, high


def _next(value: int | None, default: int, by: int) -> int:
    return default if value is None else value + by


def _caps(rules: Rules) -> Iterator[Finding]:
    for index, rule in enumerate(rules.caps):
        cap, place = rule.cap, f"benefit.caps[{index}]"
        if cap.amount is None and not cap.set_at_approval:
            yield Finding("cap_without_amount", f"{cap.id} has no amount", (f"{place}.amount",))
        if cap.amount is not None and cap.set_at_approval:
            places = (f"{place}.amount", f"{place}.set_at_approval")
            yield Finding("cap_with_two_amounts", f"{cap.id} has an amount, and each approval sets one", places)
        if cap.period is None and cap.scope not in ("CONTRACT", "PROJECT", "FUNDING_AWARD"):
            yield Finding("cap_without_period", f"{cap.id} counts over no stated time", (f"{place}.period",))
        yield from _cap_and_others(rules, index)


def _cap_and_others(rules: Rules, index: int) -> Iterator[Finding]:
    document, rule = rules.document, rules.caps[index]
    floor, place = document.benefit.floor, f"benefit.caps[{index}].amount"
    if rule.limit is None or rule.cap.of != "SUBSIDY":
        return
    if floor is not None and floor.measure == "SUBSIDY" and parse_amount(floor.amount) > rule.limit:
        yield Finding(
            "floor_above_cap", f"{floor.amount} is more than {rule.cap.amount}", ("benefit.floor.amount", place)
        )
    if rule.cap.scope in ("BENEFICIARY", "GROUP", "CONTRACT", "PROJECT"):
        for other, envelope in enumerate(document.budget.envelopes):
            shared = not envelope.instruments or _meets(envelope.instruments, rule.cap.instruments)
            if shared and envelope.amount is not None and rule.limit >= parse_amount(envelope.amount):
                text = f"{rule.cap.amount} is all of {envelope.amount}"
                yield Finding("cap_above_envelope", text, (place, f"budget.envelopes[{other}].amount"))


def _meets(one: Iterable[str], other: tuple[str, ...]) -> bool:
    return not other or any(each in other for each in one)


def _instruments(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    tiers, envelopes = document.benefit.tiers, document.budget.envelopes
    paid = [name for each in tiers for name in each.instruments]
    funded = [name for each in envelopes for name in each.instruments]
    for index, tier in enumerate(tiers):
        for name in tier.instruments:
            if name not in funded and all(each.instruments for each in envelopes):
                places = (f"benefit.tiers[{index}].instruments", "budget.envelopes")
                yield Finding("instrument_without_envelope", f"no envelope pays for {name}", places)
    for index, envelope in enumerate(envelopes):
        for name in envelope.instruments:
            if name not in paid and all(each.instruments for each in tiers):
                places = (f"budget.envelopes[{index}].instruments", "benefit.tiers")
                yield Finding("instrument_without_tier", f"no tier pays for {name}", places)


def _rounding(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    rounding = document.benefit.rounding
    if rounding is None:
        yield Finding("rounding_not_stated", "`benefit.rounding` is not stated", ("benefit.rounding",))
        return
    quantum = parse_amount(rounding.quantum)
    if quantum == 0:
        yield Finding("quantum_zero", "the quantum is 0", ("benefit.rounding.quantum",))
        return
    unit = document.unit
    decimals = ISO_4217.get(unit.currency) if isinstance(unit, MoneyUnit) else None
    if decimals is not None and quantum % 10 ** (6 - min(decimals, 6)):
        text = f"{rounding.quantum} is no whole number of minor units"
        yield Finding("quantum_below_minor_unit", text, ("benefit.rounding.quantum", "unit.currency"))


def _basis(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    if document.benefit.prorata is not None and (rules.reference.start is None or rules.reference.end is None):
        places = ("benefit.prorata", "redemption.reference_start", "redemption.reference_end")
        yield Finding("prorata_without_reference", "the reference period is not stated", places)
    redemption = document.redemption
    unbounded = redemption.claim_within_days is None and redemption.windows is None
    endless = isinstance(document.expiry.rule, NoExpiry) and unbounded
    granted_first = MODELS[redemption.model].applies
    if document.benefit.basis in ("SETTLED", "CONTRACT_THEN_SETTLED") and granted_first and endless:
        fields = ("benefit.basis", "redemption.model", "expiry.rule", "redemption.claim_within_days")
        yield Finding("settled_without_release", "no window, no deadline for claims and no expiry", fields)


BENEFIT: Final = (_rates, _sums, _tranches, _aggregate, _tiers, _caps, _instruments, _rounding, _basis)
