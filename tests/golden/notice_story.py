"""Contracts that their provider gives up with notice: another offer is dearer, or none is there; and one both end."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.times import SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import Deposit
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption.commands import AgreeCancellation, ProposeCancellation, WithdrawDelivery
from tests.documents import document, publishing
from tests.golden.steps import bid, done, hour, offer
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "noticed"
AHEAD = 80


def tell(world: GoldenWorld) -> None:
    """Eighty hours ahead a quarter of the bond is forfeited at least."""
    done(world, "city", *publishing(document(id=PROGRAMME, scope={"classes": "ANY", "regions": ["east"]})))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    for provider in ("gpu-1", "gpu-2"):
        done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id=provider))
        done(
            world,
            "bank",
            Deposit(party_id=provider, currency="CNY", amount=99 * YUAN, payment_reference=PROGRAMME + provider),
        )
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=900 * YUAN))
    world.clock += SECOND
    world.settle()
    first, second, third = (_sold(world) for _ in range(3))
    done(world, "gpu-1", WithdrawDelivery(contract_id=first, reason="sold twice"))
    done(world, "gpu-2", offer(world, nodes=1, price=4 * YUAN, **_window(world)))
    done(world, "gpu-1", WithdrawDelivery(contract_id=second, reason="sold twice"))
    divided = [each for entry in world.entries()["ledger"] for each in entry.events if isinstance(each, BondDivided)]
    assert [each.cover is None for each in divided[-2:]] == [True, False]
    done(world, "lab-1", ProposeCancellation(contract_id=third, reason="no model"))
    done(world, "gpu-1", AgreeCancellation(contract_id=third))


def _window(world: GoldenWorld) -> dict[str, Any]:
    return {"window_start": hour(world) + AHEAD, "window_end": hour(world) + AHEAD + 2, "class_id": "a100"}


def _sold(world: GoldenWorld) -> str:
    done(world, "gpu-1", offer(world, nodes=1, price=3 * YUAN, **_window(world)))
    start = hour(world) + AHEAD
    wanted = bid(world, programme_id=PROGRAMME, hours=2, earliest=start, latest=start, limit_price=3 * YUAN)
    placed = done(world, "lab-1", wanted)
    trades = [each for entry in world.entries()["matching"] for each in entry.events if isinstance(each, TradeMatched)]
    assert trades[-1].bid_id == placed.bid_id
    return str(trades[-1].trade_id)
