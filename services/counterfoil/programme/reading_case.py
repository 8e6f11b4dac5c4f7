"""Makes a case of JSON data, by the facts that a programme knows."""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.contract.times import parse_date
from counterfoil.programme.case import Case, ContractDates, Counted, History, Line
from counterfoil.programme.facts import Fact, Facts, read_value
from counterfoil.programme.form.case import CaseGiven, CountedGiven, FactGiven, LineGiven
from counterfoil.programme.reading import BadDocument, read_part
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import MICRO, parse_amount


def read_case(rules: Rules, value: object, lines: Iterable[object] = ()) -> Case:
    """The case that JSON data says; `lines` are those of another file. Raises `BadDocument`."""
    given = read_part(value, CaseGiven, "case")
    given_lines = (*given.lines, *(read_part(each, LineGiven, f"line {n}") for n, each in enumerate(lines, 1)))
    day = parse_date(given.day)
    applicant = given.subjects.get("BENEFICIARY", "")
    grants = {rule.cap.id for rule in rules.caps if rule.cap.of == "GRANTS"}
    return Case(
        day=day,
        events=given.events,
        subjects={"PROGRAMME": rules.document.id, **given.subjects},
        facts=_facts(rules, given.facts, day, applicant, "facts"),
        lines=tuple(_line(rules, each, day, applicant) for each in given_lines),
        applied=_day(given.applied),
        contract=None
        if given.contract is None
        else ContractDates(*(parse_date(getattr(given.contract, name)) for name in ContractDates._fields)),
        approved={name: parse_amount(text) for name, text in given.approved.items()},
        granted=None if given.granted is None else parse_amount(given.granted),
        left={name: parse_amount(text) for name, text in given.left.items()},
        first_used={name: parse_date(text) for name, text in given.first_used.items()},
        other_support={name: parse_amount(text) for name, text in given.other_support.items()},
        history=History(_counted(each, grants) for each in given.counted),
    )


def _counted(given: CountedGiven, grants: set[str]) -> Counted:
    amount = parse_amount(given.amount)
    number = amount // MICRO if given.cap in grants else amount
    return Counted(given.cap, given.subject, given.event, parse_date(given.on), number)


def _line(rules: Rules, given: LineGiven, day: int, applicant: str) -> Line:
    return Line(
        id=given.id,
        sku=given.sku,
        instrument=given.instrument,
        amount=parse_amount(given.amount),
        tax=parse_amount(given.tax),
        quantity=parse_amount(given.quantity),
        unit=given.unit,
        class_id=given.class_id,
        region=given.region,
        provider_id=given.provider_id,
        provider_listed=given.provider_listed,
        related=given.related,
        starts=_day(given.starts),
        ends=_day(given.ends),
        ceiling=None if given.ceiling is None else parse_amount(given.ceiling),
        facts=_facts(rules, given.facts, day, applicant, f"line {given.id}") if given.facts else None,
    )


def _facts(rules: Rules, given: Iterable[FactGiven], day: int, applicant: str, where: str) -> Facts:
    facts = [_fact(rules, each, f"{where}, {each.name}") for each in given]
    try:
        return Facts(rules.facts, facts, day, applicant)
    except ValueError as problem:
        raise BadDocument("fact_not_valid", where, f"{problem}") from problem


def _fact(rules: Rules, given: FactGiven, where: str) -> Fact:
    kept = rules.facts.kinds.get(given.name)
    if kept is None:
        raise BadDocument("fact_not_valid", where, "neither known to every programme nor declared by this one")
    try:
        value = read_value(kept.kind, given.value)
    except ValueError as problem:
        raise BadDocument("fact_not_valid", where, f"{problem}") from problem
    return Fact(given.name, value, given.attested_by, parse_date(given.on), given.source)


def _day(text: str | None) -> int | None:
    return None if text is None else parse_date(text)
