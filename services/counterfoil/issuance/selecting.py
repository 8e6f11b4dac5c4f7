"""How an issuer opens and closes a window of applications, and reviewers give these scores."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final, cast

from counterfoil.contract.events import ProgrammePublished
from counterfoil.contract.limits import MAX_WINDOW
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, format_day
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.applications import already_closed, decides_together, document_for, document_of, windows_of
from counterfoil.issuance.applying import Application
from counterfoil.issuance.commands import CloseWindow, OpenWindow, ScoreApplication
from counterfoil.issuance.events import ApplicationScored, WindowClosed, WindowOpened
from counterfoil.issuance.granting import caps_not_set
from counterfoil.issuance.programmes import growing_programme
from counterfoil.issuance.reviews import interested, may_sign
from counterfoil.issuance.signatures import steps_of
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.windows import Window, asked_of
from counterfoil.programme.form.redemption import ReviewStep
from counterfoil.programme.periods import Span
from counterfoil.programme.rules import Rules
from counterfoil.programme.sharing import draw_of
from counterfoil.programme.windows import window_at

_ISSUER: Final = (ReviewStep(authority="issuer"),)
"""Who gives scores where the document names no reviewer."""


def open_window(state: IssuanceState, body: OpenWindow, actor: Party, at: At) -> Decision:
    """A window of a programme whose document has applications decided together."""
    programme = growing_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    rules = document_of(state, body.programme_id)
    if isinstance(rules, Refusal):
        return rules
    mode = rules.document.budget.exhaustion.mode
    if not decides_together(rules):
        return refuse(Code.NOT_BY_APPLICATION, why=mode)
    if programme.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=body.programme_id)
    refused = _unfit_days(state, rules, body, at)
    if refused is not None:
        return refused
    if (body.commitment is not None) is not (mode == "LOTTERY"):
        return refuse(Code.SEED_NOT_VALID, mode=mode)
    most, mine = state.rules.max_open_windows, state.windows.by_programme.get(body.programme_id, {})
    if len(mine) >= most:
        return refuse(Code.OVER_LIMIT, field="programme_id", limit=most)
    current = cast("ProgrammePublished", programme.current)
    return [
        WindowOpened(
            window_id=at.new_id("win"),
            programme_id=body.programme_id,
            version=current.version,
            document_id=current.document_id,
            rules_hash=current.rules_hash,
            mode=mode,
            opens=body.opens,
            closes=body.closes,
            commitment=body.commitment,
        )
    ]


def _unfit_days(state: IssuanceState, rules: Rules, body: OpenWindow, at: At) -> Refusal | None:
    """Whether the days are no window of the document, or are over, or belong to another window that is not settled."""
    days, today = Span(body.opens, body.closes + 1), rules.day(at.time)
    windows = windows_of(rules)
    if windows is not None and windows.kind != "ROLLING":
        in_document = window_at(windows, body.opens)
        if in_document != days:
            return refuse(Code.PERIOD_NOT_VALID, **_named(in_document))
    if not today <= body.closes or not 0 <= body.closes - body.opens < MAX_WINDOW // DAY:
        return refuse(Code.PERIOD_NOT_VALID, field="closes")
    if not rules.grants_on(body.opens) or not rules.grants_on(body.closes):
        return refuse(Code.PERIOD_NOT_VALID, field="valid")
    for each in state.windows.by_programme.get(body.programme_id, ()):
        other = state.windows.open[each]
        if body.opens <= other.closes and other.opens <= body.closes:
            return refuse(Code.PERIOD_NOT_VALID, window_id=each)
    return None


def _named(days: Span | None) -> dict[str, str]:
    if days is None or days.start is None or days.end is None:
        return {"field": "opens"}
    return {"opens": format_day(days.start), "closes": format_day(days.end - 1)}


def close_window(state: IssuanceState, body: CloseWindow, actor: Party, at: At) -> Decision:
    """Let the applications of a window be decided; a lottery is drawn by the seed that was committed to."""
    window = state.windows.open.get(body.window_id)
    if window is None:
        return refuse(Code.UNKNOWN_WINDOW, window_id=body.window_id)
    if state.programmes[window.programme_id].current.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=window.programme_id)
    if state.applications.in_window.get(body.window_id) and (stopped := not_taking_part(actor)) is not None:
        return stopped  # it would grant; each application can be rejected by itself
    if window.phase != "open":
        return refuse(Code.WINDOW_CLOSED, window_id=body.window_id)
    rules = state.rules_under(window)
    today = rules.day(at.time)
    if today <= window.closes:
        return refuse(Code.WINDOW_STILL_OPEN, closes=format_day(window.closes))
    fits = None if body.seed is None else sha256(body.seed).digest()
    if fits != window.commitment:
        return refuse(Code.SEED_NOT_VALID, window_id=body.window_id)
    waits = next(_incomplete(state, rules, body.window_id), None)
    if waits is not None:
        return waits
    last = today if rules.valid.end is None else rules.valid.end - 1
    return [
        WindowClosed(
            window_id=body.window_id,
            programme_id=window.programme_id,
            applications=len(asked_of(body.window_id, state.applications)),
            day=min(today, last),
            seed=body.seed,
            draw=None if body.seed is None else draw_of(body.seed, window.chain),
        )
    ]


def _incomplete(state: IssuanceState, rules: Rules, window_id: str) -> Iterator[Refusal]:
    """The applications of a window that lack a signature, caps or scores; those that are to be corrected do not."""
    ranked, least = rules.document.budget.exhaustion.mode == "RANKED", _least_scores(rules)
    for application_id in state.applications.in_window.get(window_id, ()):
        each = state.applications.open[application_id]
        if each.status == "returned":
            continue
        if not each.ready:
            yield refuse(Code.REVIEW_INCOMPLETE, application_id=application_id)
        if caps_not_set(rules, each.caps) is not None:
            yield refuse(Code.REVIEW_INCOMPLETE, application_id=application_id, caps="not set")
        if ranked and len(each.scores) < least:
            yield refuse(Code.REVIEW_INCOMPLETE, application_id=application_id, scores=least)


def _least_scores(rules: Rules) -> int:
    """How many scores an application needs: as many as the largest quorum of its review."""
    return max((each.quorum for each in steps_of(rules)), default=1)


def score_application(state: IssuanceState, body: ScoreApplication, actor: Party, _at: At) -> Decision:
    """One score of one reviewer."""
    application = state.applications.open.get(body.application_id)
    if application is None:
        return refuse(Code.UNKNOWN_APPLICATION, application_id=body.application_id)
    programme_id, window = application.content.programme_id, _window_of(state, application)
    rules = document_for(state, application)
    if isinstance(rules, Refusal):
        return rules
    if not any(may_sign(state, programme_id, each, actor) for each in steps_of(rules) or _ISSUER):
        return not_yours(state.rules, Code.UNKNOWN_APPLICATION, application_id=body.application_id)
    if window is None or rules.document.budget.exhaustion.mode != "RANKED":
        return refuse(Code.NOT_BY_APPLICATION, why=rules.document.budget.exhaustion.mode)
    if (closed := already_closed(state, application)) is not None:
        return closed
    if application.status == "returned":
        return refuse(Code.APPLICATION_NOT_OPEN, status=application.status)
    if any(each.reviewer_id == actor.party_id for each in application.scores):
        return refuse(Code.ALREADY_SCORED, application_id=body.application_id)
    review = rules.document.review
    bound = interested(state, application, actor) if review is None or review.conflict_of_interest else None
    return bound or [
        ApplicationScored(
            application_id=body.application_id,
            programme_id=programme_id,
            version=window.version,
            reviewer_id=actor.party_id,
            points=body.points,
            reason=body.reason,
        )
    ]


def _window_of(state: IssuanceState, application: Application) -> Window | None:
    return None if application.window_id is None else state.windows.open[application.window_id]


# evolve -------------------------------------------------------------------------------------------------------------


def window_opened(state: IssuanceState, event: WindowOpened, _at: At) -> None:
    """Apply that a window takes applications."""
    state.windows.opened(event)


def window_closed(state: IssuanceState, event: WindowClosed, at: At) -> None:
    """Apply that the applications of a window are put in order."""
    rules = state.rules_under(state.windows.open[event.window_id])
    state.windows.closed(event, at, assess=rules.document.budget.exhaustion.mode == "PRO_RATA")
    state.windows.arrange(event.window_id, rules, state.applications)


def application_scored(state: IssuanceState, event: ApplicationScored, _at: At) -> None:
    """Apply a score."""
    state.applications.scored(event)
