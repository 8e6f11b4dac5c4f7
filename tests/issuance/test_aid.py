"""The subsidy ledger: what a single undertaking is granted under EU 2023/2831, in all programmes and outside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from counterfoil.contract.applications import CounterMoved
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.events import ProgrammePublished
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, format_day, parse_date
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.aid import attest_aid
from counterfoil.issuance.aid_commands import AttestAid, RegisterRegime, WithdrawAid
from counterfoil.issuance.aid_events import (
    AidAttested,
    AidCounted,
    AidCovered,
    AidFreed,
    AidWithdrawn,
    RegimeRegistered,
)
from counterfoil.issuance.commands import AppropriateBudget, AttestGroup, IssueVoucher
from counterfoil.issuance.counting import Counters
from counterfoil.issuance.events import ApplicationDecided, VoucherGranted, VoucherIssued
from counterfoil.issuance.state import IssuanceState
from counterfoil.ledger.events import VoucherCancelled
from tests.documents import document, publishing, revoking, rules_from
from tests.given import Scenario
from tests.issuance.test_applications import LINE, decide, submit, why
from tests.issuance.world import CLASS, people, taken

EURO: Final = 1_000_000
CEILING: Final = 300_000
DE_MINIMIS: Final = {
    "regime": "DE_MINIMIS", "ceiling": "300000", "months": 36, "excess": "REFUSE", "unspent": "COUNTS",
}  # fmt: skip
DOCUMENT: Final[dict[str, Any]] = {
    "unit": {"kind": "MONEY", "currency": "EUR"},
    "benefit__tiers": [{"id": "all", "rate": "100%"}],
    "providers": {"mode": "OPEN"},
}


def published(told: Scenario, programme_id: str, actor: str, **regime: Any) -> Scenario:
    """A programme with that ceiling, and a budget of ten million."""
    value = document(id=programme_id, benefit__regimes=[DE_MINIMIS | regime], **DOCUMENT)
    for body in publishing(value):
        told.when(body, actor)
    return told.when(AppropriateBudget(programme_id=programme_id, amount=10**7 * EURO, document=programme_id), actor)


def union(**regime: Any) -> Scenario:
    """Two issuers with a programme each, under one ceiling; noon of 2026-03-01."""
    told = people().when(CLASS, actor="op")
    on(told, "2026-03-01")
    return published(published(told, "p1", "city-1", **regime), "p2", "city-2", **regime)


def issue(told: Scenario, amount: float, programme_id: str = "p1", to: str = "lab-1") -> Scenario:
    body = IssueVoucher(programme_id=programme_id, beneficiary_id=to, amount=round(amount * EURO))
    return told.when(body, "city-1" if programme_id == "p1" else "city-2")


def on(told: Scenario, day: str) -> Scenario:
    told.time = parse_date(day) * DAY + DAY // 2
    return told


def entry(told: Scenario) -> AidCounted:
    """The entry in the subsidy ledger of the grant before."""
    assert not isinstance(told.last, Refusal), told.last
    (found,) = [each for each in told.last if isinstance(each, AidCounted)]
    return found


def detail(told: Scenario, code: Code) -> dict[str, str]:
    assert isinstance(told.last, Refusal), told.last
    assert told.last.code is code
    return dict(told.last.detail)


def attest(told: Scenario, euros: float, since: str, **changes: Any) -> Scenario:
    made = AttestAid(
        party_id="lab-1", regime="DE_MINIMIS", amount=round(euros * EURO), currency="EUR",
        granted_on=parse_date(since), grantor="Land", reference=f"L-{since}-{euros}", source="declaration",
    )  # fmt: skip
    actor = changes.pop("actor", "op")
    return told.when(replace(made, **changes), actor)


def test_the_ceiling_holds_to_the_unit_over_all_programmes_and_three_years_to_the_day() -> None:
    told = union()
    first = entry(issue(told, 200_000))
    assert (first.subject, first.counted_before, first.ceiling) == ("labs", 0, CEILING * EURO)
    assert (first.programme_id, format_day(first.counts_until)) == ("p1", "2029-03-01")
    on(told, "2026-06-01")
    beyond = detail(issue(told, 100_000.000001, "p2"), Code.CAP_EXCEEDED)
    assert beyond == {
        "why": "ceiling_cut", "regime": "DE_MINIMIS", "limit": "300,000", "counted": "200,000", "left": "100,000",
    }  # fmt: skip
    assert entry(issue(told, 100_000, "p2")).counted_before == 200_000 * EURO
    assert detail(issue(told, 0.000001), Code.CAP_EXCEEDED)["why"] == "ceiling_reached"

    on(told, "2029-02-28")  # the last day on which what was granted on 2026-03-01 counts
    assert detail(issue(told, 0.000001), Code.CAP_EXCEEDED)["why"] == "ceiling_reached"
    on(told, "2029-03-01")
    detail(issue(told, 200_000.000001), Code.CAP_EXCEEDED)
    assert entry(issue(told, 200_000)).counted_before == 100_000 * EURO
    on(told, "2029-03-05")
    published(told, "p3", "city-1")  # a later programme finds the same ledger
    told.when(IssueVoucher(programme_id="p3", beneficiary_id="lab-1", amount=EURO), "city-1").refused(Code.CAP_EXCEEDED)


def test_an_application_above_the_ceiling_is_refused_whole_or_cut_as_the_document_says() -> None:
    for excess in ("REFUSE", "CUT"):
        told = union(excess=excess)
        issue(told, 250_000, "p2")
        line = replace(LINE, amount=50_000 * EURO + EURO // 100)
        app = submit(told, "lab-1", line)
        if excess == "REFUSE":
            assert why(decide(told, app)) == "ceiling_exceeded"
            says = detail(told, Code.NOT_GRANTED)["says"]
            assert says == "DE_MINIMIS: 250,000 of 300,000 is counted, 50,000 is left, 50,000.01 is asked for"
            decide(told, app, "rejected")
            app = submit(told, "lab-1", replace(LINE, amount=50_000 * EURO))
        decide(told, app).then_types(ApplicationDecided, VoucherIssued, AidCounted)
        counted = entry(told)
        assert (counted.grant_id, counted.amount, counted.counted_before) == (app, 50_000 * EURO, 250_000 * EURO)
        assert not isinstance(told.last, Refusal)
        (decision,) = [each for each in told.last if isinstance(each, ApplicationDecided)]
        assert [(each.before, each.after) for each in decision.counters if each.cap == "regime:DE_MINIMIS"] == [
            (250_000 * EURO, 300_000 * EURO)
        ]


def test_related_parties_share_it_and_bring_what_they_had() -> None:
    told = union()
    issue(told, 200_000)
    issue(told, 80_000, to="lab-3")
    told.when(AttestGroup(party_id="lab-3", group_id="labs", since=None, source="bought"), "op")
    assert detail(issue(told, 20_000.000001, to="lab-2"), Code.CAP_EXCEEDED)["counted"] == "280,000"
    assert entry(issue(told, 20_000, to="lab-3")).subject == "labs"
    told.when(AttestGroup(party_id="lab-3", group_id="lab-3", since=None, source="sold"), "op")
    assert entry(issue(told, 200_000, to="lab-3")).counted_before == 100_000 * EURO, "its own goes with it"
    assert detail(issue(told, 80_000.000001), Code.CAP_EXCEEDED)["counted"] == "220,000", "and stays, too"


def test_aid_from_elsewhere_counts_from_its_day_until_it_is_withdrawn() -> None:
    told = union()
    attest(told, 120_000, "2024-05-10").then_types(AidAttested)
    (aid,) = told.last  # type: ignore[misc]
    assert isinstance(aid, AidAttested)
    assert (aid.subject, format_day(aid.counts_until)) == ("labs", "2027-05-10")
    attest(told, 50_000, "2025-01-01", actor="city-2").then_types(AidAttested)
    assert detail(issue(told, 130_000.000001), Code.CAP_EXCEEDED)["left"] == "130,000"
    entry(issue(told, 130_000))
    withdraw = WithdrawAid(aid_id=aid.aid_id, reason="it was a loan")
    told.when(withdraw, "city-1").refused(Code.UNKNOWN_AID)
    told.when(withdraw, "op").then_types(AidWithdrawn)
    told.when(withdraw, "op").refused(Code.UNKNOWN_AID)
    assert entry(issue(told, 120_000)).counted_before == 180_000 * EURO
    on(told, "2028-01-03")
    assert entry(issue(told, 50_000)).counted_before == 250_000 * EURO
    assert not told.state.aids.attested, "its window has passed"


def law(told: Scenario, since: str, euros: int = CEILING, **changes: Any) -> Scenario:
    made = RegisterRegime(
        regime="DE_MINIMIS", currency="EUR", ceiling=euros * EURO, months=36, unit="GROUP", counts_on="GRANTED",
        in_force_on=parse_date(since), source="Regulation (EU) 2023/2831",
    )  # fmt: skip
    return told.when(replace(made, **changes), "op")


def publish(told: Scenario, version: int = 1, programme_id: str = "p9", **regime: Any) -> Scenario:
    value = document(id=programme_id, version=version, benefit__regimes=[DE_MINIMIS | regime], **DOCUMENT)
    *pieces, command = publishing(value)
    for body in pieces:
        told.when(body, "city-1")
    return told.when(command, "city-1")


def test_a_document_agrees_with_the_law_of_its_day_and_a_grant_is_judged_by_that_of_its_own() -> None:
    """Both figures are named; what a document said before the law changed binds nobody to break it."""
    told = union()
    assert entry(issue(told, 200_000)).law is None
    law(told, "2026-01-01").then_types(RegimeRegistered)
    law(told, "2026-06-01", 250_000, months=24).then_types(RegimeRegistered)
    beside: tuple[tuple[dict[str, Any], str, str], ...] = (
        ({"ceiling": "300001"}, "300,001", "300,000"), ({"months": 35}, "35", "36"),
    )  # fmt: skip
    for changes, named, registered in beside:
        said = detail(publish(told, **changes), Code.REGIME_DIFFERS)
        assert (said["field"], said["named"], said["other"]) == (*changes, named, registered)
    publish(told).then_types(ProgrammePublished)
    counts_at_most(told, 100_000)

    on(told, "2026-05-31")
    assert entry(issue(told, 1_000)).law == 1
    on(told, "2026-06-01")
    counts_at_most(told, 49_000)
    granted = entry(issue(told, 49_000, "p2"))
    assert (granted.law, granted.ceiling, format_day(granted.counts_until)) == (2, 250_000 * EURO, "2028-06-01")
    assert detail(publish(told, 2), Code.REGIME_DIFFERS)["other"] == "250,000"
    publish(told, 2, ceiling="250000", months=24).then_types(ProgrammePublished)
    on(told, "2028-03-01")  # what was granted two years before counts no more
    counts_at_most(told, 200_000)


def test_what_the_law_cannot_change_is_refused() -> None:
    told = union()
    law(told, "2026-01-01", currency="ZZZ").refused(Code.UNKNOWN_CURRENCY)
    law(told, "2026-01-01").then_types(RegimeRegistered)
    law(told, "2026-01-01").refused(Code.PERIOD_NOT_VALID)
    others: tuple[dict[str, Any], ...] = ({"currency": "CNY"}, {"unit": "BENEFICIARY"}, {"counts_on": "PAID"})
    for changes in others:
        said = detail(law(told, "2026-03-01", **changes), Code.REGIME_DIFFERS)
        assert (said["where"], said["field"]) == ("registered", *changes)
    for day in range(RULES[LATEST].max_laws - 1):
        told.time += DAY
        law(told, format_day(parse_date("2026-03-02") + day)).then_types(RegimeRegistered)
    law(told, "2028-01-01").refused(Code.OVER_LIMIT)


def test_a_closed_programme_binds_nobody_by_what_nothing_counts_for() -> None:
    for counts in (False, True):
        told = union()
        if counts:
            issue(told, 1, "p2")
        for programme_id in ("p1", "p2"):
            told.state.phases[programme_id] = "closed"
        publish(told, months=12)
        assert isinstance(told.last, Refusal) is counts


REFUSED: Final[list[tuple[Code, dict[str, Any]]]] = [
    (Code.UNKNOWN_PARTY, {"party_id": "nobody"}),
    (Code.UNKNOWN_REGIME, {"regime": "SPECIAL"}),
    (Code.CURRENCY_MISMATCH, {"currency": "CNY"}),
    (Code.DATE_IN_FUTURE, {"granted_on": parse_date("2026-03-03")}),
    (Code.PERIOD_NOT_VALID, {"granted_on": parse_date("2023-03-01")}),
    (Code.ALREADY_EXISTS, {"reference": "L-1"}),
    (Code.AMOUNT_TOO_LARGE, {"amount": 2**62}),
    (Code.DUTIES_NOT_SEPARATE, {"party_id": "lab-3"}),
]


@pytest.mark.parametrize(("code", "changes"), REFUSED)
def test_aid_is_refused_for_its_reason(code: Code, changes: dict[str, Any]) -> None:
    told = union()
    told.when(AttestGroup(party_id="lab-3", group_id="city-1", since=None, source="owned"), "op")
    attest(told, 1, "2026-02-01", reference="L-1", actor="city-1").then_types(AidAttested)
    attest(told, 1, "2023-03-02", reference="first day that counts", actor="city-1").then_types(AidAttested)
    attest(told, 1, "2026-02-01", **({"reference": "L-2", "actor": "city-1"} | changes)).refused(code)


def attested(told: Scenario) -> str:
    """The id of the aid attested before."""
    assert not isinstance(told.last, Refusal), told.last
    (found,) = [each for each in told.last if isinstance(each, AidAttested)]
    return found.aid_id


def counts_at_most(told: Scenario, left: int) -> None:
    """So much, and not a unit more, may be granted; nothing is."""
    assert detail(issue(told, left + 0.000001), Code.CAP_EXCEEDED)["left"] == f"{left:,}"


def test_a_grant_that_several_attest_by_one_reference_counts_once_with_the_largest_amount() -> None:
    """Whoever attests more, or later, or withdraws; a reference is its attester's own, in whatever spelling."""
    told = union()
    attest(told, 100_000, "2026-02-01", reference="L-1/a", actor="city-1").then_types(AidAttested)
    smaller = attested(told)
    attest(told, 1, "2026-02-01", reference="l 1 A", actor="city-1").refused(Code.ALREADY_EXISTS)
    attest(told, 120_000, "2026-02-01", reference="l 1 A", actor="city-2").then_types(AidAttested, AidCovered)
    larger = attested(told)
    counts_at_most(told, 180_000)
    attest(told, 120_000, "2026-02-01", reference="L1a").then_types(AidAttested, AidCovered)
    equal = attested(told)
    attest(told, 30_000, "2026-01-01", reference="another", actor="city-2")
    counts_at_most(told, 150_000)
    told.when(WithdrawAid(aid_id=larger, reason="wrong"), "op").then_types(AidWithdrawn, AidCovered)
    counts_at_most(told, 150_000)
    told.when(WithdrawAid(aid_id=equal, reason="wrong"), "op").then_types(AidWithdrawn, AidCovered)
    counts_at_most(told, 170_000)
    told.when(WithdrawAid(aid_id=smaller, reason="wrong"), "op").then_types(AidWithdrawn)
    counts_at_most(told, 270_000)
    assert not told.state.aids.covered


