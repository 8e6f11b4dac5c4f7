"""The values that a document writes as text: amounts, rates, days; and how an amount is rounded and written."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Final

from counterfoil.contract.limits import MICRO_DIGITS
from counterfoil.contract.times import DAY, FIRST_DATE_YEAR, LAST_DATE_YEAR, SECOND, date_of, days_of
from counterfoil.programme.form.benefit import Rounding

Exact = int | Fraction
"""An amount in micro-units on its way: whole where it can be, since integers are several times faster."""
MICRO: Final = 10**MICRO_DIGITS
WHOLE: Final = Fraction(1)


def times(amount: Exact, num: int, den: int) -> Exact:
    """``amount x num / den``, exactly."""
    if isinstance(amount, int):
        whole, rest = divmod(amount * num, den)
        return whole if rest == 0 else Fraction(amount * num, den)
    return amount * Fraction(num, den)


def share_of(amount: Exact, rate: Fraction) -> Exact:
    """``amount x rate``, exactly."""
    return times(amount, rate.numerator, rate.denominator)


def total_of(amounts: Iterable[Exact]) -> Exact:
    """Their sum."""
    return sum(amounts)


def floor_of(amount: Exact) -> int:
    """The amount without what is less than a micro-unit."""
    return amount.numerator // amount.denominator


def ceiling_of(amount: Exact) -> int:
    """The amount with what is less than a micro-unit made one."""
    return -(-amount.numerator // amount.denominator)


@lru_cache(maxsize=4096)
def parse_amount(text: str) -> int:
    """Micro-units of a decimal number of units; its form is checked by the schema."""
    whole, _, part = text.partition(".")
    return int(whole) * MICRO + int(part.ljust(MICRO_DIGITS, "0") if part else 0)


@lru_cache(maxsize=1024)
def parse_rate(text: str) -> Fraction:
    """The share that ``2/3`` or ``12.5%`` says."""
    if not text.endswith("%"):
        num, _, den = text.partition("/")
        return Fraction(int(num), int(den))
    whole, _, part = text[:-1].partition(".")
    return Fraction(int(whole + part), 100 * 10 ** len(part))


@lru_cache(maxsize=1024)
def parse_multiple(text: str) -> Fraction:
    """How many times as much ``2.5`` or ``1/3`` says, exactly."""
    return parse_rate(text) if "/" in text else Fraction(parse_amount(text), MICRO)


def parse_offset(text: str) -> int:
    """Microseconds by which local time is ahead of UTC."""
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return (minutes if text[0] == "+" else -minutes) * 60 * SECOND


def day_of(time: int, offset: int) -> int:
    """The local day of a time, in days since 1970-01-01."""
    return (time + offset) // DAY


def add_months(day: int, months: int) -> int:
    """The same day of the month so many months later (or earlier), or that month's last day if it has no such day.

    Days are bounded by the years 1800 and 2399: beyond these it is their first or last day.
    """
    year, month, of_month = date_of(day)
    index = year * 12 + month - 1 + months
    return day_in(index // 12, index % 12 + 1, of_month)


def day_in(year: int, month: int, of_month: int) -> int:
    """A day by its parts, or the last one of its month."""
    if year < FIRST_DATE_YEAR:
        return days_of(FIRST_DATE_YEAR, 1, 1)
    if year > LAST_DATE_YEAR:
        return days_of(LAST_DATE_YEAR, 12, 31)
    while True:
        try:
            return days_of(year, month, of_month)
        except ValueError:
            if of_month <= 28:
                raise
            of_month -= 1


def rounded(amount: Exact, rounding: Rounding) -> int:
    """The amount in whole quanta, as micro-units."""
    quantum = parse_amount(rounding.quantum)
    of = amount.denominator * quantum
    floor, rest = divmod(amount.numerator, of)
    return (floor + _is_up(rounding, floor, rest, of)) * quantum


def _is_up(rounding: Rounding, floor: int, rest: int, of: int) -> bool:
    match rounding.mode:
        case "TRUNCATE":
            return False
        case "CEILING":
            return rest > 0
        case "HALF_UP":
            return 2 * rest >= of
        case "HALF_EVEN":
            return 2 * rest > of or (2 * rest == of and floor % 2 == 1)


def written(amount: Exact) -> str:
    """Micro-units as people write them: ``25,102``, ``0.5``; more than six decimals are cut and end in ``...``."""
    micros = floor_of(amount)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    whole, part = divmod(micros, MICRO)
    decimals = f"{part:0{MICRO_DIGITS}d}".rstrip("0")
    return f"{sign}{whole:,}" + (f".{decimals}" if decimals else "") + ("" if amount.denominator == 1 else "...")


def percent(rate: Fraction) -> str:
    """``30 %``, ``12.5 %``, or ``2/3`` for what no short decimal says."""
    scaled = rate * 10_000 * 100
    if scaled.denominator != 1:
        return f"{rate.numerator}/{rate.denominator}"
    whole, part = divmod(scaled.numerator, 10_000)
    decimals = f"{part:04d}".rstrip("0")
    return f"{whole}" + (f".{decimals}" if decimals else "") + " %"
