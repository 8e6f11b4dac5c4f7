"""The end of a programme, as issuance decides it: it grants nothing new, decides what it was asked, and is closed.

A timer says when nothing is undecided. The ledger closes the programme (`ledger/closing.py`) once nothing else is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from counterfoil.contract.ensure import ensure
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision
from counterfoil.core.directory import Party
from counterfoil.issuance.programmes import own_programme
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.issuance.run_off_events import ProgrammeDecided, RunOffBegun
from counterfoil.issuance.state import IssuanceState
from counterfoil.ledger.closing_events import ProgrammeClosed

TIMER: Final = "run_off"


def begin_run_off(state: IssuanceState, body: BeginRunOff, actor: Party, _at: At) -> Decision:
    """Let one of the actor's programmes grant nothing new."""
    programme = own_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    return state.phases.grants_nothing(body.programme_id) or [
        RunOffBegun(programme_id=body.programme_id, reason=body.reason)
    ]


def all_decided(state: IssuanceState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: say of which programmes in run-off nothing is undecided."""
    due = state.deciding.reached(cutoff, state.rules.max_items_per_sweep)
    return [ProgrammeDecided(programme_id=each) for each in due]


def next_due(state: IssuanceState) -> tuple[int, str] | None:
    """When the timer has something to say."""
    due = state.deciding.next()
    return None if due is None else (due, TIMER)


def take_over_closed(state: IssuanceState, event: ProgrammeClosed, _at: At) -> Sequence[Event]:
    """Mirror that a programme is closed; nothing of another shard's."""
    return [event] if event.programme_id in state.programmes else []


# evolve -------------------------------------------------------------------------------------------------------------


def run_off_begun(state: IssuanceState, event: RunOffBegun, _at: At) -> None:
    """Apply the beginning."""
    state.phases[event.programme_id] = "run_off"
    state.when_decided(event.programme_id)


def programme_decided(state: IssuanceState, event: ProgrammeDecided, _at: At) -> None:
    """Apply that no voucher follows."""
    state.phases[event.programme_id] = "decided"
    state.deciding.ended()


def programme_closed(state: IssuanceState, event: ProgrammeClosed, _at: At) -> None:
    """Apply the end: what was not committed is returned."""
    programme = state.programmes.edit(event.programme_id)
    ensure(programme.uncommitted == event.books.returned, f"budget of {event.programme_id} differs")
    programme.appropriated -= event.books.returned
    state.commit(state.terms(event.programme_id).currency, -event.books.returned)
    state.phases[event.programme_id] = "closed"
