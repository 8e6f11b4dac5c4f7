"""The command by which the operator bounds the prices of a market."""

from __future__ import annotations

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Id, MarketUnit, Price, RateTerm, Reason


@command("set_price_collar", role="operator")
class SetPriceCollar(Command):
    """Operator: prices in a market are within `collar_bps` of its reference price from now on; None: within nothing.

    `reference_price`: where no auction of the class and region has traded in the currency yet; None leaves what there
    is, and without any the collar waits for the first auction that trades.
    """

    class_id: Id
    region: Id
    currency: MarketUnit
    collar_bps: RateTerm | None
    reference_price: Price | None
    reason: Reason
