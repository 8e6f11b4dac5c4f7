"""Judges conditions over facts, in three values: true, false, and unknown where a fact is not attested.

Kleene's logic: an unknown part leaves the whole unknown unless the others decide it, and unknown grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import UNSET

from counterfoil.contract.times import parse_date
from counterfoil.programme.facts import Declared, Fact, Facts, Kind
from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.limits import MAX_TERMS
from counterfoil.programme.values import add_months

TESTS = {
    "equals": ("FLAG", "NUMBER", "CODE", "CODES"),
    "one_of": ("CODE", "CODES"),
    "at_least": ("NUMBER",),
    "at_most": ("NUMBER",),
    "below": ("NUMBER",),
    "above": ("NUMBER",),
    "within_months": ("DATE",),
    "not_within_months": ("DATE",),
    "on_or_after": ("DATE",),
    "on_or_before": ("DATE",),
}
"""The comparisons, and the kinds of facts that each can be made with."""


class Judgement(NamedTuple):
    """What a condition came to; `holds` is None if unknown. `facts` decided it, `missing` were not attested."""

    holds: bool | None
    facts: tuple[Fact, ...] = ()
    missing: tuple[str, ...] = ()


_ALWAYS: Final = Judgement(True)


def faults(condition: Condition, known: Declared) -> Iterator[str]:
    """What is wrong with a condition as such: its form, its facts, its values."""
    terms = list(_terms(condition))
    if len(terms) > MAX_TERMS:
        yield f"more than {MAX_TERMS} comparisons"
        return
    for term in terms:
        yield from _faults_of(term, known)


def _terms(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in _parts(condition):
        yield from _terms(part)


def _parts(condition: Condition) -> tuple[Condition, ...]:
    negated = () if condition.negated is None else (condition.negated,)
    return (*(condition.all or ()), *(condition.any or ()), *negated)


def tests_of(condition: Condition) -> list[str]:
    """The comparisons that it makes with its fact."""
    return [name for name in TESTS if getattr(condition, name) not in (None, UNSET)]


def facts_of(condition: Condition | None) -> set[str]:
    """The names of the facts that it asks for."""
    return set() if condition is None else {each.fact for each in _terms(condition) if each.fact is not None}


def _faults_of(condition: Condition, known: Declared) -> Iterator[str]:
    forms = [condition.all is not None, condition.any is not None, condition.negated is not None]
    tests = tests_of(condition)
    if sum(forms) + (condition.fact is not None) != 1 or (condition.fact is None and tests):
        yield "a condition is one of: `fact` with a comparison, `all`, `any`, `not`"
        return
    if condition.fact is None:
        if condition.all == () or condition.any == ():
            yield "`all` and `any` need a part"
        return
    kept = known.kinds.get(condition.fact)
    if kept is None:
        yield f"the fact {condition.fact!r} is neither known nor declared in `facts`"
    elif len(tests) != 1:
        yield f"{condition.fact}: exactly one comparison is needed, found {len(tests)}"
    elif kept.kind not in TESTS[tests[0]]:
        yield f"{condition.fact} is a {kept.kind}, which cannot be compared so"
    else:
        yield from _bad_value(condition, kept.kind)


def _bad_value(condition: Condition, kind: Kind) -> Iterator[str]:
    wanted = {"FLAG": bool, "NUMBER": int, "CODE": str, "CODES": str}.get(kind)
    if condition.equals is not UNSET and type(condition.equals) is not wanted:
        yield f"{condition.fact} is a {kind}, and is compared with another kind of value"
    for day in (condition.on_or_after, condition.on_or_before):
        if day is not None:
            try:
                parse_date(day)
            except ValueError:
                yield f"{condition.fact}: {day!r} is not a date"


def judge(condition: Condition | None, facts: Facts, day: int) -> Judgement:
    """What the condition comes to on a day. None holds always, and `not_within_months` where nothing is on record."""
    if condition is None:
        return _ALWAYS
    name = condition.fact
    if name is not None:
        fact = facts.get(name)
        if fact is not None:
            return Judgement(_holds(condition, fact.value, day), (fact,))
        return _ALWAYS if condition.not_within_months is not None else Judgement(None, (), (name,))
    if condition.negated is not None:
        inner = judge(condition.negated, facts, day)
        return inner if inner.holds is None else inner._replace(holds=not inner.holds)
    parts = [judge(each, facts, day) for each in condition.all or condition.any or ()]
    return _joined(parts, deciding=condition.all is None)


def _joined(parts: list[Judgement], *, deciding: bool) -> Judgement:
    """`all` of the parts, which one that does not hold decides; or `any`, which one that holds decides."""
    for part in parts:
        if part.holds is deciding:
            return part
    facts = tuple(fact for part in parts for fact in part.facts)
    missing = tuple(name for part in parts for name in part.missing)
    return Judgement(None if missing else not deciding, facts, missing)


def _holds(condition: Condition, value: object, day: int) -> bool:
    if condition.equals is not UNSET:
        return condition.equals in value if isinstance(value, tuple) else condition.equals == value
    if condition.one_of is not None:
        return any(each in condition.one_of for each in (value if isinstance(value, tuple) else (value,)))
    assert_number = value if isinstance(value, int) else 0  # kinds were checked when the document was read
    return _in_range(condition, assert_number, day)


def _in_range(condition: Condition, value: int, day: int) -> bool:
    if condition.within_months is not None:
        return day < add_months(value, condition.within_months)
    if condition.not_within_months is not None:
        return day >= add_months(value, condition.not_within_months)
    if condition.on_or_after is not None:
        return value >= parse_date(condition.on_or_after)
    if condition.on_or_before is not None:
        return value <= parse_date(condition.on_or_before)
    if (least := condition.at_least) is not None and value < least:
        return False
    if (most := condition.at_most) is not None and value > most:
        return False
    if (below := condition.below) is not None and value >= below:
        return False
    return (above := condition.above) is None or value > above
