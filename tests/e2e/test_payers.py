"""Programmes that several payers pay for, through all services: Shanghai's city and districts, and a refund later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import DemandFourEyes
from counterfoil.ledger.chart import budget
from counterfoil.redemption.commands import ApproveClaim, CloseSettlement, ConfirmPayment, ReturnPayment
from counterfoil.redemption.payer_commands import ConfirmShare, ReturnShare
from counterfoil.redemption.payer_events import ShareConfirmed
from counterfoil.redemption.shared import Part
from tests.lives.town import Town, line
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.world import YUAN
from tests.reports.agreeing import check_reports
from tests.rules import changed_rules

FEN: Final = YUAN // 100


class Payers(Town):
    """A claim of lab-1 that is approved and in a settlement, which several payers pay."""

    def __init__(self, amount: int, funding: list[dict[str, str]] | None = None) -> None:
        changes: dict[str, Any] = {} if funding is None else {"budget__funding": funding}
        super().__init__("cn-shanghai-2025", "2025-08-01", 10_000_000 * YUAN, **changes)
        self.attests("lab-1", registered_in="CN-SH")
        rent = line(10_000_000 * YUAN, "2025-08-01", "2026-07-31")
        self.voucher_id = self.applies("lab-1", rent, contract=2, signed="2025-07-30").voucher_id
        self.on("2025-10-01")
        self.settlement_id = self.settles("1", amount)

    def settles(self, number: str, amount: int) -> str:
        """A claim on an invoice of so much, approved and gathered: the settlement."""
        use = line(amount, "2025-08-01", "2025-08-31")
        due = self.claims("lab-1", self.voucher_id, number, use)
        self.does("city", ApproveClaim(claim_id=due.claim_id, lines=(), rest="ends"))
        gather = CloseSettlement(programme_id=self.programme_id, claim_ids=(due.claim_id,), payee_ids=())
        return str(self.does("city", gather).settlement_id)

    def share(self, payer: str, amount: int, reference: str) -> ConfirmShare:
        """A payer paid so much."""
        return ConfirmShare(
            settlement_id=self.settlement_id, provider_id="lab-1", payer=payer, amount=amount,
            payment_reference=reference, paid_on=self.clock // DAY,
        )  # fmt: skip

    def back(self, payer: str, reference: str) -> ReturnShare:
        """What a payer paid came back."""
        return ReturnShare(
            settlement_id=self.settlement_id, provider_id="lab-1", payer=payer, return_reference=reference,
            reason="account closed",
        )  # fmt: skip

    def parts(self) -> tuple[Part, ...]:
        """What each payer pays."""
        shared: tuple[Part, ...] = self.state("redemption").shared[self.settlement_id, "lab-1"].parts
        return shared

    def disbursed(self) -> int:
        """What of the budget is disbursed."""
        return int(self.state("ledger").accounts.find("disbursed", budget(self.programme_id)).posted)

    def why(self, body: Any) -> Any:
        """Why the treasurer may not say so; no state has changed."""
        before = {name: self.root(name) for name in ("ledger", "redemption")}
        refusal = self.answer("bank", body)
        assert {name: self.root(name) for name in before} == before, "no state changed"
        return refusal.code


def test_city_and_district_each_pay_half_and_the_claim_is_paid_when_both_have() -> None:
    """Shanghai: 30 % of the rent, borne by city and district together; the odd fen is the first payer's."""
    city = Payers(1_000_003 * YUAN + 10 * FEN)  # 30 %: 300,000.93, truncated to 300,000
    each = 150_000 * YUAN
    assert city.parts() == (Part("city", each, each, paid=False), Part("district", each, each, paid=False))
    whole = ConfirmPayment(
        settlement_id=city.settlement_id, provider_id="lab-1", amount=300_000 * YUAN, payment_reference="B-1",
        paid_on=city.clock // DAY,
    )  # fmt: skip
    half = city.share("district", 150_000 * YUAN, "D-1")
    assert city.why(whole) is Code.PAID_BY_SHARES
    assert city.why(replace(half, amount=half.amount + 1)) is Code.AMOUNT_DIFFERS
    assert city.why(replace(half, payer="province")) is Code.UNKNOWN_SETTLEMENT
    assert city.why(replace(half, paid_on=half.paid_on + 2)) is Code.DATE_IN_FUTURE
    assert isinstance(city.does("bank", half), ShareConfirmed)
    assert city.disbursed() == 0, "the budget owes all of it until each has paid"
    assert city.why(half) is Code.UNKNOWN_SETTLEMENT
    assert city.why(city.share("city", 150_000 * YUAN, "d1")) is Code.REFERENCE_ALREADY_USED
    back = ReturnPayment(
        settlement_id=city.settlement_id, provider_id="lab-1", return_reference="R-0", reason="account closed"
    )
    assert city.why(back) is Code.PAID_BY_SHARES
    paid = city.does("bank", city.share("city", 150_000 * YUAN, "C-1"))
    assert (paid.amount, paid.over) == (300_000 * YUAN, True)
    assert city.disbursed() == 300_000 * YUAN

    came_back = city.does("bank", city.back("district", "R-1"))
    assert (came_back.reopened, city.disbursed()) == (True, 0), "what came back is due again, of the district"
    assert city.why(city.back("district", "R-2")) is Code.UNKNOWN_SETTLEMENT
    city.does("bank", city.share("district", 150_000 * YUAN, "D-2"))
    assert city.disbursed() == 300_000 * YUAN

    city.settlement_id = city.settles("2", 100 * YUAN)  # 30: nobody pays, and it is payable by another settlement
    city.does("bank", replace(back, settlement_id=city.settlement_id))
    again = CloseSettlement(programme_id=city.programme_id, claim_ids=(), payee_ids=("lab-1",))
    city.settlement_id = city.does("city", again).settlement_id
    city.does("city", DemandFourEyes(programme_id=city.programme_id, act="payment"))
    for payer in ("city", "district"):
        for treasurer in ("bank", "town"):
            city.does(treasurer, city.share(payer, 15 * YUAN, f"{payer}-9"))
    assert city.disbursed() == 300_030 * YUAN
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


THIRDS: Final = [{"payer": each, "share": "1/3"} for each in ("province", "city")]
THIRDS.append({"payer": "district", "share": "1/3", "timing": "AFTERWARDS"})


def test_who_refunds_afterwards_does_so_once_the_payee_is_paid() -> None:
    """31 yuan by thirds, in whole fen: the first payer bears the rest, pays for the last one, and is refunded."""
    city = Payers(104 * YUAN, THIRDS)
    third = 1_033 * FEN
    assert city.parts() == (
        Part("province", third + FEN, 2 * third + FEN, paid=False),
        Part("city", third, third, paid=False),
        Part("district", third, 0, paid=False),
    )
    refund = city.share("district", third, "D-1")
    assert city.why(refund) is Code.PAID_BY_SHARES
    city.does("bank", city.share("province", 2 * third + FEN, "P-1"))
    city.does("bank", city.share("city", third, "C-1"))
    assert city.disbursed() == 31 * YUAN
    assert city.does("bank", refund).refunds == "province"
    assert city.does("bank", city.back("district", "R-1")).reopened is False
    assert city.disbursed() == 31 * YUAN
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


def test_what_payers_pay_of_one_settlement_is_bounded() -> None:
    with changed_rules(max_shares_per_settlement=3):
        assert len(Payers(104 * YUAN, THIRDS).parts()) == 3
    with changed_rules(max_shares_per_settlement=2), pytest.raises(AssertionError, match=Code.OVER_LIMIT):
        Payers(104 * YUAN, THIRDS)
