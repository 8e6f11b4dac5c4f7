"""Auctions in a market with all its services: they open, lock, clear and close, and everything held for them moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import structs

from counterfoil.audit.auctions import forged
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import SuspendParty, SuspendProvider
from counterfoil.ledger.events import ContractFunded, HoldReleased
from counterfoil.matching import auction_outcome
from counterfoil.matching.amendment_events import BidAmended
from counterfoil.matching.auction.deals import deals
from counterfoil.matching.auction_commands import (
    BidInAuction,
    CancelAuction,
    ImproveOrder,
    OfferInAuction,
    ScheduleAuction,
)
from counterfoil.matching.auction_events import (
    AuctionCleared,
    AuctionClosed,
    AuctionLocked,
    AuctionOrderAdmitted,
    TradeCleared,
)
from counterfoil.matching.commands import CancelBid, CancelOffer, CancelOwnOrders
from counterfoil.matching.events import BidClosed, BidReceived, OfferClosed, OfferReceived
from counterfoil.redemption.events import ContractOpened
from tests.market import USD, H, Market, T, found

FIRST = H + 24
LOCK, CLEAR = T + 2 * HOUR, T + 3 * HOUR
AUCTION = ScheduleAuction(
    programmes=("p1",), classes=("a100",), region="east", first_hour=FIRST, hours=4, locks_at=LOCK, clears_at=CLEAR,
    reference_price=2 * USD, collar_bps=20_000, caps="none", cap_bps=0, rsi_bps=0, cover_bps=0, pivotal_bps=0,
    reserve_price=0, reserve_points=(),
)  # fmt: skip


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """A market with vouchers, cash and two listed providers."""
    with Market(tmp_path) as opened:
        found(opened)
        yield opened


def scheduled(market: Market, **terms: Any) -> str:
    return str(market.do("operator", replace(AUCTION, **terms))[0].auction_id)  # type: ignore[attr-defined]


def offer(auction_id: str, price: int, nodes: int = 4, hours: tuple[int, int] = (0, 4)) -> OfferInAuction:
    return OfferInAuction(
        auction_id=auction_id, class_id="a100", nodes=nodes, window_start=FIRST + hours[0],
        window_end=FIRST + hours[1], price=price, bond_bps=2_000,
    )  # fmt: skip


def bid(auction_id: str, limit: int, nodes: int = 1, hours: int = 1, starts: tuple[int, int] = (0, 0)) -> BidInAuction:
    return BidInAuction(
        auction_id=auction_id, programme_id="p1", voucher_ids=(), nodes=nodes, hours=hours, earliest=FIRST + starts[0],
        latest=FIRST + starts[1], limit_price=limit, divisible=hours == 1,
    )  # fmt: skip


def placed(market: Market, party: str, order: OfferInAuction | BidInAuction) -> str:
    received = market.do(party, order)[0]
    return received.offer_id if isinstance(received, OfferReceived) else received.bid_id  # type: ignore[attr-defined]


def ended(market: Market) -> dict[str, str]:
    closed = {each.bid_id: each.reason for each in market.events("matching", BidClosed)}
    return closed | {each.offer_id: each.reason for each in market.events("matching", OfferClosed)}


def test_an_auction_from_its_schedule_to_its_contracts(market: Market) -> None:
    """Two offers, hourly bids and a block; the block's hours have two prices, so it has two contracts."""
    auction_id = scheduled(market)
    cheap, dear = placed(market, "gpu-1", offer(auction_id, USD)), placed(market, "gpu-2", offer(auction_id, 3 * USD))
    block = placed(market, "lab-1", bid(auction_id, 3 * USD, nodes=2, hours=2))
    high = placed(market, "lab-2", bid(auction_id, 4 * USD, nodes=3, starts=(1, 1)))
    low = placed(market, "lab-2", bid(auction_id, USD + 10_000, nodes=3, starts=(1, 1)))
    assert len(market.events("matching", AuctionOrderAdmitted)) == 5
    late = placed(market, "lab-2", bid(auction_id, 2 * USD))
    market.do("lab-2", CancelBid(bid_id=late))
    market.advance_to(LOCK)
    assert len(market.events("matching", AuctionLocked)) == 1
    market.refused("lab-2", bid(auction_id, 2 * USD), Code.AUCTION_NOT_OPEN)
    market.refused("lab-2", CancelBid(bid_id=high), Code.AUCTION_NOT_OPEN)
    market.refused("gpu-1", CancelOffer(offer_id=cheap), Code.AUCTION_NOT_OPEN)
    market.refused("lab-2", CancelOwnOrders(programme_id=None), Code.AUCTION_NOT_OPEN)
    market.do("gpu-2", ImproveOrder(order_id=dear, price=2 * USD + 500_000))
    market.do("lab-2", ImproveOrder(order_id=low, price=USD + 20_000))
    assert len(market.events("matching", BidAmended)) == 1
    market.refused("lab-2", ImproveOrder(order_id=low, price=USD), Code.PRICE_NOT_BETTER)
    market.advance_to(CLEAR)
    (cleared,) = market.events("matching", AuctionCleared)
    assert cleared.surplus <= cleared.bound
    assert (cleared.bids, cleared.offers, cleared.accepted) == (4 - 1, 2, 1)
    prices = [hour.price for hour in cleared.hours]
    trades = market.events("matching", TradeCleared)
    for each in trades:
        assert {prices[hour - FIRST] for hour in range(each.first_hour, each.first_hour + each.hours)} == {each.price}
        assert each.notional == each.price * each.nodes * 8 * each.hours
    of_block = [each for each in trades if each.bid_id == block]
    assert sum(each.hours for each in of_block) == 2
    assert {each.offer_id for each in of_block} == {cheap}
    assert sum(each.notional for each in of_block) <= 3 * USD * 2 * 8 * 2
    assert [hour.nodes for hour in cleared.hours] == [
        sum(each.nodes for each in trades if each.first_hour <= hour < each.first_hour + each.hours)
        for hour in range(FIRST, FIRST + 4)
    ]
    assert ended(market)[low] == "out_of_the_money"
    assert ended(market)[dear] == "rationed"
    assert prices[:2] == [USD, 2 * USD + 500_000]
    assert len(of_block) == 2
    assert len(market.events("matching", AuctionClosed)) == 1
    assert (
        len(market.events("ledger", ContractFunded)) == len(market.events("redemption", ContractOpened)) == len(trades)
    )
    funded = {each.contract_id: each for each in market.events("ledger", ContractFunded)}
    for each in trades:
        paid = funded[each.trade_id]
        assert paid.cash + sum(draw.amount for draw in paid.vouchers) == each.notional
    audited = market.sealed()
    assert audited.clean


