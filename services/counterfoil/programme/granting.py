"""Whether a voucher of so much may be issued: floor, caps, ceilings of law and envelopes, with the reasons.

Caps are judged and counted as at the application and the grant, which an issue is in one act. Who issues a voucher
signs for its holder's eligibility. A voucher that names no contract or project is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from counterfoil.contract.scalars import CountingEvent
from counterfoil.programme.bounds import Bound, Sum, cap_bound, envelope_of, regime_bound
from counterfoil.programme.case import Case, Counted, History
from counterfoil.programme.facts import Facts
from counterfoil.programme.form.benefit import Scope
from counterfoil.programme.rules import Rules
from counterfoil.programme.steps import Micros, Step, Value, step
from counterfoil.programme.values import ceiling_of, parse_amount, times

EVENTS: Final[tuple[CountingEvent, ...]] = ("APPLIED", "GRANTED")
"""As what an issue counts."""
COMPUTE: Final = "COMPUTE"


class Granted(NamedTuple):
    """`refusal`: why not; `steps`: the limits that were met; `counts`: what the voucher adds to each of them.

    `envelopes`: what it takes of each.
    """

    refusal: Step | None
    steps: tuple[Step, ...]
    counts: tuple[Counted, ...]
    envelopes: tuple[tuple[str, int], ...]


def grant(
    rules: Rules, subjects: Mapping[Scope, str], amount: int, day: int, history: History, left: Mapping[str, int]
) -> Granted:
    """Judge a voucher of `amount` (micro-units, or millionths of the unit) on a local day.

    `history`: what was counted so far for the subjects; `left`: what each envelope has left.
    """
    instrument, steps, counts = instrument_of(rules), list[Step](), list[Counted]()
    case = Case(day=day, events=EVENTS, subjects=subjects, facts=Facts(rules.facts, (), day), lines=(), history=history)
    refusal = _below_floor(rules, amount)
    asked = Sum(instrument, least_eligible(rules, amount), amount, amount)
    for cap in rules.caps:
        if cap.cap.instruments and instrument not in cap.cap.instruments:
            continue
        refusal = refusal or _take(cap_bound(rules, case, cap, asked), amount, steps)
        what = {"SUBSIDY": amount, "ELIGIBLE_AMOUNT": ceiling_of(asked.eligible), "QUANTITY": amount, "GRANTS": 1}
        subject = subjects[cap.cap.scope]
        counts += [
            Counted(cap.cap.id, subject, each, day, what[cap.cap.of]) for each in cap.cap.counts if each in EVENTS
        ]
    for regime in rules.regimes:
        refusal = refusal or _take(regime_bound(case, regime, amount), amount, steps)
        if regime.regime.counts_on in EVENTS:
            counts.append(Counted(regime.key, subjects[regime.regime.unit], regime.regime.counts_on, day, amount))
    envelope = envelope_of(rules, instrument)
    if envelope is None:
        return Granted(refusal, tuple(steps), tuple(counts), ())
    if amount > left[envelope.id]:
        texts: dict[str, Value] = {"envelope": envelope.id, "left": Micros(left[envelope.id])}
        refusal = refusal or step("budget_exhausted", amount=Micros(amount), **texts)
    return Granted(refusal, tuple(steps), tuple(counts), ((envelope.id, amount),))


def instrument_of(rules: Rules) -> str:
    """The instrument of a voucher that names none: compute, if the programme pays for it."""
    named = [each for rule in rules.tiers for each in rule.tier.instruments]
    every = any(not rule.tier.instruments for rule in rules.tiers)
    return COMPUTE if every or COMPUTE in named else named[0]


def least_eligible(rules: Rules, amount: int) -> int:
    """The least eligible amount for which so much is paid, by the highest rate."""
    highest = max(rule.rate for rule in rules.tiers)
    return ceiling_of(times(amount, highest.denominator, highest.numerator)) if highest > 0 else amount


def _below_floor(rules: Rules, amount: int) -> Step | None:
    """A floor of what is paid, or of units. One of what it is paid for is judged with the lines."""
    floor = rules.document.benefit.floor
    if floor is None or floor.measure not in ("SUBSIDY", "QUANTITY"):
        return None
    least = parse_amount(floor.amount)
    measure = floor.measure.lower()
    return step("below_floor", measure=measure, amount=Micros(amount), floor=Micros(least)) if amount < least else None


def _take(bound: Bound, amount: int, steps: list[Step]) -> Step | None:
    """Keep the reasons of a limit; the one that a grant of so much passes, if it passes it."""
    steps.extend(bound.steps)
    if bound.refusal is not None:
        return bound.refusal
    return bound.steps[-1] if bound.amount is not None and amount > bound.amount else None