def test_attestations_of_one_grant_that_differ_in_its_day_count_the_largest_that_still_counts() -> None:
    told = union()
    attest(told, 100_000, "2024-05-10", reference="L-1", actor="city-1").then_types(AidAttested)
    attest(told, 40_000, "2025-06-01", reference="L-1", actor="city-2").then_types(AidAttested, AidCovered)
    counts_at_most(told, 200_000)
    on(told, "2027-05-09")
    counts_at_most(told, 200_000)
    on(told, "2027-05-10")  # the window of the larger has passed
    counts_at_most(told, 260_000)
    on(told, "2027-05-12")
    entry(issue(told, 1))
    assert [each.amount for each in told.state.aids.attested.values()] == [40_000 * EURO]
    on(told, "2028-06-01")
    counts_at_most(told, 299_999)


def test_who_leaves_a_group_takes_all_along_that_is_attested_of_it() -> None:
    """One grant attested of two parties of a group counts twice: else who leaves would be rid of what the other has."""
    told = union()
    attest(told, 100_000, "2026-02-01", reference="L-1", actor="city-1").then_types(AidAttested)
    attest(told, 100_000, "2026-02-01", reference="L-1", actor="city-2", party_id="lab-2").then_types(AidAttested)
    counts_at_most(told, 100_000)
    told.when(AttestGroup(party_id="lab-2", group_id="lab-2", since=None, source="sold"), "op")
    assert detail(issue(told, 200_000.000001, to="lab-2"), Code.CAP_EXCEEDED)["left"] == "200,000"


