"""What of a programme in run-off nobody claims, or no bank pays, lapses after its last day, and not sooner."""

from __future__ import annotations

from typing import Final

import pytest

from counterfoil.contract.events import WriterResumed
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, parse_time
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import ProviderReinstated, ProviderSuspended
from counterfoil.issuance.run_off_events import RunOffBegun
from counterfoil.ledger.closing_events import ProgrammeClosing, ProgrammeStaysOpen
from counterfoil.ledger.invoice_events import InvoiceCaptured, InvoiceCredited
from counterfoil.programme.expiry import NEVER
from counterfoil.redemption.closing_events import (
    ClaimLapsed,
    LastDaySet,
    ProgrammeSettled,
    ProgrammeUnsettled,
    UnclaimedLapsed,
)
from counterfoil.redemption.commands import ConfirmRecovery, RejectClaim, ReturnPayment, ReverseCapture
from counterfoil.redemption.events import ClaimOffset, ClaimRejected, LinePart, PaymentReturned
from tests.documents import document, published
from tests.given import Scenario
from tests.paper_work import approve
from tests.redemption.world import CLM_1, CLM_2, REP, STL, approved, claim, claimed, earned, settle, settled

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


def lapsed(provider_id: str, amount: int, *lines: tuple[str, int], left: int = 0) -> UnclaimedLapsed:
    parts = tuple(LinePart(contract_id=contract_id, amount=part) for contract_id, part in lines)
    return UnclaimedLapsed(
        programme_id="p1", provider_id=provider_id, currency="CNY", lines=parts, amount=amount, payable_after=left
    )


def no_offset(told: Scenario) -> None:
    """The newest document says that debts are not set off."""
    clawback = {"grounds": ["FRAUD"], "share": "50%", "lookback_months": 1, "offset_allowed": False}
    for event in published(document(id="p1", version=2, control={"clawback": clawback})):
        told.reacts_to(event)
    assert not told.state.sets_off("p1")


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


@pytest.mark.parametrize("sets_off", [True, False])
def test_what_was_reversed_since_it_was_claimed_is_owed_and_is_set_off_when_the_claim_lapses(sets_off: bool) -> None:
    told = claimed()
    told.when(ReverseCapture(report_id=REP, amount=400, reason="idle"), "op")
    owed = told.state.owed["p1", "gpu-1"]
    assert (owed, told.state.reversible["c1"]) == (396, 204)
    if not sets_off:
        no_offset(told)
    told.when(RejectClaim(claim_id=CLM_1, reason="no certificate", rest="claimable"), "city").then_types(ClaimRejected)
    told, until = begun(told)
    told.fires(TIMER, until).then_types(ClaimOffset, UnclaimedLapsed)
    assert isinstance(told.last, list | tuple)
    assert told.last[-1] == lapsed("gpu-1", 204, ("c1", 204))
    assert ("p1", "gpu-1") not in told.state.owed
    assert "c1" not in told.state.reversible


def test_no_more_is_taken_of_what_may_be_reversed_than_is_left_though_the_debt_is_gone() -> None:
    told = claimed()
    told.when(ReverseCapture(report_id=REP, amount=400, reason="idle"), "op")
    recovered = ConfirmRecovery(programme_id="p1", provider_id="gpu-1", amount=396, payment_reference="back")
    del told.state.owed["p1", "gpu-1"]  # paid back, written off, or set off on another contract
    told.when(recovered, "bank").refused(Code.EXCEEDS_OWED)
    told.when(RejectClaim(claim_id=CLM_1, reason="no certificate", rest="claimable"), "city").then_types(ClaimRejected)
    told, until = begun(told)
    told.fires(TIMER, until).then(lapsed("gpu-1", 600, ("c1", 600)))
    assert "c1" not in told.state.reversible


def came_back(told: Scenario, provider_id: str, reference: str, settlement_id: str = STL) -> None:
    back = ReturnPayment(
        settlement_id=settlement_id, provider_id=provider_id, return_reference=reference, reason="account closed"
    )
    told.when(back, "bank").then_types(PaymentReturned)


def test_what_the_bank_sends_back_in_the_run_off_lapses_less_what_is_owed() -> None:
    told, _ = begun(settled())
    no_offset(told)
    came_back(told, "gpu-1", "R-1")
    came_back(told, "gpu-2", "R-2")
    told.fires(TIMER, told.time + DAYS * DAY).then_types(LastDaySet)
    until = told.state.last_days.table["p1"].until
    told.state.owed["p1", "gpu-1"] = 600
    told.reacts_to(CLOSING).then_types(ProgrammeUnsettled)
    offset = ClaimOffset(
        programme_id="p1", provider_id="gpu-1", currency="CNY", lines=(), amount=600, owed_after=0,
    )  # fmt: skip
    told.fires(TIMER, until).then(offset, lapsed("gpu-1", 0))
    told.fires(TIMER, until).then(lapsed("gpu-2", 300))
    assert not told.state.sent_back
    told.reacts_to(CLOSING).then_types(ProgrammeSettled)


