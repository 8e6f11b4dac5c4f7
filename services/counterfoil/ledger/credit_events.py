"""Ledger: the credit market, its orders and its trades."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import (
    Amount,
    Currency,
    DerivedTime,
    Id,
    Month,
    OfPar,
    PositiveAmount,
    Version,
    Word,
)
from counterfoil.ledger.events import Leg

Closing = Literal[
    "filled", "cancelled", "immediate", "lapsed", "below_minimum", "self_trade", "not_permitted", "voucher_suspended",
    "voucher_ended", "voucher_offline", "series_changed", "party_closed", "party_suspended", "programme_paused",
    "programme_in_run_off",
]  # fmt: skip
"""Why an order is over. `immediate`: nothing more of an order that does not rest could trade. `below_minimum`: what is
left is less than the programme lets anybody hand on. `self_trade`: it met an order of a related party that was there
before. `not_permitted`: the programme, or the ledger, bars its side of a trade."""


@event("credit.offered.v1")
class CreditOffered(Event):
    """A part of a voucher is on the book of its series; it is pending until it is traded, or the order is over: owner
    -> credit_offers."""

    order_id: Id
    party_id: Id
    voucher_id: Id
    programme_id: Id
    version: Version
    month: Month | None
    amount: PositiveAmount
    price_bps: OfPar
    time_in_force: Literal["GTC", "IOC"]
    until: DerivedTime
    legs: tuple[Leg, ...]


@event("credit.bid_placed.v1")
class CreditBidPlaced(Event):
    """A bid for credit is on the book of a series. Its price at most, and the fee, are held: cash -> credit_bids."""

    order_id: Id
    party_id: Id
    programme_id: Id
    version: Version
    month: Month | None
    amount: PositiveAmount
    price_bps: OfPar
    time_in_force: Literal["GTC", "IOC"]
    currency: Currency
    held: PositiveAmount
    until: DerivedTime
    legs: tuple[Leg, ...]


@event("credit.traded.v1")
class CreditTraded(Event):
    """The best offer and the best bid of a series met, at the price of the one that was there before.

    The transfer with the trade's id follows. It is settled in the same entry, or once issuance has said what is
    attested of the buyer. The part leaves the offer: credit_offers -> owner.
    """

    trade_id: Id
    offer_id: Id
    bid_id: Id
    voucher_id: Id
    programme_id: Id
    version: Version
    month: Month | None
    amount: PositiveAmount
    price_bps: OfPar
    price: PositiveAmount
    fee: Amount
    legs: tuple[Leg, ...]


@event("credit.settled.v1")
class CreditSettled(Event):
    """A trade is settled: the transfer with its id is accepted, in the same entry."""

    trade_id: Id
    offer_id: Id
    bid_id: Id
    programme_id: Id
    version: Version
    month: Month | None
    amount: PositiveAmount
    price_bps: OfPar
    price: PositiveAmount


@event("credit.trade_failed.v1")
class CreditTradeFailed(Event):
    """A trade is not settled, and nothing changes hands: what it took of an order that is open is on the book again, at
    its place. Transfers -> owner, owner -> credit_offers; of a bid that is over the cash is released."""

    trade_id: Id
    offer_id: Id
    bid_id: Id
    voucher_id: Id
    programme_id: Id
    amount: PositiveAmount
    legs: tuple[Leg, ...]


@event("credit.order_closed.v1")
class CreditOrderClosed(Event):
    """An order is over; what it held is its party's to spend, or ends with its voucher.

    `why`: what barred its side of a trade, by the code of a refusal, or by the document's own; null for other reasons.
    """

    order_id: Id
    party_id: Id
    programme_id: Id
    reason: Closing
    why: Word | None
    legs: tuple[Leg, ...]
