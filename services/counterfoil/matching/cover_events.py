"""Matching: which offer could replace a contract that its provider gave up."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Bps, Id, Price


@event("cover.quoted.v1")
class CoverQuoted(Event):
    """The first offer of the book, by price and then by time, that has all nodes of a contract in all of its hours.

    `cover`: what the contract costs more at that price, 0 if it is not dearer. All three are None if no offer has them,
    or the contract was made under rules before 9. Nothing is reserved. `forfeits_bps`: as the notice has it.
    """

    contract_id: Id
    forfeits_bps: Bps
    offer_id: Id | None
    price: Price | None
    cover: Amount | None
