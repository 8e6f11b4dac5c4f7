"""However large programmes are and however often their value comes back: no counter overflows.

Issuance and the ledger run side by side; issuance refuses what the ledger could not count, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from counterfoil.contract.events import ProgrammePublishedV1
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import Rate
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, RevokeVoucherV1
from counterfoil.issuance.events import BudgetAppropriated, VoucherIssued
from counterfoil.ledger.events import VoucherCancelled, VoucherClosed
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
            assert self.said(ProgrammePublishedV1)
        self.issuance.time = OPEN

    def ask(self, body: Any) -> Scenario:
        """A command to issuance; the ledger consumes what follows, and issuance the ledger's events about vouchers."""
        self.issuance.when(body, "city-1")
        if not isinstance(self.issuance.last, Refusal):
            for event in self.issuance.last:
                if type(event) in LEDGER.reactions["issuance"]:
                    self.ledger.hears(event)
                    ended = [each for each in self.ledger.said if isinstance(each, VoucherCancelled | VoucherClosed)]
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


def test_each_programme_has_a_room_of_its_own() -> None:
    """An issuer that appropriates everything bars nobody else."""
    both = Both(("p1", "CNY"), ("p2", "CNY"))
    assert both.appropriate("p1", MAX_AMOUNT)
    assert not both.appropriate("p1", 1)
    assert both.appropriate("p2", MAX_AMOUNT)


def delivered(both: Both, programme_id: str, face: int) -> None:
    """The whole of a voucher is held, traded, delivered and paid."""
    name = f"{programme_id}-deal"
    of_programme: Any = {"programme_id": programme_id, "classes": ("a100",), "regions": ("cn-north",)}
    wanted: BidReceived = bid(f"{name}-bid", face, beneficiary_id="lab-1", **of_programme)
    sold: OfferReceived = replace(offer("offer", 1, 200), offer_id=f"{name}-offer")
    both.ledger.hears(sold, wanted)
    both.ledger.hears(
        trade(name, face, 0, f"{name}-bid", offer_id=f"{name}-offer", programme_id=programme_id, hours=1),
        accepted(name, face, f"{name}-report"),
    )
    both.ledger.hears(paid("cloud", face, programme_id))


def test_all_that_several_huge_programmes_pay_one_provider_is_counted_without_overflow() -> None:
    """Whatever the others do, the claims of a provider on a programme are counted by themselves."""
    both = Both(("p1", "CNY"), ("p2", "CNY"), ("p3", "CNY"))
    both.ledger.when(deposit("cloud", 10), "treasury")
    each = MAX_AMOUNT // 2
    for name in ("p1", "p2", "p3"):
        assert both.appropriate(name, each)
        assert both.issue(name, each) is not None
    for name in ("p1", "p2", "p3"):
        delivered(both, name, each)
    assert [both.ledger.posted("settled", f"claims:{name}") for name in ("p1", "p2", "p3")] == [each] * 3
    assert max(both.counters()) <= MAX_AMOUNT


def test_value_that_is_issued_and_revoked_over_and_over_never_runs_out_of_room() -> None:
    both = Both(("p1", "CNY"))
    face = MAX_AMOUNT // 2 + 1
    assert both.appropriate("p1", face)
    for _ in range(3):
        voucher_id = both.issue("p1", face)
        assert voucher_id is not None
        both.ask(RevokeVoucherV1(voucher_id=voucher_id, reason="again"))
        assert both.issuance.state.programmes["p1"].issued == 0
        assert max(both.counters()) <= MAX_AMOUNT
