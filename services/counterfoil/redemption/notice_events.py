"""Redemption: a contract that its provider gives up with notice."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Bps, Count, Id


@event("contract.withdrawn.v1")
class ContractWithdrawn(Event):
    """The provider gave the contract up before its delivery began, so many whole hours ahead: it is over.

    `forfeits_bps` of its bond are the least that the beneficiary gets; more, if another offer in its place is dearer.
    """

    contract_id: Id
    beneficiary_id: Id
    provider_id: Id
    notice_hours: Count
    forfeits_bps: Bps
