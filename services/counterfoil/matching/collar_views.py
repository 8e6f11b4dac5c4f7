"""Matching's read models of reference prices and collars."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.core.at import At
from counterfoil.matching.collar_events import PriceCollarSet, ReferencePriceSet
from counterfoil.ports import Change, Put, View
from counterfoil.readership import ANYBODY
from counterfoil.service import Reducers

_MARKET: Final = {"class_id": "text", "region": "text", "currency": "text"}
COLLARS: Final = View(
    name="price_collars",
    key=tuple(_MARKET),
    columns={
        **_MARKET, "version": "int", "collar_bps": "int?", "set_by": "text", "reason": "text", "set_at": "time"
    },
    filters=tuple(_MARKET),
    readers=ANYBODY,
    time="set_at",
)  # fmt: skip
"""How far from its reference price orders of a market may be, in basis points; null: no more."""
REFERENCES: Final = View(
    name="reference_prices",
    key=tuple(_MARKET),
    columns={**_MARKET, "price": "amount", "auction_id": "text?", "set_at": "time"},
    filters=tuple(_MARKET),
    readers=ANYBODY,
    time="set_at",
)
"""The mean price of the last auction of a market that traded; without `auction_id`, what the operator named before."""
VIEWS: Final = (COLLARS, REFERENCES)


def _collar(event: PriceCollarSet, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in COLLARS.columns if name != "set_at"}
    yield Put(COLLARS.name, {**row, "set_at": at.time})


def _reference(event: ReferencePriceSet, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in REFERENCES.columns if name != "set_at"}
    yield Put(REFERENCES.name, {**row, "set_at": at.time})


REDUCERS: Final[Reducers] = {PriceCollarSet: _collar, ReferencePriceSet: _reference}