def test_what_only_the_issuer_can_settle_waits_for_it() -> None:
    """What came back before the run-off, and what is of a provider that the issuer suspended: its own acts."""
    told = settled()
    came_back(told, "gpu-1", "R-1")
    told, until = begun(told)
    came_back(told, "gpu-2", "R-2")
    told.given(ProviderSuspended(programme_id="p1", provider_id="gpu-2", reason="an inquiry"))
    assert told.decider.due(told.state) is None
    told.fires(TIMER, until + DAY).then()
    told.reacts_to(CLOSING).then_types(ProgrammeUnsettled)
    told.given(ProviderReinstated(programme_id="p1", provider_id="gpu-2", reason="nothing was found"))
    told.fires(TIMER, until + DAY).then_types(LastDaySet)
    later = told.state.last_days.table["p1"].until
    told.state.payable["p1", "gpu-2"] += 4  # what an appeal refunds is no return
    told.fires(TIMER, later).then_types(UnclaimedLapsed)
    told.fires(TIMER, later).then()
    assert dict(told.state.payable.items()) == {("p1", "gpu-1"): 600, ("p1", "gpu-2"): 4}


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


@pytest.mark.parametrize(("within", "days"), [((3,), DAYS), ((200,), 200), ((200, 1), 200)])
def test_the_documents_give_more_days_than_the_rules_and_never_fewer(within: tuple[int, ...], days: int) -> None:
    """The most that one of them gives: contracts of an earlier version still run."""
    told = earned()
    for version, each in enumerate(within, 2):
        for event in published(
            document(id="p1", version=version, redemption__claim_within_days=each), document_id=f"doc-{version}-0"
        ):
            told.reacts_to(event)
    told, until = begun(told)
    rules = told.state.terms("p1", 2)
    assert until == (rules.day(told.time) + days + 1) * DAY - rules.offset, "to the end of the day"


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


def on_invoice(told: Scenario, number: int, amount: int, note: int = 0) -> str:
    """A claim on an invoice, approved and less what a credit note took of it before."""
    claim_id = f"inv-{number}-0"
    invoiced = InvoiceCaptured(
        claim_id=claim_id, programme_id="p1", version=1, voucher_id="vch-1-0", holder_id="lab-1", payee_id="gpu-1",
        invoice_number=f"{number}", amount=amount, legs=(),
    )  # fmt: skip
    told.reacts_to(invoiced)
    if note:
        credited = InvoiceCredited(claim_id=claim_id, programme_id="p1", payee_id="gpu-1", amount=note, invoiced=amount)
        told.reacts_to(credited)
    told.when(approve(claim_id), "city")
    return claim_id


def of_claim(claim_id: str, amount: int) -> ClaimLapsed:
    return ClaimLapsed(claim_id=claim_id, programme_id="p1", provider_id="gpu-1", amount=amount)


def test_what_lapses_is_said_of_the_claims_on_invoices_that_it_was_of_less_what_was_set_off_and_of_contracts() -> None:
    """The debt was set off against the earliest of them, and what contracts brought lapses before that."""
    told = approved()
    first, second = on_invoice(told, 1, 500), on_invoice(told, 2, 800, note=100)
    told.when(settle(CLM_1, first, second), "city")
    told, _ = begun(told)
    came_back(told, "gpu-1", "R-1", settlement_id=f"stl-{told.index - 2}-0")
    told.state.owed["p1", "gpu-1"] = 400
    told.fires(TIMER, told.time + DAYS * DAY).then_types(LastDaySet)
    offset = ClaimOffset(programme_id="p1", provider_id="gpu-1", currency="CNY", lines=(), amount=400, owed_after=0)
    until = told.state.last_days.table["p1"].until
    told.fires(TIMER, until).then(offset, lapsed("gpu-1", 1_400), of_claim(second, 700), of_claim(first, 100))
    assert not told.state.unpaid_claims.back
    assert (told.state.reversible[first], second in told.state.reversible) == (400, False)
    told.fires(TIMER, until).then()


@pytest.mark.parametrize("claims", [24, 25])
def test_no_more_claims_lapse_in_an_entry_than_one_takes(claims: int) -> None:
    told = claimed()
    told.when(settle(*(on_invoice(told, number, 10) for number in range(claims))), "city")
    told, _ = begun(told)
    came_back(told, "gpu-1", "R-1", settlement_id=f"stl-{told.index - 2}-0")
    told.fires(TIMER, told.time + DAYS * DAY).then_types(LastDaySet)
    until = told.state.last_days.table["p1"].until
    last = [of_claim(f"inv-{number}-0", 10) for number in reversed(range(claims))]
    left = 10 * (claims - 24)
    told.fires(TIMER, until).then(lapsed("gpu-1", 240, left=left), *last[:24])
    assert told.state.sent_back.get(("p1", "gpu-1"), 0) == left
    told.fires(TIMER, until).then(*([lapsed("gpu-1", 10), last[24]] if left else []))
    assert not told.state.unpaid_claims.back
