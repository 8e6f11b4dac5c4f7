"""The steps of a review, as the programme's document lays them down.

A step's authority is `issuer`, `operator` or `auditor`, of the programme, or the id of a party; a party of its group
that has the role of issuer, operator or auditor signs for it as well, so that a quorum can be reached. A party stands
for one natural signatory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.hidden import not_yours
from counterfoil.issuance.applications import already_closed, document_for, version_of
from counterfoil.issuance.applying import Application, Review
from counterfoil.issuance.commands import ReviewApplication
from counterfoil.issuance.events import ApplicationReviewed
from counterfoil.issuance.judging import Judged, judge
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.words import ALL
from counterfoil.programme import conditions
from counterfoil.programme.form.redemption import ReviewStep
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount, total_of

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
            complete=not unmet(rules, judged, after),
        )
    ]


def steps_of(rules: Rules) -> tuple[ReviewStep, ...]:
    """The steps of the review that a document lays down."""
    return () if rules.document.review is None else rules.document.review.steps


def unmet(rules: Rules, judged: Judged, reviews: Iterable[Review]) -> list[int]:
    """The steps of an application, in order, that have too few signatures, or an objection.

    Its amount is what its lines would be paid before any limit.
    """
    case, granted = judged
    asked = total_of(each.subsidy for each in granted.lines)
    signed = list(reviews)
    found = []
    for number, each in enumerate(steps_of(rules)):
        if each.up_to is not None and asked > parse_amount(each.up_to):
            continue
        if conditions.judge(each.when, case.facts, case.day).holds is False:
            continue  # where nobody attested the fact, the step is needed
        mine = [one for one in signed if one.step == number]
        passing = {one.reviewer_id for one in mine if one.passes}
        if len(passing) < each.quorum or any(not one.passes for one in mine):
            found.append(number)
    return found


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
