"""The part of the golden story about batch auctions, from version 9 of the rules on."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.matching.auction.book import Placement
from counterfoil.matching.auction_commands import (
    BidInAuction,
    CancelAuction,
    ImproveOrder,
    OfferInAuction,
    ReservePoint,
    ScheduleAuction,
)
from counterfoil.matching.auction_events import AuctionCleared, TradeCleared
from counterfoil.matching.collar_commands import SetPriceCollar
from counterfoil.matching.commands import CancelBid, PostOffer
from counterfoil.matching.solution_commands import PlacedBlock, ProposeSolution
from counterfoil.matching.solution_events import SolutionJudged
from counterfoil.matching.solutions import digest_of
from tests.documents import document, publishing
from tests.golden.steps import done, hour, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "p90"


def tell(world: GoldenWorld) -> None:
    """One auction clears with an hourly bid and a block, one is cancelled, and one is for hours that pass meanwhile."""
    done(world, "city", *publishing(document(id=PROGRAMME)))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=900 * YUAN))
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-1"))
    first = hour(world) + 30
    auction = ScheduleAuction(
        programmes=(PROGRAMME,), classes=("a100",), region="east", first_hour=first, hours=2,
        locks_at=world.clock + 2 * HOUR, clears_at=world.clock + 3 * HOUR, reference_price=2 * YUAN, collar_bps=10_000,
        caps="pro_rata", cap_bps=5_000, rsi_bps=11_000, cover_bps=10_000, pivotal_bps=1_000, reserve_price=YUAN,
        reserve_points=(ReservePoint(utilisation_bps=5_000, factor_bps=10_000),),
    )  # fmt: skip
    refused(world, "operator", Code.AUCTION_NOT_VALID, replace(auction, hours=25))
    _collared(world)
    auction_id = done(world, "operator", auction).auction_id
    offered = OfferInAuction(
        auction_id=auction_id, class_id="a100", nodes=4, window_start=first, window_end=first + 2, price=3 * YUAN,
        bond_bps=2_000,
    )  # fmt: skip
    refused(world, "gpu-1", Code.UNKNOWN_AUCTION, replace(offered, auction_id="auc-1-0"))
    refused(world, "gpu-1", Code.PRICE_OUTSIDE_COLLAR, replace(offered, price=5 * YUAN))
    offer_id = done(world, "gpu-1", offered).order_id
    block = BidInAuction(
        auction_id=auction_id, programme_id=PROGRAMME, voucher_ids=(), nodes=1, hours=2, earliest=first, latest=first,
        limit_price=3 * YUAN, divisible=False,
    )  # fmt: skip
    refused(world, "lab-1", Code.NOT_IN_AUCTION, replace(block, earliest=first + 1, latest=first + 1))
    refused(world, "lab-1", Code.AUCTION_NOT_LOCKED, solution(auction_id, Placement("bid-1-0", 0, offer_id), first))
    block_id = done(world, "lab-1", block).order_id
    bid_id = done(world, "lab-1", replace(block, hours=1, limit_price=2 * YUAN, divisible=True)).order_id
    _other_auctions(world, auction, offered)
    world.clock += 2 * HOUR + 1
    world.settle()
    refused(world, "lab-1", Code.AUCTION_NOT_OPEN, CancelBid(bid_id=bid_id))
    refused(world, "lab-1", Code.PRICE_NOT_BETTER, ImproveOrder(order_id=bid_id, price=2 * YUAN))
    done(world, "lab-1", ImproveOrder(order_id=bid_id, price=4 * YUAN))
    done(world, "gpu-1", ImproveOrder(order_id=offer_id, price=2 * YUAN))
    proposed = solution(auction_id, Placement(block_id, 0, offer_id), first)
    refused(world, "lab-1", Code.SOLUTION_NOT_VALID, replace(proposed, piece=1))
    done(world, "lab-1", proposed)
    world.clock += HOUR
    world.settle()
    happened = [event for entry in world.entries()["matching"] for event in entry.events]
    assert sum(isinstance(event, AuctionCleared) for event in happened) == 1
    assert sum(isinstance(event, TradeCleared) for event in happened) == 2
    assert [event.verdict for event in happened if isinstance(event, SolutionJudged)] == ["not_better"]
    world.clock += 40 * HOUR
    world.settle()
    _of_four(world, auction)


def _of_four(world: GoldenWorld, auction: ScheduleAuction) -> None:
    """An auction in which four groups trade: what it trades at is the reference of its market from then on."""
    programme, first = "p91", hour(world) + 30
    done(world, "city", *publishing(document(id=programme)))
    done(world, "city", AppropriateBudget(programme_id=programme, amount=900 * YUAN, document=programme))
    for lab in ("lab-1", "lab-2"):
        done(world, "city", IssueVoucher(programme_id=programme, beneficiary_id=lab, amount=100 * YUAN))
    for provider in ("gpu-1", "gpu-2"):
        done(world, "city", ListProvider(programme_id=programme, provider_id=provider))
    auction = replace(
        auction, programmes=(programme,), first_hour=first, locks_at=world.clock + HOUR,
        clears_at=world.clock + 2 * HOUR, caps="none",
    )  # fmt: skip
    auction_id = done(world, "operator", auction).auction_id
    offered = OfferInAuction(
        auction_id=auction_id, class_id="a100", nodes=1, window_start=first, window_end=first + 2, price=2 * YUAN,
        bond_bps=2_000,
    )  # fmt: skip
    bid = BidInAuction(
        auction_id=auction_id, programme_id=programme, voucher_ids=(), nodes=1, hours=2, earliest=first, latest=first,
        limit_price=3 * YUAN, divisible=False,
    )  # fmt: skip
    for provider, lab in (("gpu-1", "lab-1"), ("gpu-2", "lab-2")):
        done(world, provider, offered)
        done(world, lab, bid)
    world.clock += 2 * HOUR + 1
    world.settle()
    happened = (event for entry in world.entries()["matching"] for event in entry.events)
    assert [event.groups for event in happened if isinstance(event, AuctionCleared)][-1] == 4


def _collared(world: GoldenWorld) -> None:
    """Prices of a market that nothing else trades in are bound to a reference, then to none."""
    collar = SetPriceCollar(
        class_id="a100", region="north", currency="CNY", collar_bps=5_000, reference_price=2 * YUAN, reason="Calm"
    )
    done(world, "operator", collar)
    far = PostOffer(
        class_id="a100", region="north", currency="CNY", nodes=1, window_start=hour(world) + 30,
        window_end=hour(world) + 31, price=4 * YUAN, min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC",
        good_until=None, stp="taker",
    )  # fmt: skip
    refused(world, "gpu-1", Code.PRICE_OUTSIDE_COLLAR, far)
    refused(world, "operator", Code.COLLAR_NOT_VALID, replace(collar, collar_bps=None))
    done(world, "operator", replace(collar, collar_bps=None, reference_price=None))


def solution(auction_id: str, block: Placement, first_hour: int) -> ProposeSolution:
    """A solution of one block."""
    placed = PlacedBlock(bid_id=block.block_id, first_hour=first_hour + block.start, offer_id=block.ask_id)
    return ProposeSolution(
        auction_id=auction_id, solver="by-hand", sha256=digest_of((block,)), piece=0, pieces=1, blocks=(placed,)
    )


def _other_auctions(world: GoldenWorld, auction: ScheduleAuction, offered: OfferInAuction) -> None:
    """One with an offer that the operator cancels."""
    other = done(world, "operator", replace(auction, hours=1)).auction_id
    done(world, "gpu-1", replace(offered, auction_id=other, window_end=offered.window_start + 1))
    done(world, "operator", CancelAuction(auction_id=other, reason="No power"))
