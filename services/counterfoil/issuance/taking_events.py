"""Issuance: what it says of who takes a voucher over."""

from __future__ import annotations

from counterfoil.contract.applications import FactGiven
from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Day, Digest, Flag, Id


@event("facts.stated.v1")
class FactsStated(Event):
    """What is attested of a party that takes a part of a voucher over, as far as its programme's document asks for it.

    Or of a pledgee: `transfer_id` is then the id of the pledge. `day`: the programme's local day. `contradict`: two
    facts say different things of one day, so that none is given.
    """

    transfer_id: Id
    programme_id: Id
    voucher_id: Id
    party_id: Id
    rules_hash: Digest
    day: Day
    contradict: Flag
    facts: tuple[FactGiven, ...]
