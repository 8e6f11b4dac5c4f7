"""The decision on an application: what the programme's document grants, and the voucher of it in the same entry."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.applications import PayerShare
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.applications import application_to, document_of
from counterfoil.issuance.applying import Application
from counterfoil.issuance.commands import DecideApplication
from counterfoil.issuance.events import ApplicationDecided, VoucherIssued
from counterfoil.issuance.facts import given
from counterfoil.issuance.judging import (
    Judged,
    awards,
    counters_of,
    explained,
    judge,
    of_contract,
    plain,
    tiers_of,
    too_large,
)
from counterfoil.issuance.programmes import duties_in
from counterfoil.issuance.reviews import unmet
from counterfoil.issuance.state import Grant, IssuanceState
from counterfoil.issuance.vouchers import too_many
from counterfoil.programme.expiry import Life, end_of
from counterfoil.programme.form.budget import Period
from counterfoil.programme.periods import span
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import floor_of

_SAID: Final = 120
"""Characters of a reason that a refusal has: its outcome has to fit into a batch."""
_LIFETIME: Final = Period(kind="LIFETIME")


def decide_application(state: IssuanceState, body: DecideApplication, actor: Party, at: At) -> Decision:
    """Approve, reject or waitlist an application."""
    application = application_to(state, body.application_id, actor)
    if isinstance(application, Refusal):
        return application
    if application.status == "returned" or application.status == body.decision:
        return refuse(Code.APPLICATION_NOT_OPEN, status=application.status)
    rules = document_of(state, application.content.programme_id)
    if isinstance(rules, Refusal):
        return rules
    judged = judge(state, rules, body.application_id, application, at.time, body.caps)
    if isinstance(judged, Refusal):
        return judged
    refused = None
    if body.decision == "waitlisted":
        refused = _not_waiting(rules, judged)
    elif body.decision == "approved":
        refused = _not_approved(state, rules, body, application, judged, at)
    if refused is not None:
        return refused
    decided = _decided(state, rules, body, application, judged, at)
    if isinstance(decided, Refusal) or decided.voucher_id is None:
        return decided if isinstance(decided, Refusal) else [decided]
    voucher = _voucher(state, rules, application, judged, decided.voucher_id, at)
    return voucher if isinstance(voucher, Refusal) else [decided, voucher]


def _not_waiting(rules: Rules, judged: Judged) -> Refusal | None:
    """Whether an application cannot wait for the budget: the document says that, and nothing else is against it."""
    refusal = judged.evaluation.refusal
    if rules.document.budget.exhaustion.mode == "QUEUE" and refusal is not None and refusal.code == "budget_exhausted":
        return None
    return refuse(Code.NOT_GRANTED, why="no_waiting_list" if refusal is None else refusal.code)


def _not_approved(
    state: IssuanceState, rules: Rules, body: DecideApplication, application: Application, judged: Judged, at: At
) -> Refusal | None:
    """The first reason against an approval."""
    programme_id, beneficiary_id = application.content.programme_id, application.content.beneficiary_id
    programme = state.programmes[programme_id]
    beneficiary = state.directory.parties[beneficiary_id]
    if (refused := not_taking_part(beneficiary)) is not None:
        return refused
    if programme.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=programme_id)
    version = programme.current.version
    signed = [each for each in application.reviews if each.version == version]
    if due := unmet(rules, judged, signed):
        return refuse(Code.REVIEW_INCOMPLETE, step=due[0])
    earlier = state.applications.earlier(programme_id, application)
    if earlier is not None:
        return refuse(Code.EARLIER_APPLICATION_WAITS, application_id=earlier)
    settable = {rule.cap.id for rule in rules.caps if rule.cap.set_at_approval}
    if {each.cap for each in body.caps} != settable or len(body.caps) != len(settable):
        return refuse(Code.NOT_GRANTED, why="caps_not_set", says=", ".join(sorted(settable))[:_SAID])
    refusal = judged.evaluation.refusal
    if refusal is not None:
        return refuse(Code.NOT_GRANTED, why=refusal.code, says=plain(refusal.sentence)[:_SAID])
    if not _awards_left(state, rules, beneficiary.group_id, judged):
        return refuse(Code.NOT_GRANTED, why="awards_used_up")
    room = min(state.room(programme, programme.issued), MAX_AMOUNT)
    if judged.evaluation.subsidy > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=judged.evaluation.subsidy, most=room)
    if judged.evaluation.subsidy > programme.uncommitted:
        return refuse(Code.APPROPRIATION_EXCEEDED, uncommitted=programme.uncommitted)
    held = Held(Duty.BENEFICIARY, beneficiary_id)
    return too_many(state, programme_id, beneficiary_id) or not_separate(
        state, held, *duties_in(state, programme, beneficiary_id)
    )


def _awards_left(state: IssuanceState, rules: Rules, group_id: str, judged: Judged) -> bool:
    """Whether the group, and the contract, may have one more grant of the programme."""
    taken, day = rules.document.applications, judged.case.day
    per_contract = rules.document.contract.vouchers_per_contract
    if per_contract is not None and of_contract(state, rules, judged.case.subjects["CONTRACT"]) >= per_contract:
        return False
    if taken is None:
        return True
    if taken.first_time_only and awards(state, rules, group_id, span(_LIFETIME, day, rules.valid)):
        return False
    period = Period(kind=taken.max_awards_period) if taken.max_awards_period is not None else _LIFETIME
    return taken.max_awards is None or awards(state, rules, group_id, span(period, day, rules.valid)) < taken.max_awards


def _decided(
    state: IssuanceState, rules: Rules, body: DecideApplication, application: Application, judged: Judged, at: At
) -> ApplicationDecided | Refusal:
    granted, asked = judged.evaluation, application.content
    counters = counters_of(state, rules, judged) if granted.refusal is None else ()
    if too_large(granted, counters):
        return refuse(Code.AMOUNT_TOO_LARGE, amount=floor_of(granted.eligible), most=MAX_AMOUNT)
    return ApplicationDecided(
        application_id=body.application_id,
        programme_id=asked.programme_id,
        version=state.programmes[asked.programme_id].current.version,
        beneficiary_id=asked.beneficiary_id,
        decision=body.decision,
        reason=body.reason,
        rules_hash=granted.digest,
        day=judged.case.day,
        caps=body.caps,
        facts=given(rules, granted.facts),
        refusal=None if granted.refusal is None else granted.refusal.code,
        explanation=explained(granted),
        eligible=floor_of(granted.eligible),
        subsidy=granted.subsidy,
        co_payment=floor_of(granted.co_payment),
        tiers=tiers_of(granted),
        counters=counters,
        payers=tuple(PayerShare(payer=payer, amount=amount) for payer, amount in granted.payers),
        voucher_id=at.new_id("vch") if body.decision == "approved" else None,
    )


def _voucher(
    state: IssuanceState, rules: Rules, application: Application, judged: Judged, voucher_id: str, at: At
) -> VoucherIssued | Refusal:
    """The voucher of an approval; it pays after the public notice that the document asks for."""
    programme_id, beneficiary_id = application.content.programme_id, application.content.beneficiary_id
    programme = state.programmes[programme_id]
    life = Life(judged.case.day, project_ends=_project_end(application, judged))
    try:
        ends = end_of(rules, life).ends
    except ValueError:
        return refuse(Code.NOT_GRANTED, why="project_end_unknown")
    notice = 0 if rules.document.publication is None else rules.document.publication.notice_days
    not_before = at.time + notice * DAY
    if ends is None:
        return refuse(Code.NOT_GRANTED, why="voucher_without_end")
    expires_at = ends * DAY - rules.offset
    if expires_at <= not_before:
        return refuse(Code.NOT_GRANTED, why="voucher_expired")
    subsidy = judged.evaluation.subsidy
    group_id = state.directory.parties[beneficiary_id].group_id
    return VoucherIssued(
        voucher_id=voucher_id,
        programme_id=programme_id,
        version=programme.current.version,
        beneficiary_id=beneficiary_id,
        face=subsidy,
        not_before=not_before,
        expires_at=expires_at,
        issue_seq=programme.vouchers_issued + 1,
        uncommitted_after=programme.uncommitted - subsidy,
        group_issued_after=state.counted(programme_id, group_id) + subsidy,
    )


def _project_end(application: Application, judged: Judged) -> int | None:
    """The last day of the project: as attested, else of the contract."""
    fact = judged.case.facts.get("ends_on")
    if fact is not None and isinstance(fact.value, int):
        return fact.value
    contract = application.content.contract
    return None if contract is None else contract.ends


# evolve -------------------------------------------------------------------------------------------------------------


def application_decided(state: IssuanceState, event: ApplicationDecided, _at: At) -> None:
    """Apply a decision; with an approval also what it counts."""
    if event.decision == "waitlisted":
        state.applications.waitlisted(event.application_id)
        return
    state.applications.ended(event.application_id)
    if event.voucher_id is not None:
        state.grants[event.voucher_id] = Grant(event.day, event.subsidy, event.counters)
        for each in event.counters:
            state.counters.move(event.programme_id, event.beneficiary_id, event.day, each)
