"""Collars and reference prices of markets as state."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.core.form import AMOUNT, COUNT, FLAG, Form, optional, row

_MARKET: Final = ("class_id", "region", "currency")


class Collar(NamedTuple):
    """How far from the reference price prices may be, in basis points of it; None: there is no bound any more."""

    version: int
    collar_bps: int | None


class ReferencePrice(NamedTuple):
    """In micro-units per GPU-hour, of an auction or else of the operator."""

    price: int
    of_auction: bool


COLLAR: Final = Form(
    "collar",
    _MARKET,
    row(Collar, version=COUNT, collar_bps=optional(COUNT)),
    "how far from its reference price, in basis points, the orders of a market may be; null: no more",
)
REFERENCE_PRICE: Final = Form(
    "reference_price",
    _MARKET,
    row(ReferencePrice, price=AMOUNT, of_auction=FLAG),
    "what prices of a market refer to: the mean price of its last auction that traded, or what the operator named",
)
