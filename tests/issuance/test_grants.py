"""Vouchers under documents: validity, floor, caps by scope and period, envelopes, and what ends them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.applications import CounterMoved
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, parse_time
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ReturnVoucher
from counterfoil.issuance.events import VoucherGranted, VoucherReinstated, VoucherRevoked, VoucherSuspended
from counterfoil.issuance.service import DECIDER
from counterfoil.ledger.events import Balance, Leg, VoucherCancelled, VoucherClosed, VoucherRestored
from counterfoil.ledger.transfer_events import VoucherReissued, VoucherSurrendered
from counterfoil.programme.expiry import NEVER
from tests.documents import document, publishing, revoking, rules_from, suspending
from tests.given import Scenario
from tests.issuance.world import CLASS, people

UNIT = 10**6
START = parse_time("2026-06-30T00:00:00.000000Z")
IN_KIND = {
    "unit": {"kind": "COMPUTE", "unit": "GPU_HOUR"},
    "redemption": {"model": "IN_KIND", "claimant": "NONE"},
    "benefit__basis": "ALLOCATION",
}


def cap(scope: str, amount: str | None, period: str = "CALENDAR_YEAR", **more: Any) -> dict[str, Any]:
    return {"id": "cap", "scope": scope, "period": {"kind": period}, "amount": amount, **more}


def taken(voucher_id: str, amount: int) -> Leg:
    """What ends of a voucher in its first owner's hand."""
    after = Balance(n=1, posted=0, held=0)
    return Leg(
        effect="post", asset=voucher_id, debit="owner/lab-1", credit="cancelled", amount=amount, debit_after=after,
        credit_after=after,
    )  # fmt: skip


def programme(**changes: Any) -> Scenario:
    """A programme with a budget, on the last day of a quarter."""
    told = people().when(CLASS, actor="op")
    for body in publishing(document(**changes)):
        told.when(body, actor="city-1", at=START)
    told.when(AppropriateBudget(programme_id="p1", amount=10**15, document="B-1"), actor="city-1")
    return told


def issue(told: Scenario, amount: int, to: str = "lab-1", at: int | None = None) -> Scenario:
    return told.when(IssueVoucher(programme_id="p1", beneficiary_id=to, amount=amount * UNIT), actor="city-1", at=at)


def granted(told: Scenario) -> VoucherGranted:
    assert not isinstance(told.last, Refusal), told.last
    (event,) = told.last
    assert isinstance(event, VoucherGranted)
    return event


def test_the_event_says_by_which_rules_and_why() -> None:
    caps = [cap("BENEFICIARY", "500")]
    event = granted(issue(programme(benefit__caps=caps), 300))
    assert event.rules_hash == rules_from(document(benefit__caps=caps)).digest
    moved = CounterMoved(cap="cap", subject="lab-1", event="GRANTED", before=0, after=300 * UNIT)
    assert moved in event.counted
    assert event.explanation == ("cap cap (beneficiary, each calendar year) not reached: 0 of 500 is counted",)


@pytest.mark.parametrize(
    ("caps", "later", "code"),
    [
        ([cap("BENEFICIARY", "500")], 0, Code.CAP_EXCEEDED),
        ([cap("BENEFICIARY", "500", "CALENDAR_QUARTER")], DAY, None),
        ([cap("BENEFICIARY", "500")], DAY, Code.CAP_EXCEEDED),
        ([cap("BENEFICIARY", "500")], 185 * DAY, None),
        ([{**cap("BENEFICIARY", "500"), "period": {"kind": "ROLLING", "months": 12}}], 364 * DAY, Code.CAP_EXCEEDED),
        ([cap("BENEFICIARY", "1", of="GRANTS", counts=["GRANTED"])], DAY, Code.CAP_EXCEEDED),
        ([cap("BENEFICIARY", "1199", of="ELIGIBLE_AMOUNT")], 0, Code.CAP_EXCEEDED),
        ([cap("PROJECT", "500")], 0, None),
        ([cap("PROGRAMME", "500", "LIFETIME")], 0, Code.CAP_EXCEEDED),
        ([cap("BENEFICIARY", "500", counts=["PAID"])], 0, None),
        ([cap("BENEFICIARY", "600")], 0, None),
        ([cap("BENEFICIARY", "599.999999")], 0, Code.CAP_EXCEEDED),
    ],
)
def test_a_cap_counts_for_whom_and_over_what_time_it_says(caps: list[Any], later: int, code: Code | None) -> None:
    told = issue(programme(benefit__caps=caps), 300)
    granted(told)
    issue(told, 300, at=START + later if later else None)
    if code is None:
        granted(told)
    else:
        told.refused(code)


