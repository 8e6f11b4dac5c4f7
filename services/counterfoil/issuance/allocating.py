"""The timer that decides the applications of closed windows, in their order, one an entry.

What each gets is judged as an application alone would be, with what the ones before it have left of caps and budget.
Where the budget is divided in proportion, all are assessed first. What bars an application alone, rejects it alone;
one that asks for more than is left ends the order, and those behind it wait, or are rejected, by the document's mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from counterfoil.contract.applications import EnvelopePart
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.scalars import ApplicationDecision
from counterfoil.core.at import At
from counterfoil.issuance.applying import Application
from counterfoil.issuance.events import ApplicationAssessed, WindowAssessed, WindowSettled
from counterfoil.issuance.granting import (
    WINDOW_TIMER,
    Ruling,
    Turn,
    concluded,
    not_granted,
    not_reviewed,
    uncalculated,
    why,
)
from counterfoil.issuance.judging import Judged, judge, left_of
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.windows import Window, asked_of, shares_of
from counterfoil.programme.form.budget import Exhaustion
from counterfoil.programme.rules import Rules
from counterfoil.programme.sharing import WAITING, next_amount
from counterfoil.programme.steps import Micros, Step, step

TIMER: Final = WINDOW_TIMER
_REASONS: Final = {
    "RANKED": "by the ranking of its window",
    "LOTTERY": "by the lottery of its window",
    "PRO_RATA": "by the division of its window's budget",
}


def decide_some(state: IssuanceState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: the next step of the window that was closed first."""
    due = state.windows.due.reached(cutoff, 1)
    if not due:
        return []
    window_id, window = due[0], state.windows.open[due[0]]
    rules, order = state.rules_under(window), state.windows.orders[window_id]
    if window.phase == "assessing":
        some = order[::-1][: state.rules.max_items_per_sweep]
        if not some:
            return [_assessed(state, rules, window_id, window)]
        return [_assess(state, rules, window_id, each, window.day, at) for each in some]
    if order:
        return _decide(state, rules, window_id, order[-1], at)
    return [
        WindowSettled(
            window_id=window_id,
            programme_id=window.programme_id,
            approved=window.approved,
            waitlisted=window.waitlisted,
            rejected=window.rejected,
            granted=window.granted,
        )
    ]


def next_due(state: IssuanceState) -> tuple[int, str] | None:
    """When the timer has something to do."""
    due = state.windows.due.next()
    return None if due is None else (due, TIMER)


# in proportion ------------------------------------------------------------------------------------------------------


def _assess(
    state: IssuanceState, rules: Rules, window_id: str, application_id: str, day: int, at: At
) -> ApplicationAssessed:
    """What an application would get if there were enough for all."""
    application = state.applications.open[application_id]
    today = rules.day(at.time)
    judged = judge(state, rules, application_id, application, day, application.caps, today=today)
    barred = isinstance(judged, Refusal) or not_reviewed(state, rules, application, judged) is not None
    asked = () if barred or isinstance(judged, Refusal) else judged.evaluation.envelopes
    return ApplicationAssessed(
        application_id=application_id,
        window_id=window_id,
        asked=tuple(EnvelopePart(envelope=name, amount=part) for name, part in asked),
    )


def _assessed(state: IssuanceState, rules: Rules, window_id: str, window: Window) -> WindowAssessed:
    left, asked = left_of(state, rules, window.day), dict.fromkeys(_envelopes(rules), 0)
    for each in asked_of(window_id, state.applications):
        for envelope, part in state.applications.open[each.id].asked or ():
            asked[envelope] += part
    return WindowAssessed(
        window_id=window_id,
        programme_id=window.programme_id,
        asked=_parts(asked),
        left=_parts(left),
    )


def _envelopes(rules: Rules) -> list[str]:
    return [each.id for each in rules.document.budget.envelopes]


def _parts(amounts: Mapping[str, int]) -> tuple[EnvelopePart, ...]:
    return tuple(EnvelopePart(envelope=name, amount=amount) for name, amount in amounts.items())


# one after the other ------------------------------------------------------------------------------------------------


