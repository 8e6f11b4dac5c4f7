"""The accelerator classes of the demo, and what renting them costs, from published prices.

`data/classes.csv` says which GPU models of the trace stand for which class, which published price a class has, and what
is assumed where no source has one; `data/prices.csv` has the published prices with their sources and grades.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.tables import rows

CARDS_PER_NODE: Final = 8
_TICK: Final = RULES[LATEST].price_tick
_CARD_HOURS: Final = {"card-hour": 1, "node-month": CARDS_PER_NODE * 720}
"""Of one unit of a published price: a node has eight cards, a month has 720 hours."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A class of the market, and the bundled one that describes it.

    `low`, `high`: micro-CNY per card-hour, on the tick; `assumed`: what no source says.
    """

    class_id: str
    name: str
    trace_models: tuple[str, ...]
    bundled: str
    low: int
    high: int
    source: str
    assumed: str

    def price(self, nth: int, of: int) -> int:
        """The price of the `nth` of `of` providers: the published range in even steps, rounded up to the tick."""
        return -(-(self.low + (self.high - self.low) * nth // max(of - 1, 1)) // _TICK) * _TICK


_PUBLISHED: Final = {
    (row["class"], row["when"]): row
    for _, row in rows(None, "prices.csv", ("class", "cny_low", "cny_high", "unit", "when", "source", "grade"))
}


def published(class_: str, when: str) -> tuple[int, int]:
    """A published price, from and to: micro-CNY per card-hour, rounded up to the tick."""
    row = _PUBLISHED[class_, when]
    return _micro(row, "cny_low", 100), _micro(row, "cny_high", 100)


def _read() -> tuple[Accelerator, ...]:
    found = []
    for _, row in rows(
        None, "classes.csv", ("class_id", "bundled", "trace_models", "price_class", "price_when", "percent")
    ):
        price = _PUBLISHED[row["price_class"], row["price_when"]]
        made = Accelerator(
            class_id=row["class_id"],
            name=row["name"],
            trace_models=tuple(row["trace_models"].split("|")),
            bundled=row["bundled"],
            low=_micro(price, "cny_low", int(row["percent"])),
            high=_micro(price, "cny_high", int(row["percent"])),
            source=f"{price['class']}, {price['when']}, grade {price['grade']}: {price['source']}",
            assumed=row["assumed"],
        )
        found.append(made)
    return tuple(found)


def _micro(price: dict[str, str], column: str, percent: int) -> int:
    exact = Fraction(price[column]) * 1_000_000 * percent / (100 * _CARD_HOURS[price["unit"]])
    return -(-exact.numerator // (exact.denominator * _TICK)) * _TICK


ACCELERATORS: Final = _read()
CLASS_OF: Final[dict[str, Accelerator]] = {model: each for each in ACCELERATORS for model in each.trace_models}
"""By GPU model of the trace."""
