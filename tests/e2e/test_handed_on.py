"""Vouchers under a document, through all services: handed on for cash and spent by their new owner, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import AcceptTransfer, ApproveTransfer, ProposeTransfer
from counterfoil.redemption.commands import AcceptUsage, Reading, ReportUsage
from tests.documents import document, publishing, revoking
from tests.e2e.asking import Asking
from tests.golden.steps import bid, offer
from tests.properties.test_world_stateful import check_replay
from tests.properties.world import YUAN

FACE = 400 * YUAN


class Market(Asking):
    """The market of the world, with a programme whose vouchers may change hands, and one voucher of it."""

    def __init__(self, **transfer: Any) -> None:
        super().__init__()
        value = document(id="p7", transfer=transfer)
        for body in publishing(value):
            self.does("city", body)
        self.does("city", AppropriateBudget(programme_id="p7", amount=FACE, document="budget of p7"))
        self.does("city", ListProvider(programme_id="p7", provider_id="gpu-1"))
        issue = IssueVoucher(programme_id="p7", beneficiary_id="lab-1", amount=FACE)
        self.voucher_id = str(self.does("city", issue).voucher_id)

    def proposes(self, amount: int = 300 * YUAN, price: int = 240 * YUAN) -> Any:
        """lab-1 offers part of its voucher to lab-2."""
        body = ProposeTransfer(voucher_id=self.voucher_id, amount=amount, receiver_id="lab-2", price=price)
        return self.answer("lab-1", body)

    def cash(self, party_id: str) -> int:
        """What a party has in cash."""
        return int(self.state("ledger").accounts.find(f"cash/{party_id}", "CNY").posted)

    def owned(self, party_id: str) -> int:
        """What a party has of the voucher."""
        return int(self.state("ledger").accounts.find(f"owner/{party_id}", self.voucher_id).posted)


def test_credit_is_handed_on_for_cash_and_spent_by_its_new_owner() -> None:
    market = Market(mode="CLOSED_MARKET", price_rule="BELOW_PAR_ONLY", fee="1%")
    before = {name: market.cash(name) for name in ("lab-1", "lab-2", "city")}
    market.does("lab-2", AcceptTransfer(transfer_id=market.proposes().transfer_id))
    assert (market.owned("lab-1"), market.owned("lab-2")) == (100 * YUAN, 300 * YUAN)
    assert market.cash("lab-1") - before["lab-1"] == 240 * YUAN
    assert before["lab-2"] - market.cash("lab-2") == 243 * YUAN
    assert market.cash("city") - before["city"] == 3 * YUAN

    there: Any = market
    market.does("gpu-1", offer(there, nodes=1, price=YUAN))
    market.does("lab-2", bid(there, programme_id="p7", limit_price=YUAN, nodes=1))
    (contract,) = market.state("redemption").contracts.items()
    contract_id, terms = contract[0], contract[1].terms
    spent = 0
    for hour in range(terms.first_hour, terms.first_hour + terms.hours):
        market.clock = max(market.clock, (hour + 1) * HOUR + SECOND)
        minutes = terms.nodes * terms.gpus_per_node * 60
        reading = Reading(hour=hour, gpu_minutes=minutes)
        report = market.does("gpu-1", ReportUsage(contract_id=contract_id, readings=(reading,)))
        market.does("lab-2", AcceptUsage(report_id=report.report_id))
        spent += terms.price * minutes // 60 // 2
    assert market.owned("lab-2") == 300 * YUAN - spent
    market.does("city", revoking(market.voucher_id))
    assert (market.owned("lab-1"), market.owned("lab-2")) == (0, 0)
    assert market.state("issuance").programmes["p7"].uncommitted == FACE - spent
    assert market.voucher_id not in market.state("issuance").vouchers
    check_replay(market)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("NONE", "transfer_not_permitted"),
        ("INTRA_GROUP", "not_related"),
        ("CLOSED_MARKET", "price_not_allowed"),
        ("OPEN", "price_not_allowed"),
    ],
)
def test_each_rung_of_the_ladder_bars_a_proposal(mode: str, why: str) -> None:
    answer = Market(mode=mode, price_rule="GIFT_ONLY").proposes()
    assert (answer.code, dict(answer.detail)["why"]) == (Code.TRANSFER_NOT_PERMITTED, why)


@pytest.mark.parametrize(
    ("mode", "why"), [("ISSUER_APPROVED", "approval_missing"), ("SURRENDER_REISSUE", "not_surrendered")]
)
def test_two_rungs_wait_for_the_issuer(mode: str, why: str) -> None:
    market = Market(mode=mode)
    accept = AcceptTransfer(transfer_id=market.proposes().transfer_id)
    answer = market.answer("lab-2", accept)
    assert (answer.code, dict(answer.detail)["why"]) == (Code.TRANSFER_NOT_PERMITTED, why)
    market.does("city", ApproveTransfer(transfer_id=accept.transfer_id))
    market.does("lab-2", accept)
    (owned,) = market.state("ledger").vouchers.of("lab-2", "p7")
    assert (owned.voucher_id == market.voucher_id) is (mode == "ISSUER_APPROVED")
    assert owned.voucher_id in market.state("issuance").vouchers
    check_replay(market)
