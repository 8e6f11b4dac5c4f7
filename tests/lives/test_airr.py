"""AI Research Resource, Gateway route 2025: GPU-hours of public machines for a project, drawn by the meter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import DecideApplication, ReviewApplication, SubmitApplication
from counterfoil.ledger.chart import budget
from counterfoil.ledger.commands import ApproveTransfer
from counterfoil.ledger.events import CaptureJudged, HoldCaptured
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption.commands import (
    AcceptUsage,
    CloseSettlement,
    ConfirmRecovery,
    Reading,
    ReportUsage,
    SubmitClaim,
)
from counterfoil.vocabulary import CODEC
from tests.lives.town import Town, line

GPU_HOUR: Final = 1_000_000
AIRR: Final = "gb-airr-gateway-2025"


class Gateway(Town):
    """The route in September 2025, with two labs that may apply and one site, `gpu-1`."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(AIRR, "2025-09-01", 100_000 * GPU_HOUR, **changes)
        for lab in ("lab-1", "lab-2"):
            self.attests(lab, registered_in="GB", legal_form="UNIVERSITY")

    def asks_for(self, lab: str, hours: int, project: str) -> Any:
        """A lab applies for GPU-hours for a project; the issuer assesses and approves: the voucher, or the refusal."""
        asked = SubmitApplication(
            programme_id=AIRR, corrects=None, project_id=project, contract=None, other_support=(), evidence=(),
            lines=(line(0, quantity=hours * GPU_HOUR, unit="GPU_HOUR"),),
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

    def budget(self) -> tuple[int, ...]:
        """Appropriation, obligated, disbursed, lapsed, in GPU-hours."""
        names, accounts = ("appropriation", "obligated", "disbursed", "lapsed"), self.state("ledger").accounts
        return tuple(accounts.find(each, budget(AIRR)).posted // GPU_HOUR for each in names)


def test_gpu_hours_are_granted_bid_for_metered_and_end_after_three_months() -> None:
    route = Gateway()
    # Up to 10,000 GPU-hours for a project: one more is cut, and the same project gets no second grant.
    voucher = route.asks_for("lab-1", 10_001, "protein")
    assert voucher.face == 10_000 * GPU_HOUR
    assert dict(route.asks_for("lab-1", 1, "protein").detail)["why"] == "cap_reached"
    (second,) = route.state("issuance").applications.open
    route.does("city", DecideApplication(application_id=second, decision="rejected", caps=(), reason="has its hours"))
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
    route.runs_off()
    books = route.closes()
    assert (books.disbursed, books.lapsed, books.returned) == (40_083_333, 0, 100_000 * GPU_HOUR - 40_083_333)


def test_where_the_route_lets_it_a_lab_hands_hours_to_another_of_the_country() -> None:
    """The route's text with another `transfer.mode`: the hours are taken back, and issued again to who takes them."""
    route = Gateway(transfer={"mode": "SURRENDER_REISSUE", "price_rule": "GIFT_ONLY"})
    route.attests("lab-2", registered_in="FR")
    voucher = route.asks_for("lab-1", 100, "protein")
    route.clock += SECOND
    accept = route.proposes("lab-1", voucher.voucher_id, 60 * GPU_HOUR, "lab-2", 0)
    route.does("city", ApproveTransfer(transfer_id=accept.transfer_id))
    route.does("lab-2", accept)
    assert route.judged() == [("lab-2", "receiver_not_eligible")]
    route.on("2025-09-02")
    route.attests("lab-2", registered_in="GB")
    route.does("lab-2", accept)
    (again,) = route.state("ledger").vouchers.of("lab-2", AIRR)
    assert (route.has("lab-1", voucher.voucher_id), route.has("lab-2", again.voucher_id)) == (
        40 * GPU_HOUR, 60 * GPU_HOUR,
    )  # fmt: skip
    route.meters(route.traded("lab-2"), 960, 960, 960)
    assert route.has("lab-2", again.voucher_id) == 12 * GPU_HOUR
    route.runs_off()
    route.on("2025-12-03")
    assert route.closes().disbursed == 48 * GPU_HOUR