def test_so_many_grants_are_attested_of_one_party_at_most() -> None:
    told, most = union(), RULES[LATEST].max_aid
    for number in range(most):
        attest(told, 1, "2026-02-01", reference=f"L-{number}").then_types(AidAttested)
    attest(told, 1, "2026-02-01", reference="L-more").refused(Code.OVER_LIMIT)
    attest(told, 1, "2026-02-01", reference="L-more", actor="city-1").then_types(AidAttested)


@pytest.mark.parametrize(("unspent", "left"), [("COUNTS", 100_000), ("FREES", 300_000)])
def test_what_is_never_used_counts_as_the_document_says(unspent: str, left: int) -> None:
    told = union(unspent=unspent)
    issue(told, 200_000)
    assert not isinstance(told.last, Refusal)
    (voucher,) = [each for each in told.last if isinstance(each, VoucherGranted)]
    told.when(revoking(voucher.voucher_id), "city-1")
    legs = (replace(taken(200_000 * EURO, "lab-1"), asset=voucher.voucher_id),)
    told.reacts_to(VoucherCancelled(voucher_id=voucher.voucher_id, programme_id="p1", amount=200_000 * EURO, legs=legs))
    assert not isinstance(told.last, Refusal)
    freed = [each.amount for each in told.last if isinstance(each, AidFreed)]
    assert freed == ([] if unspent == "COUNTS" else [200_000 * EURO])
    assert entry(issue(told, left, "p2")).counted_before == (CEILING - left) * EURO
    told.when(IssueVoucher(programme_id="p2", beneficiary_id="lab-1", amount=1), "city-2").refused(Code.CAP_EXCEEDED)


