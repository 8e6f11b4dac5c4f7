"""What makes orders for credit leave their books, many at once: who is stopped, or which programme is."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.events import PartyClosed, PartySuspended
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.run_off_events import CreditPaused, CreditResumed
from counterfoil.ledger.state import LedgerState


def take_over_pause(state: LedgerState, event: CreditPaused | CreditResumed, _at: At) -> Sequence[Event]:
    """Mirror that a programme is paused, or is no more, where credit is traded; nothing of another ledger's."""
    return [event] if event.programme_id in state.programmes else []


# evolve ---------------------------------------------------------------------------------------------------------------


def party_closed(state: LedgerState, event: PartyClosed, _at: At) -> None:
    """The party's orders are to leave."""
    state.directory.closed(event)
    state.credit.leave_party(event.party_id)


def party_suspended(state: LedgerState, event: PartySuspended, _at: At) -> None:
    """The same."""
    state.directory.suspended(event)
    state.credit.leave_party(event.party_id)


def credit_paused(state: LedgerState, event: CreditPaused, _at: At) -> None:
    """The orders of the programme's series are to leave."""
    state.credit.paused[event.programme_id] = True
    state.credit.leave_programme(event.programme_id)


def credit_resumed(state: LedgerState, event: CreditResumed, _at: At) -> None:
    """There may be orders again; the pause may have begun before the ledger knew of any."""
    if event.programme_id in state.credit.paused:
        del state.credit.paused[event.programme_id]
