"""Issuance: the end of a programme, and what a pause of it means for its credit that is traded."""

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


@event("credit.paused.v1")
class CreditPaused(Event):
    """The programme is paused: orders for its credit leave their books, and none is taken. The ledger mirrors it."""

    programme_id: Id


@event("credit.resumed.v1")
class CreditResumed(Event):
    """The programme goes on, and orders for its credit are taken again. The ledger mirrors it."""

    programme_id: Id