def test_related_parties_share_the_cap_of_their_group_and_others_do_not() -> None:
    told = programme(benefit__caps=[cap("GROUP", "500")])
    group = {each: told.state.directory.parties[each].group_id for each in ("lab-1", "lab-2", "lab-3")}
    first, related, other = sorted(group, key=lambda each: (list(group.values()).count(group[each]) == 1, each))
    assert group[first] == group[related] != group[other]
    granted(issue(told, 300, first))
    issue(told, 300, related).refused(Code.CAP_EXCEEDED)
    granted(issue(told, 300, other))


def test_an_envelope_is_for_its_period() -> None:
    envelope = {"id": "main", "amount": "500", "period": {"kind": "CALENDAR_QUARTER"}}
    told = programme(budget__envelopes=[envelope])
    granted(issue(told, 300))
    issue(told, 300, "lab-3").refused(Code.APPROPRIATION_EXCEEDED)
    granted(issue(told, 300, "lab-3", at=START + DAY))


def test_a_floor_of_the_voucher() -> None:
    told = programme(benefit__floor={"measure": "SUBSIDY", "amount": "100"})
    issue(told, 99).refused(Code.FACE_TOO_SMALL)
    granted(issue(told, 100))


def test_what_is_cancelled_unspent_counts_no_longer() -> None:
    told = programme(benefit__caps=[cap("BENEFICIARY", "500")])
    voucher_id = granted(issue(told, 400)).voucher_id
    issue(told, 101).refused(Code.CAP_EXCEEDED)
    told.when(revoking(voucher_id), actor="city-1")
    told.reacts_to(
        VoucherCancelled(
            voucher_id=voucher_id, programme_id="p1", amount=150 * UNIT, legs=(taken(voucher_id, 150 * UNIT),)
        )
    )
    issue(told, 251).refused(Code.CAP_EXCEEDED)
    told.reacts_to(
        VoucherCancelled(
            voucher_id=voucher_id, programme_id="p1", amount=250 * UNIT, legs=(taken(voucher_id, 250 * UNIT),)
        )
    )
    told.reacts_to(VoucherClosed(voucher_id=voucher_id))
    assert not told.state.counters.table
    granted(issue(told, 500))


