"""What of a programme in run-off nobody claims, or no bank pays, lapses after its last day, and not sooner."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from counterfoil.contract.events import WriterResumed
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, parse_time
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.run_off_events import RunOffBegun
from counterfoil.ledger.closing_events import ProgrammeClosing, ProgrammeStaysOpen
from counterfoil.programme.expiry import NEVER
from counterfoil.redemption.closing_events import LastDaySet, ProgrammeSettled, ProgrammeUnsettled, UnclaimedLapsed
from counterfoil.redemption.commands import RejectClaim, ReturnPayment, ReverseCapture
from counterfoil.redemption.events import ClaimOffset, ClaimRejected, LinePart, PaymentReturned
from tests.documents import document, published
from tests.given import Scenario
from tests.redemption.world import CLM_1, CLM_2, REP, STL, claim, claimed, earned, settled

RUN_OFF: Final = RunOffBegun(programme_id="p1", reason="over")
CLOSING: Final = ProgrammeClosing(programme_id="p1", reason="all is paid")
TIMER: Final = "last_day"
DAYS: Final = 90


def begun(told: Scenario) -> tuple[Scenario, int]:
    """The run-off begins, and its last day is set: when it ends."""
    told.reacts_to(RUN_OFF)
    assert told.decider.due(told.state) == (0, TIMER)
    told.fires(TIMER, told.time).then_types(LastDaySet)
    until = told.state.last_days.table["p1"].until
    assert told.decider.due(told.state) in ((until, TIMER), None)
    return told, until


def lapsed(provider_id: str, amount: int, *lines: tuple[str, int]) -> UnclaimedLapsed:
    parts = tuple(LinePart(contract_id=contract_id, amount=part) for contract_id, part in lines)
    return UnclaimedLapsed(programme_id="p1", provider_id=provider_id, currency="CNY", lines=parts, amount=amount)


def test_what_nobody_claims_lapses_provider_by_provider_less_what_it_owes() -> None:
    told, until = begun(earned())
    assert until == told.time + DAYS * DAY
    told.state.owed["p1", "gpu-1"] = 250
    assert told.decider.due(told.state) == (until, TIMER)
    told.fires(TIMER, until - 1).then()
    offset = ClaimOffset(
        programme_id="p1", provider_id="gpu-1", currency="CNY", lines=(LinePart(contract_id="c1", amount=250),),
        amount=250, owed_after=0,
    )  # fmt: skip
    told.fires(TIMER, until).then(offset, lapsed("gpu-1", 350, ("c1", 350)))
    told.fires(TIMER, until).then(lapsed("gpu-2", 300, ("c2", 300)))
    told.fires(TIMER, until).then()
    assert told.decider.due(told.state) is None
    assert list(told.state.claimable) == ["c3"], "of a programme that goes on"
    assert told.state.reversible["c1"] == 250, "what lapsed cannot be given back as well"
    told.when(claim("INV/9", "c1"), "gpu-1").refused(Code.NOTHING_TO_CLAIM)
    told.when(ReverseCapture(report_id=REP, amount=600, reason="idle"), "op").refused(Code.EXCEEDS_CAPTURED)
    told.reacts_to(CLOSING).then_types(ProgrammeSettled)


def test_what_no_bank_pays_lapses_less_what_is_owed() -> None:
    told = settled()
    back = ReturnPayment(settlement_id=STL, provider_id="gpu-1", return_reference="R-1", reason="account closed")
    told.when(back, "bank").then_types(PaymentReturned)
    told.when(replace(back, provider_id="gpu-2", return_reference="R-2"), "bank").then_types(PaymentReturned)
    told, until = begun(told)
    told.state.owed["p1", "gpu-1"] = 600
    told.reacts_to(CLOSING).then_types(ProgrammeUnsettled)
    offset = ClaimOffset(
        programme_id="p1", provider_id="gpu-1", currency="CNY", lines=(), amount=600, owed_after=0,
    )  # fmt: skip
    told.fires(TIMER, until).then(offset, lapsed("gpu-1", 0))
    told.fires(TIMER, until).then(lapsed("gpu-2", 300))
    told.reacts_to(CLOSING).then_types(ProgrammeSettled)


def test_what_comes_later_has_as_many_days_and_an_outage_gives_them_back() -> None:
    told, until = begun(claimed())
    told.when(RejectClaim(claim_id=CLM_1, reason="no certificate", rest="claimable"), "city").then_types(ClaimRejected)
    later = told.time + DAYS * DAY
    told.fires(TIMER, until).then(LastDaySet(programme_id="p1", since=later - DAYS * DAY, until=later))
    told.time = later - 3 * HOUR
    told.given(WriterResumed(away_since=later - 5 * HOUR, earliest=later))
    waits = later + told.time - (later - 5 * HOUR)
    told.fires(TIMER, waits - 1).then()
    told.fires(TIMER, waits).then(lapsed("gpu-1", 600, ("c1", 600)))
    told.when(RejectClaim(claim_id=CLM_2, reason="no certificate", rest="claimable"), "city").then_types(ClaimRejected)
    told.fires(TIMER, told.time).then_types(LastDaySet)
    assert told.state.last_days.table["p1"].until == told.state.last_days.table["p1"].since + DAYS * DAY


def test_its_document_says_how_many_days() -> None:
    told = earned()
    for event in published(document(id="p1", version=2, redemption__claim_within_days=3)):
        told.reacts_to(event)
    told, until = begun(told)
    rules = told.state.terms("p1", 2)
    assert until == (rules.day(told.time) + 4) * DAY - rules.offset, "the third day is the last, to its end"


def test_nothing_lapses_while_the_closing_is_agreed_and_the_day_counts_on_if_it_stays_open() -> None:
    told, until = begun(settled())
    del told.state.settlements[STL]
    told.reacts_to(CLOSING).then_types(ProgrammeSettled)
    assert told.decider.due(told.state) is None
    told.reacts_to(ProgrammeStaysOpen(programme_id="p1", open=()))
    assert told.decider.due(told.state) is None
    told.state.earn("c1", "p1", "gpu-1", 5)
    told.state.last_days.expect("p1")
    assert told.decider.due(told.state) == (until, TIMER)


def test_a_last_day_is_no_later_than_times_can_be_written() -> None:
    told = earned()
    for event in published(document(id="p1", version=2, redemption__claim_within_days=36_600)):
        told.reacts_to(event)
    told.time = parse_time("2150-01-01T00:00:00.000000Z")
    assert begun(told)[1] == NEVER


@pytest.mark.parametrize("rules", [7, LATEST])
def test_a_run_off_of_rules_7_gets_its_last_day_with_rules_8(rules: int) -> None:
    told = earned()
    told.state.rules = RULES[7]
    told.reacts_to(RUN_OFF)
    assert told.decider.due(told.state) is None
    told.state.rules = RULES[rules]
    told.state.rebuild()
    assert told.decider.due(told.state) == ((0, TIMER) if rules == LATEST else None)
