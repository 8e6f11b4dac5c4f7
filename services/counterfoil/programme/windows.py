"""On which days applications or claims are taken."""

from __future__ import annotations

from typing import Final, TypeVar

from counterfoil.contract.times import date_of, parse_date
from counterfoil.programme.form.budget import PeriodName
from counterfoil.programme.form.redemption import Windows
from counterfoil.programme.periods import Span, calendar
from counterfoil.programme.values import day_in

Place = TypeVar("Place", int, str)
_REPEATS: Final[dict[str, PeriodName]] = {
    "MONTHLY": "CALENDAR_MONTH",
    "QUARTERLY": "CALENDAR_QUARTER",
    "ANNUAL": "CALENDAR_YEAR",
}


def is_taken(windows: Windows | None, day: int) -> bool:
    """Whether something is taken on a local day. A window may go round the end of a year."""
    if windows is None or windows.kind == "ROLLING" or windows.opens is None or windows.closes is None:
        return True
    opens, closes = windows.opens, windows.closes
    if isinstance(opens, int) and isinstance(closes, int):
        if windows.kind == "MONTHLY":
            return _between(opens, date_of(day)[2], closes)
        return _between(opens, day - (calendar("CALENDAR_QUARTER", day).start or 0) + 1, closes)
    if windows.kind == "FIXED":
        return parse_date(f"{opens}") <= day <= parse_date(f"{closes}")
    _, month, of_month = date_of(day)
    return _between(f"{opens}", f"{month:02}-{of_month:02}", f"{closes}")


def _between(first: Place, each: Place, last: Place) -> bool:
    return first <= each <= last if first <= last else each >= first or each <= last


def window_at(windows: Windows, day: int) -> Span | None:
    """The window that a local day is in, up to the day behind its last; None: in none, or applications roll."""
    if windows.kind == "FIXED":
        found = Span(parse_date(f"{windows.opens}"), parse_date(f"{windows.closes}") + 1)
        return found if found.has(day) else None
    if windows.kind == "ROLLING":
        return None
    within = calendar(_REPEATS[windows.kind], day)
    before = calendar(_REPEATS[windows.kind], (within.start or 0) - 1)
    return next(
        (each for each in (_in(windows, within), _in(windows, before)) if each is not None and each.has(day)), None
    )


def _in(windows: Windows, period: Span) -> Span | None:
    """The window that begins in a month, quarter or year."""
    start, end = period.start or 0, period.end or 0
    if windows.opens is None or windows.closes is None:
        return period
    opens = _nth(windows.opens, start)
    if isinstance(windows.opens, str) and date_of(opens)[2] < int(windows.opens[3:]):
        opens += 1  # 29 February in a year without one
    if opens >= end:  # a month without such a day: what goes round its end begins with the next one
        if _nth(windows.closes, start) >= opens:
            return None
        opens = end
    elif _nth(windows.closes, start) >= opens:
        return Span(opens, min(_nth(windows.closes, start) + 1, end))
    following = calendar(_REPEATS[windows.kind], end)
    return Span(opens, min(_nth(windows.closes, end) + 1, following.end or 0))


def _nth(place: int | str, start: int) -> int:
    """The day of a period that begins with `start`: a number from 1, or MM-DD of its year."""
    if isinstance(place, int):
        return start + place - 1
    return day_in(date_of(start)[0], int(place[:2]), int(place[3:]))
