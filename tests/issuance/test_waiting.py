"""What becomes free goes to those who wait for it, in their order; steps of a review that are late; direct issues."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from counterfoil.contract.applications import ContractDays
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.issuance import reviews, waiting
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ReturnVoucher
from counterfoil.issuance.events import (
    ApplicationDecided,
    ApplicationOverdue,
    ApplicationStillWaits,
    VoucherGranted,
    VoucherIssued,
)
from counterfoil.ledger.events import VoucherCancelled, VoucherClosed
from counterfoil.programme.expiry import NEVER
from tests.documents import revoking
from tests.given import Scenario
from tests.issuance.test_applications import DAY_OF, LINE, YUAN, attest, city, decide, review, submit, why
from tests.issuance.test_windows import close, opened, outcomes, score, worked
from tests.issuance.world import taken

QUEUE: Final = {"budget__exhaustion": {"mode": "QUEUE"}}
LIMITS: Final[dict[str, Any]] = {
    "budget__envelopes": [{"id": "main", "amount": "500", "period": {"kind": "PROGRAMME"}}],
    "benefit__caps": [{"id": "group", "scope": "GROUP", "period": {"kind": "CALENDAR_YEAR"}, "amount": "500"}],
    "applications": {"max_awards": 1},
    "contract": {"vouchers_per_contract": 1},
}


def moves_up(told: Scenario) -> list[Any]:
    """What the timer of waiting lists makes, until nothing is left to do."""
    made: list[Any] = []
    while (due := told.decider.due(told.state)) is not None and due[1] == waiting.TIMER:
        told.fires(waiting.TIMER, at=told.time + 1)
        made += told.last  # type: ignore[arg-type]
    return made


def ends(told: Scenario, voucher_id: str, amount: int, *, by_issuer: bool, holder_id: str = "lab-1") -> Scenario:
    """A voucher is revoked or given back, and cancelled by the ledger."""
    if by_issuer:
        told.when(revoking(voucher_id), actor="city-1")
    else:
        told.when(ReturnVoucher(voucher_id=voucher_id, reason="no need"), actor="lab-1")
    legs = (replace(taken(amount, holder_id), asset=voucher_id),)
    told.reacts_to(VoucherCancelled(voucher_id=voucher_id, programme_id="p1", amount=amount, legs=legs))
    return told.reacts_to(VoucherClosed(voucher_id=voucher_id))


def voucher_of(told: Scenario) -> str:
    assert isinstance(told.last[1], VoucherIssued)  # type: ignore[index]
    return told.last[1].voucher_id  # type: ignore[index]


@pytest.mark.parametrize("by_issuer", [True, False])
def test_an_unused_voucher_that_ends_frees_every_limit_that_it_counted_to(by_issuer: bool) -> None:
    told = city(**LIMITS)
    days = ContractDays(sha256=bytes(32), signed=DAY_OF, starts=DAY_OF, ends=DAY_OF + 9)
    decide(told, submit(told, contract=days)).then_types(ApplicationDecided, VoucherIssued)
    voucher_id, again = voucher_of(told), submit(told, contract=days)
    assert why(decide(told, again)) == "cap_reached"
    ends(told, voucher_id, 500 * YUAN, by_issuer=by_issuer)
    assert not told.state.counters.table
    decide(told, again).then_types(ApplicationDecided, VoucherIssued)


def test_who_waits_moves_up_in_order_and_nobody_smaller_goes_before() -> None:
    told = city(budget=1_000, **QUEUE)
    decide(told, submit(told)).then_types(ApplicationDecided, VoucherIssued)
    first = voucher_of(told)
    decide(told, submit(told)).then_types(ApplicationDecided, VoucherIssued)
    large, small, last = submit(told), submit(told, "lab-1", replace(LINE, amount=100 * YUAN)), submit(told, "lab-2")
    for app in (large, small, last):
        decide(told, app, "waitlisted").then_types(ApplicationDecided)
    told.when(AppropriateBudget(programme_id="p1", amount=100 * YUAN, document="more"), actor="city-1")
    (still,) = moves_up(told)
    assert still == ApplicationStillWaits(application_id=large, programme_id="p1", refusal="budget_exhausted")
    assert moves_up(told) == []
    ends(told, first, 500 * YUAN, by_issuer=True)
    events = moves_up(told)
    assert outcomes(events) == {large: ("approved", 500 * YUAN), small: ("approved", 50 * YUAN)}
    assert isinstance(events[-1], ApplicationStillWaits)
    assert events[-1].application_id == last


def test_who_was_ranked_waits_in_the_order_of_the_rank() -> None:
    told, window = opened("RANKED", 500)
    apps = [submit(told) for _ in range(3)]
    for number, app in enumerate(apps):
        score(told, app, number * 10)
    close(told, window)
    assert outcomes(worked(told))[apps[2]] == ("approved", 500 * YUAN)
    told.when(AppropriateBudget(programme_id="p1", amount=1_000 * YUAN, document="more"), actor="city-1")
    assert list(outcomes(moves_up(told))) == [apps[1], apps[0]]


def test_a_step_that_nobody_signs_in_time_is_overdue() -> None:
    steps = [{"authority": "issuer", "within_days": 2}, {"authority": "operator", "within_days": 3}]
    told = city(review={"steps": steps})
    app = submit(told)
    submitted_at = told.time
    assert told.decider.due(told.state) == (submitted_at + 2 * DAY, reviews.TIMER)
    told.time = submitted_at + DAY
    review(told, app, 0, "city-1")
    due = told.time + 3 * DAY
    assert told.decider.due(told.state) == (due, reviews.TIMER)
    told.fires(reviews.TIMER, at=due).then(ApplicationOverdue(application_id=app, programme_id="p1", step=1, since=due))
    assert told.decider.due(told.state) is None
    review(told, app, 1, "op")
    decide(told, app).then_types(ApplicationDecided, VoucherIssued)


def test_a_voucher_without_an_end_is_granted_to_an_application() -> None:
    told = city(expiry={"rule": {"kind": "NONE"}})
    decide(told, submit(told)).then_types(ApplicationDecided, VoucherIssued)
    assert told.last[1].expires_at == NEVER  # type: ignore[index,union-attr]


def test_a_direct_issue_hears_attested_facts_and_goes_beside_no_review() -> None:
    def issue(told: Scenario) -> Scenario:
        return told.when(IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=YUAN), actor="city-1")

    eligibility = [{"id": "here", "when": {"fact": "registered_in", "in": ["CN"]}}]
    told = city(eligibility=eligibility)
    issue(told).then_types(VoucherGranted)  # nobody attests anything: who issues signs for it
    attest(told, "registered_in", "SG")
    assert isinstance(issue(told).last, Refusal)
    assert why(told) == "not_eligible"
    attest(told, "registered_in", "CN", on=DAY_OF + 1)
    told.time += DAY
    issue(told).then_types(VoucherGranted)
    issue(city(review={"steps": [{"authority": "issuer"}]})).refused(Code.DECIDED_BY_APPLICATION)
    issue(city(budget__exhaustion={"mode": "LOTTERY"})).refused(Code.DECIDED_BY_APPLICATION)
