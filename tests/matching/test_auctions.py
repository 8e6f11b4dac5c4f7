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
from counterfoil.core.directory import Directory
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import SuspendParty, SuspendProvider
from counterfoil.ledger.events import ContractFunded, HoldReleased
from counterfoil.matching import auction_outcome, clearing
from counterfoil.matching.amendment_events import BidAmended
from counterfoil.matching.auction.book import Placement
from counterfoil.matching.auction.deals import deals
from counterfoil.matching.auction.solving import solve
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
from counterfoil.matching.collar_commands import SetPriceCollar
from counterfoil.matching.collar_events import ReferencePriceSet
from counterfoil.matching.commands import CancelBid, CancelOffer, CancelOwnOrders, PostOffer
from counterfoil.matching.events import BidClosed, BidReceived, OfferClosed, OfferReceived
from counterfoil.matching.solution_commands import PlacedBlock, ProposeSolution
from counterfoil.matching.solution_events import SolutionJudged, SolutionReceived
from counterfoil.matching.solutions import Judged, digest_of
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
    (reference,) = market.events("matching", ReferencePriceSet)
    nodes = [hour.nodes for hour in cleared.hours]
    mean = sum(price * each for price, each in zip(prices, nodes, strict=True)) // sum(nodes)
    assert (reference.class_id, reference.price) == ("a100", mean - mean % 10_000)
    assert cleared.groups == RULES[LATEST].min_reference_groups
    collar = SetPriceCollar(
        class_id="a100", region="east", currency="USD", collar_bps=1_000, reference_price=None, reason="calm"
    )
    market.do("operator", collar)
    far = PostOffer(
        class_id="a100", region="east", currency="USD", nodes=1, window_start=FIRST, window_end=FIRST + 1,
        price=2 * reference.price, min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC", good_until=None, stp="taker",
    )  # fmt: skip
    market.refused("gpu-1", far, Code.PRICE_OUTSIDE_COLLAR)
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


def test_solutions_of_an_auction_that_does_not_take_place_have_an_end(market: Market) -> None:
    auction_id, (ask, _, *small) = trapped(market)
    market.do("gpu-2", *proposal(auction_id, (small[0], ask)))
    market.do("operator", CancelAuction(auction_id=auction_id, reason="No power"))
    assert [each.verdict for each in market.events("matching", SolutionJudged)] == ["not_judged"]
    assert market.sealed().clean


def test_too_few_groups_set_no_reference_price(market: Market) -> None:
    """One pair could make the price of an auction in which nobody else trades; the operator names the next one's."""
    auction_id = scheduled(market)
    placed(market, "gpu-1", offer(auction_id, USD))
    placed(market, "lab-1", bid(auction_id, 3 * USD))
    market.advance_to(CLEAR)
    (cleared,) = market.events("matching", AuctionCleared)
    assert cleared.groups == 2 < RULES[LATEST].min_reference_groups
    assert not market.events("matching", ReferencePriceSet)
    later = replace(AUCTION, first_hour=FIRST + 24, locks_at=CLEAR + HOUR, clears_at=CLEAR + 2 * HOUR)
    market.do("operator", later)


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


def trapped(market: Market) -> tuple[str, list[str]]:
    """An auction that has locked, of which the built-in solver does not find the best outcome: its orders and it.

    Of six nodes it takes the block of five, the dearest bid per node and in all; two of three would gain more.
    """
    auction_id = scheduled(market)
    orders = [placed(market, "gpu-1", offer(auction_id, USD, nodes=6))]
    for party, limit, nodes in (("lab-1", 3 * USD, 5), ("lab-1", 3 * USD - 10_000, 3), ("lab-2", 3 * USD - 10_000, 3)):
        orders.append(placed(market, party, replace(bid(auction_id, limit, nodes=nodes), divisible=False)))
    market.advance_to(LOCK)
    return auction_id, orders


def proposal(auction_id: str, *blocks: tuple[str, str]) -> list[ProposeSolution]:
    """A solution of bids on offers, all in the first hour, a block in each piece but for the limit of one."""
    placements = tuple(Placement(bid_id, 0, offer_id) for bid_id, offer_id in blocks)
    each = RULES[LATEST].max_solution_blocks
    cut = [blocks[start : start + each] for start in range(0, len(blocks), each)]
    return [
        ProposeSolution(
            auction_id=auction_id, solver="by-hand", sha256=digest_of(placements), piece=nth, pieces=len(cut),
            blocks=tuple(PlacedBlock(bid_id=bid_id, first_hour=FIRST, offer_id=on) for bid_id, on in piece),
        )
        for nth, piece in enumerate(cut)
    ]  # fmt: skip


