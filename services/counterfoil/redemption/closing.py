"""The end of a programme in redemption: what is open is counted, and nothing begins once it is settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterfoil.contract.closing import OpenKind, StillOpen
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.run_off_events import RunOffBegun
from counterfoil.ledger.closing_events import ProgrammeClosed, ProgrammeClosing, ProgrammeStaysOpen
from counterfoil.redemption.closing_events import ProgrammeSettled, ProgrammeUnsettled, RestGivenUp
from counterfoil.redemption.state import RedemptionState, put


def settle_programme(state: RedemptionState, event: ProgrammeClosing, _at: At) -> Sequence[Event]:
    """Say whether anything of a programme is open; nothing of a programme of another shard's."""
    if event.programme_id not in state.programmes:
        return []
    still = tuple(_still_open(state, event.programme_id))
    if still:
        return [ProgrammeUnsettled(programme_id=event.programme_id, open=still)]
    return [ProgrammeSettled(programme_id=event.programme_id)]


def _still_open(state: RedemptionState, programme_id: str) -> Iterator[StillOpen]:
    numbers: dict[OpenKind, int] = {
        "contracts": state.contracts.number(programme_id),
        "unclaimed": state.claimable.number(programme_id),
        "claims": state.claims.number(programme_id),
        "payable": state.payable.number(programme_id),
        "settlements": state.settlements.number(programme_id),
        "receivables": state.owed.number(programme_id),
        "clawbacks": state.clawbacks.number(programme_id),
    }
    for kind, number in numbers.items():
        if number:
            yield StillOpen(kind=kind, number=number, amount=0)


def take_over_run_off(state: RedemptionState, event: RunOffBegun, _at: At) -> Sequence[Event]:
    """Mirror that a programme is in run-off."""
    return [event] if event.programme_id in state.programmes else []


def take_over_outcome(state: RedemptionState, event: ProgrammeStaysOpen | ProgrammeClosed, _at: At) -> Sequence[Event]:
    """Mirror whether a programme that is settled here is closed."""
    return [event] if event.programme_id in state.phases else []


# evolve -------------------------------------------------------------------------------------------------------------


def run_off_begun(state: RedemptionState, event: RunOffBegun, _at: At) -> None:
    """Apply the beginning of a run-off: a last day is to be set."""
    state.phases[event.programme_id] = "run_off"
    state.last_days.expect(event.programme_id)


def programme_settled(state: RedemptionState, event: ProgrammeSettled, _at: At) -> None:
    """Apply that nothing begins any more."""
    state.phases[event.programme_id] = "closing"


def programme_unsettled(_state: RedemptionState, _event: ProgrammeUnsettled, _at: At) -> None:
    """What is open goes on."""


def programme_stays_open(state: RedemptionState, event: ProgrammeStaysOpen, _at: At) -> None:
    """Apply that the run-off goes on."""
    state.phases[event.programme_id] = "run_off"
    state.last_days.expect(event.programme_id)


def programme_closed(state: RedemptionState, event: ProgrammeClosed, _at: At) -> None:
    """Apply the end."""
    state.phases[event.programme_id] = "closed"


def rest_given_up(state: RedemptionState, event: RestGivenUp, _at: At) -> None:
    """Apply that less than a minor unit is payable no more."""
    key = (event.programme_id, event.provider_id)
    put(state.payable, key, state.payable.get(key, 0) - event.amount)
