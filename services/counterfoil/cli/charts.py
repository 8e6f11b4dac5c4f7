"""Bars beside the rows of a table, and prices in their currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from counterfoil.cli.values import decimals_of, show_amount

_BAR: Final = 24  # characters of the largest


def charted(shown: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], column: str) -> list[dict[str, Any]]:
    """What is shown of rows, each with a `bar` as long as its value in `column` is, of the largest."""
    values = [int(each[column] or 0) for each in rows]
    most = max(values, default=0) or 1
    bars = ["#" * -(-value * _BAR // most) for value in values]
    return [{**each, "bar": bar} for each, bar in zip(shown, bars, strict=True)]


def in_currency(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], currency: str) -> list[dict[str, Any]]:
    """Rows with these columns, micro-units or null, as amounts with as many decimals as the finest of them has."""
    digits = max([2, *(decimals_of(int(row[name])) for row in rows for name in columns if row[name] is not None)])

    def show(value: Any) -> str | None:
        return None if value is None else show_amount(int(value), currency, digits)

    return [{**row, **{name: show(row[name]) for name in columns}} for row in rows]
