"""The part of the golden story about position limits, from version 10 of the rules on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.commands import PlaceBid
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.matching.position_events import PositionsCounted
from tests.documents import document, publishing
from tests.golden.steps import bid, done, hour, offer, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "bounded"
PLACE = "farthest"
DAYS = 4


def tell(world: GoldenWorld) -> None:
    """A bid waits for the limit of its group alone, until more is offered and counted; then the limit ends."""
    done(world, "city", *publishing(document(id=PROGRAMME, scope={"classes": "ANY", "regions": [PLACE]})))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-1"))
    done(world, "bank", Deposit(party_id="gpu-1", currency="CNY", amount=900 * YUAN, payment_reference=PROGRAMME))
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=900 * YUAN))
    world.clock += SECOND
    world.settle()
    limit = SetPositionLimit(class_id="a100", region=PLACE, share_bps=5_000, least=0, reason="Few hold most of it")
    refused(world, "operator", Code.POSITION_LIMIT_NOT_VALID, replace(limit, share_bps=None))
    first = (hour(world) // 24 + DAYS) * 24
    window: dict[str, Any] = {"region": PLACE, "window_start": first, "window_end": first + 2, "price": 2 * YUAN}
    done(world, "gpu-1", offer(world, nodes=4, **window))
    done(world, "operator", limit)
    wanted = bid(
        world, programme_id=PROGRAMME, regions=(PLACE,), nodes=2, hours=2, earliest=first, latest=first,
        limit_price=2 * YUAN,
    )  # fmt: skip
    done(world, "lab-1", wanted)
    waiting = done(world, "lab-1", replace(wanted, nodes=1)).bid_id
    assert waiting in world.state("matching").bids
    done(world, "gpu-1", offer(world, nodes=2, **window))
    assert waiting in world.state("matching").bids
    world.clock = (hour(world) + 1) * HOUR + SECOND
    world.settle()
    events = [each for entry in world.entries()["matching"] for each in entry.events]
    assert [each.bid_id for each in events if isinstance(each, TradeMatched)][-1] == waiting
    assert sum(isinstance(each, PositionsCounted) for each in events) == 2
    done(world, "operator", replace(limit, share_bps=None))
    _counted(world, replace(wanted, nodes=1, limit_price=YUAN))


def _counted(world: GoldenWorld, wanted: PlaceBid) -> None:
    """One order is free, and the next one is refused, until the limit ends."""
    limit = SetOrderLimit(orders_per_trade=1, free=1, reason="Orders that never trade")
    refused(world, "operator", Code.ORDER_LIMIT_NOT_VALID, replace(limit, orders_per_trade=None))
    done(world, "operator", limit)
    assert done(world, "lab-1", wanted).orders == 1
    refused(world, "lab-1", Code.ORDERS_EXCEED_TRADES, wanted)
    done(world, "operator", replace(limit, orders_per_trade=None))
    done(world, "lab-1", wanted)
