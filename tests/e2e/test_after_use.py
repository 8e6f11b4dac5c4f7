"""Claims after use through all services: a budget divided, each refusal, and what is not paid in the end; Nanning's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import parse_date
from counterfoil.issuance.commands import (
    CloseWindow,
    DecideApplication,
    DemandFourEyes,
    IssueVoucher,
    ReturnApplication,
    SubmitApplication,
    WithdrawApplication,
)
from counterfoil.issuance.events import ApplicationDecided
from counterfoil.issuance.invoice_events import UseGranted
from counterfoil.programme.benefit import evaluate
from counterfoil.programme.claiming import AT_ONCE, case_of
from counterfoil.redemption.commands import ApproveClaim, RejectClaim, WithdrawApproval
from counterfoil.vocabulary import CODEC
from tests.lives.test_nanning import PAPERS, USED, Nanning
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.world import YUAN
from tests.reports.agreeing import check_reports


def test_a_budget_that_is_too_small_is_divided_among_all_claims_in_proportion() -> None:
    city = Nanning(appropriated=30_000)
    window = city.takes_claims()
    city.on("2026-01-10")
    first, second = city.claims_use("lab-1"), city.claims_use("lab-2", "2")
    other_place = city.claims_use("gpu-2", "3")  # of which nobody says that it does business in Nanning
    city.on("2026-01-24")
    city.does("city", CloseWindow(window_id=window, seed=None))
    entries = map(CODEC.decode_entry, city.logs["issuance"])
    decided = [one for each in entries for one in each.events if isinstance(one, ApplicationDecided)]
    assert {each.application_id: (each.decision, each.subsidy // YUAN) for each in decided} == {
        first: ("approved", 15_000), second: ("approved", 15_000), other_place: ("rejected", 0),
    }  # fmt: skip
    assert (city.pays(first, "lab-1"), city.pays(second, "lab-2")) == (15_000 * YUAN, 15_000 * YUAN)
    granted = [one for each in city.granted() for one in each if isinstance(one, UseGranted)]
    rules = city.state("issuance").terms(city.programme_id)
    for each in granted:
        assert evaluate(rules, case_of(rules, each.basis, AT_ONCE, each.left)).subsidy == each.subsidy
    city.on("2026-01-25")
    assert city.answer("gpu-2", city.claim("3")).code is Code.PROGRAMME_NOT_OPEN
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


def test_a_claim_after_use_is_refused_for_its_reason_and_changes_nothing() -> None:
    city = Nanning()

    def why(actor: str, body: Any) -> Any:
        before = {name: city.root(name) for name in ("issuance", "ledger", "redemption")}
        refusal = city.answer(actor, body)
        assert {name: city.root(name) for name in before} == before, "no state changed"
        return refusal.code, dict(refusal.detail).get("why")

    model, application = "POST_USE_REIMBURSEMENT", SubmitApplication(
        programme_id=city.programme_id, corrects=None, project_id=None, lines=(USED,), contract=city.claim().contract,
        other_support=(), evidence=(),
    )  # fmt: skip
    assert why("lab-1", city.claim()) == (Code.CLAIMS_CLOSED, None)
    assert why("lab-1", application) == (Code.NOT_BY_APPLICATION, model)
    issue = IssueVoucher(programme_id=city.programme_id, beneficiary_id="lab-1", amount=YUAN)
    assert why("city", issue) == (Code.DECIDED_BY_APPLICATION, None)
    city.takes_claims()
    city.on("2026-01-10")
    claim = city.claim()
    assert why("lab-1", replace(claim, contract=None)) == (Code.PERIOD_NOT_VALID, None)
    assert why("lab-1", replace(claim, evidence=PAPERS[1:])) == (Code.EVIDENCE_MISSING, None)
    assert why("lab-1", replace(claim, evidence=PAPERS + PAPERS[:1])) == (Code.DUPLICATE_ITEM, None)
    assert why("lab-1", replace(claim, lines=())) == (Code.EMPTY_LIST, None)
    later = replace(claim.invoice, issued_on=parse_date("2026-01-11"))
    assert why("lab-1", replace(claim, invoice=later)) == (Code.DATE_IN_FUTURE, None)
    use = replace(USED, starts=parse_date("2026-01-01"), ends=parse_date("2026-01-11"))
    assert why("lab-1", replace(claim, lines=(use,))) == (Code.DATE_IN_FUTURE, None)
    mine = city.claims_use("lab-1", "a/1")
    assert why("lab-1", city.claim("A-1")) == (Code.INVOICE_ALREADY_CLAIMED, None)
    assert why("lab-2", city.claim("2", corrects=mine)) == (Code.UNKNOWN_APPLICATION, None)
    city.does("city", ReturnApplication(application_id=mine, reason="no statement"))
    assert why("lab-1", replace(application, corrects=mine)) == (Code.NOT_BY_APPLICATION, model)
    city.does("lab-1", city.claim("A1", corrects=mine))
    city.does("lab-1", WithdrawApplication(application_id=mine, reason="another invoice"))
    city.claims_use("lab-2", "A-1")  # whose invoice is free again
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


def test_what_a_claim_after_use_is_not_paid_is_the_budgets_again() -> None:
    """Decided one by one; an approval that was wrong is withdrawn, and nothing of the claim counts any more."""
    city = Nanning(budget__exhaustion={"mode": "FIRST_COME"}, redemption__claim_within_days=10)
    city.on("2026-01-10")
    claim_id = city.claims_use("lab-1")
    decide = DecideApplication(application_id=claim_id, decision="approved", caps=(), reason="complete")
    city.does("city", decide)
    assert city.counts("lab-1") == 25_102 * YUAN
    city.does("city", WithdrawApproval(claim_id=claim_id, reason="the invoice is forged"))
    city.does("city", RejectClaim(claim_id=claim_id, reason="forged", rest="claimable"))
    assert (city.counts("lab-1"), city.uncommitted()) == (0, 50_000_000 * YUAN)
    assert city.answer("lab-2", city.claim()).code is Code.INVOICE_ALREADY_CLAIMED
    rejected = city.claims_use("lab-2", "2")
    city.does("city", replace(decide, application_id=rejected, decision="rejected"))
    city.does("city", DemandFourEyes(programme_id=city.programme_id, act="approval"))
    waits = city.claims_use("lab-2", "2")
    city.does("city", replace(decide, application_id=waits))
    assert city.state("redemption").claims[waits].status == "submitted", "two approve what is paid"
    for signatory in ("city", "town"):
        city.answer(signatory, ApproveClaim(claim_id=waits, lines=(), rest="ends"))
    city.on("2026-01-11")  # the eleventh day after the reference period
    assert city.answer("lab-1", city.claim("3")).code is Code.CLAIMS_CLOSED
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


def test_an_invoice_is_used_by_the_grant_and_bars_its_own_claimant_alone_before() -> None:
    """Whoever names a stranger's invoice keeps nobody from being paid for it, in whatever programme."""
    city = Nanning(budget__exhaustion={"mode": "FIRST_COME"})
    city.on("2026-01-10")
    mine, squats = city.claims_use("lab-1", "A-1"), city.claims_use("lab-2", "a/1")
    assert city.answer("lab-1", city.claim("a1")).code is Code.INVOICE_ALREADY_CLAIMED
    decide = DecideApplication(application_id=mine, decision="approved", caps=(), reason="complete")
    city.does("city", decide)
    before = city.root("issuance")
    assert city.answer("city", replace(decide, application_id=squats)).code is Code.INVOICE_ALREADY_CLAIMED
    assert city.root("issuance") == before, "no state changed"
    assert city.answer("lab-2", city.claim("A1")).code is Code.INVOICE_ALREADY_CLAIMED
    city.does("city", replace(decide, application_id=squats, decision="rejected"))
    assert city.answer("lab-2", city.claim("A1")).code is Code.INVOICE_ALREADY_CLAIMED, "it is used for good"
    assert city.pays(mine, "lab-1") == 25_102 * YUAN
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


def test_the_timer_of_a_window_grants_an_invoice_once() -> None:
    city = Nanning()
    window = city.takes_claims()
    city.on("2026-01-10")
    claims = [city.claims_use("lab-1"), city.claims_use("lab-2")]
    city.on("2026-01-24")
    city.does("city", CloseWindow(window_id=window, seed=None))
    entries = map(CODEC.decode_entry, city.logs["issuance"])
    decided = [one for each in entries for one in each.events if isinstance(one, ApplicationDecided)]
    assert sorted((each.decision, each.refusal) for each in decided) == [
        ("approved", None), ("rejected", "invoice_already_claimed"),
    ]  # fmt: skip
    assert {each.application_id for each in decided} == set(claims)
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)
