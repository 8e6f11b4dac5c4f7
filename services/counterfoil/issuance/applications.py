"""How a beneficiary applies for a voucher, corrects its application and withdraws it, and how the issuer returns it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.hidden import not_yours
from counterfoil.issuance.applying import Application
from counterfoil.issuance.commands import ReturnApplication, SubmitApplication, WithdrawApplication
from counterfoil.issuance.events import ApplicationReturned, ApplicationSubmitted, ApplicationWithdrawn
from counterfoil.issuance.judging import judge
from counterfoil.issuance.programmes import duties_in
from counterfoil.issuance.signatures import due_by, steps_of, unmet
from counterfoil.issuance.state import IssuanceState, Programme
from counterfoil.issuance.words import TOGETHER
from counterfoil.programme.claiming import after_use
from counterfoil.programme.form.redemption import Windows
from counterfoil.programme.models import MODELS
from counterfoil.programme.rules import Rules
from counterfoil.programme.windows import is_taken


def submit_application(state: IssuanceState, body: SubmitApplication, actor: Party, at: At) -> Decision:
    """An application, or the correction of one that was returned."""
    submitted = submission(state, body, actor, at, claims=False)
    return submitted if isinstance(submitted, Refusal) else [submitted.event]


class Submission(NamedTuple):
    """An application as it is submitted, and the document that it was judged fit by."""

    event: ApplicationSubmitted
    rules: Rules


def submission(
    state: IssuanceState, body: SubmitApplication, actor: Party, at: At, *, claims: bool
) -> Submission | Refusal:
    """What is submitted; `claims`: it claims use that nothing was granted for before."""
    programme = state.programmes.get(body.programme_id)
    if programme is None:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id)
    before = None if body.corrects is None else own_application(state, body.corrects, actor)
    if isinstance(before, Refusal):
        return before
    if before is not None and (before.status != "returned" or before.content.programme_id != body.programme_id):
        return refuse(Code.APPLICATION_NOT_OPEN, status=before.status)
    rules = document_of(state, body.programme_id) if before is None else document_for(state, before)
    if isinstance(rules, Refusal):
        return rules
    if after_use(rules) is not claims:
        return _otherwise(rules, claims=claims)
    window_id = state.windows.taking(body.programme_id, rules.day(at.time)) if before is None else before.window_id
    if window_id is not None and state.windows.open[window_id].phase != "open":
        return refuse(Code.WINDOW_CLOSED, window_id=window_id)
    if window_id is not None and after_use(state.rules_under(state.windows.open[window_id])) is not claims:
        return _otherwise(rules, claims=claims)
    refused = (
        _not_taken(state, programme, rules, body, actor, at, window_id)
        or _unfit(state, rules, body)
        or not_separate(
            state, Held(Duty.BENEFICIARY, actor.party_id), *duties_in(state, programme, actor.party_id)
        )
    )  # fmt: skip
    if refused is not None:
        return refused
    submitted = ApplicationSubmitted(
        application_id=body.corrects or at.new_id("app"),
        programme_id=body.programme_id,
        version=version_of(state, programme, window_id),
        beneficiary_id=actor.party_id,
        corrects=body.corrects is not None,
        project_id=body.project_id,
        lines=body.lines,
        contract=body.contract,
        other_support=body.other_support,
        evidence=body.evidence,
        ready=rules.document.review is None or not rules.document.review.steps,
        window_id=window_id,
        review_by=None,
    )
    return Submission(replace(submitted, review_by=_review_by(state, rules, submitted, at)), rules)


def _otherwise(rules: Rules, *, claims: bool) -> Refusal:
    """It is an application to a programme that has use claimed, or a claim where a voucher comes before the use."""
    if claims:
        return refuse(Code.NOT_CLAIMED_BY_INVOICE, why="needs_voucher")
    return refuse(Code.NOT_BY_APPLICATION, why=rules.document.redemption.model)


def _review_by(state: IssuanceState, rules: Rules, submitted: ApplicationSubmitted, at: At) -> int | None:
    """When its first step is to be signed."""
    if not any(each.within_days is not None for each in steps_of(rules)):
        return None
    application = Application(submitted, at.time, at.index, at.item)
    judged = judge(state, rules, submitted.application_id, application, rules.day(at.time))
    return None if isinstance(judged, Refusal) else due_by(rules, unmet(rules, judged, ()), at)


def document_for(state: IssuanceState, application: Application, *, rejects: bool = False) -> Rules | Refusal:
    """The document that an application is decided by: that of its window, else the one in force.

    `rejects`: whatever its model; else who applied under another one could keep a programme from closing.
    """
    if application.window_id is not None:
        return state.rules_under(state.windows.open[application.window_id])
    if rejects and isinstance(terms := state.terms(application.content.programme_id), Rules):
        return terms
    rules, claims = document_of(state, application.content.programme_id), application.content.application_id
    if isinstance(rules, Rules) and after_use(rules) is not (claims in state.claims.waiting):
        return refuse(Code.NOT_BY_APPLICATION, why=rules.document.redemption.model)  # another version's model
    return rules


def version_of(state: IssuanceState, programme: Programme, window_id: str | None) -> int:
    """The version with that document."""
    return programme.current.version if window_id is None else state.windows.open[window_id].version


def document_of(state: IssuanceState, programme_id: str) -> Rules | Refusal:
    """The document in force, if its programme gives vouchers for applications, or for claims after use."""
    rules = state.terms(programme_id)
    if not isinstance(rules, Rules):
        return refuse(Code.NOT_BY_APPLICATION, why="no_document")
    model = rules.document.redemption.model
    known = MODELS[model].applies or (state.rules.claims_after_use and after_use(rules))
    return rules if known else refuse(Code.NOT_BY_APPLICATION, why=model)


def windows_of(rules: Rules) -> Windows | None:
    """When the document has applications taken, or claims after use."""
    taken = rules.document.applications
    return rules.document.redemption.windows if after_use(rules) else None if taken is None else taken.windows


def decides_together(rules: Rules) -> bool:
    """Whether applications are decided when their window is over."""
    return rules.document.budget.exhaustion.mode in TOGETHER


def _not_taken(
    state: IssuanceState, programme: Programme, rules: Rules, body: SubmitApplication, actor: Party, at: At,
    window_id: str | None,
) -> Refusal | None:  # fmt: skip
    """Whether the programme takes no application of this party now."""
    if body.corrects is None and (ending := state.phases.grants_nothing(body.programme_id)) is not None:
        return ending
    if programme.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=body.programme_id)
    day = rules.day(at.time)
    if window_id is None and not rules.grants_on(day):
        return refuse(Code.PROGRAMME_NOT_OPEN, programme_id=body.programme_id)
    closed = decides_together(rules) and window_id is None
    if body.corrects is None and (closed or not is_taken(windows_of(rules), day)):
        code = Code.CLAIMS_CLOSED if after_use(rules) else Code.APPLICATIONS_CLOSED
        return refuse(code, programme_id=body.programme_id)
    most = state.rules.max_open_applications
    if body.corrects is None and state.applications.opened.get((body.programme_id, actor.party_id), 0) >= most:
        return refuse(Code.OVER_LIMIT, field="programme_id", limit=most)
    return None


def _unfit(state: IssuanceState, rules: Rules, body: SubmitApplication) -> Refusal | None:
    most = state.rules.max_application_lines
    refused = unfit_lists(
        Listed("lines", [each.id for each in body.lines], most),
        Listed("other_support", [each.programme for each in body.other_support], most, may_be_empty=True),
        Listed("evidence", body.evidence, most, may_be_empty=True),
    )
    if refused is not None:
        return refused
    for total in (sum(each.amount for each in body.lines), sum(each.quantity for each in body.lines)):
        if total > MAX_AMOUNT:
            return refuse(Code.AMOUNT_TOO_LARGE, amount=total, most=MAX_AMOUNT)
    unfit = next(_unfit_parts(body), None)
    if unfit is not None:
        return unfit
    for each in body.lines:
        if each.provider_id is not None and each.provider_id not in state.directory.parties:
            return refuse(Code.UNKNOWN_PARTY, party_id=each.provider_id)
    providers = {each.provider_id for each in body.lines}
    if len(providers) > 1 and any(rule.cap.scope == "PROVIDER" for rule in rules.caps):
        return refuse(Code.NOT_BY_APPLICATION, why="several_providers")
    return None


def _unfit_parts(body: SubmitApplication) -> Iterator[Refusal]:
    if body.contract is not None and body.contract.starts > body.contract.ends:
        yield refuse(Code.PERIOD_NOT_VALID, field="contract")
    for each in body.lines:
        if each.tax > each.amount:
            yield refuse(Code.AMOUNT_TOO_LARGE, amount=each.tax, most=each.amount)
        if (each.starts is None) is not (each.ends is None) or (each.starts or 0) > (each.ends or 0):
            yield refuse(Code.PERIOD_NOT_VALID, field="lines")


def withdraw_application(state: IssuanceState, body: WithdrawApplication, actor: Party, _at: At) -> Decision:
    """End an application of the actor's."""
    application = own_application(state, body.application_id, actor)
    if isinstance(application, Refusal):
        return application
    return [ApplicationWithdrawn(application_id=body.application_id, reason=body.reason)]