def test_a_better_outcome_from_outside_is_taken_and_every_proposal_is_judged(market: Market) -> None:
    """The highest surplus that settles wins; of equals the first; what cannot be is told from what is not better."""
    auction_id, (ask, large, *small) = trapped(market)
    better = [(each, ask) for each in small]
    for party, blocks in (("gpu-2", [*better, (large, ask)]), ("lab-1", [(large, ask)]), ("gpu-1", better),
                          ("lab-2", better)):  # fmt: skip
        for piece in proposal(auction_id, *blocks):
            market.do(party, piece)
    market.advance_to(CLEAR)
    told = market.events("matching", SolutionJudged)
    assert [each.verdict for each in told] == ["not_valid", "not_better", "taken", "not_better"]
    assert [each.solution_id for each in told if each.surplus is not None] == [told[2].solution_id]  # limits are sealed
    (cleared,) = market.events("matching", AuctionCleared)
    taken = market.events("matching", SolutionReceived)[2]
    assert (cleared.solution_id, cleared.solver) == (taken.solution_id, "by-hand")
    assert cleared.surplus == 2 * 3 * (2 * USD - 10_000) * 8 <= cleared.bound
    assert {each.bid_id for each in market.events("matching", TradeCleared)} == set(small)
    (entry,) = (each for each in market.entries("matching") if cleared in each.events)
    judged = [each for each in entry.events if isinstance(each, SolutionJudged)]
    lies: dict[str, list[Any]] = {
        "solution_ignored": [[cleared], [*judged[:2], replace(judged[2], verdict="not_better"), judged[3], cleared]],
        "certificate_forged": [
            [replace(judged[0], verdict="taken", surplus=cleared.surplus + 8), *judged[1:], cleared],
            [*judged, replace(judged[3], solution_id="sol-1-0"), cleared],
            [*judged, replace(cleared, surplus=cleared.surplus + 8)],
        ],
    }  # fmt: skip
    lies["solution_ignored"].append([*judged, replace(cleared, solution_id=None, solver="built-in")])
    for code, told in lies.items():
        for events in told:
            found = forged(entry, structs.replace(entry, events=tuple(events)))
            assert found is not None
            assert found[0] == code
    assert market.sealed().clean


def test_an_engine_that_leaves_a_better_proposal_out_is_found(market: Market) -> None:
    auction_id, (ask, _, *small) = trapped(market)
    market.do("gpu-2", *proposal(auction_id, *((each, ask) for each in small)))
    with patch.object(clearing, "judge", lambda _state, _auction_id, book: Judged(solve(book), None, ())):
        market.advance_to(CLEAR)
    assert [finding.code for finding in market.sealed().findings][:1] == ["solution_ignored"]


def test_a_solution_comes_in_pieces_and_each_limit_holds(market: Market) -> None:
    """Pieces of a fixed size, in order, once each, with the hash of all; so many of a group, and of an auction."""
    rules, (auction_id, (ask, *_)) = RULES[LATEST], trapped(market)
    each = rules.max_solution_blocks
    first, second = proposal(auction_id, *((f"bid-{nth}-9", ask) for nth in range(each + 1)))
    market.refused("gpu-2", second, Code.SOLUTION_NOT_VALID)
    market.refused("gpu-2", replace(first, blocks=first.blocks[1:]), Code.SOLUTION_NOT_VALID)
    market.refused("gpu-2", replace(first, blocks=(*first.blocks, *second.blocks)), Code.OVER_LIMIT)
    market.refused("gpu-2", replace(first, blocks=first.blocks[:1] * 2), Code.DUPLICATE_ITEM)
    most = -(-rules.max_auction_blocks // each)
    market.refused("gpu-2", replace(first, pieces=most + 1), Code.SOLUTION_NOT_VALID)
    late = replace(second.blocks[0], first_hour=FIRST + 4)
    market.refused("gpu-2", replace(second, piece=0, pieces=1, blocks=(late,)), Code.NOT_IN_AUCTION)
    market.refused("gpu-2", replace(second, piece=0, pieces=1), Code.SOLUTION_NOT_VALID)
    market.do("gpu-2", first)
    market.advance_to(LOCK + HOUR // 2)  # in the same instant it is the same command
    market.refused("gpu-2", first, Code.ALREADY_EXISTS)
    market.refused("gpu-2", replace(second, pieces=3), Code.SOLUTION_NOT_VALID)
    market.do("gpu-2", second)
    others = [proposal(auction_id, (f"bid-{nth}-8", ask))[0] for nth in range(rules.max_auction_solutions_per_group)]
    for other in others[1:]:
        market.do("gpu-2", other)
    market.refused("gpu-2", others[0], Code.OVER_LIMIT)
    unfinished = replace(first, solver="another")
    market.do("gpu-1", unfinished)
    market.refused("gpu-1", replace(second, solver="built-in"), Code.SOLUTION_NOT_VALID)
    with patch.object(Directory, "related_to", lambda _directory, _party: ()):  # as if each came from another group
        strangers = [proposal(auction_id, (f"bid-{nth}-1", ask))[0] for nth in range(rules.max_auction_solutions - 2)]
        market.do("city", *strangers)
        market.refused("city", proposal(auction_id, ("bid-1-2", ask))[0], Code.OVER_LIMIT)
        market.do("city", *(replace(first, solver=f"begun-{nth}") for nth in range(rules.max_auction_solutions)))
    ((displaced,), (begun,)) = (market.events("matching", SolutionJudged), [
        each for each in market.events("matching", SolutionReceived) if each.solver == "another"
    ])  # fmt: skip
    assert (displaced.solution_id, displaced.verdict) == (begun.solution_id, "incomplete")
    market.advance_to(CLEAR)
    verdicts = [each.verdict for each in market.events("matching", SolutionJudged)[1:]]
    assert verdicts == ["not_better"] * rules.max_auction_solutions + ["incomplete"] * rules.max_auction_solutions
    market.refused("gpu-2", others[0], Code.UNKNOWN_AUCTION)
