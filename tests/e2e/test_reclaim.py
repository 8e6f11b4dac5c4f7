"""A provider reclaims hours with the notice that both sides agreed to: what each has at the end, whatever happens."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, DelistProvider, IssueVoucher, SuspendParty
from counterfoil.ledger.chart import cash, owner
from counterfoil.ledger.events import BondReleased, BondSlashed
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching.commands import AmendBid, AmendOffer, PlaceBid, PostOffer
from counterfoil.matching.events import BidReceived, OfferReceived, TradeMatched
from counterfoil.matching.halt_commands import HaltTrading
from counterfoil.matching.inventory_commands import AttestInventory
from counterfoil.matching.reclaim_commands import PlaceReclaimableBid, PostReclaimableOffer
from counterfoil.matching.reclaim_events import TradeReclaimable
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    DisputeUsage,
    ProposeCancellation,
    Reading,
    ReportUsage,
    ResolveDispute,
    WithdrawDelivery,
)
from counterfoil.redemption.events import ContractCompleted, ProviderDefaulted
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from counterfoil.redemption.reclaim_events import DeliveryReclaimed, ReclaimBegun
from tests.market import BID, OFFER, USD, H, Market, deposit, found

FIRST, HOURS = H + 100, 168
CLUSTER = replace(
    OFFER, nodes=8, window_start=FIRST, window_end=FIRST + HOURS, price=15 * USD, bond_bps=2_000, min_hours=1
)
WEEK = replace(BID, nodes=8, hours=HOURS, earliest=FIRST, latest=FIRST, limit_price=15 * USD)
AN_HOUR = 64 * 15 * USD
"""The price of one hour of 64 GPUs at 15.00; its part of the bond is a fifth of that."""
FULL = 64 * 60


def reclaimable(offer: PostOffer, notice: int, site: str | None = None) -> PostReclaimableOffer:
    terms = {each.name: getattr(offer, each.name) for each in fields(PostOffer)}
    return PostReclaimableOffer(reclaim_notice_hours=notice, site_id=site, **terms)


def asking(bid: PlaceBid, notice: int) -> PlaceReclaimableBid:
    terms = {each.name: getattr(bid, each.name) for each in fields(PlaceBid)}
    return PlaceReclaimableBid(min_reclaim_notice_hours=notice, **terms)


def rich(market: Market) -> None:
    """Enough for weeks of 64 GPUs."""
    found(market)
    market.do("city", AppropriateBudget(programme_id="p1", amount=900_000 * USD, document="B-2"))
    market.do("city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=270_000 * USD))
    market.do("treasury", *(deposit(name, 400_000 * USD) for name in ("gpu-1", "gpu-2", "lab-1")))


def sold(market: Market, notice: int = 48, asked: int = 24, site: str | None = None) -> str:
    """A week of 64 GPUs at 15.00, sold by gpu-1 to lab-1, with notice."""
    market.clock.advance_to(market.clock.now() + SECOND)
    market.do("gpu-1", reclaimable(CLUSTER, notice, site))
    market.do("lab-1", asking(WEEK, asked))
    trade = market.events("matching", TradeMatched)[-1]
    assert trade.notional == HOURS * AN_HOUR
    assert market.events("matching", TradeReclaimable)[-1] == TradeReclaimable(
        trade_id=trade.trade_id, reclaim_notice_hours=notice
    )
    return str(trade.trade_id)


def money(market: Market) -> dict[str, tuple[int, int]]:
    """Cash that is there, and of it what can be spent, of both sides; and of vouchers, of the customer."""
    ledger = state(market, "ledger")
    named = {party: ledger.accounts.find(cash(party), "USD") for party in ("gpu-1", "lab-1")}
    mine = [ledger.accounts.find(owner("lab-1"), voucher_id) for voucher_id in ledger.vouchers.open]
    posted, available = sum(each.posted for each in mine), sum(each.available for each in mine)
    return {**{name: (each.posted, each.available) for name, each in named.items()}, "vouchers": (posted, available)}


def state(market: Market, service: str) -> Any:
    return market.system.runners[next(log for log in market.system.runners if log.service == service)].engine.state


def gone(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    return {name: tuple(was - now for was, now in zip(before[name], after[name], strict=True)) for name in before}  # type: ignore[misc]


def report(market: Market, contract: str, first: int, hours: int, minutes: int = FULL) -> str:
    market.advance_to((first + hours) * HOUR + SECOND)
    readings = tuple(Reading(hour=hour, gpu_minutes=minutes) for hour in range(first, first + hours))
    return str(market.do("gpu-1", ReportUsage(contract_id=contract, readings=readings))[0].report_id)  # type: ignore[attr-defined]


def notice(contract: str, hour: int) -> ReclaimDelivery:
    return ReclaimDelivery(contract_id=contract, hour=hour, reason="own_use")


def row(market: Market, view: str, contract: str, *names: str) -> Any:
    found_row = market.system.views.get(view, (contract,))
    assert found_row is not None
    return tuple(found_row[name] for name in names)


def test_what_is_delivered_is_paid_and_the_rest_goes_back_with_a_quarter_of_its_bond(tmp_path: Path) -> None:
    """Day two of seven: 48 hours of notice, so the last 96 of 168 hours are reclaimed."""
    with Market(tmp_path) as market:
        rich(market)
        before = money(market)
        contract = sold(market)
        assert row(market, "contracts", contract, "status", "reclaim_notice_hours") == ("open", 48)
        market.refused("gpu-1", WithdrawDelivery(contract_id=contract, reason="power"), Code.NOTICE_NEEDED)

        market.advance_to((FIRST + 24) * HOUR - SECOND)
        market.refused("gpu-2", notice(contract, FIRST + 72), Code.UNKNOWN_CONTRACT)
        market.refused("gpu-1", notice(contract, FIRST + 71), Code.RECLAIM_TOO_SOON)
        market.refused("gpu-1", notice(contract, FIRST + HOURS), Code.HOUR_NOT_IN_CONTRACT)
        market.do("gpu-1", notice(contract, FIRST + 72))
        (begun,) = market.events("redemption", ReclaimBegun)
        assert (begun.hour, begun.hours, begun.amount, begun.forfeits_bps) == (FIRST + 72, 96, 96 * AN_HOUR, 2_500)
        assert row(market, "contracts", contract, "status", "reclaim_hour", "reclaim_amount") == (
            "reclaim_pending", FIRST + 72, 96 * AN_HOUR,
        )  # fmt: skip
        market.refused("gpu-1", notice(contract, FIRST + 100), Code.RECLAIM_PENDING)
        market.refused("gpu-1", WithdrawDelivery(contract_id=contract, reason="power"), Code.RECLAIM_PENDING)
        held = money(market)

        # during the notice it delivers, and is paid in full
        market.do("lab-1", AcceptUsage(report_id=report(market, contract, FIRST, 24)))
        market.do("lab-1", AcceptUsage(report_id=report(market, contract, FIRST + 24, 24)))
        assert market.events("redemption", DeliveryReclaimed) == [], "and ends no sooner"

        market.advance_to((FIRST + 72) * HOUR)
        (back,) = market.events("ledger", ContractReclaimed)
        assert sum(each.amount for each in back.vouchers) + back.cash == 96 * AN_HOUR
        assert (back.bond, back.paid) == (96 * AN_HOUR // 5, 96 * AN_HOUR // 20)
        assert back.returned == back.bond - back.paid
        assert row(market, "contracts", contract, "status", "hours", "ended_at") == ("reclaimed", 72, None)
        assert row(market, "reclaims", contract, "programme_id", "hours", "paid") == ("p1", 96, 96 * AN_HOUR // 20)
        assert gone(held, money(market))["vouchers"] == (24 * AN_HOUR, -48 * AN_HOUR), "to be spent again at once"

        late = (Reading(hour=FIRST + 72, gpu_minutes=FULL),)
        market.advance_to((FIRST + 73) * HOUR)
        market.refused("gpu-1", ReportUsage(contract_id=contract, readings=late), Code.HOUR_NOT_IN_CONTRACT)
        market.do("lab-1", AcceptUsage(report_id=report(market, contract, FIRST + 48, 24)))
        assert [each.contract_id for each in market.events("redemption", ContractCompleted)] == [contract]
        (released,) = market.events("ledger", BondReleased)
        assert released.amount == 72 * AN_HOUR // 5
        paid, forfeited = 72 * AN_HOUR, 96 * AN_HOUR // 20
        assert gone(before, money(market)) == {
            "gpu-1": (forfeited - paid // 2,) * 2, "lab-1": (paid // 2 - forfeited,) * 2, "vouchers": (paid // 2,) * 2,
        }  # fmt: skip
        assert not market.sealed().findings


def test_a_contract_is_reclaimed_whole_before_it_begins(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        rich(market)
        before = money(market)
        contract = sold(market)
        market.refused("gpu-1", notice(contract, FIRST - 1), Code.HOUR_NOT_IN_CONTRACT)
        market.do("gpu-1", notice(contract, FIRST))
        market.advance_to(FIRST * HOUR)
        (back,) = market.events("ledger", ContractReclaimed)
        assert (back.ends, back.bond, back.paid) == (True, HOURS * AN_HOUR // 5, HOURS * AN_HOUR // 20)
        assert row(market, "contracts", contract, "status", "hours", "ended_at") == ("reclaimed", HOURS, FIRST * HOUR)
        assert row(market, "holds", contract, "status", "vouchers", "cash", "bond") == ("reclaimed", 0, 0, 0)
        forfeited = HOURS * AN_HOUR // 20
        assert gone(before, money(market)) == {
            "gpu-1": (forfeited,) * 2, "lab-1": (-forfeited,) * 2, "vouchers": (0, 0),
        }  # fmt: skip
        assert not state(market, "redemption").notices.table
        assert not market.sealed().findings


def test_a_bid_meets_offers_that_name_enough_and_one_that_asks_for_none_is_bound_to_none(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        rich(market)
        market.do("gpu-1", replace(CLUSTER, price=13 * USD))
        none = market.events("matching", OfferReceived)[-1].offer_id
        market.do("gpu-1", reclaimable(replace(CLUSTER, price=14 * USD), 23))
        short = market.events("matching", OfferReceived)[-1].offer_id
        market.do("lab-1", asking(WEEK, 24))
        rests = market.events("matching", BidReceived)[-1].bid_id
        assert not market.events("matching", TradeMatched), "one names too little, and the other none"
        market.do("lab-1", AmendBid(bid_id=rests, reduce_nodes_by=None, limit_price=14 * USD + USD // 2))
        market.do("gpu-1", AmendOffer(offer_id=short, reduce_nodes_by=None, price=12 * USD))
        assert not market.events("matching", TradeMatched), "nor at another price"
        market.do("gpu-2", reclaimable(replace(CLUSTER, price=14 * USD), 24))
        (trade,) = market.events("matching", TradeMatched)
        assert (trade.bid_id, trade.provider_id) == (rests, "gpu-2")

        # who asks for none meets the cheapest, and its contract carries none
        market.do("lab-1", WEEK)
        plain = market.events("matching", TradeMatched)[-1]
        assert plain.offer_id == short
        assert [each.trade_id for each in market.events("matching", TradeReclaimable)] == [trade.trade_id]
        market.refused("gpu-1", notice(plain.trade_id, FIRST + 100), Code.NOT_RECLAIMABLE)
        assert row(market, "market_offers", none, "reclaim_notice_hours") == (None,)
        assert row(market, "offers", short, "reclaim_notice_hours") == (23,)
        assert row(market, "bids", rests, "min_reclaim_notice_hours") == (24,)
        assert not market.sealed().findings


@pytest.mark.parametrize("how", ["silent", "idle"])
def test_who_fails_within_the_notice_loses_the_bond_of_what_was_left_to_deliver(tmp_path: Path, how: str) -> None:
    """It reports nothing by the deadline of what is left, or reports zeros: the quarter is of the reclaimed alone."""
    with Market(tmp_path) as market:
        rich(market)
        contract = sold(market)
        market.do("gpu-1", notice(contract, FIRST + 24))
        if how == "idle":
            market.do("lab-1", AcceptUsage(report_id=report(market, contract, FIRST, 24, 0)))
            cause = "not_delivered"
        else:
            market.advance_to((FIRST + 24 + 4) * HOUR)
            cause = "usage_not_reported"
        (default,) = market.events("redemption", ProviderDefaulted)
        assert (default.contract_id, default.cause) == (contract, cause)
        (slashed,) = market.events("ledger", BondSlashed)
        assert slashed.amount == 24 * AN_HOUR // 5
        assert row(market, "contracts", contract, "status", "hours") == ("defaulted", 24)
        assert row(market, "reclaims", contract, "paid") == (144 * AN_HOUR // 20,)
        assert not market.sealed().findings


def test_a_dispute_that_is_open_as_hours_are_reclaimed_is_resolved_as_ever(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        rich(market)
        contract = sold(market)
        market.do("gpu-1", notice(contract, FIRST + 2))
        disputed = report(market, contract, FIRST, 1)
        market.do("lab-1", DisputeUsage(report_id=disputed, hours=(), evidence=(), reason="It stood still"))
        last = report(market, contract, FIRST + 1, 1)
        assert row(market, "contracts", contract, "status") == ("reclaimed",)
        market.do("lab-1", AcceptUsage(report_id=last))
        assert not market.events("redemption", ContractCompleted), "it waits for its dispute"
        market.do("operator", ResolveDispute(report_id=disputed, gpu_minutes=FULL // 2, reason="Meter log"))
        assert [each.contract_id for each in market.events("redemption", ContractCompleted)] == [contract]
        (divided,) = market.events("ledger", BondDivided)
        assert (divided.cause, divided.paid) == ("shortfall", AN_HOUR // 10), "the part of what was not delivered"
        assert not market.sealed().findings


def test_nothing_that_happens_to_the_provider_or_the_market_moves_a_reclaim(tmp_path: Path) -> None:
    """It is halted, suspended and delisted, and the process begins anew from what is on disk, across the hour."""
    with Market(tmp_path) as market:
        rich(market)
        contract, other = sold(market), sold(market)
        market.do("gpu-1", notice(contract, FIRST + 2))
        market.do("operator", HaltTrading(class_id=None, region=None, provider_id="gpu-1", reason="Inspection"))
        market.do("operator", SuspendParty(party_id="gpu-1", reason="Inspection"))
        market.do("city", DelistProvider(programme_id="p1", provider_id="gpu-1", reason="Inspection"))
        market.do("gpu-1", notice(other, FIRST + 3))  # what ends a relation may be given even so
        market.advance_to(FIRST * HOUR)
    with Market(tmp_path) as market:
        assert row(market, "contracts", contract, "status") == ("reclaim_pending",)
        market.advance_to((FIRST + 6) * HOUR)
        assert [each.hour for each in market.events("redemption", DeliveryReclaimed)] == [FIRST + 2, FIRST + 3]
        assert [each.hours for each in market.events("ledger", ContractReclaimed)] == [HOURS - 2, HOURS - 3]
        assert not market.sealed().findings


def test_both_sides_may_cancel_what_is_pending_before_it_begins(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        rich(market)
        before = money(market)
        contract = sold(market)
        market.do("gpu-1", notice(contract, FIRST + 10))
        market.do("gpu-1", ProposeCancellation(contract_id=contract, reason="all of it"))
        market.do("lab-1", AgreeCancellation(contract_id=contract))
        market.advance_to((FIRST + 20) * HOUR)
        assert not market.events("redemption", DeliveryReclaimed)
        assert gone(before, money(market)) == {"gpu-1": (0, 0), "lab-1": (0, 0), "vouchers": (0, 0)}
        assert not market.sealed().findings


def test_the_nodes_of_reclaimed_hours_may_be_sold_again_from_then_on_alone(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        rich(market)
        market.do(
            "operator",
            AttestInventory(provider_id="gpu-1", site_id="hall-1", class_id="a100", nodes=8, source="visit"),
        )
        contract = sold(market, site="hall-1")
        market.do("gpu-1", notice(contract, FIRST + 4))
        again = reclaimable(replace(CLUSTER, window_start=FIRST + 6), 48, "hall-1")
        market.refused("gpu-1", again, Code.EXCEEDS_INVENTORY)
        market.advance_to((FIRST + 4) * HOUR)
        market.do("gpu-1", replace(again, window_start=FIRST + 4))
        market.refused("gpu-1", replace(again, nodes=1), Code.EXCEEDS_INVENTORY)
        assert contract not in state(market, "matching").sold, "the hours before are over"
        assert not market.sealed().findings
