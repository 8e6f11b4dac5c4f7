"""A dishonest treasurer, an issuer who does not want to pay, a provider who does not give up: each through commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import AppropriateBudget
from counterfoil.ledger.commands import Withdraw
from counterfoil.ledger.events import ClaimReleased, ClaimReopened
from counterfoil.redemption.commands import ReturnPayment, SubmitClaim
from counterfoil.redemption.events import ClaimDenied, ClaimRejected, ClaimSubmitted, SettlementClosed
from tests.market import USD, Market, deliver, deposit, found, trade
from tests.paper_work import approve, pay, reject, settle

HOLDER = "lab-1"


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Market(tmp_path / "home") as market:
        yield market
        market.system.close()
        assert audit(market.home / "logs").clean


def claimed(market: Market) -> ClaimSubmitted:
    """A claim of a provider on what it delivered."""
    found(market)
    traded = trade(market)
    deliver(market, traded)
    contracts = (traded.good.trade_id,)
    body = SubmitClaim(programme_id="p1", invoice_number="I-1", contract_ids=contracts)
    (claim,) = market.do(traded.good.provider_id, body)
    assert isinstance(claim, ClaimSubmitted)
    return claim


def test_a_treasurer_books_one_paper_twice(market: Market) -> None:
    found(market)
    one = deposit(HOLDER, 900 * USD, "SWIFT № 4711/26")
    market.do("treasury", one)
    for spelling in ("swift no 4711-26", "ＳＷＩＦＴ　№　４７１１／２６", "SWIFT·No.·4711·26"):
        market.refused("treasury", replace(one, payment_reference=spelling), Code.REFERENCE_ALREADY_USED)
    out = Withdraw(party_id=HOLDER, currency="USD", amount=USD, payment_reference="out 1")
    market.do("treasury", out)
    market.refused("treasury", replace(out, payment_reference="OUT-1"), Code.REFERENCE_ALREADY_USED)
    budget = AppropriateBudget(programme_id="p1", amount=USD, document="Council 12/2026")
    market.do("city", budget)
    market.refused("city", replace(budget, document="COUNCIL 12-2026"), Code.REFERENCE_ALREADY_USED)


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("USD", 140_777, Code.NOT_WHOLE_MINOR_UNITS),
        ("JPY", 800_053_333, Code.NOT_WHOLE_MINOR_UNITS),
        ("USD", 1, Code.NOT_WHOLE_MINOR_UNITS),
        ("XYZ", USD, Code.UNKNOWN_CURRENCY),
    ],
)
def test_a_treasurer_books_what_no_bank_can_pay(market: Market, currency: str, amount: int, code: Code) -> None:
    found(market)
    market.refused("treasury", replace(deposit(HOLDER, amount, "odd"), currency=currency), code)
    out = Withdraw(party_id=HOLDER, currency=currency, amount=amount, payment_reference="odd")
    market.refused("treasury", out, code)


def test_a_treasurer_says_one_settlement_was_paid_again_and_again(market: Market) -> None:
    claim = claimed(market)
    market.do("city", approve(claim.claim_id))
    (closed,) = market.do("city", settle("p1", claim.claim_id))
    assert isinstance(closed, SettlementClosed)
    assert closed.amount % 10_000 == 0
    assert closed.payees[0].carried == claim.amount - closed.amount
    market.refused("treasury", replace(pay(closed, "W-1"), amount=claim.amount + 1), Code.AMOUNT_DIFFERS)
    market.do("treasury", pay(closed, "W-1"))
    market.refused("treasury", pay(closed, "W-2"), Code.UNKNOWN_SETTLEMENT)
    back = ReturnPayment(
        settlement_id=closed.settlement_id, provider_id=claim.provider_id, return_reference="R-1", reason="closed"
    )
    market.do("treasury", back)
    assert [event.amount for event in market.events("ledger", ClaimReopened)] == [closed.amount]
    market.refused("treasury", replace(back, return_reference="R-2"), Code.UNKNOWN_SETTLEMENT)
    market.refused("treasury", pay(closed, "W-3"), Code.UNKNOWN_SETTLEMENT)
    (again,) = market.do("city", settle("p1", payees=(claim.provider_id,)))
    assert isinstance(again, SettlementClosed)
    market.refused("treasury", pay(again, "w 1"), Code.REFERENCE_ALREADY_USED)
    market.do("treasury", pay(again, "W-4"))


def test_a_provider_claims_what_was_rejected_three_times(market: Market) -> None:
    claim = claimed(market)
    body = SubmitClaim(programme_id="p1", invoice_number="I-2", contract_ids=(claim.lines[0].contract_id,))
    (rejected,) = market.do("city", reject(claim.claim_id))
    assert isinstance(rejected, ClaimRejected)
    (second,) = market.do(claim.provider_id, body)
    assert isinstance(second, ClaimSubmitted)
    _, denied = market.do("city", reject(second.claim_id))
    assert isinstance(denied, ClaimDenied)
    assert denied.amount == claim.amount
    third = replace(body, invoice_number="I-3")
    market.refused(claim.provider_id, third, Code.NOTHING_TO_CLAIM)
    assert [event.amount for event in market.events("ledger", ClaimReleased)] == [claim.amount]
