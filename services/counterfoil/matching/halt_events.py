"""Matching: trading is halted, and goes on."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Id, Reason


@event("trading.halted.v1")
class TradingHalted(Event):
    """Nothing trades of a class, of one in a region, of a provider, or, if all three are null, of all."""

    halt_id: Id
    class_id: Id | None
    region: Id | None
    provider_id: Id | None
    halted_by: Id
    reason: Reason


@event("trading.resumed.v1")
class TradingResumed(Event):
    """The halt is over. The bids that may fit what trades again meet the offers before anything else is decided."""

    halt_id: Id
    class_id: Id | None
    region: Id | None
    provider_id: Id | None
    resumed_by: Id
    reason: Reason
