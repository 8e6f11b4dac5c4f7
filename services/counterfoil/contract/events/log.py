"""Events of every log."""

from __future__ import annotations

from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    Count,
    Digest,
    Origin,
)


@record
class LogOpened:
    """The first event of every log."""

    origin: Origin


@record
class StateRooted:
    """Commits to the service's whole state after `entries` entries: RFC 6962 root over its canonical records."""

    entries: Count
    records: Count
    root: Digest
