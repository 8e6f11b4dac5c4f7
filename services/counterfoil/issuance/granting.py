"""The decision on an application: what the programme's document grants, and the voucher of it in the same entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple, cast

from counterfoil.contract.applications import CapSet, PayerShare
from counterfoil.contract.limits import MAX_AMOUNT, MAX_ENTRY_BYTES
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import ApplicationDecision
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.standing import not_taking_part
from counterfoil.core.timer_entry import fits_timer
from counterfoil.issuance.after_use import due_at_once, used_meanwhile
from counterfoil.issuance.aid import entries, may_free
from counterfoil.issuance.applications import (
    already_closed,
    application_to,
    decides_together,
    document_for,
    version_of,
)
from counterfoil.issuance.applying import Application
from counterfoil.issuance.claimed import Purpose
from counterfoil.issuance.commands import DecideApplication, SetApplicationCaps
from counterfoil.issuance.counting import REGIME
from counterfoil.issuance.events import ApplicationCapped, ApplicationDecided, VoucherIssued
from counterfoil.issuance.judging import (
    Judged,
    awards,
    contract_key,
    counters_of,
    explained,
    facts_given,
    judge,
    of_contract,
    plain,
    tiers_of,
    too_large,
)
from counterfoil.issuance.laws import unlawful
from counterfoil.issuance.programmes import duties_in
from counterfoil.issuance.signatures import unmet
from counterfoil.issuance.state import Grant, IssuanceState
from counterfoil.issuance.vouchers import too_many
from counterfoil.programme.claiming import after_use, by_invoice
from counterfoil.programme.expiry import NEVER, Life, end_of
from counterfoil.programme.form.budget import Period
from counterfoil.programme.periods import span
from counterfoil.programme.rules import Rules
from counterfoil.programme.steps import Step
from counterfoil.programme.terms import needs_project, pays_until
from counterfoil.programme.values import floor_of

_SAID: Final = 120
"""Characters of a reason that a refusal has: its outcome has to fit into a batch."""
_DUE: Final = 30 * DAY
"""How long the voucher of a claim after use lasts at least."""
WINDOW_TIMER: Final = "window_decisions"
LIST_TIMER: Final = "waiting_list"
_LIFETIME: Final = Period(kind="LIFETIME")


def decide_application(state: IssuanceState, body: DecideApplication, actor: Party, at: At) -> Decision:
    """Approve, reject or waitlist an application."""
    application = application_to(state, body.application_id, actor)
    if isinstance(application, Refusal):
        return application
    if body.decision != "rejected" and (stopped := not_taking_part(actor)) is not None:
        return stopped
    rejects = state.rules.rejects_always and body.decision == "rejected"
    if (application.status == "returned" and not rejects) or application.status == body.decision:
        return refuse(Code.APPLICATION_NOT_OPEN, status=application.status)
    if (closed := already_closed(state, application)) is not None:
        return closed
    if application.window_id is not None and body.decision != "rejected":
        return refuse(Code.DECIDED_BY_WINDOW, window_id=application.window_id)
    rules = document_for(state, application, rejects=rejects)
    if isinstance(rules, Refusal):
        return rules
    body = replace(body, caps=body.caps or application.caps)
    judged = judge(state, rules, body.application_id, application, rules.day(at.time), body.caps)
    ruling = Ruling(body.application_id, body.decision, body.reason, body.caps)
    if isinstance(judged, Refusal):
        return [uncalculated(state, rules, application, ruling, rules.day(at.time))] if rejects else judged
    refused = None
    if body.decision == "waitlisted":
        refused = _not_waiting(rules, judged)
    elif body.decision == "approved":
        refused = _not_approved(state, rules, body, application, judged, at)
    if refused is not None:
        return refused
    decided = concluded(state, rules, application, judged, ruling, at)
    if rejects and isinstance(decided, Refusal):
        ruling = ruling._replace(refusal=why(decided))
        return [uncalculated(state, rules, application, ruling, rules.day(at.time))]
    return decided


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
    programme_id = application.content.programme_id
    programme = state.programmes[programme_id]
    if programme.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=programme_id)
    if (refused := not_reviewed(state, rules, application, judged)) is not None:
        return refused
    earlier = state.applications.earlier(programme_id, application)
    if earlier is not None:
        return refuse(Code.EARLIER_APPLICATION_WAITS, application_id=earlier)
    if (unset := caps_not_set(rules, body.caps)) is not None:
        return unset
    return not_granted(state, rules, application, judged) or over_budget(state, rules, application, judged)


def caps_not_set(rules: Rules, caps: tuple[CapSet, ...]) -> Refusal | None:
    """Whether these are not the caps that the document leaves to the decision, each once."""
    settable = {rule.cap.id for rule in rules.caps if rule.cap.set_at_approval}
    if {each.cap for each in caps} == settable and len(caps) == len(settable):
        return None
    return refuse(Code.NOT_GRANTED, why="caps_not_set", says=", ".join(sorted(settable))[:_SAID])


def set_application_caps(state: IssuanceState, body: SetApplicationCaps, actor: Party, _at: At) -> Decision:
    """Set the caps of an application that is decided later, by its window or from the waiting list."""
    application = application_to(state, body.application_id, actor)
    if isinstance(application, Refusal):
        return application
    if (closed := already_closed(state, application)) is not None:
        return closed
    if application.status == "returned":
        return refuse(Code.APPLICATION_NOT_OPEN, status=application.status)
    rules = document_for(state, application)
    if isinstance(rules, Refusal):
        return rules
    unset = caps_not_set(rules, body.caps)
    if unset is None and not body.caps:
        unset = refuse(Code.NOT_GRANTED, why="caps_not_set", says="")
    return unset or [ApplicationCapped(application_id=body.application_id, caps=body.caps)]


def over_budget(state: IssuanceState, rules: Rules, application: Application, judged: Judged) -> Refusal | None:
    """Whether an approval takes more than is left."""
    programme, granted = state.programmes[application.content.programme_id], judged.evaluation
    left = judged.case.left
    if decides_together(rules) and any(part > left[envelope] for envelope, part in granted.envelopes):
        return refuse(Code.NOT_GRANTED, why="budget_exhausted")
    room = min(state.room(programme, programme.issued), MAX_AMOUNT)
    if granted.subsidy > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=granted.subsidy, most=room)
    if granted.subsidy > programme.uncommitted:
        return refuse(Code.APPROPRIATION_EXCEEDED, uncommitted=programme.uncommitted)
    return None


def not_reviewed(state: IssuanceState, rules: Rules, application: Application, judged: Judged) -> Refusal | None:
    """Whether a step of the review is not signed, under the version that decides."""
    version = version_of(state, state.programmes[application.content.programme_id], application.window_id)
    signed = [each for each in application.reviews if each.version == version]
    due = unmet(rules, judged, signed)
    return refuse(Code.REVIEW_INCOMPLETE, step=due[0]) if due else None


def not_granted(state: IssuanceState, rules: Rules, application: Application, judged: Judged) -> Refusal | None:
    """The first reason but the budget why a voucher cannot be given, whoever decides."""
    programme_id, beneficiary_id = application.content.programme_id, application.content.beneficiary_id
    programme = state.programmes[programme_id]
    beneficiary = state.directory.parties[beneficiary_id]
    if (refused := not_taking_part(beneficiary)) is not None:
        return refused
    refusal = judged.evaluation.reason if state.rules.names_lines else judged.evaluation.refusal
    if refusal is not None:
        return refuse(Code.NOT_GRANTED, why=refusal.code, says=plain(refusal.sentence)[:_SAID])
    if not _awards_left(state, rules, beneficiary.group_id, judged):
        return refuse(Code.NOT_GRANTED, why="awards_used_up")
    if (unlike := unlawful(state, rules, judged.case.law_day)) is not None:
        return unlike
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


def why(refused: Refusal) -> str:
    """The reason that a refusal names, else its code."""
    return dict(refused.detail).get("why", refused.code.value)


class Turn(NamedTuple):
    """What a window says of an application: its place, its score, and the envelopes that are exhausted behind it."""

    window_id: str
    rank: int | None
    points: int | None
    exhausted: tuple[str, ...] = ()


class Ruling(NamedTuple):
    """What is decided of an application, and why. `said` comes before the explanation of the document."""

    application_id: str
    decision: ApplicationDecision
    reason: str
    caps: tuple[CapSet, ...] = ()
    refusal: str | None = None
    turn: Turn | None = None
    said: tuple[Step, ...] = ()


def concluded(
    state: IssuanceState, rules: Rules, application: Application, judged: Judged, ruling: Ruling, at: At
) -> list[Event] | Refusal:
    """A decision, and with an approval its voucher. What no entry holds is refused: timers go on with the next one."""
    decided = _decided(state, rules, ruling, application, judged, at)
    if isinstance(decided, Refusal):
        return decided
    events: list[Event] = [decided]
    if decided.voucher_id is not None:
        used = used_meanwhile(state, ruling.application_id, application)
        if used is not None:
            return used
        voucher = _voucher(state, rules, application, judged, decided.voucher_id, at)
        if isinstance(voucher, Refusal):
            return voucher
        day = judged.case.law_day
        aid = entries(state, rules, decided.counters, decided.application_id, decided.beneficiary_id, day)
        events += [voucher, *due_at_once(state, rules, application, judged, decided, at), *aid]
    if not fits_timer("issuance", WINDOW_TIMER if ruling.turn is not None else LIST_TIMER, at, events):
        return refuse(Code.OVER_LIMIT, entry_bytes=MAX_ENTRY_BYTES)
    return events


def _decided(
    state: IssuanceState, rules: Rules, ruling: Ruling, application: Application, judged: Judged, at: At
) -> ApplicationDecided | Refusal:
    granted, asked, turn = judged.evaluation, application.content, ruling.turn
    counters = counters_of(state, rules, judged) if granted.refusal is None else ()
    if too_large(granted, counters):
        return refuse(Code.AMOUNT_TOO_LARGE, amount=floor_of(granted.eligible), most=MAX_AMOUNT)
    refusal = ruling.refusal or (None if granted.refusal is None else granted.refusal.code)
    return ApplicationDecided(
        application_id=ruling.application_id,
        programme_id=asked.programme_id,
        version=version_of(state, state.programmes[asked.programme_id], application.window_id),
        beneficiary_id=asked.beneficiary_id,
        decision=ruling.decision,
        reason=ruling.reason,
        rules_hash=granted.digest,
        day=judged.case.day,
        caps=ruling.caps,
        facts=facts_given(rules, judged),
        refusal=refusal,
        explanation=explained(granted, ruling.said),
        eligible=floor_of(granted.eligible),
        subsidy=granted.subsidy,
        co_payment=floor_of(granted.co_payment),
        tiers=tiers_of(granted),
        counters=counters,
        payers=tuple(PayerShare(payer=payer, amount=amount) for payer, amount in granted.payers),
        voucher_id=at.new_id("vch") if ruling.decision == "approved" else None,
        submitted_at=application.submitted_at,
        window_id=application.window_id,
        rank=None if turn is None else turn.rank,
        points=None if turn is None else turn.points,
        exhausted=() if turn is None else turn.exhausted,
    )


def uncalculated(
    state: IssuanceState, rules: Rules, application: Application, ruling: Ruling, day: int
) -> ApplicationDecided:
    """A rejection without a calculation: of facts that contradict each other, or amounts beyond what can be counted."""
    turn, asked = ruling.turn, application.content
    return ApplicationDecided(
        application_id=ruling.application_id,
        programme_id=asked.programme_id,
        version=version_of(state, state.programmes[asked.programme_id], application.window_id),
        beneficiary_id=asked.beneficiary_id,
        decision="rejected",
        reason=ruling.reason,
        rules_hash=rules.digest,
        day=day,
        caps=ruling.caps,
        facts=(),
        refusal=ruling.refusal or "facts_contradict",
        explanation=(),
        eligible=0,
        subsidy=0,
        co_payment=0,
        tiers=(),
        counters=(),
        payers=(),
        voucher_id=None,
        submitted_at=application.submitted_at,
        window_id=application.window_id,
        rank=None if turn is None else turn.rank,
        points=None if turn is None else turn.points,
        exhausted=(),
    )


def _voucher(
    state: IssuanceState, rules: Rules, application: Application, judged: Judged, voucher_id: str, at: At
) -> VoucherIssued | Refusal:
    """The voucher of an approval; it pays after the public notice that the document asks for.

    That of a claim after use is due at once, whatever its document says of its end, since the use is over; its own end
    is that much later that it is taken before.
    """
    programme_id, beneficiary_id = application.content.programme_id, application.content.beneficiary_id
    programme = state.programmes[programme_id]
    group_id, subsidy = state.directory.parties[beneficiary_id].group_id, judged.evaluation.subsidy
    voucher = VoucherIssued(
        voucher_id=voucher_id,
        programme_id=programme_id,
        version=version_of(state, programme, application.window_id),
        beneficiary_id=beneficiary_id,
        face=subsidy,
        not_before=at.time,
        expires_at=at.time + _DUE,
        issue_seq=programme.vouchers_issued + 1,
        uncommitted_after=programme.uncommitted - subsidy,
        group_issued_after=state.counted(programme_id, group_id) + subsidy,
    )
    if after_use(rules):
        return voucher
    life = Life(judged.case.day, project_ends=_project_end(application, judged))
    try:
        ends = end_of(rules, life).ends
    except ValueError:
        return refuse(Code.NOT_GRANTED, why="project_end_unknown")
    if ends is not None and needs_project(rules) and by_invoice(rules):
        ends += rules.document.redemption.claim_within_days or 0  # the use of its last days is claimed after them
    notice = 0 if rules.document.publication is None else rules.document.publication.notice_days
    not_before = at.time + notice * DAY
    expires_at = NEVER if ends is None else min(ends * DAY - rules.offset, NEVER)
    if pays_until(rules, expires_at) <= not_before:
        return refuse(Code.NOT_GRANTED, why="voucher_expired")
    return replace(voucher, not_before=not_before, expires_at=expires_at)


def _project_end(application: Application, judged: Judged) -> int | None:
    """The last day of the project: as attested, else of the contract."""
    fact = judged.case.facts.get("ends_on")
    if fact is not None and isinstance(fact.value, int):
        return fact.value
    contract = application.content.contract
    return None if contract is None else contract.ends


def _purpose(state: IssuanceState, event: ApplicationDecided) -> Purpose:
    """What the voucher is for, as claims on it will be judged."""
    application = state.applications.open[event.application_id]
    asked, rules = application.content, cast("Rules", document_for(state, application))
    made: Any = state.programmes[event.programme_id].current  # a document's, as the application was taken
    if application.window_id is not None:
        made = state.windows.open[application.window_id]
    return Purpose(
        version=event.version,
        document_id=made.document_id,
        rules_hash=event.rules_hash,
        project=asked.project_id or event.application_id,
        contract_key=contract_key(event.application_id, asked),
        award=event.application_id,
        applied=rules.day(application.submitted_at),
        contract=asked.contract,
        caps=event.caps,
        facts=event.facts,
    )


# evolve -------------------------------------------------------------------------------------------------------------


def application_decided(state: IssuanceState, event: ApplicationDecided, at: At) -> None:
    """Apply a decision; with an approval also what it counts."""
    law_day = event.day
    if event.voucher_id is not None:
        purpose = _purpose(state, event)
        state.claims.purposes[event.voucher_id] = purpose
        counts = may_free(state.rules_under(purpose), event.counters)
        law_day = state.rules_under(purpose).day(at.time) if state.rules.counts_grants_once else event.day
        if law_day != event.day:  # a grant has one day: what is dated otherwise counts for good
            counts = tuple(each for each in counts if not each.cap.startswith(REGIME))
        state.grants[event.voucher_id] = Grant(event.day, event.subsidy, counts)
    if event.window_id is not None:
        state.windows.decided(event)
    if event.decision == "waitlisted":
        place = None if event.window_id is None else (at.index, event.rank or 0)
        state.applications.waitlisted(event.application_id, place)
    else:
        state.applications.ended(event.application_id)
        state.when_decided(event.programme_id)
    if event.decision == "rejected":
        state.claims.decided(event.application_id)
    if event.decision != "waitlisted" and event.window_id is None:
        state.left_queue(event.programme_id, at)
    state.windows.passed(event.window_id, event.application_id)
    if event.voucher_id is not None:
        for each in event.counters:
            day = law_day if each.cap.startswith(REGIME) else event.day
            state.counters.move(event.programme_id, event.beneficiary_id, day, each)


def application_capped(state: IssuanceState, event: ApplicationCapped, _at: At) -> None:
    """Apply the amounts of caps."""
    state.applications.capped(event)