def test_all_programmes_count_a_ceiling_alike_and_in_one_currency() -> None:
    told = union()
    for changes in (
        {"unit": {"kind": "MONEY", "currency": "CNY"}},
        {"benefit__regimes": [DE_MINIMIS | {"months": 12}]},
        {"benefit__regimes": [DE_MINIMIS | {"unit": "BENEFICIARY"}]},
        {"benefit__regimes": [DE_MINIMIS | {"counts_on": "PAID"}]},
    ):
        given: dict[str, Any] = DOCUMENT | {"benefit__regimes": [DE_MINIMIS]} | changes
        *pieces, command = publishing(document(id="p4", **given))
        for body in pieces:
            told.when(body, "city-1")
        told.when(command, "city-1")
        assert detail(told, Code.REGIME_DIFFERS)["regime"] == "DE_MINIMIS"
    named = {name: [*each] for name, each in told.state.aids.regimes.items()}
    assert named == {"DE_MINIMIS": ["p1", "p2"]}


def test_what_is_kept_is_bounded_by_the_window() -> None:
    """A grant a month for twelve years: never more is kept than three years have."""
    told = union()
    kept = set()
    for month in range(144):
        on(told, f"{2026 + (month + 3) // 12}-{(month + 3) % 12 + 1:02d}-01")
        entry(issue(told, 1))
        kept.add(sum(1 for key in told.state.counters.table if key[1] == "regime:DE_MINIMIS"))
    assert max(kept) <= 37
    assert isinstance(told.state, IssuanceState)
    assert attest_aid.__doc__


