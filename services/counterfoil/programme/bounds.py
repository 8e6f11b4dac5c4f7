"""What bounds a subsidy: other support, co-payment, what was granted, ceilings of law, caps, the budget."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Final, NamedTuple

from counterfoil.programme.case import Case
from counterfoil.programme.conditions import judge
from counterfoil.programme.form.benefit import Cap
from counterfoil.programme.form.budget import Envelope, Period
from counterfoil.programme.periods import Span, span
from counterfoil.programme.rules import CapRule, RegimeRule, Rules
from counterfoil.programme.steps import Micros, Share, Step, Value, step
from counterfoil.programme.values import WHOLE, Exact, parse_amount, parse_rate, share_of

ENVELOPE: Final = "envelope:"
"""What the name of an envelope's counter begins with."""
_PROGRAMME: Final = Period(kind="PROGRAMME")


class Sum(NamedTuple):
    """Of one instrument: the eligible amount, the subsidy before limits, and the quantity (all micro-units)."""

    instrument: str
    eligible: Exact
    subsidy: Exact
    quantity: int


class Bound(NamedTuple):
    """A limit of the whole subsidy (None: it does not bind), the steps that say so, or the refusal."""

    amount: Exact | None
    steps: tuple[Step, ...] = ()
    refusal: Step | None = None


_UNBOUND: Final = Bound(None)


def support_limits(rules: Rules, case: Case, eligible: Exact) -> Iterator[Bound]:
    """Other support for the same cost, the beneficiary's own part, and what was granted."""
    for rule in rules.document.benefit.stacking:
        other = {name: each for name, each in case.other_support.items() if fnmatchcase(name, rule.other)}
        if other and not rule.allowed:
            yield Bound(None, (), step("stacking_not_allowed", other=", ".join(sorted(other))))
        if rule.aggregate_max is not None:
            rate = parse_rate(rule.aggregate_max)
            most = max(share_of(eligible, rate) - sum(other.values()), 0)
            texts: dict[str, Value] = {"rate": Share(rate), "eligible": Micros(eligible), "result": Micros(most)}
            yield Bound(most, (step("aggregate_limit", **texts),))
    own = rules.document.benefit.co_payment
    share = parse_rate(own.min_share) if own is not None else Fraction(0)
    if share > 0:
        most = share_of(eligible, WHOLE - share)
        texts = {"rate": Share(share), "eligible": Micros(eligible), "result": Micros(most)}
        yield Bound(most, (step("co_payment", **texts),))
    if case.granted is not None:
        yield Bound(case.granted, (step("granted_limit", result=Micros(case.granted)),))


class Room(NamedTuple):
    """What is left of a cap, the least over the events that it counts, in what the cap counts."""

    left: int
    counted: int
    limit: int
    subject: str


def room(rules: Rules, case: Case, rule: CapRule) -> Room | None:
    """What is left of a cap on the day of the case; None where it does not bind, or counts no event of the case."""
    limit = _limit(case, rule)
    counted = None if limit is None else _counted(rules, case, rule)
    if limit is None or counted is None:
        return None
    return Room(max(limit - counted, 0), counted, limit, case.subjects.get(rule.cap.scope, ""))


def _limit(case: Case, rule: CapRule) -> int | None:
    return case.approved.get(rule.cap.id) if rule.cap.set_at_approval else rule.limit


def _counted(rules: Rules, case: Case, rule: CapRule) -> int | None:
    """What a cap has counted on the day of the case, the most over its events; None if none of these is the case's."""
    cap, most = rule.cap, None
    subject, total = case.subjects.get(cap.scope, ""), case.history.total
    within = span(cap.period or _PROGRAMME, case.day, rules.valid)
    for event in cap.counts:
        if event in case.events:
            counted = total(cap.id, subject, event, within)
            if most is None or counted > most:
                most = counted
    return most


def cap_bound(rules: Rules, case: Case, rule: CapRule, asked: Sum) -> Bound:
    """What a cap leaves of what its instruments ask for."""
    cap = rule.cap
    if cap.waived_when is not None and judge(cap.waived_when, case.facts, case.day).holds:
        return Bound(None, (step("cap_waived", cap=cap.id),))
    limit = _limit(case, rule)
    counted = None if limit is None else _counted(rules, case, rule)
    if limit is None or counted is None:
        return _UNBOUND
    left = limit - counted
    in_words: type[Micros | int] = int if cap.of == "GRANTS" else Micros
    texts: dict[str, Value] = {**rule.said, "counted": in_words(counted)}
    if cap.set_at_approval:
        texts["limit"] = in_words(limit)
    if left <= 0:
        return Bound(None, (), step("cap_reached", subject=case.subjects.get(cap.scope) or "?", **texts))
    most = left if cap.of == "SUBSIDY" else _most(cap, left, asked)
    if most is None or asked.subsidy <= most:
        return Bound(most, (Step("cap_not_reached", texts),))
    return Bound(most, (step("cap_cut", left=in_words(left), result=Micros(most), **texts),))