def _decide(state: IssuanceState, rules: Rules, window_id: str, application_id: str, at: At) -> Sequence[Event]:
    application, window = state.applications.open[application_id], state.windows.open[window_id]
    exhaustion = rules.document.budget.exhaustion
    today = rules.day(at.time)
    judged = judge(state, rules, application_id, application, window.day, application.caps, today=today)
    rank, said = None, tuple[Step, ...]()
    if application.status != "returned":
        rank = window.decided + 1
        said = _said(exhaustion, application, window, rank)
    turn = Turn(window_id, rank, application.points if exhaustion.mode == "RANKED" else None)
    ruling = Ruling(application_id, "rejected", _REASONS[exhaustion.mode], application.caps, turn=turn, said=said)
    if isinstance(judged, Refusal):
        return [uncalculated(state, rules, application, ruling, window.day)]
    if rank is None:
        return _without_voucher(state, rules, application, judged, ruling._replace(refusal="not_corrected"), at)
    refused = not_reviewed(state, rules, application, judged) or not_granted(state, rules, application, judged)
    if refused is not None:
        return _without_voucher(state, rules, application, judged, ruling._replace(refusal=why(refused)), at)
    return _allot(state, rules, application, judged, ruling, at)


def _said(exhaustion: Exhaustion, application: Application, window: Window, rank: int) -> tuple[Step, ...]:
    if exhaustion.mode == "RANKED":
        return (step("ranked", points=Micros(application.points), rank=rank, of=window.ordered),)
    if exhaustion.mode == "LOTTERY":
        return (step("drawn", rank=rank, of=window.ordered),)
    asked = sum(part.amount for part in application.asked or ())
    return (step("in_proportion", amount=Micros(asked), result=Micros(application.share or 0)),)


def _allot(
    state: IssuanceState, rules: Rules, application: Application, judged: Judged, ruling: Ruling, at: At
) -> Sequence[Event]:
    """What is left for an application that nothing bars; nothing left: it waits, or is rejected."""
    exhaustion, parts, left = rules.document.budget.exhaustion, judged.evaluation.envelopes, judged.case.left
    window, asked = state.windows.open[application.window_id or ""], judged.evaluation.subsidy
    today = rules.day(at.time)
    if exhaustion.mode == "PRO_RATA":
        everybody = Exhaustion(mode="PRO_RATA", partial=True)
        amount = min(next_amount(everybody, parts, left), application.share or 0)
        exhausted: tuple[str, ...] = ()
    else:
        amount = next_amount(exhaustion, parts, left, window.exhausted)
        short = amount < asked
        exhausted = tuple(name for name, part in parts if short and part > left[name] and name not in window.exhausted)
    turn = ruling.turn._replace(exhausted=exhausted) if ruling.turn is not None else None
    ruling = ruling._replace(turn=turn)
    if amount < asked and amount:
        again = judge(state, rules, ruling.application_id, application, window.day, application.caps, amount, today)
        if not isinstance(again, Refusal):
            judged, amount = again, again.evaluation.subsidy
    if amount:
        approved = concluded(state, rules, application, judged, ruling._replace(decision="approved"), at)
        if not isinstance(approved, Refusal):
            return approved
        ruling = ruling._replace(refusal=why(approved), turn=ruling.turn and ruling.turn._replace(exhausted=()))
        return _without_voucher(state, rules, application, judged, ruling, at)
    waits: ApplicationDecision = "waitlisted" if exhaustion.mode in WAITING else "rejected"
    said = (*ruling.said, step("exhausted_before")) if not exhausted and exhaustion.mode != "PRO_RATA" else ruling.said
    ruling = ruling._replace(decision=waits, refusal="budget_exhausted", said=said)
    return _without_voucher(state, rules, application, judged, ruling, at)


def _without_voucher(
    state: IssuanceState, rules: Rules, application: Application, judged: Judged, ruling: Ruling, at: At
) -> Sequence[Event]:
    decided = concluded(state, rules, application, judged, ruling, at)
    if not isinstance(decided, Refusal):
        return decided
    window = state.windows.open[application.window_id or ""]
    return [uncalculated(state, rules, application, ruling._replace(refusal=why(decided)), window.day)]


# evolve -------------------------------------------------------------------------------------------------------------


def application_assessed(state: IssuanceState, event: ApplicationAssessed, _at: At) -> None:
    """Apply what an application asks for."""
    state.applications.assessed(event)
    state.windows.passed(event.window_id, event.application_id)


def window_assessed(state: IssuanceState, event: WindowAssessed, _at: At) -> None:
    """Apply how the budget is divided among the applications of a window."""
    window_id, rules = event.window_id, state.rules_under(state.windows.open[event.window_id])
    left = {each.envelope: each.amount for each in event.left}
    for application_id, amount in list(shares_of(window_id, rules, left, state.applications)):
        state.applications.open.edit(application_id).share = amount
    state.windows.assessed(event)
    state.windows.arrange(window_id, rules, state.applications)


def window_settled(state: IssuanceState, event: WindowSettled, _at: At) -> None:
    """Apply that all applications of a window are decided."""
    programme_id = state.windows.open[event.window_id].programme_id
    state.windows.settled(event.window_id)
    state.when_decided(programme_id)
