"""On which days applications or claims are taken."""

from __future__ import annotations

from typing import TypeVar

from counterfoil.contract.times import date_of, parse_date
from counterfoil.programme.form.redemption import Windows
from counterfoil.programme.periods import calendar

Place = TypeVar("Place", int, str)


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
