"""The steps of a review, as the programme's document lays them down.

A step's authority is `issuer`, `operator` or `auditor`, of the programme, or the id of a party; a party of its group
that has the role of issuer, operator or auditor signs for it as well, so that a quorum can be reached. A party stands
for one natural signatory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.hidden import not_yours
from counterfoil.issuance.applications import already_closed, document_for, version_of
from counterfoil.issuance.applying import Application, Review
from counterfoil.issuance.commands import ReviewApplication
from counterfoil.issuance.events import ApplicationOverdue, ApplicationReviewed
from counterfoil.issuance.judging import judge
from counterfoil.issuance.signatures import due_by, steps_of, unmet
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.words import ALL
from counterfoil.programme.form.redemption import ReviewStep

TIMER: Final = "review_overdue"
_ISSUER: Final = "issuer"


def review_application(state: IssuanceState, body: ReviewApplication, actor: Party, at: At) -> Decision:
    """Sign one step of an application's review."""
    application = state.applications.open.get(body.application_id)
    if application is None:
        return refuse(Code.UNKNOWN_APPLICATION, application_id=body.application_id)
    programme_id = application.content.programme_id
    rules = document_for(state, application)
    if isinstance(rules, Refusal):
        return rules
    steps = steps_of(rules)
    if not any(may_sign(state, programme_id, each, actor) for each in steps):
        return not_yours(state.rules, Code.UNKNOWN_APPLICATION, application_id=body.application_id)
    if body.step >= len(steps):
        return refuse(Code.REVIEW_NOT_DUE, step=body.step)
    if not may_sign(state, programme_id, steps[body.step], actor):
        return refuse(Code.NOT_A_REVIEWER, authority=steps[body.step].authority)
    if application.status == "returned":
        return refuse(Code.APPLICATION_NOT_OPEN, status=application.status)
    if (closed := already_closed(state, application)) is not None:
        return closed
    review = rules.document.review
    if review is not None and review.conflict_of_interest and (bound := interested(state, application, actor)):
        return bound
    judged = judge(state, rules, body.application_id, application, rules.day(at.time))
    if isinstance(judged, Refusal):
        return judged
    version = version_of(state, state.programmes[programme_id], application.window_id)
    signed = [each for each in application.reviews if each.version == version]
    if any((each.step, each.reviewer_id) == (body.step, actor.party_id) for each in signed):
        return refuse(Code.REVIEW_NOT_DUE, step=body.step, reviewer_id=actor.party_id)
    due = unmet(rules, judged, signed)
    if body.step not in due or due[0] < body.step:
        return refuse(Code.REVIEW_NOT_DUE, step=body.step)
    after = (*signed, Review(body.step, version, actor.party_id, body.passes))
    return [
        ApplicationReviewed(
            application_id=body.application_id,
            programme_id=programme_id,
            version=version,
            step=body.step,
            reviewer_id=actor.party_id,
            passes=body.passes,
            reason=body.reason,
            complete=not (still := unmet(rules, judged, after)),
            review_by=due_by(rules, still, at),
        )
    ]


def overdue(state: IssuanceState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: say which steps were not signed in time."""
    found = state.applications.reviews_due.reached(cutoff, state.rules.max_items_per_sweep)
    return [_overdue(state, due_id.partition(" ")[0]) for due_id in found]


def _overdue(state: IssuanceState, application_id: str) -> ApplicationOverdue:
    application = state.applications.open[application_id]
    rules, programme = document_for(state, application), state.programmes[application.content.programme_id]
    version = version_of(state, programme, application.window_id)
    signed = [each for each in application.reviews if each.version == version]
    step = max((each.step for each in signed), default=0)
    if not isinstance(rules, Refusal):
        judged = judge(state, rules, application_id, application, rules.day(application.review_by or 0))
        due = [] if isinstance(judged, Refusal) else unmet(rules, judged, signed)
        step = due[0] if due else step
    return ApplicationOverdue(
        application_id=application_id,
        programme_id=application.content.programme_id,
        step=step,
        since=application.review_by or 0,
    )


def next_due(state: IssuanceState) -> tuple[int, str] | None:
    """When the next step is overdue."""
    due = state.applications.reviews_due.next()
    return None if due is None else (due, TIMER)


def may_sign(state: IssuanceState, programme_id: str, step: ReviewStep, actor: Party) -> bool:
    """Whether a party is the authority of a step, or signs for it."""
    issuer_id = state.programmes[programme_id].current.issuer_id
    if step.authority == "operator":
        return "operator" in actor.roles
    if step.authority == "auditor":
        return actor.party_id in state.auditors_of(programme_id) | state.auditors_of(ALL)
    return state.directory.related(issuer_id if step.authority == _ISSUER else step.authority, actor.party_id)


def interested(state: IssuanceState, application: Application, actor: Party) -> Refusal | None:
    """Whether a reviewer is related to the applicant, or to a provider of its lines."""
    asked = application.content
    held = [Held(Duty.CLAIMANT, asked.beneficiary_id)]
    held += [Held(Duty.CLAIMANT, each.provider_id) for each in asked.lines if each.provider_id is not None]
    return not_separate(state, Held(Duty.APPROVER, actor.party_id), *held)


# evolve -------------------------------------------------------------------------------------------------------------


def application_reviewed(state: IssuanceState, event: ApplicationReviewed, _at: At) -> None:
    """Apply a signature."""
    state.applications.reviewed(event)


def application_overdue(state: IssuanceState, event: ApplicationOverdue, _at: At) -> None:
    """Apply that a step is overdue."""
    state.applications.overdue(event.application_id)