def test_an_auction_that_does_not_take_place_returns_what_was_held(market: Market) -> None:
    """By the operator's word; or since its log was away until its first hour could not be traded any more."""
    first = scheduled(market)
    orders = [placed(market, "gpu-1", offer(first, USD)), placed(market, "lab-1", bid(first, 2 * USD))]
    market.do("operator", CancelAuction(auction_id=first, reason="No power"))
    assert [ended(market)[each] for each in orders] == ["auction_cancelled"] * 2
    market.refused("lab-1", bid(first, 3 * USD), Code.UNKNOWN_AUCTION)
    second = scheduled(market, hours=3)
    orders = [placed(market, "gpu-1", offer(second, USD, hours=(0, 3))), placed(market, "lab-1", bid(second, 2 * USD))]
    market.do("operator", SuspendParty(party_id="gpu-1", reason="Fraud"))
    assert ended(market)[orders[0]] == "party_suspended"
    market.clock.advance_to((FIRST + 1) * HOUR)
    market.system.settle()
    assert ended(market)[orders[1]] == "gate_closed"
    assert not market.events("matching", TradeCleared)
    released = {each.hold_id for each in market.events("ledger", HoldReleased)}
    assert set(ended(market)) == released
    assert market.sealed().clean


def test_a_dishonest_engine_is_caught_each_lie_by_a_finding_of_its_own(market: Market) -> None:
    """It gives the node to the bid that came later; the other lies are told of the entry that it should have made."""
    auction_id = scheduled(market)
    placed(market, "gpu-1", offer(auction_id, USD, nodes=1))
    better = placed(market, "lab-2", bid(auction_id, 3 * USD))
    worse = placed(market, "lab-1", bid(auction_id, 3 * USD))
    with patch.object(auction_outcome, "deals", lambda *of: (each._replace(bid_id=worse) for each in deals(*of))):
        market.advance_to(CLEAR)
    ((cleared,), (traded,)) = (market.events("matching", kind) for kind in (AuctionCleared, TradeCleared))
    assert traded.bid_id == worse != better
    (entry,) = (each for each in market.entries("matching") if cleared in each.events)
    assert [finding.code for finding in market.sealed().findings][:1] == ["group_favoured"]
    lies = {"order_held_back": {"book": bytes(32), "bids": 1}, "certificate_forged": {"surplus": cleared.surplus + 1}}
    for code, lie in lies.items():
        found = forged(entry, structs.replace(entry, events=(replace(cleared, **lie),)))
        assert found is not None
        assert found[0] == code


def test_no_group_takes_all_places_of_an_auction(market: Market) -> None:
    """Of the bids that are met in whole or not at all a group has a tenth; others, and divisible bids, still enter."""
    auction_id = scheduled(market)
    most = RULES[LATEST].max_auction_blocks_per_group
    crowd = [replace(bid(auction_id, 10_000 * (1 + nth)), divisible=False) for nth in range(most)]
    for start in range(0, most, 25):
        entry = market.ask("lab-1", crowd[start : start + 25])
        assert all(outcome.refusal is None for outcome in entry.outcomes)
    one_more = replace(bid(auction_id, 3 * USD), divisible=False)
    market.refused("lab-1", one_more, Code.OVER_LIMIT)
    market.do("lab-1", replace(one_more, divisible=True))
    market.do("lab-2", one_more)
    first = market.events("matching", BidReceived)[0].bid_id
    market.do("lab-1", ImproveOrder(order_id=first, price=3 * USD))


def test_after_the_lock_no_issuer_takes_an_offer_out(market: Market) -> None:
    """Its provider was listed as the auction locked. Who improves a price goes behind those who had it before."""
    auction_id = scheduled(market)
    early = placed(market, "gpu-1", offer(auction_id, 2 * USD, nodes=1))
    late = placed(market, "gpu-2", offer(auction_id, USD, nodes=1))
    placed(market, "lab-1", bid(auction_id, 3 * USD))
    market.advance_to(LOCK)
    market.do("gpu-1", ImproveOrder(order_id=early, price=USD))
    market.do("city", SuspendProvider(programme_id="p1", provider_id="gpu-2", reason="a rival's"))
    market.advance_to(CLEAR)
    assert [each.offer_id for each in market.events("matching", TradeCleared)] == [late]
    assert market.sealed().clean
