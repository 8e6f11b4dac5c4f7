"""Wrong reports, honest and not: what is mended, what one side cannot do alone, and what the audit says afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.ledger.events import BondReleased, BondSlashed, CaptureReversed, HoldCaptured
from counterfoil.ledger.invariants import check_ledger
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    AgreeReversal,
    ProposeCancellation,
    ProposeCorrection,
    ProposeReversal,
    Reading,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    ReturnPayment,
    ReverseCapture,
    SubmitClaim,
)
from counterfoil.redemption.events import ProviderDefaulted, SettlementClosed, UsageReversed
from tests.market import USD, Market, Traded, found, trade
from tests.paper_work import approve, pay, reject, settle

FULL = 480
"""GPU-minutes of an hour: one node of 8 GPUs."""


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Market(tmp_path) as opened:
        found(opened)
        yield opened
        assert check_ledger(opened.system.runners[LogId("ledger")].engine.state) == []
        assert opened.sealed().clean


def reports(market: Market, traded: Traded, *minutes: int) -> Any:
    """The provider reports each hour of the first contract, in one report, as soon as they are over."""
    first = traded.good.first_hour
    market.advance_to((first + len(minutes)) * HOUR + SECOND)
    readings = tuple(Reading(hour=first + nth, gpu_minutes=each) for nth, each in enumerate(minutes))
    (reported,) = market.do("gpu-1", ReportUsage(contract_id=traded.good.trade_id, readings=readings))
    return reported


def captured(market: Market, traded: Traded) -> Any:
    """The first contract is reported in full and captured: 16 of subsidy, 16 of co-payment."""
    reported = reports(market, traded, FULL, FULL)
    market.do("lab-1", AcceptUsage(report_id=reported.report_id))
    (capture,) = market.events("ledger", HoldCaptured)
    assert (capture.subsidy, capture.co_payment) == (16 * USD, 16 * USD)
    return capture


def again(market: Market) -> None:
    """A moment later: the same command is another one, and not a repeat."""
    market.advance_to(market.clock.now() + SECOND)


def whole(reported: Any) -> tuple[Reading, ...]:
    return tuple(Reading(hour=reading.hour, gpu_minutes=FULL) for reading in reported.readings)


# 48 minutes instead of 480 --------------------------------------------------------------------------------------------


def test_a_digit_short_is_mended_and_nobody_defaults(market: Market) -> None:
    reported = reports(market, trade(market), 48, 48)
    correction = ProposeCorrection(report_id=reported.report_id, readings=whole(reported), reason="a digit short")
    (proposed,) = market.do("gpu-1", correction)
    agree = AgreeCorrection(report_id=reported.report_id, correction_id=proposed.correction_id)  # type: ignore[attr-defined]
    market.refused("gpu-1", agree, Code.UNKNOWN_PROPOSAL)  # nor does the provider agree for the other side
    market.do("lab-1", agree)
    (capture,) = market.events("ledger", HoldCaptured)
    assert capture.invoice == 32 * USD
    assert market.events("ledger", BondReleased)
    assert not market.events("redemption", ProviderDefaulted)


def test_a_beneficiary_does_not_get_the_bond_by_keeping_silent_about_a_mistake(market: Market) -> None:
    """It can neither accept the wrong report nor let its window close: the operator decides."""
    reported = reports(market, trade(market), 48, 48)
    market.do("gpu-1", ProposeCorrection(report_id=reported.report_id, readings=whole(reported), reason="short"))
    market.refused("lab-1", AcceptUsage(report_id=reported.report_id), Code.CORRECTION_OPEN)
    market.advance_to(reported.dispute_until + SECOND)
    assert not market.events("ledger", HoldCaptured)
    too_much = ResolveDispute(report_id=reported.report_id, gpu_minutes=2 * FULL + 1, reason="meter")
    market.refused("operator", too_much, Code.EXCEEDS_CAPACITY)
    market.do("operator", ResolveDispute(report_id=reported.report_id, gpu_minutes=2 * FULL, reason="meter"))
    assert market.events("ledger", BondReleased)
    assert not market.events("ledger", BondSlashed)


# reported too much ----------------------------------------------------------------------------------------------------


def test_one_side_alone_reverses_nothing(market: Market) -> None:
    capture = captured(market, trade(market))
    propose = ProposeReversal(report_id=capture.report_id, amount=16 * USD, reason="half was idle")
    for by, other in (("lab-1", "gpu-1"), ("gpu-1", "lab-1")):
        (proposed,) = market.do(by, propose)
        agree = AgreeReversal(report_id=capture.report_id, reversal_id=proposed.reversal_id)  # type: ignore[attr-defined]
        market.refused(by, agree, Code.UNKNOWN_PROPOSAL)
        market.refused("lab-2", agree, Code.UNKNOWN_CAPTURE)
        market.refused(other, ReverseCapture(report_id=capture.report_id, amount=1, reason="x"), Code.ROLE_NOT_ALLOWED)
    assert not market.events("ledger", CaptureReversed)


def test_a_capture_is_reversed_once_and_no_more_than_was_captured(market: Market) -> None:
    capture = captured(market, trade(market))
    (proposed,) = market.do(
        "gpu-1", ProposeReversal(report_id=capture.report_id, amount=20 * USD, reason="half was idle")
    )
    agree = AgreeReversal(report_id=capture.report_id, reversal_id=proposed.reversal_id)  # type: ignore[attr-defined]
    market.do("lab-1", agree)
    again(market)
    market.refused("lab-1", agree, Code.UNKNOWN_PROPOSAL)
    rest = ReverseCapture(report_id=capture.report_id, amount=12 * USD, reason="meter audit")
    over = ReverseCapture(report_id=capture.report_id, amount=12 * USD + 1, reason="meter audit")
    market.refused("operator", over, Code.EXCEEDS_CAPTURED)
    market.do("operator", rest)
    again(market)
    market.refused("operator", rest, Code.EXCEEDS_CAPTURED)
    notes = market.events("ledger", CaptureReversed)
    assert sum(note.unclaimed + note.owed for note in notes) == capture.subsidy
    assert sum(note.co_payment for note in notes) == capture.co_payment


def test_a_pair_does_not_spend_one_voucher_twice_by_reversing_what_was_claimed(market: Market) -> None:
    """Paid once, reversed by its own two sides, and spent again: then the programme would have paid twice."""
    traded = trade(market)
    capture = captured(market, traded)
    propose = ProposeReversal(report_id=capture.report_id, amount=32 * USD, reason="all of it")
    (proposed,) = market.do("gpu-1", propose)
    market.do("gpu-1", SubmitClaim(programme_id="p1", invoice_number="I-1", contract_ids=(traded.good.trade_id,)))
    agree = AgreeReversal(report_id=capture.report_id, reversal_id=proposed.reversal_id)  # type: ignore[attr-defined]
    again(market)
    market.refused("lab-1", agree, Code.EXCEEDS_UNCLAIMED)
    market.refused("gpu-1", propose, Code.EXCEEDS_UNCLAIMED)
    market.do("operator", ReverseCapture(report_id=capture.report_id, amount=32 * USD, reason="meter audit"))
    (reversed_,) = market.events("redemption", UsageReversed)
    assert (reversed_.unclaimed, reversed_.owed) == (0, 16 * USD)


# cancellation ---------------------------------------------------------------------------------------------------------


def test_one_side_cancels_nothing_and_nobody_once_delivery_has_begun(market: Market) -> None:
    traded = trade(market)
    cancel = ProposeCancellation(contract_id=traded.good.trade_id, reason="no need")
    agree = AgreeCancellation(contract_id=traded.good.trade_id)
    market.refused("lab-2", cancel, Code.UNKNOWN_CONTRACT)
    market.do("lab-1", cancel)
    market.refused("lab-1", agree, Code.UNKNOWN_PROPOSAL)
    again(market)
    market.refused("lab-1", cancel, Code.CANCELLATION_OPEN)
    market.advance_to(traded.good.first_hour * HOUR)
    market.refused("gpu-1", agree, Code.UNKNOWN_PROPOSAL)
    market.refused("gpu-1", cancel, Code.DELIVERY_BEGUN)


@pytest.mark.parametrize("again", [False, True])
def test_no_subsidy_is_both_reversed_and_denied(market: Market, again: bool) -> None:
    """The operator reverses half of what is claimed, and the issuer, who is angry, ends the whole claim.

    Half of it went back to the budget twice, and the provider owed what it was never paid.
    """
    traded = trade(market)
    capture = captured(market, traded)
    contracts = (traded.good.trade_id,)
    (claim,) = market.do("gpu-1", SubmitClaim(programme_id="p1", invoice_number="I-1", contract_ids=contracts))
    if again:
        market.do("city", reject(claim.claim_id))  # type: ignore[attr-defined]
        (claim,) = market.do("gpu-1", SubmitClaim(programme_id="p1", invoice_number="I-2", contract_ids=contracts))
    market.do("operator", ReverseCapture(report_id=capture.report_id, amount=16 * USD, reason="meter log"))
    ends = RejectClaim(claim_id=claim.claim_id, reason="fraud", rest="claimable" if again else "ends")  # type: ignore[attr-defined]
    rejected, denied = market.do("city", ends)
    assert (rejected.claimable[0].amount, denied.amount) == (8 * USD, 8 * USD)  # type: ignore[attr-defined]
    (offset,) = market.do("gpu-1", SubmitClaim(programme_id="p1", invoice_number="I-3", contract_ids=contracts))
    assert (offset.amount, offset.owed_after) == (8 * USD, 0)  # type: ignore[attr-defined]
    state = market.system.runners[LogId("redemption")].engine.state
    for table in (state.reversible, state.owed, state.claimable, state.claims):
        assert not table
    budget = market.system.runners[LogId("ledger")].engine.state.accounts.find
    assert [budget(each, "budget:p1").posted for each in ("appropriation", "recoverable")] == [4_108 * USD, 0]


@pytest.mark.parametrize("reversed_", [16, 32])
def test_what_came_back_from_the_bank_is_not_paid_again_while_its_payee_owes(market: Market, reversed_: int) -> None:
    """The payment bounces, and the operator reverses half of the capture, or all of it."""
    traded = trade(market)
    capture = captured(market, traded)
    contracts = (traded.good.trade_id,)
    (claim,) = market.do("gpu-1", SubmitClaim(programme_id="p1", invoice_number="I-1", contract_ids=contracts))
    (closed,) = market.do("city", approve(claim.claim_id), settle("p1", claim.claim_id))[-1:]  # type: ignore[attr-defined]
    assert isinstance(closed, SettlementClosed)
    market.do("treasury", pay(closed, "PAY-1"))
    bounced = ReturnPayment(
        settlement_id=closed.settlement_id, provider_id="gpu-1", return_reference="R-1", reason="closed account"
    )
    market.do("treasury", bounced)
    market.do("operator", ReverseCapture(report_id=capture.report_id, amount=reversed_ * USD, reason="meter log"))
    if reversed_ == 32:
        market.refused("city", settle("p1", payees=("gpu-1",)), Code.NOTHING_TO_PAY)
        return
    offset, second = market.do("city", settle("p1", payees=("gpu-1",)))
    assert isinstance(second, SettlementClosed)
    assert (offset.amount, offset.owed_after, second.amount) == (8 * USD, 0, 8 * USD)  # type: ignore[attr-defined]
    market.do("treasury", pay(second, "PAY-2"))
    state = market.system.runners[LogId("redemption")].engine.state
    assert not state.owed
    assert not state.payable