def return_application(state: IssuanceState, body: ReturnApplication, actor: Party, _at: At) -> Decision:
    """Let an application be corrected."""
    application = application_to(state, body.application_id, actor)
    if isinstance(application, Refusal):
        return application
    if application.status != "submitted":
        return refuse(Code.APPLICATION_NOT_OPEN, status=application.status)
    if (closed := already_closed(state, application)) is not None:
        return closed
    return [ApplicationReturned(application_id=body.application_id, reason=body.reason)]


def already_closed(state: IssuanceState, application: Application) -> Refusal | None:
    """Whether the window of an application is closed, so that nobody has a say in its decision any more."""
    window_id = application.window_id
    if window_id is None or state.windows.open[window_id].phase == "open":
        return None
    return refuse(Code.WINDOW_CLOSED, window_id=window_id)


def own_application(state: IssuanceState, application_id: str, actor: Party) -> Application | Refusal:
    """The application, if it is the actor's."""
    application = state.applications.open.get(application_id)
    if application is None:
        return refuse(Code.UNKNOWN_APPLICATION, application_id=application_id)
    if application.content.beneficiary_id != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_APPLICATION, application_id=application_id)
    return application


def application_to(state: IssuanceState, application_id: str, actor: Party) -> Application | Refusal:
    """The application, if it is to a programme of the actor's."""
    application = state.applications.open.get(application_id)
    if application is None:
        return refuse(Code.UNKNOWN_APPLICATION, application_id=application_id)
    if state.programmes[application.content.programme_id].current.issuer_id != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_APPLICATION, application_id=application_id)
    return application


# evolve -------------------------------------------------------------------------------------------------------------


def application_submitted(state: IssuanceState, event: ApplicationSubmitted, at: At) -> None:
    """Apply an application, or its correction."""
    state.applications.submitted(event, at)
    state.windows.submitted(event, at)


def application_withdrawn(state: IssuanceState, event: ApplicationWithdrawn, at: At) -> None:
    """Apply the end of an application; who waits behind it moves up."""
    application = state.applications.open[event.application_id]
    window_id = application.window_id
    state.claims.decided(event.application_id)
    state.applications.ended(event.application_id)
    state.when_decided(application.content.programme_id)
    state.left_queue(application.content.programme_id, at)
    state.windows.passed(window_id, event.application_id)


def application_returned(state: IssuanceState, event: ApplicationReturned, _at: At) -> None:
    """Apply that an application waits to be corrected."""
    state.applications.returned(event.application_id)
