"""Issuance: who controls whom."""

from __future__ import annotations

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Bps, Day, Id, Reason
from counterfoil.issuance.control_commands import ControlKind


@event("control.attested.v1")
class ControlAttested(Event):
    """An undertaking has so much of another since `on`, says `attested_by`; 0: it has nothing of it any more."""

    owner_id: Id
    party_id: Id
    kind: ControlKind
    share_bps: Bps
    on: Day
    source: Reason
    attested_by: Id
