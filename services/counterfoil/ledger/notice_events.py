"""The ledger: contracts that end before their delivery, and how the bond of one is divided."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Bps, Id
from counterfoil.ledger.events import Leg


@event("delivery.ended.v1")
class DeliveryEnded(Event):
    """Nothing more of the contract is to be delivered, though some of its hours are still to come.

    `forfeits_bps`: its provider gave it up with notice, and what it owes for that waits for matching to say what
    another offer in its place would cost; None: nothing waits.
    """

    contract_id: Id
    forfeits_bps: Bps | None


@event("bond.divided.v1")
class BondDivided(Event):
    """`paid` of a contract's bond goes to the beneficiary, `returned` to the provider.

    `notice`: it was given up before its delivery. `paid` is the `least` that the notice costs, or `cover` if that is
    more, but never more than the bond. `cover`: what its hours cost more in `offer_id`, the best offer that could
    replace it; None: there is none, and the whole bond is paid.

    `shortfall`: it was completed without all of its GPU-minutes; `default`: it was given up in its delivery. `paid` is
    `least`, the part of the bond that belongs to what was not delivered.
    """

    contract_id: Id
    provider_id: Id
    beneficiary_id: Id
    cause: Literal["notice", "shortfall", "default"]
    least: Amount
    offer_id: Id | None
    cover: Amount | None
    paid: Amount
    returned: Amount
    legs: tuple[Leg, ...]
