"""Applications: submitted, reviewed and decided by the programme's document, over facts that others attest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from counterfoil.contract.applications import ApplicationLine, CapSet, ContractDays
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestFact,
    DecideApplication,
    ReturnApplication,
    ReviewApplication,
    SubmitApplication,
    WithdrawApplication,
)
from counterfoil.issuance.events import (
    ApplicationDecided,
    ApplicationReturned,
    ApplicationReviewed,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    FactAttested,
    VoucherIssued,
)
from tests.documents import document, publishing
from tests.given import Scenario
from tests.issuance.world import CLASS, people, register

RULE: Final = RULES[LATEST]
YUAN: Final = 1_000_000
DAY_OF: Final = 1_000_000_000_000_000 // DAY
LINE: Final = ApplicationLine(
    id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=1_000 * YUAN, tax=0, quantity=0, unit=None,
    class_id="a100", region="east", provider_id="gpu-1", starts=None, ends=None,
)  # fmt: skip
ELIGIBLE: Final = [{"id": "here", "when": {"fact": "registered_in", "in": ["CN-SC"]}}]


def city(budget: int = 10_000, **changes: Any) -> Scenario:
    """A city with a document, a budget in yuan, and a county that belongs to it."""
    told = people().when(CLASS, actor="op")
    for body in publishing(document(**{"providers": {"mode": "OPEN"}, **changes})):
        told.when(body, actor="city-1")
    appropriated = AppropriateBudget(programme_id="p1", amount=budget * YUAN, document="budget-2001")
    told.when(register("county", 40, "issuer", group="city-1"), actor="op")
    return told.when(appropriated, actor="city-1")


def application(*lines: ApplicationLine, **changes: Any) -> SubmitApplication:
    made = SubmitApplication(
        programme_id="p1", corrects=None, project_id=None, lines=lines or (LINE,), contract=None, other_support=(),
        evidence=(),
    )  # fmt: skip
    return replace(made, **changes)


def submit(told: Scenario, actor: str = "lab-1", *lines: ApplicationLine, **changes: Any) -> str:
    told.when(application(*lines, **changes), actor=actor).then_types(ApplicationSubmitted)
    (event,) = told.last  # type: ignore[misc]
    assert isinstance(event, ApplicationSubmitted)
    return event.application_id


def decide(told: Scenario, application_id: str, decision: Any = "approved", **changes: Any) -> Scenario:
    made = DecideApplication(application_id=application_id, decision=decision, caps=(), reason="complete")
    return told.when(replace(made, **changes), actor="city-1")


def attest(told: Scenario, name: str, *values: str, actor: str = "op", **changes: Any) -> Scenario:
    made = AttestFact(
        party_id="lab-1", application_id=None, line=None, name=name, values=values, on=DAY_OF, source="register"
    )
    return told.when(replace(made, **changes), actor=actor)


def review(told: Scenario, application_id: str, step: int, actor: str, *, passes: bool = True) -> Scenario:
    return told.when(
        ReviewApplication(application_id=application_id, step=step, passes=passes, reason="seen"), actor=actor
    )


def decided(told: Scenario) -> ApplicationDecided:
    assert not isinstance(told.last, Refusal), told.last
    assert isinstance(told.last[0], ApplicationDecided)
    return told.last[0]


def why(told: Scenario) -> str:
    assert isinstance(told.last, Refusal), told.last
    assert told.last.code is Code.NOT_GRANTED
    return dict(told.last.detail)["why"]


def test_an_approval_gives_the_voucher_that_the_document_grants_in_one_entry() -> None:
    told = city(
        eligibility=ELIGIBLE, budget__funding=[{"payer": "city", "share": "1/3"}, {"payer": "land", "share": "2/3"}]
    )
    app = submit(told)
    assert why(decide(told, app)) == "fact_not_attested"
    attest(told, "registered_in", "CN", "CN-SC").then_types(FactAttested)
    decide(told, app).then_types(ApplicationDecided, VoucherIssued)
    event, voucher = told.last  # type: ignore[misc]
    assert isinstance(event, ApplicationDecided)
    assert isinstance(voucher, VoucherIssued)
    assert (event.eligible, event.subsidy, event.co_payment) == (1_000 * YUAN, 500 * YUAN, 500 * YUAN)
    assert (voucher.face, voucher.beneficiary_id, voucher.voucher_id) == (500 * YUAN, "lab-1", event.voucher_id)
    assert [(each.payer, each.amount) for each in event.payers] == [("city", 166_666_667), ("land", 333_333_333)]
    (fact,) = [each for each in event.facts if each.name == "registered_in"]
    assert (fact.values, fact.attested_by, fact.on) == (("CN", "CN-SC"), "op", DAY_OF)
    assert "50 % of 1,000" in " ".join(each.says for each in event.explanation)
    assert told.state.terms("p1").digest == event.rules_hash
    decide(told, app).refused(Code.UNKNOWN_APPLICATION)


def test_whose_word_counts_is_the_documents_to_say() -> None:
    own = {"name": "small", "kind": "FLAG", "of": "APPLICANT", "text": "few people", "attested_by": "ISSUER"}
    when = [{"id": "small", "when": {"fact": "small", "is": True}}, *ELIGIBLE]
    told = city(facts=[own], eligibility=when)
    app = submit(told)
    attest(told, "registered_in", "CN-SC")
    for stranger in ("city-2", "op"):  # another issuer, and somebody whom the document does not name
        attest(told, "small", "true", actor=stranger)
        assert why(decide(told, app)) == "fact_not_attested"
    attest(told, "small", "true", actor="lab-1", on=DAY_OF - 1)
    assert why(decide(told, app)) == "fact_not_attested"
    attest(told, "small", "true", actor="city-1")
    decide(told, app).then_types(ApplicationDecided, VoucherIssued)


def test_nobody_keeps_an_application_undecided_against_its_issuer() -> None:
    """Neither who does not correct it, nor who applied under a model that a later version does not have."""
    told = city()
    app = submit(told)
    told.when(ReturnApplication(application_id=app, reason="no contract"), actor="city-1")
    decide(told, app).refused(Code.APPLICATION_NOT_OPEN)
    decide(told, app, "rejected").then_types(ApplicationDecided)
    decide(told, app, "rejected").refused(Code.UNKNOWN_APPLICATION)

    app = submit(told)
    redemption = {"model": "POST_USE_REIMBURSEMENT", "claimant": "BENEFICIARY"}
    for body in publishing(document(providers={"mode": "OPEN"}, redemption=redemption, version=2)):
        told.when(body, actor="city-1")
    decide(told, app).refused(Code.NOT_BY_APPLICATION)
    decide(told, app, "rejected").then_types(ApplicationDecided)
    assert not told.state.applications.open.number("p1")


def test_facts_that_contradict_each_other_decide_nothing() -> None:
    told = city(eligibility=ELIGIBLE)
    app = submit(told)
    attest(told, "registered_in", "CN-SC")
    attest(told, "registered_in", "CN-BJ", actor="city-1")
    assert why(decide(told, app)) == "facts_contradict"
    rejected = decide(told, submit(told), "rejected").last
    assert not isinstance(rejected, Refusal)
    assert [each.refusal for each in rejected if isinstance(each, ApplicationDecided)] == ["facts_contradict"]
    attest(told, "registered_in", "CN-SC", actor="city-1").then_types(FactAttested)
    decide(told, app).then_types(ApplicationDecided, VoucherIssued)


@pytest.mark.parametrize(
    ("name", "values", "changes", "code"),
    [
        ("employees", ("many",), {}, Code.FACT_NOT_VALID),
        ("employees", ("1", "2"), {}, Code.FACT_NOT_VALID),
        ("employees", (), {}, Code.FACT_NOT_VALID),
        ("founded_on", ("2001-02-30",), {}, Code.FACT_NOT_VALID),
        ("awards", ("0",), {}, Code.FACT_NOT_VALID),
        ("employees", ("1",), {"on": DAY_OF + 3}, Code.DATE_IN_FUTURE),
        ("employees", ("1",), {"line": "l1"}, Code.FACT_NOT_VALID),
        ("employees", ("1",), {"application_id": "app-1-0"}, Code.UNKNOWN_APPLICATION),
        ("employees", ("1",), {"party_id": "nobody"}, Code.UNKNOWN_PARTY),
        ("employees", ("1",), {"party_id": "county", "actor": "city-1"}, Code.DUTIES_NOT_SEPARATE),
    ],
)
def test_a_fact_has_its_kind_subject_and_day(name: str, values: tuple[str, ...], changes: Any, code: Code) -> None:
    attest(city(), name, *values, **changes).refused(code)


def test_a_fact_is_replaced_by_a_newer_one_of_the_same_party_and_never_crowds_out_others() -> None:
    told = attest(city(), "employees", "3")
    attest(told, "employees", "3").refused(Code.FACT_NOT_NEWER)
    attest(told, "employees", "9", on=DAY_OF - 1).refused(Code.FACT_NOT_NEWER)
    attest(told, "employees", "4").then_types(FactAttested)
    for number in range(RULE.max_facts - 1):
        attest(told, f"own_{number}", "x").then_types(FactAttested)
    attest(told, "one_more", "x").refused(Code.OVER_LIMIT)
    attest(told, "one_more", "x", actor="city-1").then_types(FactAttested)


def test_steps_are_signed_in_order_by_their_authority_and_nobody_twice() -> None:
    told = city(review={"steps": [{"authority": "issuer", "quorum": 2}, {"authority": "operator", "up_to": "500"}]})
    app = submit(told)
    decide(told, app).refused(Code.REVIEW_INCOMPLETE)
    review(told, app, 1, "op").refused(Code.REVIEW_NOT_DUE)
    review(told, app, 2, "op").refused(Code.REVIEW_NOT_DUE)
    review(told, app, 0, "city-2").refused(Code.UNKNOWN_APPLICATION)
    review(told, app, 0, "op").refused(Code.NOT_A_REVIEWER)
    review(told, app, 0, "city-1").then_types(ApplicationReviewed)
    review(told, app, 0, "city-1").refused(Code.REVIEW_NOT_DUE)
    review(told, app, 0, "county").then_types(ApplicationReviewed)
    decide(told, app).refused(Code.REVIEW_INCOMPLETE)
    review(told, app, 1, "op").then_types(ApplicationReviewed)
    decide(told, app).then_types(ApplicationDecided, VoucherIssued)
    large = submit(told, "lab-1", replace(LINE, amount=1_001 * YUAN))  # above 500: the second step is not asked
    for reviewer in ("city-1", "county"):
        review(told, large, 0, reviewer).then_types(ApplicationReviewed)
    decide(told, large).then_types(ApplicationDecided, VoucherIssued)


def test_an_objection_stands_until_the_application_is_returned_and_corrected() -> None:
    told = city(review={"steps": [{"authority": "operator"}]})
    app = submit(told)
    review(told, app, 0, "op", passes=False).then_types(ApplicationReviewed)
    decide(told, app).refused(Code.REVIEW_INCOMPLETE)
    told.when(ReturnApplication(application_id=app, reason="no contract"), actor="city-1").then_types(
        ApplicationReturned
    )
    decide(told, app).refused(Code.APPLICATION_NOT_OPEN)
    review(told, app, 0, "op").refused(Code.APPLICATION_NOT_OPEN)
    told.when(application(corrects=app), actor="lab-2").refused(Code.UNKNOWN_APPLICATION)
    told.when(application(corrects=app), actor="lab-1").then_types(ApplicationSubmitted)
    told.when(application(corrects=app), actor="lab-1").refused(Code.APPLICATION_NOT_OPEN)
    review(told, app, 0, "op").then_types(ApplicationReviewed)
    decide(told, app).then_types(ApplicationDecided, VoucherIssued)


def test_who_is_related_to_applicant_or_provider_does_not_review() -> None:
    told = city(review={"steps": [{"authority": "operator"}]})
    told.when(register("friend", 41, "operator", group="gpu-1"), actor="op")
    review(told, submit(told), 0, "friend").refused(Code.DUTIES_NOT_SEPARATE)


def test_a_cap_counts_what_a_group_was_granted_with_the_counters_in_the_decision() -> None:
    cap = {"id": "year", "scope": "GROUP", "period": {"kind": "CALENDAR_YEAR"}, "amount": "700"}
    told = city(benefit__caps=[cap])
    decide(told, submit(told))
    (moved,) = [each for each in decided(told).counters if each.cap == "year"]
    assert (moved.before, moved.after, moved.event) == (0, 500 * YUAN, "GRANTED")
    decide(told, submit(told))
    (moved,) = [each for each in decided(told).counters if each.cap == "year"]
    assert (decided(told).subsidy, moved.before, moved.after) == (200 * YUAN, 500 * YUAN, 700 * YUAN)
    last = submit(told)
    assert why(decide(told, last)) == "cap_reached"
    decide(told, last, "rejected").then_types(ApplicationDecided)
    assert (decided(told).refusal, decided(told).subsidy, decided(told).counters) == ("cap_reached", 0, ())


def test_the_earlier_of_two_that_are_ready_is_decided_first() -> None:
    told = city()
    first, second = submit(told), submit(told, "lab-2")
    decide(told, second).refused(Code.EARLIER_APPLICATION_WAITS)
    withdrawn = WithdrawApplication(application_id=first, reason="no need")
    told.when(withdrawn, actor="lab-2").refused(Code.UNKNOWN_APPLICATION)
    told.when(withdrawn, actor="lab-1").then_types(ApplicationWithdrawn)
    decide(told, second).then_types(ApplicationDecided, VoucherIssued)


@pytest.mark.parametrize("mode", ["FIRST_COME", "TOTAL_CONTROL", "QUEUE"])
def test_when_the_budget_is_used_up(mode: str) -> None:
    told = city(budget=700, budget__exhaustion={"mode": mode, "partial": mode == "FIRST_COME"})
    decide(told, submit(told)).then_types(ApplicationDecided, VoucherIssued)
    app, later = submit(told, "lab-2"), submit(told, "lab-1", replace(LINE, amount=200 * YUAN))
    if mode == "FIRST_COME":  # the last one gets what is left
        assert decided(decide(told, app)).subsidy == 200 * YUAN
        assert why(decide(told, later)) == "budget_exhausted"
        return
    assert why(decide(told, app)) == "budget_exhausted"
    if mode == "TOTAL_CONTROL":
        assert why(decide(told, app, "waitlisted")) == "budget_exhausted"
        decide(told, app, "rejected").then_types(ApplicationDecided)
        assert decided(decide(told, later)).subsidy == 100 * YUAN
        return
    decide(told, app, "waitlisted").then_types(ApplicationDecided)
    decide(told, later).refused(Code.EARLIER_APPLICATION_WAITS)
    told.when(AppropriateBudget(programme_id="p1", amount=400 * YUAN, document="budget-2002"), actor="city-1")
    decide(told, app).then_types(ApplicationDecided, VoucherIssued)
    decide(told, later).then_types(ApplicationDecided, VoucherIssued)


def test_instruments_that_share_an_envelope_do_not_share_it_twice() -> None:
    both = (LINE, replace(LINE, id="l2", instrument="MODEL"))
    told = city(budget=700)
    assert why(decide(told, submit(told, "lab-1", *both))) == "budget_exhausted"


def test_awards_are_bounded_for_group_and_contract() -> None:
    told = city(
        applications={"max_awards": 2, "max_awards_period": "CALENDAR_YEAR"}, contract={"vouchers_per_contract": 1}
    )
    days = ContractDays(sha256=bytes(32), signed=DAY_OF, starts=DAY_OF, ends=DAY_OF + 9)
    decide(told, submit(told, contract=days)).then_types(ApplicationDecided, VoucherIssued)
    again = submit(told, contract=days)
    assert why(decide(told, again)) == "awards_used_up"
    decide(told, again, "rejected")
    decide(told, submit(told)).then_types(ApplicationDecided, VoucherIssued)
    assert why(decide(told, submit(told))) == "awards_used_up"


def test_a_cap_that_the_document_leaves_to_the_decision_is_set_by_it() -> None:
    cap = {"id": "project", "scope": "PROJECT", "period": {"kind": "PROGRAMME"}, "set_at_approval": True}
    told = city(benefit__caps=[cap])
    app = submit(told)
    assert why(decide(told, app)) == "caps_not_set"
    assert decided(decide(told, app, caps=(CapSet(cap="project", amount=30 * YUAN),))).subsidy == 30 * YUAN


def test_what_is_not_given_by_application_is_refused_before_anybody_waits_for_it() -> None:
    changes: dict[str, Any] = {"redemption": {"model": "POST_USE_REIMBURSEMENT", "claimant": "BENEFICIARY"}}
    told = city(**changes).when(application(), actor="lab-1").refused(Code.NOT_BY_APPLICATION)
    assert isinstance(told.last, Refusal)
    assert dict(told.last.detail) == {"why": "POST_USE_REIMBURSEMENT"}


def test_applications_are_taken_in_their_window() -> None:
    def monthly(closes: int) -> Scenario:
        return city(applications={"windows": {"kind": "MONTHLY", "opens": 1, "closes": closes}})

    monthly(8).when(application(), actor="lab-1").refused(Code.APPLICATIONS_CLOSED)  # it is the ninth
    submit(monthly(9))


def test_what_one_application_and_one_party_may_ask_for_is_bounded() -> None:
    told = city()
    many = tuple(replace(LINE, id=f"l{n}") for n in range(RULE.max_application_lines + 1))
    told.when(application(*many), actor="lab-1").refused(Code.OVER_LIMIT)
    told.when(application(LINE, LINE), actor="lab-1").refused(Code.DUPLICATE_ITEM)
    huge = (replace(LINE, amount=MAX_AMOUNT), replace(LINE, id="l2", amount=1))
    told.when(application(*huge), actor="lab-1").refused(Code.AMOUNT_TOO_LARGE)
    told.when(application(replace(LINE, tax=LINE.amount + 1)), actor="lab-1").refused(Code.AMOUNT_TOO_LARGE)
    told.when(application(replace(LINE, starts=2, ends=1)), actor="lab-1").refused(Code.PERIOD_NOT_VALID)
    told.when(application(replace(LINE, provider_id="nobody")), actor="lab-1").refused(Code.UNKNOWN_PARTY)
    submit(told, "lab-1", *many[1:])
    for _ in range(RULE.max_open_applications - 1):
        submit(told)
    told.when(application(), actor="lab-1").refused(Code.OVER_LIMIT)
    submit(told, "lab-2")
