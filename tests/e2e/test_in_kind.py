"""An allocation of GPU-hours through all services, as the AI Research Resource's Gateway route has it: no money."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.invoices import Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, SECOND, parse_date
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestFact,
    DecideApplication,
    ListProvider,
    ReviewApplication,
    SubmitApplication,
)
from counterfoil.issuance.invoice_commands import ClaimInvoice
from counterfoil.ledger.chart import budget, owner
from counterfoil.ledger.commands import ProposeTransfer
from counterfoil.ledger.events import BondSlashed, CaptureJudged, HoldCaptured, HoldRefused, VoucherRestored
from counterfoil.matching.commands import AmendBid, AmendOffer, PlaceBid, PostOffer
from counterfoil.matching.events import OfferReceived, TradeMatched
from counterfoil.redemption.commands import (
    AcceptUsage,
    CloseSettlement,
    ConfirmRecovery,
    ProposeReversal,
    Reading,
    ReportUsage,
    ReverseCapture,
    SubmitClaim,
    WithdrawDelivery,
)
from counterfoil.vocabulary import CODEC
from tests.documents import publishing, revoking
from tests.e2e.asking import Asking
from tests.lives.town import PAPERS
from tests.programme.given import changed, data
from tests.properties.test_world_stateful import check_replay, check_settled

GPU_HOUR: Final = 1_000_000
AIRR: Final = "gb-airr-gateway-2025"
FACTS: Final = {"registered_in": "GB", "legal_form": "UNIVERSITY"}


class Gateway(Asking):
    """The route in September 2025, with two labs that may apply and one site, `gpu-1`."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        self.on("2025-09-01")
        value = data(AIRR)
        for path, new in changes.items():
            value = changed(value, path.replace("__", "."), new)
        for body in publishing(value):
            self.does("city", body)
        self.does("city", AppropriateBudget(programme_id=AIRR, amount=100_000 * GPU_HOUR, document="AIRR/1"))
        self.does("city", ListProvider(programme_id=AIRR, provider_id="gpu-1"))
        for lab in ("lab-1", "lab-2"):
            for name, stated in FACTS.items():
                self.does("city", AttestFact(
                    party_id=lab, application_id=None, line=None, name=name, values=(stated,), on=self.clock // DAY,
                    source="register",
                ))  # fmt: skip

    def on(self, day: str) -> None:
        """Noon of a day; what was due by then has happened."""
        self.clock = parse_date(day) * DAY + 12 * HOUR
        self.settle()

    def applies(self, lab: str, hours: int, project: str) -> Any:
        """A lab applies for GPU-hours for a project; the issuer assesses and approves: the voucher, or the refusal."""
        line = ApplicationLine(
            id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=0, tax=0, quantity=hours * GPU_HOUR,
            unit="GPU_HOUR", class_id=None, region=None, provider_id="gpu-1", starts=None, ends=None,
        )  # fmt: skip
        asked = SubmitApplication(
            programme_id=AIRR, corrects=None, project_id=project, lines=(line,), contract=None, other_support=(),
            evidence=(),
        )  # fmt: skip
        made = self.does(lab, asked).application_id
        self.does("city", ReviewApplication(application_id=made, step=0, passes=True, reason="feasible"))
        return self.answer(
            "city", DecideApplication(application_id=made, decision="approved", caps=(), reason="feasible")
        )

    def offers(self, **changes: Any) -> Any:
        """The site offers four nodes of eight GPUs for a day, from tomorrow on."""
        start = self.clock // HOUR + 24
        made = PostOffer(
            class_id="a100", region="east", currency="GPU_HOUR", nodes=4, window_start=start, window_end=start + 24,
            price=GPU_HOUR, min_nodes=1, min_hours=1, bond_bps=0, tif="GTC", good_until=None, stp="taker",
        )  # fmt: skip
        return self.answer("gpu-1", replace(made, **changes))

    def bids(self, lab: str, **changes: Any) -> Any:
        """A moment later a lab asks for two nodes for three hours of that day: 48 GPU-hours."""
        self.clock += SECOND
        start = self.clock // HOUR + 24
        made = PlaceBid(
            programme_id=AIRR, voucher_ids=(), classes=("a100",), regions=("east",), nodes=2, hours=3, earliest=start,
            latest=start, limit_price=GPU_HOUR, partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False,
            stp="taker",
        )  # fmt: skip
        return self.answer(lab, replace(made, **changes))

    def said(self, service: str, kind: type) -> list[Any]:
        """All events of a kind in a log."""
        entries = map(CODEC.decode_entry, self.logs[service])
        return [each for entry in entries for each in entry.events if type(each) is kind]

    def traded(self, lab: str) -> Any:
        """A contract for 48 GPU-hours."""
        self.offers()
        self.bids(lab)
        return self.said("matching", TradeMatched)[-1]

    def meters(self, trade: Any, *minutes: int) -> str:
        """The site reports GPU-minutes of each hour, once they are over, and the lab accepts: the report's id."""
        self.clock = (trade.first_hour + trade.hours) * HOUR + 1
        readings = tuple(Reading(hour=trade.first_hour + nth, gpu_minutes=each) for nth, each in enumerate(minutes))
        report = self.does("gpu-1", ReportUsage(contract_id=trade.trade_id, readings=readings))
        self.does(trade.beneficiary_id, AcceptUsage(report_id=report.report_id))
        return str(report.report_id)

    def has(self, lab: str, voucher_id: str) -> int:
        """The GPU-hours that a lab has available of a voucher, in millionths."""
        return int(self.state("ledger").accounts.find(owner(lab), voucher_id).available)

    def budget(self) -> tuple[int, ...]:
        """Appropriation, obligated, disbursed, lapsed, in GPU-hours."""
        names, accounts = ("appropriation", "obligated", "disbursed", "lapsed"), self.state("ledger").accounts
        return tuple(accounts.find(each, budget(AIRR)).posted // GPU_HOUR for each in names)


def test_gpu_hours_are_granted_bid_for_metered_and_end_after_three_months() -> None:
    route = Gateway()
    # Up to 10,000 GPU-hours for a project: one more is cut, and the same project gets no second grant.
    voucher = route.applies("lab-1", 10_001, "protein")
    assert voucher.face == 10_000 * GPU_HOUR
    assert dict(route.applies("lab-1", 1, "protein").detail)["why"] == "cap_reached"
    assert route.budget() == (90_000, 10_000, 0, 0)

    trade = route.traded("lab-1")
    assert (trade.currency, trade.notional) == ("GPU_HOUR", 48 * GPU_HOUR)
    assert route.has("lab-1", voucher.voucher_id) == (10_000 - 48) * GPU_HOUR
    route.meters(trade, 960, 960, 485)  # of the last hour a part, 8 GPU-hours and 5 minutes
    (captured,) = route.said("ledger", HoldCaptured)
    assert (captured.invoice, captured.subsidy, captured.co_payment) == (40_083_333, 40_083_333, 0)
    (judged,) = route.said("ledger", CaptureJudged)
    assert judged.subsidy == 40_083_333
    assert {leg.asset for leg in captured.legs} == {voucher.voucher_id, f"claims:{AIRR}", f"budget:{AIRR}"}
    assert route.has("lab-1", voucher.voucher_id) == 10_000 * GPU_HOUR - 40_083_333, "what was not used is back"

    # It is used up: nothing is claimed, settled or paid, and no account has a unit of it.
    claim = SubmitClaim(programme_id=AIRR, invoice_number="I-1", contract_ids=(trade.trade_id,))
    settle = CloseSettlement(programme_id=AIRR, claim_ids=("clm-1-0",), payee_ids=())
    owed = ConfirmRecovery(programme_id=AIRR, provider_id="gpu-1", amount=GPU_HOUR, payment_reference="R-1")
    for actor, body in (("gpu-1", claim), ("city", settle), ("bank", owed)):
        assert route.answer(actor, body).code is Code.PROGRAMME_IN_KIND
    assert not route.state("redemption").claimable
    assert "GPU_HOUR" not in route.state("ledger").accounts.assets

    # Within three months of the start; the rest is granted to others.
    route.on("2025-12-01")
    assert route.has("lab-1", voucher.voucher_id) > 0
    route.on("2025-12-03")
    assert voucher.voucher_id not in route.state("ledger").vouchers.open
    assert route.budget() == (99_959, 0, 40, 0)
    check_settled(route)
    check_replay(route)


def test_a_site_that_fails_costs_the_lab_nothing_and_a_wrong_meter_is_put_right() -> None:
    route = Gateway(control={"revoke_grounds": ["FRAUD"]})
    voucher = route.applies("lab-1", 100, "protein")
    trade = route.traded("lab-1")
    route.does("gpu-1", WithdrawDelivery(contract_id=trade.trade_id, reason="power cut"))
    (ended,) = route.said("ledger", BondSlashed)
    assert (ended.amount, ended.legs) == (0, ()), "there is no money in it"
    assert route.has("lab-1", voucher.voucher_id) == 100 * GPU_HOUR

    again = route.traded("lab-1")
    report = route.meters(again, 960, 960, 960)
    assert route.has("lab-1", voucher.voucher_id) == 52 * GPU_HOUR
    both = ProposeReversal(report_id=report, amount=GPU_HOUR, reason="idle")
    assert route.answer("gpu-1", both).code is Code.EXCEEDS_UNCLAIMED, "what is used up, two sides alone do not revive"
    route.does("operator", ReverseCapture(report_id=report, amount=16 * GPU_HOUR, reason="the last hour stood still"))
    assert route.has("lab-1", voucher.voucher_id) == 68 * GPU_HOUR
    assert route.budget() == (99_900, 68, 32, 0)
    assert not route.state("redemption").owed, "nobody owes anything"
    too_much = ReverseCapture(report_id=report, amount=32 * GPU_HOUR + 1, reason="all of it")
    assert route.answer("operator", too_much).code is Code.EXCEEDS_CAPTURED

    route.does("city", revoking(voucher.voucher_id))
    assert route.budget() == (99_968, 0, 32, 0)
    late = ReverseCapture(report_id=report, amount=16 * GPU_HOUR, reason="found later")
    route.does("operator", late)
    assert route.budget() == (99_968, 0, 16, 16), "what comes back to a voucher that is gone lapses"
    check_settled(route)
    check_replay(route)


def test_what_a_failed_site_gives_back_lasts_beyond_the_end() -> None:
    route = Gateway()
    route.applies("lab-1", 100, "protein")
    route.on("2025-11-29")
    trade = route.traded("lab-1")
    route.does("gpu-1", WithdrawDelivery(contract_id=trade.trade_id, reason="power cut"))
    (restored,) = route.said("ledger", VoucherRestored)
    assert restored.face == 48 * GPU_HOUR
    route.on("2025-12-03")
    assert route.budget() == (99_952, 48, 0, 0)
    check_settled(route)


def test_units_and_money_never_meet() -> None:
    route = Gateway(transfer={"mode": "OPEN"}, scope__purpose_bound=False)
    voucher = route.applies("lab-1", 100, "protein")
    par = {"code": Code.PRICE_NOT_AT_PAR, "detail": (("par", f"{GPU_HOUR}"),)}
    for refusal in (
        route.offers(price=GPU_HOUR + 1), route.offers(price=GPU_HOUR - 1), route.bids("lab-1", limit_price=1),
        route.bids("lab-1", limit_price=GPU_HOUR + 1),
    ):  # fmt: skip
        assert {"code": refusal.code, "detail": refusal.detail} == par
    assert route.offers(bond_bps=1).code is Code.BOND_IN_KIND
    offered = route.offers(currency="CNY", bond_bps=200, price=10_000)
    assert isinstance(offered, OfferReceived)
    route.bids("lab-1")
    assert not route.said("matching", TradeMatched), "an offer for money is not for a bid in kind"
    (bid,) = route.state("matching").bids
    assert route.answer("lab-1", AmendBid(bid_id=bid, reduce_nodes_by=None, limit_price=2 * GPU_HOUR)).code is (
        Code.PRICE_NOT_AT_PAR
    )
    route.offers()
    assert len(route.said("matching", TradeMatched)) == 1
    (in_kind,) = [each for each, offer in route.state("matching").offers.items() if offer.currency == "GPU_HOUR"]
    dearer = AmendOffer(offer_id=in_kind, reduce_nodes_by=None, price=2 * GPU_HOUR)
    assert route.answer("gpu-1", dearer).code is Code.PRICE_NOT_AT_PAR

    # Not by an invoice, nor for a price, and not more than is left: nothing but the allocation can pay.
    invoice = ClaimInvoice(
        voucher_id=voucher.voucher_id, amount=None, lines=(), other_support=(), evidence=PAPERS,
        invoice=Invoice(issuer_tax_id="GB-1", number="1", issued_on=route.clock // DAY),
    )  # fmt: skip
    assert route.answer("lab-1", invoice).code is Code.NOT_CLAIMED_BY_INVOICE
    sold = ProposeTransfer(voucher_id=voucher.voucher_id, receiver_id="lab-2", amount=GPU_HOUR, price=1)
    assert route.answer("lab-1", sold).code is Code.PROGRAMME_IN_KIND
    route.bids("lab-1", hours=4)
    assert route.said("ledger", HoldRefused)[-1].code == Code.EXCEEDS_AVAILABLE
    check_settled(route)


@pytest.mark.parametrize(("until", "accepted"), [("2025-09-02", True), ("2025-09-01", False)])
def test_a_start_for_which_the_allocation_does_not_pay_is_not_paid_otherwise(until: str, accepted: bool) -> None:
    route = Gateway(redemption__reference_end=until)
    route.applies("lab-1", 100, "protein")
    route.bids("lab-1")
    refused = [each.code for each in route.said("ledger", HoldRefused)]
    assert refused == ([] if accepted else [Code.NOT_COVERED_IN_KIND])
