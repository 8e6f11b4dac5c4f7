"""For all inputs no limit is passed and shares add up; more that was counted pays no more; what conditions mean."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.times import parse_date
from counterfoil.programme.benefit import Evaluation, evaluate
from counterfoil.programme.conditions import judge
from counterfoil.programme.facts import Fact, Facts
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import written
from tests.programme.given import case, fact, line, rules, units

SMALL = [fact("employees", 30), fact("turnover", 2_000_000), fact("legal_form", "ENTERPRISE")]
DAY = "2026-03-01"

money = st.integers(0, 80_000 * 10**6).map(lambda each: f"{each // 10**6}.{each % 10**6:06d}")
lines = st.lists(
    st.builds(
        lambda n, amount, tax, instrument, quantity: line(
            amount, id=str(n), tax="0" if float(tax) > float(amount) else tax, instrument=instrument, quantity=quantity
        ),
        st.integers(0, 99),
        money,
        money,
        st.sampled_from(["COMPUTE", "DATA"]),
        st.sampled_from(["0", "100", "20000"]),
    ),
    min_size=1,
    max_size=4,
)
rounding = st.sampled_from(
    [
        {"mode": mode, "quantum": q}
        for mode in ("TRUNCATE", "HALF_UP", "HALF_EVEN", "CEILING")
        for q in ("0.01", "1", "7")
    ]
)
histories = st.fixed_dictionaries({"both": money, "regime": st.integers(0, 299_999)})


def _rules(rounding_: Any, each: bool) -> Rules:
    return rules("mixed", benefit__rounding={**rounding_, "at_each_step": each})


def _judged(made: Rules, given_: Any, history: Any, other: str) -> Evaluation:
    counted = [
        {"cap": "both", "subject": "acme", "event": "GRANTED", "on": "2026-02-01", "amount": history["both"]},
        {
            "cap": "regime:DE_MINIMIS",
            "subject": "acme",
            "event": "GRANTED",
            "on": "2024-02-01",
            "amount": str(history["regime"]),
        },
    ]
    return evaluate(made, case(made, DAY, given_, *SMALL, counted=counted, other_support={"regional": other}))


@given(lines, rounding, st.booleans(), histories, money)
def test_no_limit_is_ever_passed(given_: Any, rounding_: Any, each: bool, history: Any, other: str) -> None:
    made = _rules(rounding_, each)
    found = _judged(made, given_, history, other)
    assert found.subsidy >= 0
    assert sum(part for _, part in found.payers) == found.subsidy
    if found.refusal is not None:
        assert found.subsidy == 0
        assert found.counts == ()
        return
    assert found.subsidy % units(rounding_["quantum"]) == 0
    assert found.subsidy <= found.eligible * Fraction(9, 10), "the beneficiary bears a tenth"
    assert found.subsidy + units(history["both"]) <= units("40000"), "the cap"
    assert found.subsidy + history["regime"] * 10**6 <= units("300000"), "the ceiling of law"
    assert found.co_payment == found.eligible - found.subsidy
    counts = {(one.cap, one.event): one.amount for one in found.counts}
    assert counts["both", "GRANTED"] == found.subsidy
    assert found == _judged(made, given_, history, other)
    assert all(step.sentence for step in found.steps)


caps = st.lists(
    st.fixed_dictionaries({
        "of": st.sampled_from(["SUBSIDY", "ELIGIBLE_AMOUNT", "QUANTITY"]),
        "instruments": st.sampled_from([[], ["COMPUTE"], ["DATA"]]),
        "amount": st.sampled_from(["50", "1000", "30000"]),
    }),
    min_size=1, max_size=3,
)  # fmt: skip


@given(lines, rounding, caps, st.sampled_from(["0", "49.5"]))
def test_no_counter_passes_its_cap_whatever_it_counts(given_: Any, rounding_: Any, chosen: Any, before: str) -> None:
    named = [{"id": f"c{n}", "scope": "GROUP", "counts": ["GRANTED"], **each} for n, each in enumerate(chosen)]
    made = rules("mixed", benefit__rounding=rounding_, benefit__caps=named)
    subject = {"subject": "acme", "event": "GRANTED", "on": "2026-02-01", "amount": before}
    found = evaluate(made, case(made, DAY, given_, *SMALL, counted=[{"cap": each["id"], **subject} for each in named]))
    limits = {each["id"]: units(each["amount"]) for each in named}
    assert all(units(before) + each.amount <= limits[each.cap] for each in found.counts if each.cap in limits)


@pytest.mark.parametrize(
    ("amount", "counted_asked", "added"), [("900", False, 900), ("1200", False, 1_000), ("1200", True, 1_200)]
)
def test_what_a_cap_cuts_is_not_counted(amount: str, counted_asked: bool, added: int) -> None:
    """Of costs, too; before version 10 of the rules a cap of costs counted all that was asked for, beyond itself."""
    cap = {"id": "cost", "scope": "GROUP", "amount": "1000", "of": "ELIGIBLE_AMOUNT", "counts": ["GRANTED"]}
    made = rules("mixed", benefit__caps=[cap])
    asked = case(made, DAY, [line(amount, instrument="COMPUTE")], *SMALL)
    found = evaluate(made, replace(asked, counts_asked=counted_asked))
    assert [each.amount for each in found.counts if each.cap == "cost"] == [added * 10**6]
    assert found.subsidy == units({"900": "600", "1200": "666.66"}[amount])


@given(lines, rounding, histories, money, money)
def test_what_was_counted_before_never_makes_it_more(
    given_: Any, rounding_: Any, history: Any, other: str, more: str
) -> None:
    made = _rules(rounding_, each=False)
    before = _judged(made, given_, history, other)
    counted = written(units(history["both"]) + units(more)).replace(",", "")
    after = _judged(made, given_, {**history, "both": counted}, other)
    assert after.subsidy <= before.subsidy


EMPTY = Facts(rules("mixed").facts, (), parse_date(DAY))
TRUE = {"fact": "employees", "at_least": 1}
FALSE = {"fact": "employees", "at_most": 0}
UNKNOWN = {"fact": "turnover", "at_least": 1}
KLEENE: list[tuple[Any, bool | None]] = [
    (TRUE, True),
    (FALSE, False),
    (UNKNOWN, None),
    ({"not": FALSE}, True),
    ({"not": UNKNOWN}, None),
    ({"all": [TRUE, UNKNOWN]}, None),
    ({"all": [FALSE, UNKNOWN]}, False),
    ({"all": [UNKNOWN, FALSE]}, False),
    ({"any": [UNKNOWN, TRUE]}, True),
    ({"any": [FALSE, UNKNOWN]}, None),
    ({"any": [FALSE, FALSE]}, False),
    ({"not": {"any": [FALSE, UNKNOWN]}}, None),
]


@pytest.mark.parametrize(("condition", "holds"), KLEENE)
def test_a_fact_that_nobody_attested_grants_nothing(condition: Any, holds: bool | None) -> None:
    made = rules("mixed")
    facts = Facts(made.facts, [Fact("employees", 5, "operator", 0)], parse_date(DAY))
    found = judge(rules("mixed", scope__line_when=condition).document.scope.line_when, facts, parse_date(DAY))
    assert found.holds is holds
    assert bool(found.missing) is (holds is None)


DATES = [
    ({"fact": "founded_on", "within_months": 12}, "2025-03-02", True),
    ({"fact": "founded_on", "within_months": 12}, "2025-03-01", False),
    ({"fact": "last_penalty_on", "not_within_months": 36}, "2023-03-01", True),
    ({"fact": "last_penalty_on", "not_within_months": 36}, "2023-03-02", False),
    ({"fact": "founded_on", "on_or_after": "1951-05-31"}, "1951-05-31", True),
    ({"fact": "founded_on", "on_or_before": "1951-05-30"}, "1951-05-31", False),
]


@pytest.mark.parametrize(("condition", "on", "holds"), DATES)
def test_dates(condition: Any, on: str, holds: bool) -> None:
    made = rules("mixed", scope__line_when=condition)
    facts = Facts(made.facts, [Fact(condition["fact"], parse_date(on), "operator", 0)], parse_date(DAY))
    assert judge(made.document.scope.line_when, facts, parse_date(DAY)).holds is holds


def test_no_penalty_on_record_is_none() -> None:
    made = rules("mixed", scope__line_when={"fact": "last_penalty_on", "not_within_months": 36})
    assert judge(made.document.scope.line_when, EMPTY, parse_date(DAY)).holds is True


def test_which_attestations_count() -> None:
    known = rules("mixed").facts
    day = parse_date(DAY)

    def value(*given_: Fact) -> Any:
        found = Facts(known, given_, day, "acme").get(given_[0].name)
        return found.value if found else None

    assert value(Fact("employees", 5, "operator", day)) == 5
    assert value(Fact("employees", 5, "operator", day + 1)) is None, "attested later than it is judged"
    assert value(Fact("employees", 5, "acme", day)) is None, "by the applicant itself"
    assert value(Fact("employees", 5, "operator", day - 9), Fact("employees", 6, "register", day - 8)) == 6
    assert value(Fact("pilot", True, "issuer", parse_date("2025-09-02"))) is True
    assert value(Fact("pilot", True, "issuer", parse_date("2025-09-01"))) is None, "older than its six months"
    for bad in (Fact("employees", "many", "operator", day), Fact("nothing", 1, "operator", day)):
        with pytest.raises(ValueError, match=bad.name):
            value(bad)
    with pytest.raises(ValueError, match="differently"):
        value(Fact("employees", 5, "operator", day), Fact("employees", 6, "operator", day))
