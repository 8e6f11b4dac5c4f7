"""`counterfoil credit`: parts of vouchers sold and bought on the credit market, for a price against par."""

from __future__ import annotations

from typing import Annotated, Literal

from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Programme, VoucherId, argument, count, option
from counterfoil.cli.signing import signed
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import parse_month
from counterfoil.ledger.credit_commands import BidForCredit, CancelCreditOrder, OfferCredit

app = group("credit")


def _month(text: str) -> str:
    parse_month(text)
    return text


PriceBps = Annotated[
    int,
    count("--price-bps", "The price, in hundredths of a percent of par: 9500 is 0.95 for 1.", 1, 2 * limits.BPS),
]
Tif = Annotated[
    Literal["GTC", "IOC"],
    option("--tif", "GTC: it rests on the book. IOC: what does not trade at once is cancelled.", metavar="GTC|IOC"),
]


@signed(app, "offer", "counterfoil credit offer vch-12-0 --amount 500 --price-bps 9500 --as acme")
def offer(voucher: VoucherId, amount: Amount, price_bps: PriceBps, tif: Tif = "GTC") -> Body:
    """Holder: sell so much of a voucher, at this price or more. It is held until it trades or the order is over."""
    return OfferCredit(voucher_id=voucher, amount=amount, price_bps=price_bps, time_in_force=tif)


@signed(
    app,
    "bid",
    "counterfoil credit bid --programme springfield-2026 --version 1 --month 2027-06 --amount 500 --price-bps 9500 "
    "--as globex",
)
def bid(
    programme: Programme,
    version: Annotated[int, count("--version", "Of the programme under which the vouchers were issued.", 1, 1_000_000)],
    amount: Amount,
    price_bps: PriceBps,
    month: Annotated[
        str | None,
        option(
            "--month",
            "In which their last moment lies, in the programme's local time. Without it: vouchers without an end.",
            _month,
            "2027-06",
        ),
    ] = None,
    tif: Tif = "GTC",
) -> Body:
    """Beneficiary: take so much of a series, at this price or less. Its price and the programme's fee are held.

    Whether the programme lets you have it is judged at the trade; an order that it bars is over, and says why.
    """
    return BidForCredit(
        programme_id=programme, version=version, month=month, amount=amount, price_bps=price_bps, time_in_force=tif
    )


@signed(app, "cancel", "counterfoil credit cancel cro-40-0 --as acme")
def cancel(order: Annotated[str, argument("ORDER", "The order's id.")]) -> Body:
    """Its party: take what is left of an order off the book."""
    return CancelCreditOrder(order_id=order)
