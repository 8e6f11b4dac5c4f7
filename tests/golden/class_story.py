"""The part of the golden story about accelerator classes of which more is said, from version 9 of the rules on."""

from __future__ import annotations

from dataclasses import fields, replace

from counterfoil.accelerators import bundled_class
from counterfoil.contract.accelerators import FloorPrice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.commands import AmendBid, CancelBid, CancelOffer
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.inventory_commands import AttestInventory, PostOfferAtSite
from tests.documents import document, publishing
from tests.golden.steps import done, offer, performance_bid, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN, accelerator

PROGRAMME = "p95"
FLOOR = FloorPrice(currency="CNY", price=4 * YUAN)
ASCEND = bundled_class("ascend-910b", "ascend-910b", floor_prices=(FLOOR,))


def tell(world: GoldenWorld) -> None:
    """A class that can be compared, and one whose figures are withheld; what no class can be is refused."""
    done(world, "operator", ASCEND)
    done(world, "operator", bundled_class("cambricon-mlu590", "mlu590"))
    again = replace(ASCEND, version=2)
    refused(world, "operator", Code.VERSION_NOT_NEXT, ASCEND)
    plain = replace(accelerator("a100", 2), class_id=ASCEND.class_id)
    refused(world, "operator", Code.CLASS_DESCRIBED, plain)
    refused(world, "operator", Code.DUPLICATE_ITEM, replace(again, floor_prices=(FLOOR, FLOOR)))
    refused(world, "operator", Code.UNKNOWN_CURRENCY, replace(again, floor_prices=(replace(FLOOR, currency="XQQ"),)))
    refused(world, "operator", Code.PRICE_OFF_TICK, replace(again, floor_prices=(replace(FLOOR, price=1),)))
    _bid_by_performance(world)
    _inventory(world)


def _bid_by_performance(world: GoldenWorld) -> None:
    """A dear board and a cheap one: 3.60 for 304 TFLOPS is less than 3.30 for 250; neither limit can be changed."""
    slow = replace(ASCEND, class_id="slow", bf16_mtflops_attested=250_000, floor_prices=())
    done(world, "operator", slow)
    done(world, "city", *publishing(document(id=PROGRAMME, scope={"classes": "ANY", "regions": ["east"]})))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-1"))
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=900 * YUAN))
    done(world, "bank", Deposit(party_id="gpu-1", currency="CNY", amount=99 * YUAN, payment_reference="by performance"))
    world.clock += SECOND
    world.settle()
    cents = YUAN // 100
    done(world, "gpu-1", offer(world, class_id="slow", nodes=1, price=330 * cents))
    bonded = done(world, "gpu-1", offer(world, class_id="ascend-910b", nodes=1, price=360 * cents))
    assert bonded.floor_price == FLOOR.price
    wanted = performance_bid(world, programme_id=PROGRAMME, limit_price=14 * YUAN)
    placed = done(world, "lab-1", wanted)
    assert [each.class_id for each in placed.limits] == ["ascend-910b", "slow"]
    trades = [each for entry in world.entries()["matching"] for each in entry.events if isinstance(each, TradeMatched)]
    assert (trades[-1].bid_id, trades[-1].class_id) == (placed.bid_id, "ascend-910b")
    rests = done(world, "lab-1", replace(wanted, limit_price=YUAN))
    amend = AmendBid(bid_id=rests.bid_id, reduce_nodes_by=None, limit_price=2 * YUAN)
    refused(world, "lab-1", Code.PRICED_BY_PERFORMANCE, amend)
    named = replace(wanted.require, classes=("mlu590",))
    refused(world, "lab-1", Code.PERFORMANCE_UNKNOWN, replace(wanted, require=named))
    refused(
        world, "lab-1", Code.NO_CLASS_ADMITTED, replace(wanted, require=replace(named, classes=(), min_mem_mb=10**9))
    )
    done(world, "lab-1", CancelBid(bid_id=rests.bid_id))


def _inventory(world: GoldenWorld) -> None:
    """A class that is offered from attested sites alone: the second node of one is refused, then fewer are attested."""
    done(world, "operator", replace(ASCEND, version=2, inventory_attested=True))
    world.settle()
    plain = offer(world, class_id="ascend-910b", nodes=1, price=360 * YUAN // 100)
    at_site = PostOfferAtSite(site_id="hall-1", **{each.name: getattr(plain, each.name) for each in fields(plain)})
    stock = AttestInventory(provider_id="gpu-1", site_id="hall-1", class_id="ascend-910b", nodes=1, source="visit")
    refused(world, "gpu-1", Code.SITE_NEEDED, plain)
    refused(world, "gpu-1", Code.EXCEEDS_INVENTORY, at_site)
    refused(world, "operator", Code.PARTY_NOT_A_PROVIDER, replace(stock, provider_id="lab-1"))
    done(world, "operator", stock)
    sited = done(world, "gpu-1", at_site)
    refused(world, "gpu-1", Code.EXCEEDS_INVENTORY, at_site)
    assert done(world, "operator", replace(stock, nodes=0)).committed == 1
    done(world, "gpu-1", CancelOffer(offer_id=sited.offer_id))
