"""The part of the golden story about halts of trading, from version 9 of the rules on."""

from __future__ import annotations

from typing import Any, Final

from counterfoil.contract.refusals import Code
from counterfoil.matching.commands import CancelBid, CancelOffer
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from tests.golden.amendment_story import PROGRAMME
from tests.golden.steps import bid, done, offer, refused
from tests.golden.uncrossing_story import traded
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

ALL: Final[dict[str, Any]] = {"class_id": None, "region": None, "provider_id": None, "reason": "drill"}
MARKET: Final = ALL | {"class_id": "a100", "region": "east"}


def tell(world: GoldenWorld) -> None:
    """A market is halted, orders come that fit, and meet when it goes on."""
    refused(world, "operator", Code.HALT_NOT_VALID, HaltTrading(**ALL | {"region": "east"}))
    refused(world, "operator", Code.TRADING_NOT_HALTED, ResumeTrading(**MARKET))
    done(world, "operator", HaltTrading(**MARKET))
    refused(world, "operator", Code.TRADING_HALTED, HaltTrading(**MARKET))
    low = done(world, "lab-1", bid(world, programme_id=PROGRAMME, limit_price=YUAN)).bid_id
    high = done(world, "lab-1", bid(world, programme_id=PROGRAMME, limit_price=2 * YUAN)).bid_id
    given = offer(world, nodes=1, price=YUAN, window_end=offer(world).window_start + 2)
    given_id = done(world, "gpu-1", given).offer_id
    assert not traded(world, low, high)
    done(world, "operator", ResumeTrading(**MARKET))
    assert traded(world, low, high) == [given_id]
    for each in (low, high):
        if each in world.state("matching").bids:
            done(world, "lab-1", CancelBid(bid_id=each))
    if given_id in world.state("matching").offers:
        done(world, "gpu-1", CancelOffer(offer_id=given_id))
    done(world, "operator", HaltTrading(**ALL), ResumeTrading(**ALL))
