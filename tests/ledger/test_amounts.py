"""However large the programmes of one currency are and however often their value comes back: no counter overflows.

Issuance and the ledger run side by side; issuance refuses what the ledger could not count, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import Rate
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, RevokeVoucher
from counterfoil.issuance.events import BudgetAppropriated, BudgetRecycled, ProgrammePublished, VoucherIssued
from counterfoil.ledger.events import VoucherCancelled
from counterfoil.ledger.service import DECIDER as LEDGER
from counterfoil.matching.events import BidReceived, OfferReceived
from tests.given import Scenario
from tests.issuance.world import OPEN, PROGRAMME, people
from tests.ledger.story import Story, accepted, bid, deposit, offer, paid, party, trade
from tests.programmes import changed

FULL = Rate(num=1, den=1)


class Both:
    """Issuance's scenario, and a ledger that consumes all of its events."""

    def __init__(self, *programmes: tuple[str, str]) -> None:
        self.issuance, self.ledger = people(), Story(party("treasury", "treasurer"), party("lab-1"), party("cloud"))
        self.ledger.time = OPEN
        for programme_id, currency in programmes:
            body = changed(
                PROGRAMME, programme_id=programme_id, currency=currency, share=FULL, beneficiary_cap=MAX_AMOUNT
            )
            self.ask(body)
            assert self.said(ProgrammePublished)
        self.issuance.time = OPEN

    def ask(self, body: Any) -> Scenario:
        """A command to issuance; the ledger consumes what follows, and issuance the ledger's events about vouchers."""
        self.issuance.when(body, "city-1")
        if not isinstance(self.issuance.last, Refusal):
            for event in self.issuance.last:
                if type(event) in LEDGER.reactions["issuance"]:
                    self.ledger.hears(event)
                    ended = [each for each in self.ledger.said if isinstance(each, VoucherCancelled)]
                    for each in ended:
                        self.issuance.reacts_to(each)
        return self.issuance

    def said(self, kind: type[Event]) -> list[Any]:
        """The last events of issuance of one type; empty if it refused."""
        last: Sequence[Event] | Refusal = self.issuance.last
        return [] if isinstance(last, Refusal) else [event for event in last if isinstance(event, kind)]

    def appropriate(self, programme_id: str, amount: int) -> bool:
        """Whether so much more budget is taken."""
        self.ask(AppropriateBudget(programme_id=programme_id, amount=amount, document="budget"))
        if isinstance(self.issuance.last, Refusal):
            self.issuance.refused(Code.AMOUNT_TOO_LARGE)
        return bool(self.said(BudgetAppropriated))

    def issue(self, programme_id: str, amount: int) -> str | None:
        """The id of a voucher; None if it was refused as too large."""
        self.ask(IssueVoucher(programme_id=programme_id, beneficiary_id="lab-1", amount=amount))
        if isinstance(self.issuance.last, Refusal):
            self.issuance.refused(Code.AMOUNT_TOO_LARGE)
        return next((event.voucher_id for event in self.said(VoucherIssued)), None)

    def counters(self) -> list[int]:
        """Every balance of the ledger."""
        accounts = self.ledger.state.accounts.assets.values()
        return [abs(position.posted) for asset in accounts for position in asset.values()]


def test_programmes_of_one_currency_share_the_room_of_a_counter_and_those_of_another_do_not() -> None:
    both = Both(("p1", "CNY"), ("p2", "CNY"), ("p3", "CNY"), ("other", "EUR"))
    third = MAX_AMOUNT // 3
    assert all(both.appropriate(name, third) for name in ("p1", "p2"))
    assert not both.appropriate("p3", MAX_AMOUNT - 2 * third + 1)
    assert both.appropriate("p3", MAX_AMOUNT - 2 * third)
    assert not any(both.appropriate(name, 1) for name in ("p1", "p2", "p3"))
    assert both.issue("p1", 1) is None
    assert both.appropriate("other", MAX_AMOUNT)
    assert not both.appropriate("other", 1)


def delivered(both: Both, programme_id: str, face: int) -> None:
    """The whole of a voucher is held, traded, delivered and paid."""
    name = f"{programme_id}-deal"
    wanted: BidReceived = bid(f"{name}-bid", face, beneficiary_id="lab-1", programme_id=programme_id)
    sold: OfferReceived = replace(offer("offer", 1, 200), offer_id=f"{name}-offer")
    both.ledger.hears(sold, wanted)
    both.ledger.hears(
        trade(name, face, 0, f"{name}-bid", offer_id=f"{name}-offer", programme_id=programme_id, hours=1),
        accepted(name, face, f"{name}-report"),
    )
    both.ledger.hears(replace(paid(("cloud", face)), programme_id=programme_id))


def test_all_that_several_huge_programmes_pay_one_provider_is_counted_without_overflow() -> None:
    """The claims of a provider and what was settled add up over the programmes of a currency."""
    both = Both(("p1", "CNY"), ("p2", "CNY"), ("p3", "CNY"))
    both.ledger.when(deposit("cloud", 10), "treasury")
    each = MAX_AMOUNT // 6
    for name in ("p1", "p2", "p3"):
        assert both.appropriate(name, each)
        assert both.issue(name, each) is not None
    for name in ("p1", "p2", "p3"):
        delivered(both, name, each)
    assert both.ledger.posted("settled") == 3 * each
    assert not both.appropriate("p1", MAX_AMOUNT - 6 * each + 1)
    assert max(both.counters()) <= MAX_AMOUNT


@pytest.mark.parametrize("part", [2, 3, 7])
def test_value_that_is_issued_and_revoked_over_and_over_runs_out_of_room_and_not_of_counters(part: int) -> None:
    both = Both(("p1", "CNY"), ("p2", "CNY"))
    face, rounds = MAX_AMOUNT // part // 2, 0
    assert both.appropriate("p1", face)
    assert both.appropriate("p2", face)
    while (voucher_id := both.issue(("p1", "p2")[rounds % 2], face)) is not None:
        both.ask(RevokeVoucher(voucher_id=voucher_id, reason="again"))
        assert both.said(BudgetRecycled)
        rounds += 1
    assert rounds == MAX_AMOUNT // face - 2
    for asset in both.ledger.state.accounts.assets.values():
        for position in asset.values():
            assert max(position.credits_posted, position.debits_posted) <= MAX_AMOUNT
