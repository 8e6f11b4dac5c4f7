"""UTC times as integers. Microseconds since 1970-01-01T00:00:00Z inside, RFC 3339 text outside; hours likewise.

Pure integer arithmetic (days from civil, after H. Hinnant's ``chrono``-compatible algorithms), so that the core
needs no calendar library and reads no clock.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000
"""In microseconds, like `HOUR` and `DAY`."""
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR

_TO_SECOND = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\.", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_HOUR = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})Z", re.ASCII)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAST_YEAR: Final = 2_199
"""Of times and hours in commands."""
LAST_DERIVED_YEAR: Final = 2_209
"""Of times that a log's writer makes. Clocks stop at the end of `LAST_YEAR`; entries after that follow each other by a
microsecond. What is computed from such times lies at most two windows of a year and one resolution later. Microseconds
stay below 2^53, so a time is a JSON integer wherever one is needed."""


FIRST_DATE_YEAR: Final = 1800
LAST_DATE_YEAR: Final = 2399
"""Of dates that are not times of a log: when a company was founded, when a programme ends."""


def _days(year: int, month: int, day: int, last_year: int = LAST_YEAR, first_year: int = 1970) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 28 if month == 2 and not leap else _MONTH_DAYS[month - 1] if 1 <= month <= 12 else 0
    if not (first_year <= year <= last_year and 1 <= day <= last):
        raise ValueError(f"not a date from {first_year} to {last_year}")
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


END_OF_HOURS: Final = (_days(LAST_YEAR, 12, 31) + 1) * 24
"""Hours since the epoch to the end of the last year: the first hour that cannot be written."""


@lru_cache(maxsize=1024)
def _civil(days: int) -> tuple[int, int, int]:
    days += 719_468
    era, of_era = divmod(days, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return year + era * 400 + (month <= 2), month, day


def parse_time(text: str) -> int:
    """``2026-11-22T18:00:00.123456Z`` (exactly this form, years 1970 to 2199) as microseconds; ValueError otherwise."""
    return _microseconds(text, LAST_YEAR)


def parse_derived_time(text: str) -> int:
    """As `parse_time`, for years 1970 to 2209: a time that a log's writer made, or computed from another."""
    return _microseconds(text, LAST_DERIVED_YEAR)


def _microseconds(text: str, last_year: int) -> int:
    micro = text[20:26]
    if len(text) != 27 or text[26] != "Z" or not (micro.isascii() and micro.isdecimal()):
        raise ValueError("a time is written 2026-11-22T18:00:00.123456Z")
    return _seconds(text[:20], last_year) * 1_000_000 + int(micro)


@lru_cache(maxsize=1024)
def _seconds(text: str, last_year: int) -> int:
    """The seconds of a time, of which `text` is all before the microseconds."""
    found = _TO_SECOND.fullmatch(text)
    if found is None:
        raise ValueError("a time is written 2026-11-22T18:00:00.123456Z")
    year, month, day, hour, minute, second = map(int, found.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("not a time of day")
    return (_days(year, month, day, last_year) * 24 + hour) * 3600 + minute * 60 + second


def format_time(time: int) -> str:
    """Microseconds since the epoch as RFC 3339 text with six decimals and ``Z``."""
    seconds, micro = divmod(time, 1_000_000)
    return f"{_to_second(seconds)}.{micro:06d}Z"


@lru_cache(maxsize=1024)
def _to_second(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    year, month, day = _civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"


def parse_day(text: str) -> int:
    """``2026-11-22`` as whole days since the epoch; ValueError otherwise."""
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError("a date is written 2026-11-22")
    year, month, day = map(int, found.groups())
    return _days(year, month, day)


def parse_date(text: str) -> int:
    """As `parse_day`, for years 1800 to 2399: negative before 1970."""
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError("a date is written 2026-11-22")
    return days_of(*map(int, found.groups()))


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date of the years 1800 to 2399; ValueError otherwise."""
    return _days(year, month, day, LAST_DATE_YEAR, FIRST_DATE_YEAR)


def date_of(days: int) -> tuple[int, int, int]:
    """(year, month, day of the month) of a day."""
    return _civil(days)


def format_day(days: int) -> str:
    """Days since the epoch as ``2026-11-22``."""
    year, month, day = _civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}"


def format_month(time: int) -> str:
    """The month in UTC of microseconds since the epoch, as ``2026-11``."""
    year, month, _ = _civil(time // DAY)
    return f"{year:04d}-{month:02d}"


def parse_month(text: str) -> tuple[int, int]:
    """``2026-11`` as microseconds since the epoch: its beginning, and that of the next month; ValueError otherwise."""
    found = _MONTH.fullmatch(text)
    if found is None:
        raise ValueError("a month is written 2026-11")
    first = _days(int(found[1]), int(found[2]), 1)
    year, month, _ = _civil(first + 31)
    return first * DAY, _days(year, month, 1, LAST_DERIVED_YEAR) * DAY


@lru_cache(maxsize=4096)
def parse_hour(text: str) -> int:
    """``20261122T18Z`` as whole hours since the epoch; ValueError otherwise."""
    found = _HOUR.fullmatch(text)
    if found is None:
        raise ValueError("a delivery hour is written 20261122T18Z")
    year, month, day, hour = map(int, found.groups())
    if hour > 23:
        raise ValueError("not an hour of day")
    return _days(year, month, day) * 24 + hour


@lru_cache(maxsize=4096)
def format_hour(hour: int) -> str:
    """Hours since the epoch as ``20261122T18Z``."""
    days, of_day = divmod(hour, 24)
    year, month, day = _civil(days)
    return f"{year:04d}{month:02d}{day:02d}T{of_day:02d}Z"
