"""An allocation of GPU-hours through all services: what goes wrong, and that units and money never meet."""

from __future__ import annotations

from dataclasses import fields

import pytest

from counterfoil.contract.invoices import Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.issuance.invoice_commands import ClaimInvoice
from counterfoil.ledger.commands import ProposeTransfer
from counterfoil.ledger.events import BondSlashed, HoldRefused, VoucherRestored
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching.commands import AmendBid, AmendOffer, PlaceBid, PostOffer
from counterfoil.matching.events import OfferReceived, TradeMatched
from counterfoil.matching.reclaim_commands import PlaceReclaimableBid, PostReclaimableOffer
from counterfoil.redemption.commands import (
    AcceptUsage,
    ProposeReversal,
    Reading,
    ReportUsage,
    ReverseCapture,
    WithdrawDelivery,
)
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from tests.documents import revoking
from tests.lives.test_airr import AIRR, GPU_HOUR, Gateway
from tests.lives.town import PAPERS
from tests.properties.test_world_stateful import check_replay, check_settled


def test_a_site_that_fails_costs_the_lab_nothing_and_a_wrong_meter_is_put_right() -> None:
    route = Gateway(control={"revoke_grounds": ["FRAUD"]})
    voucher = route.asks_for("lab-1", 100, "protein")
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
    route.asks_for("lab-1", 100, "protein")
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
    voucher = route.asks_for("lab-1", 100, "protein")
    par = {"code": Code.PRICE_NOT_AT_PAR, "detail": (("par", f"{GPU_HOUR}"),)}
    for refusal in (
        route.offers(price=GPU_HOUR + 1), route.offers(price=GPU_HOUR - 1), route.bids("lab-1", limit_price=1),
        route.bids("lab-1", limit_price=GPU_HOUR + 1),
    ):  # fmt: skip
        assert {"code": refusal.code, "detail": refusal.detail} == par
    assert route.offers(bond_bps=1).code is Code.BOND_IN_KIND
    offered = route.offers(currency="CNY", bond_bps=2_000, price=10_000)
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
    route.asks_for("lab-1", 100, "protein")
    route.bids("lab-1")
    refused = [each.code for each in route.said("ledger", HoldRefused)]
    assert refused == ([] if accepted else [Code.NOT_COVERED_IN_KIND])


def test_hours_of_an_allocation_are_reclaimed_with_notice_and_without_a_bond() -> None:
    """Of three hours of sixteen GPUs the last two are reclaimed: 16 GPU-hours are used up, 32 come back."""
    route = Gateway()
    voucher = route.asks_for("lab-1", 100, "protein")
    start = route.clock // HOUR + 24
    sells = PostOffer(
        class_id="a100", region="east", currency="GPU_HOUR", nodes=4, window_start=start, window_end=start + 24,
        price=GPU_HOUR, min_nodes=1, min_hours=1, bond_bps=0, tif="GTC", good_until=None, stp="taker",
    )  # fmt: skip
    named = {each.name: getattr(sells, each.name) for each in fields(sells)}
    route.does("gpu-1", PostReclaimableOffer(reclaim_notice_hours=6, site_id=None, **named))
    route.clock += SECOND
    buys = PlaceBid(
        programme_id=AIRR, voucher_ids=(), classes=("a100",), regions=("east",), nodes=2, hours=3, earliest=start,
        latest=start, limit_price=GPU_HOUR, partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False,
        stp="taker",
    )  # fmt: skip
    asked = {each.name: getattr(buys, each.name) for each in fields(buys)}
    route.does("lab-1", PlaceReclaimableBid(min_reclaim_notice_hours=6, **asked))
    trade = route.said("matching", TradeMatched)[-1]
    route.does("gpu-1", ReclaimDelivery(contract_id=trade.trade_id, hour=start + 1, reason="maintenance"))
    assert route.has("lab-1", voucher.voucher_id) == 52 * GPU_HOUR, "until then all of it is held"
    route.clock = (start + 1) * HOUR + SECOND
    route.settle()
    (back,) = route.said("ledger", ContractReclaimed)
    assert (back.bond, back.cash, [each.amount for each in back.vouchers]) == (0, 0, [32 * GPU_HOUR])
    assert route.has("lab-1", voucher.voucher_id) == 84 * GPU_HOUR
    report = route.does(
        "gpu-1", ReportUsage(contract_id=trade.trade_id, readings=(Reading(hour=start, gpu_minutes=960),))
    )
    route.does("lab-1", AcceptUsage(report_id=report.report_id))
    route.settle()
    assert route.budget() == (99_900, 84, 16, 0)
    check_settled(route)
    check_replay(route)
