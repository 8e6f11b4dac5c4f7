"""A ceiling of law holds whatever day, programme, version or spelling something counts under; operators say the law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from counterfoil.contract.applications import CounterMoved
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.references import same_paper
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, format_day, parse_date
from counterfoil.issuance.aid_commands import WithdrawAid
from counterfoil.issuance.aid_events import AidAttested, AidCounted, AidCovered, RegimeRegistered
from counterfoil.issuance.commands import AppropriateBudget, CloseWindow, IssueVoucher, OpenWindow, ScoreApplication
from counterfoil.issuance.counting import Counters
from counterfoil.issuance.events import ApplicationDecided, VoucherGranted, WindowOpened
from counterfoil.issuance.judging import history_of
from counterfoil.issuance.laws import CURRENCY, regime_of, unlawful
from counterfoil.programme.case import History
from counterfoil.programme.periods import Span
from tests.documents import document, publishing
from tests.given import Scenario
from tests.issuance.test_aid import (
    CEILING,
    DE_MINIMIS,
    DOCUMENT,
    EURO,
    attest,
    attested,
    counts_at_most,
    detail,
    entry,
    issue,
    law,
    next_version,
    on,
    published,
    union,
)
from tests.issuance.test_applications import LINE, decide, submit
from tests.issuance.test_windows import outcomes, worked
from tests.issuance.world import CLASS, people

CAP: Final = "regime:DE_MINIMIS"
CNY: Final = {"unit": {"kind": "MONEY", "currency": "CNY"}}


def nobody() -> Scenario:
    """No programme; noon of 2026-03-01."""
    return on(people().when(CLASS, actor="op"), "2026-03-01")


def programme(told: Scenario, programme_id: str, actor: str, **changes: Any) -> Scenario:
    """A programme of the ceiling, with something else in its document."""
    value = document(id=programme_id, **({"benefit__regimes": [DE_MINIMIS]} | DOCUMENT | changes))
    for body in publishing(value):
        told.when(body, actor)
    return told.when(AppropriateBudget(programme_id=programme_id, amount=10**7 * EURO, document=programme_id), actor)


def test_what_is_dated_later_counts_already() -> None:
    """Attested as of tomorrow, or granted where tomorrow has begun: nothing is free until then."""
    told = union()
    attest(told, 250_000, "2026-02-01", reference="L-1")
    attest(told, 250_000, "2026-03-02", reference="L-1", actor="city-1").then_types(AidAttested, AidCovered)
    tomorrow = attested(told)
    counts_at_most(told, 50_000)
    told.when(WithdrawAid(aid_id=tomorrow, reason="another's"), "city-1")
    counts_at_most(told, 50_000)

    told = nobody()
    for programme_id, actor, offset in (("p1", "city-1", "+14:00"), ("p2", "city-2", "-11:00")):
        programme(told, programme_id, actor, valid={"start": "2000-01-01", "utc_offset": offset})
    assert format_day(entry(issue(told, CEILING)).granted_on) == "2026-03-02"
    assert detail(issue(told, 1, "p2"), Code.CAP_EXCEEDED)["why"] == "ceiling_reached"


@pytest.mark.parametrize("before", [0, CEILING])
def test_a_window_judges_and_dates_by_the_day_that_decides(before: int) -> None:
    """However long after its last day it is closed; caps and facts are those of its own day."""
    told, valid = nobody(), {"start": "2000-01-01", "end": "2026-03-01", "utc_offset": "+00:00"}
    programme(told, "p1", "city-1", valid=valid, budget__exhaustion={"mode": "RANKED", "partial": False})
    published(told, "p2", "city-2")
    today = told.time // DAY
    told.when(OpenWindow(programme_id="p1", opens=today, closes=today, commitment=None), "city-1")
    assert not isinstance(told.last, Refusal)
    (window,) = told.last
    assert isinstance(window, WindowOpened)
    app = submit(told, "lab-1", replace(LINE, amount=CEILING * EURO))
    told.when(ScoreApplication(application_id=app, points=10**6, reason="fit"), "city-1")
    on(told, "2026-12-01")
    if before:
        entry(issue(told, before, "p2"))
    told.when(CloseWindow(window_id=window.window_id, seed=None), "city-1")
    done = worked(told)
    assert outcomes(done)[app][0] == ("rejected" if before else "approved")
    days = [(each.granted_on, each.counts_until) for each in done if isinstance(each, AidCounted)]
    assert days == ([] if before else [(parse_date("2026-12-01"), parse_date("2029-12-01"))])
    on(told, "2029-11-30")
    assert detail(issue(told, 1, "p2"), Code.CAP_EXCEEDED)["why"] == "ceiling_reached"


OTHERWISE: Final[list[dict[str, Any]]] = [
    {"benefit__regimes": [DE_MINIMIS | {"unit": "BENEFICIARY"}]},
    {"benefit__regimes": [DE_MINIMIS | {"counts_on": "PAID"}]},
    CNY,
]


@pytest.mark.parametrize("changes", OTHERWISE)
def test_a_document_unlike_the_law_cannot_be_published_and_grants_nothing(changes: dict[str, Any]) -> None:
    """Nor does it keep an operator from registering the law, or another issuer from following it."""
    told = programme(nobody(), "p1", "city-1", **changes)
    law(told, "2026-04-01").then_types(RegimeRegistered)
    for body in publishing(document(id="p9", **({"benefit__regimes": [DE_MINIMIS]} | DOCUMENT | changes))):
        told.when(body, "city-1")
    assert detail(told, Code.REGIME_DIFFERS)["where"] == "registered"
    published(told, "p2", "city-2")
    app = submit(told, "lab-2", replace(LINE, amount=EURO))
    assert isinstance(issue(told, 1_000).last, Refusal) is (changes == CNY)
    on(told, "2026-04-01")
    assert detail(issue(told, 1), Code.REGIME_DIFFERS)["regime"] == "DE_MINIMIS"
    decide(told, app).refused(Code.REGIME_DIFFERS)
    decide(told, app, "rejected").then_types(ApplicationDecided)
    before = 0 if changes != OTHERWISE[0] else 1_000
    assert entry(issue(told, CEILING - before, "p2", to="lab-2")).counted_before == before * EURO
    law(told, "2026-05-01", 200_000).then_types(RegimeRegistered)


def test_no_closed_programme_says_how_what_is_attested_counts() -> None:
    """Live as restored."""
    told = programme(nobody(), "p3", "city-1", **CNY)
    told.state.phases["p3"] = "closed"
    published(told, "p2", "city-2", counts_on="PAID")
    told.state.phases["p2"] = "closed"
    published(told, "p1", "city-1")
    attest(told, CEILING, "2026-02-01").then_types(AidAttested)
    live = regime_of(told.state, "DE_MINIMIS", told.time // DAY)
    told.state.rebuild()
    assert live == regime_of(told.state, "DE_MINIMIS", told.time // DAY)
    assert live is not None
    assert (live.currency, live.counts_on) == ("EUR", "GRANTED")
    assert detail(issue(told, 1), Code.CAP_EXCEEDED)["why"] == "ceiling_reached"


def test_what_a_later_version_counts_otherwise_is_refused_once_anything_is_granted_or_about_to_be() -> None:
    for begins in (
        IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=EURO),
        OpenWindow(programme_id="p1", opens=parse_date("2026-03-01"), closes=parse_date("2026-03-09"), commitment=None),
    ):
        told = nobody()
        ranked = {"budget__exhaustion": {"mode": "RANKED", "partial": False}} if isinstance(begins, OpenWindow) else {}
        programme(told, "p1", "city-1", benefit__regimes=[DE_MINIMIS | {"counts_on": "PAID"}], **ranked)
        assert not isinstance(told.when(begins, "city-1").last, Refusal)
        detail(next_version(told, 2), Code.REGIME_DIFFERS)


def test_what_is_counted_otherwise_counts_where_it_is_used() -> None:
    """What a voucher pays is judged with all that was granted since, though that counts at the grant."""
    told = programme(nobody(), "p1", "city-1", benefit__regimes=[DE_MINIMIS | {"counts_on": "PAID"}])
    (voucher, *_) = issue(told, CEILING).last  # type: ignore[misc]
    assert isinstance(voucher, VoucherGranted)
    law(told, "2026-03-01").then_types(RegimeRegistered)
    published(told, "p2", "city-2")
    entry(issue(told, CEILING, "p2", to="lab-2"))
    rules = told.state.rules_under(told.state.claims.purposes[voucher.voucher_id])
    subjects: dict[Any, str] = {"PROGRAMME": "p1", "BENEFICIARY": "lab-1", "GROUP": "labs"}
    history = History(history_of(told.state, rules, subjects, told.time // DAY))
    assert history.total(CAP, "labs", "PAID", Span(None, None)) == CEILING * EURO
    assert unlawful(told.state, rules, told.time // DAY, CURRENCY) is None, "it is paid up to the ceiling"


def test_amounts_in_another_currency_hold_a_law_up_while_they_count() -> None:
    told = programme(nobody(), "p1", "city-1", **CNY)
    issue(told, 1)
    told.state.phases["p1"] = "closed"
    on(told, "2029-02-28")
    assert detail(law(told, "2029-02-28"), Code.REGIME_DIFFERS)["where"] == "p1"
    on(told, "2029-03-03")
    law(told, "2029-03-03").then_types(RegimeRegistered)


def test_a_version_that_is_not_in_force_gives_way_and_none_changes_the_past() -> None:
    told = published(nobody(), "p1", "city-1")
    law(told, "2206-01-01", 1).then_types(RegimeRegistered)
    law(told, "2026-01-01").then_types(RegimeRegistered)
    told.state.rebuild()
    assert [format_day(each.in_force_on) for each in told.state.aids.versions("DE_MINIMIS")] == ["2026-01-01"]
    assert entry(issue(told, 1)).law == 1
    assert detail(law(told, "2026-02-28", 500_000), Code.PERIOD_NOT_VALID)["after"] == "2026-02-28"
    law(told, "2027-01-01", 500_000).then_types(RegimeRegistered)
    law(told, "2026-03-01", 400_000).then_types(RegimeRegistered)
    assert [each.ceiling // EURO for each in told.state.aids.versions("DE_MINIMIS")] == [CEILING, 400_000]
    assert entry(issue(told, 399_999)).law == 2


def test_grants_of_different_grantors_or_numbers_are_different() -> None:
    told = union()
    for reference, grantor in (("2026/1", "Land A"), ("2026-1", "Land B"), ("20261", "Land A"), ("1/2026", "Land A")):
        attest(told, 10_000, "2026-02-01", reference=reference, grantor=grantor).then_types(AidAttested)
    same = {"reference": "2026-1", "grantor": "LAND a"}
    attest(told, 10_000, "2026-02-01", **same).refused(Code.ALREADY_EXISTS)
    attest(told, 10_000, "2026-02-01", actor="city-1", **same).then_types(AidAttested, AidCovered)
    counts_at_most(told, 260_000)
    spelt = ("L 1/11", "L-11/1", "№ 7-a 8", "１／２")
    assert [same_paper(each) for each in spelt] == ["l1-11", "l11-1", "no7a8", "1-2"]


def test_what_one_attests_is_bounded_apart_from_what_others_do() -> None:
    told, most = union(), MAX_AMOUNT // 4_096
    attest(told, 0, "2026-02-01", reference="x", amount=most, actor="city-2").then_types(AidAttested)
    attest(told, 0, "2026-02-01", reference="y", amount=1, actor="city-2").refused(Code.AMOUNT_TOO_LARGE)
    attest(told, 0, "2026-02-01", reference="y", amount=most).then_types(AidAttested)


def test_whether_anything_counts_is_known_by_the_days_of_a_ceiling_alone() -> None:
    counters, moved = Counters(), CounterMoved(cap="regime:X", subject="labs", event="GRANTED", before=0, after=1)
    for day in (7, 9, 9):
        counters.move("p1", "lab-1", day, moved)
    assert [counters.counts("regime:X", day) for day in (0, 9, 10)] == [True, True, False]
    counters.rebuild()
    counters.move("p1", "lab-1", 9, replace(moved, before=2, after=0))
    assert [counters.counts("regime:X", day) for day in (7, 8)] == [True, False]
    assert not counters.counts("regime:Y")
