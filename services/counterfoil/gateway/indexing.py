"""The price index of a market: what a GPU-hour cost on a day, by a rule that a few trades of a few do not move.

Of the GPU-hours traded on a day, ordered by price, the index is the price of the middle one. A group of related buyers
counts for a third of what counts at most, its trades each for their part of that: whoever buys most, at whatever price,
does not have the middle alone. With fewer than three groups of buyers there is no index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, Final, cast

from counterfoil.contract.times import DAY, format_day
from counterfoil.gateway.bounds import MIN_GROUPS
from counterfoil.ports import Row

_PART: Final = 3
"""A group counts for one part of so many, at most."""


def daily(trades: Iterable[Row], group_of: Callable[[str], str]) -> list[dict[str, Any]]:
    """A row for each day (UTC) with trades, the oldest first. Prices are micro-units per GPU-hour, as text.

    `group_of`: the group of related parties that a party belongs to.
    """
    days: dict[int, list[tuple[int, int, str]]] = {}
    for row in trades:
        hours = _int(row, "nodes") * _int(row, "gpus_per_node") * _int(row, "hours")
        traded = (_int(row, "price"), hours, group_of(str(row["beneficiary_id"])))
        days.setdefault(_int(row, "matched_at") // DAY, []).append(traded)
    return [_day(day, found) for day, found in sorted(days.items())]


def _day(day: int, trades: list[tuple[int, int, str]]) -> dict[str, Any]:
    hours = sum(each for _, each, _ in trades)
    prices = [price for price, _, _ in trades]
    index = index_of(trades)
    return {
        "day": format_day(day),
        "index": None if index is None else str(index),
        "mean": str(sum(price * each for price, each, _ in trades) // hours),
        "lowest": str(min(prices)),
        "highest": str(max(prices)),
        "gpu_hours": hours,
        "trades": len(trades),
        "groups": len({group for _, _, group in trades}),
    }


def index_of(trades: Iterable[tuple[int, int, str]]) -> int | None:
    """The index of trades, each (price, GPU-hours, group of the buyer); None if they are of too few groups."""
    of_group = Counter[str]()
    ordered = sorted(trades)
    for _, hours, group in ordered:
        of_group[group] += hours
    if len(of_group) < MIN_GROUPS:
        return None
    most = _most(sorted(of_group.values(), reverse=True))
    counted = {group: min(Fraction(hours), most) for group, hours in of_group.items()}
    passed = Fraction(0)
    for price, hours, group in ordered:
        passed += counted[group] * hours / of_group[group]
        if 2 * passed >= sum(counted.values()):
            return price
    return ordered[-1][0]


def _most(falling: list[int]) -> Fraction:
    """What a group counts for at most: so much that it is a third of what all count for, or no group has more."""
    for capped in range(_PART - 1):
        most = Fraction(sum(falling[capped:]), _PART - capped)
        if falling[capped] <= most:
            return most
    return Fraction(sum(falling[_PART - 1 :]))


def _int(row: Row, name: str) -> int:
    return cast(int, row[name])
