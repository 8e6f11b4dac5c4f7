"""Figures of an accelerator class that commands and events have in common."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import record
from counterfoil.contract.scalars import Count, Currency, Price

Cards = Literal[2, 4, 8]
Confidence = Literal["high", "medium", "low", "unknown"]
"""How sure the figures of a class are: `unknown` where no source has any."""


@record
class Collective:
    """All-reduce bandwidth over so many cards of one node, as measured, in megabytes per second."""

    cards: Cards
    mbps: Count


@record
class FloorPrice:
    """The least that a GPU-hour of a class counts for in a currency, whatever it is offered at."""

    currency: Currency
    price: Price
