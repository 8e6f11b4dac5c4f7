"""The part of the golden story about accelerator classes of which more is said, from version 9 of the rules on."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.accelerators import bundled_class
from counterfoil.contract.accelerators import FloorPrice
from counterfoil.contract.refusals import Code
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

FLOOR = FloorPrice(currency="CNY", price=4 * YUAN)
ASCEND = bundled_class("ascend-910b", "ascend-910b", floor_prices=(FLOOR,))


def tell(world: GoldenWorld) -> None:
    """A class that can be compared, and one whose figures are withheld; what no class can be is refused."""
    done(world, "operator", ASCEND)
    done(world, "operator", bundled_class("cambricon-mlu590", "mlu590"))
    again = replace(ASCEND, version=2)
    refused(world, "operator", Code.VERSION_NOT_NEXT, ASCEND)
    refused(world, "operator", Code.DUPLICATE_ITEM, replace(again, floor_prices=(FLOOR, FLOOR)))
    refused(world, "operator", Code.UNKNOWN_CURRENCY, replace(again, floor_prices=(replace(FLOOR, currency="XQQ"),)))
    refused(world, "operator", Code.PRICE_OFF_TICK, replace(again, floor_prices=(replace(FLOOR, price=1),)))