def _most(cap: Cap, left: int, asked: Sum) -> Exact | None:
    """The subsidy that is left, where the cap counts something else than subsidy; None: it does not bind."""
    if cap.of == "GRANTS":
        return None
    total = asked.eligible if cap.of == "ELIGIBLE_AMOUNT" else asked.quantity
    return None if total <= left else share_of(asked.subsidy, Fraction(left, total))


def regime_bound(case: Case, rule: RegimeRule, subsidy: Exact) -> Bound:
    """What a ceiling of law leaves; its aid counts across programmes."""
    regime = rule.regime
    if regime.counts_on not in case.events:
        return Bound(None)
    subject = case.subjects.get(regime.unit, "")
    within = span(Period(kind="ROLLING", months=regime.months), case.law_day, Span(None, None))
    counted = case.history.total(rule.key, subject, regime.counts_on, within)
    left = max(rule.limit - counted, 0)
    texts: dict[str, Value] = {"regime": regime.regime, "limit": Micros(rule.limit), "counted": Micros(counted)}
    if left == 0:
        return Bound(None, (), step("ceiling_reached", subject=subject or "?", **texts))
    if subsidy <= left:
        return Bound(left, (step("ceiling_not_reached", **texts),))
    return Bound(left, (step("ceiling_cut", left=Micros(left), result=Micros(left), **texts),))


def regime_whole(case: Case, rule: RegimeRule, subsidy: int) -> Bound:
    """The same of a ceiling that cuts no grant: it refuses one that would pass it, by however little."""
    found = regime_bound(case, rule, subsidy)
    if found.refusal is not None or found.amount is None or subsidy <= found.amount:
        return found._replace(amount=None)
    said = {name: found.steps[-1].values[name] for name in ("regime", "limit", "counted", "left")}
    return Bound(None, (), step("ceiling_exceeded", amount=Micros(subsidy), **said))


def envelope_of(rules: Rules, instrument: str) -> Envelope | None:
    """The first envelope that pays for an instrument."""
    for each in rules.document.budget.envelopes:
        if not each.instruments or instrument in each.instruments:
            return each
    return None


def given_out(rules: Rules, envelope: Envelope, day: int) -> int:
    """The amount of an envelope up to the period of a day, if it rolls over; else of that period alone."""
    amount = parse_amount(envelope.amount or "0")
    if not envelope.rolls_over or envelope.period.kind in ("PROGRAMME", "LIFETIME", "ROLLING"):
        return amount
    periods, start = 1, span(envelope.period, day, rules.valid).start
    first = rules.valid.start
    while start is not None and first is not None and start > first:
        periods, start = periods + 1, span(envelope.period, start - 1, rules.valid).start
    return amount * periods


def days_of(rules: Rules, envelope: Envelope, day: int) -> Span:
    """The days whose grants an envelope pays on a day."""
    return Span(None, None) if envelope.rolls_over else span(envelope.period, day, rules.valid)


def envelope_bound(rules: Rules, case: Case, instrument: str, subsidy: Exact) -> Bound:
    """What the budget leaves, where it is given out by time; other modes are decided among all applications."""
    envelope = envelope_of(rules, instrument)
    exhaustion = rules.document.budget.exhaustion
    left = None if envelope is None else case.left.get(envelope.id)
    if envelope is None or left is None or "GRANTED" not in case.events:
        return Bound(None)
    if exhaustion.mode not in ("FIRST_COME", "TOTAL_CONTROL", "QUEUE"):
        return Bound(None)
    if subsidy <= left:
        return Bound(left)
    texts: dict[str, Value] = {"envelope": envelope.id, "left": Micros(left)}
    if exhaustion.mode == "FIRST_COME" and exhaustion.partial and left > 0:
        return Bound(left, (step("envelope_cut", result=Micros(left), **texts),))
    return Bound(None, (), step("budget_exhausted", amount=Micros(subsidy), **texts))