@pytest.mark.parametrize("notice", [0, 3])
def test_what_one_holder_gives_back_ends_no_suspension_and_nothing_that_another_got(notice: int) -> None:
    """Suspended or waiting for it, the voucher goes on in other hands as the document has it, and so does its part."""
    freeze = {"grounds": ["INQUIRY"], "notice_days": notice, "max_days": 30}
    control = {"freeze": freeze, "revoke_grounds": ["FRAUD"]}
    told = programme(control=control, transfer={"mode": "SURRENDER_REISSUE"})
    voucher_id = granted(issue(told, 400)).voucher_id
    told.when(suspending(voucher_id), actor="city-1")
    ordered: Any = told.last[0]  # type: ignore[index]
    told.when(ReturnVoucher(voucher_id=voucher_id, reason="spare"), actor="lab-1")
    got: dict[str, Any] = {
        "programme_id": "p1", "version": 1, "beneficiary_id": "lab-3", "face": 50 * UNIT, "not_before": told.time,
        "expires_at": told.time + 99 * DAY, "issue_seq": 1, "legs": (),
    }  # fmt: skip
    follows = [] if notice else [VoucherSuspended]
    made = VoucherReissued(
        voucher_id="rsv-1", reissued_from=voucher_id, transfer_id="t", holder_id="lab-1", hops=1, **got
    )
    told.reacts_to(made).then_types(VoucherReissued, *follows)
    told.reacts_to(VoucherRestored(voucher_id="rvc-1", restored_from=voucher_id, suspended=False, **got))
    told.then_types(VoucherRestored, *follows)
    mine = {**got, "beneficiary_id": "lab-1"}
    told.reacts_to(VoucherRestored(voucher_id="rvc-2", restored_from=voucher_id, suspended=False, **mine))
    told.then_types(VoucherRestored, VoucherRevoked)
    told.reacts_to(
        VoucherSurrendered(
            voucher_id=voucher_id, programme_id="p1", holder_id="lab-1", amount=0, suspended=not notice, legs=()
        )
    )
    steps = ((ordered.begins_at, VoucherSuspended), (ordered.ends_at, VoucherReinstated))
    for at, event in steps if notice else steps[1:]:
        assert DECIDER.due(told.state) == (at, "suspension")
        told.fires("suspension", at).then_types(event, event, event)
    told.when(suspending(voucher_id, 1), actor="city-1").refused(Code.SUSPENSION_TOO_LONG)
    told.when(suspending("rsv-1", 1), actor="city-1").refused(Code.SUSPENSION_TOO_LONG)
    told.when(revoking(voucher_id), actor="city-1").reacts_to(replace(made, voucher_id="rsv-2"))
    told.then_types(VoucherReissued, VoucherRevoked)


def test_what_comes_back_after_a_default_counts_once() -> None:
    """The part that a default gives back counts as its own voucher, and each part is counted back with itself."""
    told = programme(benefit__caps=[cap("BENEFICIARY", "500"), {**cap("GROUP", "2", of="GRANTS"), "id": "number"}])
    voucher_id = granted(issue(told, 400)).voucher_id
    told.reacts_to(
        VoucherRestored(
            voucher_id="rvc-1", restored_from=voucher_id, programme_id="p1", version=1, beneficiary_id="lab-1",
            face=150 * UNIT, not_before=told.time, expires_at=told.time + DAY, issue_seq=1, suspended=False, legs=(),
        )
    )  # fmt: skip
    for of, amount in ((voucher_id, 250), ("rvc-1", 150)):
        told.when(revoking(of), actor="city-1")
        legs = (taken(of, amount * UNIT),)
        told.reacts_to(VoucherCancelled(voucher_id=of, programme_id="p1", amount=amount * UNIT, legs=legs))
    assert not told.state.counters.table


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ({"kind": "NONE"}, NEVER),
        ({"kind": "FIXED", "on": "2026-12-31"}, parse_time("2027-01-01T00:00:00.000000Z")),
        ({"kind": "RELATIVE", "after_days": 90}, START + 90 * DAY),
        ({"kind": "PERIOD_END", "period": {"kind": "CALENDAR_QUARTER"}}, START + DAY),
        ({"kind": "INACTIVITY", "after_months": 9}, parse_time("2027-03-30T00:00:00.000000Z")),
    ],
)
def test_when_a_voucher_ends(rule: dict[str, Any], ends: int) -> None:
    assert granted(issue(programme(expiry__rule=rule), 1)).expires_at == ends


def test_validity_limits_issuing_by_local_days() -> None:
    told = programme(valid={"start": "2000-01-01", "end": "2026-06-30", "utc_offset": "+08:00"})
    granted(issue(told, 1, at=parse_time("2026-06-30T15:59:59.000000Z")))
    issue(told, 1, at=parse_time("2026-06-30T16:00:00.000000Z")).refused(Code.PROGRAMME_NOT_OPEN)


def test_an_end_that_the_project_sets_has_to_be_known() -> None:
    told = programme(expiry__rule={"kind": "PROJECT_END"}, scope__purpose_bound=True)
    issue(told, 1).refused(Code.PERIOD_NOT_VALID)


def test_an_allocation_of_gpu_hours_is_appropriated_and_issued_in_its_unit() -> None:
    event = granted(issue(programme(**IN_KIND), 5_000))
    assert (event.face, event.expires_at) == (5_000 * UNIT, START + 365 * DAY)
