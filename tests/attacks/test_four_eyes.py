"""A dishonest signatory alone approves no claim and pays none, where the programme demands four eyes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import SECOND
from counterfoil.issuance.commands import CloseParty, DemandFourEyes, SuspendParty
from counterfoil.redemption.commands import ApprovedLine, ReturnPayment, WithdrawApproval
from counterfoil.redemption.events import (
    ActEndorsed,
    ClaimApproved,
    PaymentConfirmed,
    PaymentReturned,
    SettlementClosed,
)
from tests.attacks.test_duties import claimed, contract
from tests.market import Market, found, party
from tests.paper_work import approve as approval
from tests.paper_work import pay as payment
from tests.paper_work import reject, settle

APPROVAL = DemandFourEyes(programme_id="p1", act="approval")


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Market(tmp_path / "home") as opened:
        found(opened)
        yield opened


def test_an_approval_takes_the_issuer_and_another_party_of_its_group(market: Market) -> None:
    market.do("city", APPROVAL)
    market.advance_to(market.clock.now() + SECOND)  # the same command at the same time would be a repeat
    market.refused("city", APPROVAL, Code.ALREADY_EXISTS)
    market.refused("lab-1", APPROVAL, Code.ROLE_NOT_ALLOWED)
    trade = contract(market)
    claim_id = claimed(market, trade)
    approve = approval(claim_id)
    assert [type(event) for event in market.do("city", approve)] == [ActEndorsed]
    market.advance_to(market.clock.now() + SECOND)
    market.refused("city", approve, Code.SECOND_SIGNATORY_NEEDED)
    market.do("operator", party("stranger", ("issuer",)), replace(party("mayor", ("issuer",)), group_id="city"))
    market.refused("stranger", approve, Code.UNKNOWN_CLAIM)
    market.refused("city", settle("p1", claim_id), Code.CLAIM_NOT_APPROVED)
    part = replace(approve, lines=(ApprovedLine(contract_id=trade.trade_id, amount=1),))
    assert [type(event) for event in market.do("mayor", part)] == [ActEndorsed], "another amount is no confirmation"
    assert [type(event) for event in market.do("city", part)] == [ClaimApproved]
    market.do("city", WithdrawApproval(claim_id=claim_id, reason="too early"))
    market.advance_to(market.clock.now() + SECOND)
    assert [type(event) for event in market.do("mayor", replace(part, lines=()))] == [ActEndorsed], "both sign again"
    assert market.sealed().clean


def test_a_claim_that_is_decided_otherwise_has_no_signature_left(market: Market) -> None:
    market.do("city", APPROVAL)
    claim_id = claimed(market, contract(market))
    market.do("city", approval(claim_id), reject(claim_id))
    state = next(runner.engine.state for log, runner in market.system.runners.items() if log.service == "redemption")
    assert not state.endorsements
    assert market.sealed().clean


def test_a_payment_takes_two_treasurers_who_say_the_same(market: Market) -> None:
    market.do("city", DemandFourEyes(programme_id="p1", act="payment"))
    claim_id = claimed(market, contract(market))
    market.do("city", approval(claim_id))
    (settled,) = market.do("city", settle("p1", claim_id))
    assert isinstance(settled, SettlementClosed)
    pay = payment(settled, "PAY-1")
    market.do("operator", party("second", ("treasurer",)))
    assert [type(event) for event in market.do("treasury", pay)] == [ActEndorsed]
    other = replace(pay, payment_reference="PAY-2")
    assert [type(event) for event in market.do("second", other)] == [ActEndorsed], "another payment is no confirmation"
    market.advance_to(market.clock.now() + SECOND)
    market.refused("second", other, Code.SECOND_SIGNATORY_NEEDED)
    assert [type(event) for event in market.do("treasury", other)] == [PaymentConfirmed]
    back = ReturnPayment(
        settlement_id=settled.settlement_id, provider_id=settled.payees[0].provider_id, return_reference="R",
        reason="closed",
    )  # fmt: skip
    assert [type(event) for event in market.do("treasury", back)] == [PaymentReturned], "to pay again takes two"
    (again,) = market.do("city", settle("p1", payees=(settled.payees[0].provider_id,)))
    assert isinstance(again, SettlementClosed)
    assert [type(event) for event in market.do("second", payment(again, "PAY-3"))] == [ActEndorsed], "both sign again"
    audited = market.sealed()
    assert audited.clean
    acts = [(act.event, act.by, act.party_id, act.reason) for log in audited.logs for act in log.acts]
    assert acts == [("payment.returned.v1", "treasury", back.provider_id, "closed")]


@pytest.mark.parametrize("suspended", [True, False])
def test_the_signature_of_a_party_that_was_stopped_is_none(market: Market, suspended: bool) -> None:
    market.do("city", DemandFourEyes(programme_id="p1", act="payment"))
    claim_id = claimed(market, contract(market))
    market.do("city", approval(claim_id))
    (settled,) = market.do("city", settle("p1", claim_id))
    assert isinstance(settled, SettlementClosed)
    pay = payment(settled, "PAY-1")
    market.do("operator", party("second", ("treasurer",)), party("third", ("treasurer",)))
    market.do("second", pay)
    if suspended:
        market.do("operator", SuspendParty(party_id="second", reason="under inquiry"))
    else:
        market.do("second", CloseParty(reason="leaves"))
    assert [type(event) for event in market.do("treasury", pay)] == [ActEndorsed]
    assert [type(event) for event in market.do("third", pay)] == [PaymentConfirmed]
    assert market.sealed().clean
