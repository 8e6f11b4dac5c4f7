"""How values are shown: amounts with their currency, times in UTC with the reader's zone beside, hours, shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.dates import format_datetime, format_skeleton, format_time
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup

from counterfoil.contract.text import printable
from counterfoil.contract.times import HOUR
from counterfoil.contract.times import format_time as iso_time

MICRO: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = {"GPU_HOUR": "GPU-h"}
_NONE: Final = "–"


def moment(microseconds: int) -> datetime:
    """A time as the standard library has it."""
    return _EPOCH + timedelta(microseconds=microseconds)


def shown(value: object) -> object:
    """What a template prints: text without anything that does not show, and a dash for what is absent."""
    if value is None:
        return _NONE
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value


def lines(text: str) -> Markup:
    """Text of several lines, each without anything that does not show."""
    return Markup("\n").join(map(printable, text.split("\n")))


class Formats:
    """The filters of one language's templates."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale

    def number(self, value: int | None) -> str:
        """An integer, grouped."""
        return _NONE if value is None else format_decimal(value, locale=self._locale)

    def amount(self, micro: int | None, unit: str | None = None) -> Markup | str:
        """Micro-units as units with two decimals at least, and the currency before them."""
        if micro is None:
            return _NONE
        text = format_decimal(Decimal(micro) / MICRO, format="#,##0.00####", locale=self._locale)
        return text if not unit else Markup("<span class=unit>{}</span> {}").format(_UNITS.get(unit, unit), text)

    def compact(self, micro: int) -> str:
        """The same for the axis of a chart: no decimals that are zero."""
        return format_decimal(Decimal(micro) / MICRO, format="#,##0.##", locale=self._locale)

    def share(self, part: int, whole: int) -> str:
        """A part of a whole in percent, one decimal; a dash of nothing."""
        if not whole:
            return _NONE
        return format_percent(Decimal(part) / whole, format="#,##0.0%", locale=self._locale)

    def when(self, microseconds: int | None) -> Markup | str:
        """A time in UTC; a script adds the reader's zone."""
        if microseconds is None:
            return _NONE
        text = format_datetime(moment(microseconds), "yyyy-MM-dd HH:mm", tzinfo=UTC, locale=self._locale)
        return Markup('<time datetime="{}" data-local>{} UTC</time>').format(iso_time(microseconds), text)

    def hour(self, hours: int | None) -> Markup | str:
        """A delivery hour."""
        return _NONE if hours is None else self.when(hours * HOUR)

    def day(self, microseconds: int) -> str:
        """The day of a time in UTC, short."""
        return format_skeleton("MMMd", moment(microseconds), tzinfo=UTC, locale=self._locale)

    def clock(self, microseconds: int) -> str:
        """The time of day in UTC, short."""
        return format_time(moment(microseconds), "HH:mm", locale=self._locale)
