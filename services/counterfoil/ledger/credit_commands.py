"""Commands of the credit market: value of vouchers offered, and bid for, in the book of a series."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import ANY, Command, command
from counterfoil.contract.scalars import Id, Month, OfPar, PositiveAmount, Version

TimeInForce = Literal["GTC", "IOC"]
"""`GTC`: it rests until it is filled, cancelled, or has to leave. `IOC`: what does not trade at once is cancelled."""


@command("offer_credit", role=ANY)
class OfferCredit(Command):
    """Holder: sell so much of a voucher on the book of its series, at `price_bps` basis points of par or more."""

    voucher_id: Id
    amount: PositiveAmount
    price_bps: OfPar
    time_in_force: TimeInForce


@command("bid_for_credit", role="beneficiary")
class BidForCredit(Command):
    """Buyer: take so much of a series: vouchers of one version of a programme whose last moment lies in one month.

    `price_bps`: basis points of par at most, and the programme's fee comes on top. `month`: the programme's local one;
    null: vouchers without an end.
    """

    programme_id: Id
    version: Version
    month: Month | None
    amount: PositiveAmount
    price_bps: OfPar
    time_in_force: TimeInForce


@command("cancel_credit_order", role=ANY, exits=True)
class CancelCreditOrder(Command):
    """Its party: take an order off the book; what is traded, or being settled, stands."""

    order_id: Id
