"""Hours that are reclaimed with notice: of a contract in the midst of its delivery, and of one before it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.commands import CancelBid, PlaceBid, PostOffer
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.reclaim_commands import (
    PlaceReclaimableBid,
    PlaceReclaimablePerformanceBid,
    PostReclaimableOffer,
)
from counterfoil.redemption.commands import AcceptUsage, Reading, ReportUsage, WithdrawDelivery
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from tests.documents import document, publishing
from tests.golden.steps import bid, done, hour, offer, performance_bid, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "reclaimed"
AHEAD, HOURS = 4, 6


def tell(world: GoldenWorld) -> None:
    """Two hours of notice, of contracts of six hours: one is reclaimed whole, of the other two hours are delivered."""
    done(world, "city", *publishing(document(id=PROGRAMME, scope={"classes": "ANY", "regions": ["east"]})))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-1"))
    money = Deposit(party_id="gpu-1", currency="CNY", amount=300 * YUAN, payment_reference=PROGRAMME)
    done(world, "bank", money)
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=900 * YUAN))
    world.clock += SECOND
    world.settle()
    _by_performance(world)
    plain = _sold(world, None)
    refused(world, "gpu-1", Code.NOT_RECLAIMABLE, _notice(plain, hour(world) + AHEAD + 2))
    whole, part = _sold(world, 2), _sold(world, 2)
    first = hour(world) + AHEAD
    refused(world, "gpu-1", Code.NOTICE_NEEDED, WithdrawDelivery(contract_id=part, reason="sold twice"))
    refused(world, "gpu-1", Code.HOUR_NOT_IN_CONTRACT, _notice(part, first + HOURS))
    done(world, "gpu-1", _notice(whole, first))
    world.clock = first * HOUR
    world.settle()
    refused(world, "gpu-1", Code.RECLAIM_TOO_SOON, _notice(part, first + 2))
    world.clock = (first + 1) * HOUR - SECOND
    done(world, "gpu-1", _notice(part, first + 3))
    refused(world, "gpu-1", Code.RECLAIM_PENDING, _notice(part, first + 4))
    world.clock = (first + 3) * HOUR + SECOND
    world.settle()
    full = world.state("redemption").contracts[part].hour_capacity
    readings = tuple(Reading(hour=first + nth, gpu_minutes=full) for nth in range(3))
    report = done(world, "gpu-1", ReportUsage(contract_id=part, readings=readings))
    done(world, "lab-1", AcceptUsage(report_id=report.report_id))


def _notice(contract_id: str, at: int) -> ReclaimDelivery:
    return ReclaimDelivery(contract_id=contract_id, hour=at, reason="maintenance")


def _by_performance(world: GoldenWorld) -> None:
    wanted = performance_bid(world, programme_id=PROGRAMME, limit_price=30 * YUAN)
    terms = {each.name: getattr(wanted, each.name) for each in fields(PlacePerformanceBid)}
    asked = done(world, "lab-1", PlaceReclaimablePerformanceBid(min_reclaim_notice_hours=720, **terms))
    done(world, "lab-1", CancelBid(bid_id=asked.bid_id))


def _sold(world: GoldenWorld, notice: int | None) -> str:
    """The contract of a node of the class a100, with or without notice."""
    start = hour(world) + AHEAD
    window: dict[str, Any] = {"window_start": start, "window_end": start + HOURS, "class_id": "a100"}
    sells = offer(world, nodes=1, price=3 * YUAN, **window)
    buys = bid(world, programme_id=PROGRAMME, hours=HOURS, earliest=start, latest=start, limit_price=3 * YUAN)
    if notice is None:
        done(world, "gpu-1", replace(sells, price=2 * YUAN))
        done(world, "lab-1", buys)
    else:
        terms = {each.name: getattr(sells, each.name) for each in fields(PostOffer)}
        done(world, "gpu-1", PostReclaimableOffer(reclaim_notice_hours=notice, site_id=None, **terms))
        asks = {each.name: getattr(buys, each.name) for each in fields(PlaceBid)}
        done(world, "lab-1", PlaceReclaimableBid(min_reclaim_notice_hours=1, **asks))
    trades = [each for entry in world.entries()["matching"] for each in entry.events if isinstance(each, TradeMatched)]
    return str(trades[-1].trade_id)
