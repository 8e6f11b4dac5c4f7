"""Over what time something counts: whether what happened on one day counts on another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from counterfoil.contract.times import date_of
from counterfoil.programme.form.budget import Period, PeriodName
from counterfoil.programme.values import add_months, day_in
from counterfoil.programme.wording import Say, message, plainly

_MONTHS = {"CALENDAR_MONTH": 1, "CALENDAR_QUARTER": 3, "CALENDAR_YEAR": 12}


class Span(NamedTuple):
    """Local days of 1970: from `start` on, up to `end`, which is not in it; None: open."""

    start: int | None
    end: int | None

    def has(self, day: int) -> bool:
        """Whether the day is in it."""
        return (self.start is None or day >= self.start) and (self.end is None or day < self.end)


@lru_cache(maxsize=4096)
def span(period: Period, day: int, valid: Span) -> Span:
    """The period that a day is in. A rolling one ends with the day; `valid` is the programme's own."""
    if period.kind == "PROGRAMME":
        return valid
    if period.kind == "LIFETIME":
        return Span(None, None)
    if period.kind == "ROLLING":
        return Span(_first_that_counts(day, period.months or 1), day + 1)
    if period.kind == "FISCAL_YEAR":
        return _fiscal_year(day, period.starts or "01-01")
    return calendar(period.kind, day)


def calendar(kind: PeriodName, day: int) -> Span:
    """The calendar month, quarter or year of a day."""
    months = _MONTHS[kind]
    year, month, _ = date_of(day)
    start = day_in(year, (month - 1) // months * months + 1, 1)
    return Span(start, add_months(start, months))


def _first_that_counts(day: int, months: int) -> int:
    """The earliest day that fewer than so many months lie behind `day`: where `within_months` still holds."""
    first = add_months(day, -months)
    while add_months(first, months) <= day:
        first += 1
    return first


def _fiscal_year(day: int, starts: str) -> Span:
    year, *_ = date_of(day)
    month, of_month = int(starts[:2]), int(starts[3:])
    start = day_in(year, month, of_month)
    if start > day:
        year -= 1
        start = day_in(year, month, of_month)
    return Span(start, day_in(year + 1, month, of_month))


_SPELLED: Final[Mapping[str, str]] = {
    "PROGRAMME": message("the whole programme"),
    "LIFETIME": message("for ever"),
    "CALENDAR_YEAR": message("each calendar year"),
    "CALENDAR_QUARTER": message("each calendar quarter"),
    "CALENDAR_MONTH": message("each calendar month"),
}


def spelled(period: Period | None, say: Say = plainly) -> str:
    """The period in words."""
    if period is None:
        return say("no period")
    if period.kind == "ROLLING":
        return say("the last {months} months", months=period.months)
    if period.kind == "FISCAL_YEAR":
        return say("each fiscal year from {day}", day=period.starts or "01-01")
    return say(_SPELLED[period.kind])
