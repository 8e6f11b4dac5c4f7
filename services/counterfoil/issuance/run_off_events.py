"""Issuance: the end of a programme."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Id, Reason


@event("programme.run_off.v1")
class RunOffBegun(Event):
    """The programme grants nothing new; what is open is finished."""

    programme_id: Id
    reason: Reason


@event("programme.decided.v1")
class ProgrammeDecided(Event):
    """Every application to a programme in run-off is decided, every window settled: no voucher of it follows."""

    programme_id: Id
