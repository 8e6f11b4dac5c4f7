"""When vouchers end, over what time something counts, who gets what of too little, who bears what."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.times import format_day, parse_date
from counterfoil.programme.expiry import Life, end_of, extended
from counterfoil.programme.form.budget import Period
from counterfoil.programme.form.redemption import Windows
from counterfoil.programme.periods import Span, span
from counterfoil.programme.sharing import Asked, allocate, quantum_of, shared
from counterfoil.programme.values import add_months, parse_rate, percent
from counterfoil.programme.windows import is_taken, window_at
from tests.programme.given import rules, units

ISSUED = parse_date("2026-03-15")
RULES: list[tuple[dict[str, Any], dict[str, int], str | None]] = [
    ({"kind": "FIXED", "on": "2026-06-30"}, {}, "2026-07-01"),
    ({"kind": "RELATIVE", "after_days": 90}, {}, "2026-06-13"),
    ({"kind": "RELATIVE", "after_days": 1, "anchor": "ACTIVATED"}, {"activated": ISSUED + 10}, "2026-03-26"),
    ({"kind": "RELATIVE", "after_days": 1, "anchor": "ACTIVATED"}, {}, None),
    ({"kind": "CLAIM_WINDOW", "opens": "2027-01-04", "closes": "2027-01-23"}, {}, "2027-01-24"),
    ({"kind": "PERIOD_END", "period": {"kind": "CALENDAR_QUARTER"}}, {}, "2026-04-01"),
    ({"kind": "PERIOD_END", "period": {"kind": "FISCAL_YEAR", "starts": "04-01"}}, {}, "2026-04-01"),
    ({"kind": "INACTIVITY", "after_months": 6}, {}, "2026-09-15"),
    ({"kind": "INACTIVITY", "after_months": 6}, {"used": parse_date("2026-08-31")}, "2027-02-28"),
    ({"kind": "PROJECT_END"}, {"project_ends": parse_date("2026-12-31")}, "2027-01-01"),
    ({"kind": "NONE"}, {}, None),
]


@pytest.mark.parametrize(("rule", "life", "ends"), RULES)
def test_the_end_of_a_voucher(rule: dict[str, Any], life: dict[str, int], ends: str | None) -> None:
    found = end_of(rules("mixed", expiry={"rule": rule}), Life(ISSUED, **life)).ends
    assert (None if found is None else format_day(found)) == ends


def test_a_project_without_a_last_day_has_no_end() -> None:
    with pytest.raises(ValueError, match="last day"):
        end_of(rules("mixed", expiry={"rule": {"kind": "PROJECT_END"}}), Life(ISSUED))


def test_what_happens_around_an_end() -> None:
    made = rules("mixed")  # six months without use, a notice 30 days before, offline 5 before, 30 days of grace
    end = end_of(made, Life(ISSUED))
    days = [*end.notices, end.offline, end.ends, end.captures_until]
    assert [format_day(each) for each in days if each is not None] == [
        "2026-08-16",
        "2026-09-10",
        "2026-09-15",
        "2026-10-15",
    ]
    assert [end.pays_on(parse_date(each)) for each in ("2026-09-09", "2026-09-10")] == [True, False]
    later = extended(made, end, 30)
    assert later.ends == (end.ends or 0) + 30
    for days_too_many in (0, 31):
        with pytest.raises(ValueError, match="1 to 30"):
            extended(made, end, days_too_many)


SPANS = [
    ("CALENDAR_YEAR", {}, "2026-01-01", "2027-01-01"),
    ("CALENDAR_QUARTER", {}, "2026-01-01", "2026-04-01"),
    ("CALENDAR_MONTH", {}, "2026-03-01", "2026-04-01"),
    ("FISCAL_YEAR", {"starts": "04-01"}, "2025-04-01", "2026-04-01"),
    ("FISCAL_YEAR", {"starts": "03-15"}, "2026-03-15", "2027-03-15"),
    ("ROLLING", {"months": 36}, "2023-03-16", "2026-03-16"),
    ("PROGRAMME", {}, "2026-01-01", "2026-12-31"),
]


@pytest.mark.parametrize(("kind", "other", "start", "end"), SPANS)
def test_a_period(kind: Any, other: dict[str, Any], start: str, end: str) -> None:
    valid = Span(parse_date("2026-01-01"), parse_date("2026-12-31"))
    found = span(Period(kind=kind, **other), ISSUED, valid)
    assert (found.start, found.end) == (parse_date(start), parse_date(end))


@given(st.integers(0, 80_000), st.integers(1, 60))
def test_a_rolling_period_begins_where_fewer_months_lie_behind(day: int, months: int) -> None:
    start = span(Period(kind="ROLLING", months=months), day, Span(None, None)).start
    assert start is not None
    assert add_months(start, months) > day >= add_months(start - 1, months)


@given(st.integers(0, 10**12))
def test_payers_bear_all_of_it_and_no_more(amount: int) -> None:
    parts = shared(rules("mixed"), amount)
    assert sum(part for _, part in parts) == amount
    assert all(part >= 0 for _, part in parts)


@st.composite
def repeating(draw: st.DrawFn) -> Windows:
    """Windows of each kind, around the end of their period too."""
    kind: Any = draw(st.sampled_from(["MONTHLY", "QUARTERLY", "ANNUAL"]))
    last = {"MONTHLY": 31, "QUARTERLY": 92}.get(kind)
    of_year = st.dates(date(2023, 1, 1), date(2023, 12, 31)).map(lambda day: f"{day:%m-%d}")
    place: st.SearchStrategy[Any] = of_year if last is None else st.integers(1, last)
    return Windows(kind=kind, opens=draw(place), closes=draw(place))


@given(repeating(), st.integers(10_000, 20_000))
def test_a_window_has_the_days_on_which_applications_are_taken(windows: Windows, day: int) -> None:
    found = window_at(windows, day)
    assert (found is not None) is is_taken(windows, day)
    if found is not None and found.start is not None and found.end is not None:
        assert all(
            is_taken(windows, each) and window_at(windows, each) == found for each in (found.start, found.end - 1)
        )


ASKED = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8)
MODES = st.sampled_from(["FIRST_COME", "RANKED", "PRO_RATA", "LOTTERY", "QUEUE", "TOTAL_CONTROL"])


@given(ASKED, st.integers(0, 10**9), MODES, st.booleans(), st.binary(max_size=4))
def test_what_is_given_is_within_the_budget_and_what_was_asked(
    asked: list[tuple[int, int, int]], left: int, mode: str, partial: bool, seed: bytes
) -> None:
    made = rules("mixed", budget__exhaustion={"mode": mode, "partial": partial})
    applications = [Asked(f"a{n}", amount, place, score) for n, (amount, place, score) in enumerate(asked)]
    given_ = allocate(made, applications, left, seed)
    assert [each.id for each in given_] == [each.id for each in applications]
    assert sum(each.amount for each in given_) <= left
    assert all(0 <= each.amount <= one.amount for each, one in zip(given_, applications, strict=True))
    if sum(each.amount for each in applications) <= left:
        assert all(each.amount == one.amount for each, one in zip(given_, applications, strict=True))
    backwards = allocate(made, applications[::-1], left, seed)
    assert given_ == backwards[::-1], "who is named first does not matter"
    more = allocate(made, applications, left + 10**6, seed)
    assert sum(each.amount for each in more) >= sum(each.amount for each in given_)
    if mode != "PRO_RATA":  # the largest remainders may lie elsewhere with another budget
        assert all(one.amount >= each.amount for one, each in zip(more, given_, strict=True))
    elif sum(each.amount for each in applications) > left:
        quantum, total = quantum_of(made), sum(each.amount for each in applications)
        exact = [Fraction(each.amount * left, total) for each in applications]
        assert all(abs(each.amount - one) < quantum for each, one in zip(given_, exact, strict=True))


@given(
    ASKED, st.integers(0, 10**9), st.sampled_from(["RANKED", "LOTTERY", "PRO_RATA"]), st.randoms(use_true_random=False)
)
def test_when_somebody_came_does_not_matter_where_time_is_no_rule(
    asked: list[tuple[int, int, int]], left: int, mode: str, chance: Any
) -> None:
    made = rules("mixed", budget__exhaustion={"mode": mode})
    places = list(range(len(asked)))
    early = [Asked(f"a{n}", amount, n, score=n) for n, (amount, _, _) in enumerate(asked)]
    chance.shuffle(places)
    late = [each._replace(place=place) for each, place in zip(early, places, strict=True)]
    first, second = allocate(made, early, left, b"draw"), allocate(made, late, left, b"draw")
    if mode != "PRO_RATA":
        assert first == second
    quantum = quantum_of(made)  # what is left over goes by time where the parts cut off are equal
    assert all(abs(one.amount - two.amount) <= quantum for one, two in zip(first, second, strict=True))


def test_orders_and_their_leftovers() -> None:
    asked = [Asked("late", units("60"), 2, 9), Asked("early", units("60"), 1, 1)]

    def outcome(mode: str, partial: bool = False, left: str = "100") -> dict[str, tuple[int, str]]:
        made = rules("mixed", budget__exhaustion={"mode": mode, "partial": partial})
        return {each.id: (each.amount, each.outcome) for each in allocate(made, asked, units(left), b"seed")}

    sixty, nothing = units("60"), 0
    assert outcome("FIRST_COME") == {"early": (sixty, "GRANTED"), "late": (nothing, "REJECTED")}
    assert outcome("FIRST_COME", partial=True)["late"] == (units("40"), "GRANTED")
    assert outcome("QUEUE") == {"early": (sixty, "GRANTED"), "late": (nothing, "WAITLISTED")}
    assert outcome("RANKED") == {"late": (sixty, "GRANTED"), "early": (nothing, "WAITLISTED")}
    assert outcome("PRO_RATA") == {"late": (units("50"), "GRANTED"), "early": (units("50"), "GRANTED")}
    assert outcome("PRO_RATA", left="100.01")["early"] == (units("50.01"), "GRANTED"), "the spare quantum goes by time"


def test_rates_are_exact() -> None:
    assert [percent(parse_rate(each)) for each in ("30%", "12.5%", "2/3", "3/10", "0.0001%")] == [
        "30 %",
        "12.5 %",
        "2/3",
        "30 %",
        "0.0001 %",
    ]


def test_months_reach_into_the_years_before_1970_and_stop_at_the_bounds_of_dates() -> None:
    founded = parse_date("1951-05-31")
    assert founded < 0
    assert add_months(founded, 12 * 60) == parse_date("2011-05-31")
    assert add_months(parse_date("1800-03-01"), -12) == parse_date("1800-01-01")
    assert add_months(parse_date("2399-03-01"), 12) == parse_date("2399-12-31")
