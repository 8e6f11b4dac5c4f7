"""A trade as matching keeps it until its last hour is over: what could replace it, and which nodes it took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeVar

from counterfoil.contract.times import HOUR
from counterfoil.core.form import AMOUNT, COUNT, TEXT, Form, optional, row

K = TypeVar("K")
Market = tuple[str, str, str]
"""(currency, class, region)"""


class Sold(NamedTuple):
    """`nodes` nodes for `hours` hours from `first_hour` on, at `price` micro-units per GPU-hour.

    `site_id`: where they are, if the offer said so.
    """

    beneficiary_id: str
    provider_id: str
    programme_id: str
    class_id: str
    region: str
    currency: str
    nodes: int
    gpus_per_node: int
    first_hour: int
    hours: int
    price: int
    site_id: str | None

    @property
    def market(self) -> Market:
        """Currency, class and region."""
        return self.currency, self.class_id, self.region

    @property
    def gpu_hours(self) -> int:
        """How many GPU-hours it is for."""
        return self.nodes * self.gpus_per_node * self.hours

    @property
    def over_at(self) -> int:
        """When its last hour ends, in microseconds."""
        return (self.first_hour + self.hours) * HOUR


SOLD: Final = Form(
    "sold",
    ("contract_id",),
    row(
        Sold, beneficiary_id=TEXT, provider_id=TEXT, programme_id=TEXT, class_id=TEXT, region=TEXT, currency=TEXT,
        nodes=COUNT, gpus_per_node=COUNT, first_hour=COUNT, hours=COUNT, price=AMOUNT, site_id=optional(TEXT),
    ),
    "a trade until its last hour is over (a while longer if none follows): what another offer would have to have in its"
    " place",
)  # fmt: skip
FORGOTTEN_AT_ONCE: Final = 2
"""Trades that are over and are forgotten as another is made: more than are made, so that they do not pile up."""


class UnderContract:
    """GPU-hours of each market that are sold and still to be delivered, and what they cost: of all, and by provider."""

    __slots__ = ("_of_all", "_of_one")

    def __init__(self) -> None:
        self._of_all: dict[Market, tuple[int, int]] = {}
        self._of_one: dict[tuple[Market, str], tuple[int, int]] = {}

    def count(self, sold: Sold, sign: Literal[1, -1]) -> None:
        """One more trade, or one less."""
        hours, cost = sign * sold.gpu_hours, sign * sold.gpu_hours * sold.price
        _add(self._of_all, sold.market, hours, cost)
        _add(self._of_one, (sold.market, sold.provider_id), hours, cost)

    def price(self, market: Market, without: Iterable[str]) -> int:
        """What a GPU-hour costs on average, without the trades of some providers, rounded down; 0 if there is none."""
        hours, cost = self._of_all.get(market, (0, 0))
        for provider_id in without:
            own_hours, own_cost = self._of_one.get((market, provider_id), (0, 0))
            hours, cost = hours - own_hours, cost - own_cost
        return cost // hours if hours else 0


def _add(totals: dict[K, tuple[int, int]], key: K, hours: int, cost: int) -> None:
    known_hours, known_cost = totals.get(key, (0, 0))
    if known_hours + hours:
        totals[key] = (known_hours + hours, known_cost + cost)
    else:
        del totals[key]