def test_documents_of_before_mean_what_they_meant() -> None:
    plain = rules_from(document(benefit__regimes=[{"regime": "X", "ceiling": "1", "months": 36}]))
    assert (plain.regimes[0].regime.excess, plain.regimes[0].regime.unspent) == (None, None)


def next_version(told: Scenario, version: int, **regime: Any) -> Scenario:
    for body in publishing(document(id="p1", version=version, benefit__regimes=[DE_MINIMIS | regime], **DOCUMENT)):
        told.when(body, "city-1")
    return told


@pytest.mark.parametrize("changes", [{"months": 1}, {"unit": "BENEFICIARY"}, {"counts_on": "PAID"}])
def test_a_programme_alone_counts_a_ceiling_alike_once_anything_is_counted(changes: dict[str, Any]) -> None:
    for counted, rules in ((False, LATEST), (True, LATEST), (True, 7)):
        told = people().when(CLASS, actor="op")
        told.state.rules = RULES[rules]
        published(on(told, "2026-03-01"), "p1", "city-1")
        if counted:
            issue(told, 1)
        next_version(told, 2, **changes)
        refused = counted and rules == LATEST
        assert isinstance(told.last, Refusal) is refused
        assert not refused or detail(told, Code.REGIME_DIFFERS)["regime"] == "DE_MINIMIS"


def test_of_what_was_forgotten_and_counted_anew_with_less_no_more_is_taken_back_than_there_is() -> None:
    counters, key = Counters(), ("-", "regime:X", "GRANTED", "labs", "lab-1", 7)
    granted = CounterMoved(cap="regime:X", subject="labs", event="GRANTED", before=0, after=100)
    counters.move("p1", "lab-1", 7, granted)
    counters.forget("regime:X", "lab-1", 8)
    counters.move("p1", "lab-1", 7, replace(granted, after=1))
    assert counters.table[key] == 1
    counters.move("p1", "lab-1", 7, replace(granted, before=100, after=0))
    assert key not in counters.table
    assert not counters.counts("regime:X")
    with pytest.raises(InvariantViolation):  # of caps nothing is ever forgotten
        counters.move("p1", "lab-1", 7, replace(granted, cap="year", before=1, after=0))
