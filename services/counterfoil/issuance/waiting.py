"""The waiting list of a programme: when budget becomes free, those who wait for it move up, each in an entry.

Free becomes what is appropriated anew, what a revoked, returned or expired voucher or a denied claim gives back, and
what somebody before would have needed who does not wait any more. The first who fits is approved, judged by the version
in force as on that day. Who does not fit ends the search, so that nobody is passed over for being larger; who may be
granted nothing for another reason keeps its place, and lets others go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.core.at import At
from counterfoil.issuance.applications import document_for, document_of
from counterfoil.issuance.events import ApplicationStillWaits
from counterfoil.issuance.granting import (
    LIST_TIMER,
    Ruling,
    caps_not_set,
    concluded,
    not_granted,
    not_reviewed,
    over_budget,
    why,
)
from counterfoil.issuance.judging import judge
from counterfoil.issuance.state import IssuanceState
from counterfoil.programme.rules import Rules

TIMER: Final = LIST_TIMER
_BUDGET: Final = ("budget_exhausted", "appropriation_exceeded", "amount_too_large")


def move_up(state: IssuanceState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: approve the first on a list who fits, or say why the first still waits."""
    due = state.freed_due.reached(cutoff, 1)
    if not due:
        return []
    programme_id = due[0]
    first, refusal = min(state.applications.listed[programme_id].items(), key=lambda each: each[1])[0], None
    for application_id, found in islice(_searched(state, programme_id, at), state.rules.max_items_per_sweep):
        if not isinstance(found, str):
            return found
        refusal = refusal or found
        if application_id == first:
            refusal = found
        if found in _BUDGET:
            break
    return [
        ApplicationStillWaits(application_id=first, programme_id=programme_id, refusal=refusal or "not_by_application")
    ]


def _searched(state: IssuanceState, programme_id: str, at: At) -> Iterator[tuple[str, str | Sequence[Event]]]:
    """Those who wait, in order, each with why it gets nothing, or with its approval."""
    rules, listed = document_of(state, programme_id), state.applications.listed[programme_id]
    if isinstance(rules, Refusal):
        return  # the issuer has to decide
    for application_id in sorted(listed, key=lambda each: listed[each]):
        yield application_id, _judged(state, rules, application_id, at)


def _judged(state: IssuanceState, rules: Rules, application_id: str, at: At) -> str | Sequence[Event]:
    application = state.applications.open[application_id]
    earlier = state.applications.earlier(rules.document.id, application)
    if earlier is not None and state.applications.open[earlier].status != "waitlisted":
        return _BUDGET[0]  # who came before is decided first
    found = document_for(state, application)
    if isinstance(found, Refusal):
        return why(found)
    judged = judge(state, rules, application_id, application, rules.day(at.time), application.caps)
    if isinstance(judged, Refusal):
        return why(judged)
    refused = (
        caps_not_set(rules, application.caps)
        or not_reviewed(state, rules, application, judged)
        or not_granted(state, rules, application, judged)
        or over_budget(state, rules, application, judged)
    )
    if refused is not None:
        return why(refused)
    ruling = Ruling(application_id, "approved", "moved up from the waiting list", application.caps)
    approved = concluded(state, rules, application, judged, ruling, at)
    return why(approved) if isinstance(approved, Refusal) else approved


def next_due(state: IssuanceState) -> tuple[int, str] | None:
    """When the timer has something to do."""
    due = state.freed_due.next()
    return None if due is None else (due, TIMER)


# evolve -------------------------------------------------------------------------------------------------------------


def application_still_waits(state: IssuanceState, event: ApplicationStillWaits, _at: At) -> None:
    """Apply that nobody on a list gets anything for now."""
    state.searched(event.programme_id)
