"""The part of the golden story about orders that come to fit while they rest, from version 8 of the rules on."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.commands import AmendBid, CancelOwnOrders
from counterfoil.matching.events import TradeMatched
from tests.documents import document, publishing
from tests.golden.steps import bid, done, hour, offer, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "p80"


def tell(world: GoldenWorld) -> None:
    """A bid is reduced to what is there; a trade leaves less than a minimum; who is listed has an offer that rests."""
    done(world, "city", *publishing(document(id=PROGRAMME)))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=900 * YUAN))
    world.clock += SECOND
    world.settle()
    later = done(world, "gpu-2", offer(world, price=YUAN)).offer_id
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-1"))
    waiting = done(world, "gpu-1", offer(world, price=YUAN, nodes=1)).offer_id
    large = placed(world, nodes=3)
    parts = placed(world, nodes=3, partial=True, min_nodes=2)
    assert not traded(world, large, parts)
    done(world, "lab-1", AmendBid(bid_id=large, reduce_nodes_by=2, limit_price=None))
    assert traded(world, large) == [waiting]
    second = done(world, "gpu-1", offer(world, price=YUAN, window_end=offer(world).window_start + 2)).offer_id
    assert traded(world, parts) == [second, waiting]
    last = placed(world, nodes=2)
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-2"))
    assert traded(world, last) == [later]
    refused(world, "lab-1", Code.UNKNOWN_ORDER, CancelOwnOrders(programme_id=PROGRAMME))
    low = placed(world, limit_price=YUAN // 2)
    done(world, "lab-1", CancelOwnOrders(programme_id=PROGRAMME))
    assert low not in world.state("matching").bids


def left_crossed(world: GoldenWorld) -> tuple[str, str]:
    """By rules that let them rest: a bid that was reduced to what there is, and the offer that it fits."""
    start = hour(world) + 60
    done(world, "bank", Deposit(party_id="lab-1", currency="CNY", amount=99 * YUAN, payment_reference="crossed"))
    small = offer(world, nodes=1, price=YUAN, window_start=start, window_end=start + 2)
    offer_id = done(world, "gpu-1", small).offer_id
    bid_id = done(world, "lab-1", bid(world, nodes=2, earliest=start, latest=start, limit_price=YUAN)).bid_id
    done(world, "lab-1", AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None))
    book = world.state("matching").book
    assert book.bid(bid_id) is not None is not book.offer(offer_id)
    return bid_id, offer_id


def placed(world: GoldenWorld, **terms: Any) -> str:
    """A bid in the programme."""
    terms = {"programme_id": PROGRAMME, "limit_price": YUAN, **terms}
    return str(done(world, "lab-1", bid(world, **terms)).bid_id)


def traded(world: GoldenWorld, *bid_ids: str) -> list[str]:
    """The offers that these bids traded with."""
    trades = (each for entry in world.entries()["matching"] for each in entry.events if isinstance(each, TradeMatched))
    return [trade.offer_id for trade in trades if trade.bid_id in bid_ids]
