"""Checks of a document's form: ids, conditions, facts, periods, days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from counterfoil.contract.times import parse_date
from counterfoil.programme.conditions import facts_of, faults
from counterfoil.programme.facts import KNOWN
from counterfoil.programme.findings import CONVERSION_TWICE, Finding
from counterfoil.programme.form.budget import Period
from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.form.life import PeriodEndExpiry
from counterfoil.programme.form.redemption import Windows
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount


def conditions_of(rules: Rules) -> Iterator[tuple[str, Condition]]:
    """Every condition of a document, with its place."""
    document = rules.document
    for index, requirement in enumerate(document.eligibility):
        yield f"eligibility[{index}].when", requirement.when
    for index, tier in enumerate(document.benefit.tiers):
        if tier.when is not None:
            yield f"benefit.tiers[{index}].when", tier.when
    for index, cap in enumerate(document.benefit.caps):
        if cap.waived_when is not None:
            yield f"benefit.caps[{index}].waived_when", cap.waived_when
    for index, each in enumerate(document.review.steps if document.review else ()):
        if each.when is not None:
            yield f"review.steps[{index}].when", each.when
    floor, pledge = document.benefit.floor, document.transfer.pledge
    single = {
        "benefit.floor.waived_when": floor.waived_when if floor else None,
        "scope.line_when": document.scope.line_when,
        "providers.capability": document.providers.capability,
        "transfer.to": document.transfer.to,
        "transfer.pledge.to": pledge.to if pledge else None,
    }
    for place, condition in single.items():
        if condition is not None:
            yield place, condition


def _conditions(rules: Rules) -> Iterator[Finding]:
    for place, condition in conditions_of(rules):
        for text in faults(condition, rules.facts):
            yield Finding("condition_malformed", text, (place,))


def _facts(rules: Rules) -> Iterator[Finding]:
    for index, each in enumerate(rules.document.facts):
        if each.name in KNOWN:
            yield Finding("fact_redeclared", f"{each.name} is known to every programme", (f"facts[{index}].name",))
    own = facts_of(rules.document.scope.line_when)
    for name in sorted(own):
        kept = rules.facts.kinds.get(name)
        if kept is not None and kept.of == "APPLICANT":
            yield Finding("line_condition_on_applicant", f"{name} is a fact of the applicant", ("scope.line_when",))


def _conversions(rules: Rules) -> Iterator[Finding]:
    seen = dict[tuple[str, str | None], int]()
    for index, each in enumerate(rules.document.conversions):
        first = seen.setdefault((each.from_unit, each.provider), index)
        if first != index:
            of = "" if each.provider is None else f" of {each.provider}"
            places = (f"conversions[{first}]", f"conversions[{index}]")
            yield Finding(CONVERSION_TWICE, f"{each.from_unit}{of} converts twice", places)


def _ids(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    lists = {
        "benefit.tiers": [each.id for each in document.benefit.tiers],
        "benefit.caps": [each.id for each in document.benefit.caps],
        "budget.envelopes": [each.id for each in document.budget.envelopes],
        "budget.funding": [each.payer for each in document.budget.funding],
        "eligibility": [each.id for each in document.eligibility],
        "facts": [each.name for each in document.facts],
    }
    for place, ids in lists.items():
        for name, times in Counter(ids).items():
            if times > 1:
                yield Finding("id_twice", f"{name} stands {times} times", (place,))


def _periods(rules: Rules) -> Iterator[Finding]:
    for place, period in _all_periods(rules):
        if period.kind == "ROLLING" and period.months is None:
            yield Finding("period_incomplete", "ROLLING needs `months`", (place,))
        if period.kind == "FISCAL_YEAR" and not _is_day_of_year(period.starts):
            yield Finding("period_incomplete", "FISCAL_YEAR needs `starts`, a day such as 04-01", (place,))


def _all_periods(rules: Rules) -> Iterator[tuple[str, Period]]:
    document = rules.document
    for index, envelope in enumerate(document.budget.envelopes):
        yield f"budget.envelopes[{index}].period", envelope.period
    for index, cap in enumerate(document.benefit.caps):
        if cap.period is not None:
            yield f"benefit.caps[{index}].period", cap.period
    if isinstance(document.expiry.rule, PeriodEndExpiry):
        yield "expiry.rule.period", document.expiry.rule.period


def _is_day_of_year(text: str | None) -> bool:
    try:
        parse_date(f"2023-{text}")
    except ValueError:
        return False
    return True


def _days(rules: Rules) -> Iterator[Finding]:
    for code, days, place in (
        ("validity_empty", rules.valid, "valid"),
        ("reference_empty", rules.reference, "redemption"),
    ):
        if days.start is not None and days.end is not None and days.start >= days.end:
            yield Finding(code, "it ends before it begins", (place,))
    if rules.valid.end is None:
        yield Finding("open_ended", "`valid.end` is not stated", ("valid.end",))
    if not rules.document.legal_basis:
        yield Finding("sources_missing", "`legal_basis` is empty", ("legal_basis",))


def _windows(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    applications = document.applications
    for place, windows in (
        ("redemption.windows", document.redemption.windows),
        ("applications.windows", applications.windows if applications else None),
    ):
        if windows is not None and windows.kind != "ROLLING":
            yield from _window(place, windows)


def _window(place: str, windows: Windows) -> Iterator[Finding]:
    opens, closes = windows.opens, windows.closes
    if opens is None or closes is None:
        if windows.kind != "QUARTERLY":  # without days: the whole quarter
            yield Finding("window_incomplete", f"{windows.kind} needs `opens` and `closes`", (place,))
        return
    shapes = {"MONTHLY": int, "QUARTERLY": int, "ANNUAL": str, "FIXED": str}
    wanted = shapes[windows.kind]
    if type(opens) is not wanted or type(closes) is not wanted:
        yield Finding("window_incomplete", f"the days of {windows.kind} are written otherwise", (place,))
    elif isinstance(opens, str) and isinstance(closes, str) and len(opens) != len(closes):
        yield Finding("window_incomplete", "both days have one form", (place,))
    elif windows.kind == "FIXED" and opens > closes:  # type: ignore[operator]
        yield Finding("window_empty", f"{opens} lies after {closes}", (f"{place}.opens", f"{place}.closes"))


def _thresholds(rules: Rules) -> Iterator[Finding]:
    steps = rules.document.review.steps if rules.document.review else ()
    amounts = [(index, parse_amount(each.up_to)) for index, each in enumerate(steps) if each.up_to is not None]
    for (first, less), (second, more) in pairwise(amounts):
        if more <= less:
            places = (f"review.steps[{first}].up_to", f"review.steps[{second}].up_to")
            yield Finding(
                "review_thresholds_not_rising", f"{steps[second].up_to} is not above {steps[first].up_to}", places
            )


FORM: Final = (_conditions, _facts, _ids, _conversions, _periods, _days, _windows, _thresholds)
