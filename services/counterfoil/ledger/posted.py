"""Events of the ledger that move value and change nothing else of its state."""

from __future__ import annotations

from counterfoil.core.at import At
from counterfoil.ledger.events import (
    AppropriationPosted,
    AppropriationReduced,
    ClaimReleased,
    ClaimReopened,
    ClaimSettled,
    ReceivableOffset,
    ReceivableRecovered,
)
from counterfoil.ledger.receivable_events import ClawbackPosted, ClawbackUndone, ReceivableWrittenOff
from counterfoil.ledger.state import LedgerState


def posted(
    state: LedgerState,
    event: (
        AppropriationPosted
        | AppropriationReduced
        | ClaimSettled
        | ClaimReopened
        | ClaimReleased
        | ReceivableOffset
        | ReceivableRecovered
        | ReceivableWrittenOff
        | ClawbackPosted
        | ClawbackUndone
    ),
    _at: At,
) -> None:
    """Apply an event that only posts."""
    state.book(event.legs)
