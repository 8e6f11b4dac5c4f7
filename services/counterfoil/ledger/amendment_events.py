"""The ledger: what is held for an order that is to have another price."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Flag, Id, PositiveAmount
from counterfoil.ledger.events import Draw, Leg


@event("amendment.funded.v1")
class AmendmentFunded(Event):
    """What an order needs at another price is held beside what it needs as it is: `vouchers` and `cash` are added.

    Nothing, if it needs no more. `needed_vouchers`, `needed_cash`: what it needs in all. `cost`: of a bid for each
    node, of an offer the price.
    """

    amendment_id: Id
    purpose: Literal["bid", "offer"]
    hold_id: Id
    cost: PositiveAmount
    needed_vouchers: Amount
    needed_cash: Amount
    vouchers: tuple[Draw, ...]
    cash: Amount
    legs: tuple[Leg, ...]


@event("amendment.settled.v1")
class AmendmentSettled(Event):
    """The order has the new price, or stays as it is; what it does not need for that is given back.

    `cost`: of a bid for each node, of an offer the price by which the bonds of its trades are counted.
    """

    amendment_id: Id
    purpose: Literal["bid", "offer"]
    hold_id: Id
    amended: Flag
    cost: PositiveAmount
    vouchers: tuple[Draw, ...]
    cash: Amount
    legs: tuple[Leg, ...]
