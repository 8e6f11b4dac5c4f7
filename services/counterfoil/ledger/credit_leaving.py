"""What makes orders for credit leave their books, many at once: who is stopped, or which programme is."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.events import PartyClosed, PartySuspended
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.events import ProgrammePaused, ProgrammeResumed
from counterfoil.ledger.state import LedgerState


def take_over_pause(state: LedgerState, event: ProgrammePaused | ProgrammeResumed, _at: At) -> Sequence[Event]:
    """Mirror that a programme is paused, or is no more, where credit is traded; nothing of another ledger's."""
    return [event] if state.rules.max_credit_orders_per_group and event.programme_id in state.programmes else []


# evolve ---------------------------------------------------------------------------------------------------------------


def party_closed(state: LedgerState, event: PartyClosed, _at: At) -> None:
    """The party's orders are to leave."""
    state.directory.closed(event)
    state.credit.leave_party(event.party_id)


def party_suspended(state: LedgerState, event: PartySuspended, _at: At) -> None:
    """The same."""
    state.directory.suspended(event)
    state.credit.leave_party(event.party_id)


def programme_paused(state: LedgerState, event: ProgrammePaused, _at: At) -> None:
    """The orders of the programme's series are to leave."""
    state.credit.paused[event.programme_id] = True
    state.credit.leave_programme(event.programme_id)


def programme_resumed(state: LedgerState, event: ProgrammeResumed, _at: At) -> None:
    """There may be orders again; the pause may have begun before the ledger knew of any."""
    if event.programme_id in state.credit.paused:
        del state.credit.paused[event.programme_id]
