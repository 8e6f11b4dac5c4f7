"""Outside auctions, too, no order has a price far from what its market refers to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.rules import LATEST, RULES
from counterfoil.matching.collar_commands import SetPriceCollar
from counterfoil.matching.collar_events import PriceCollarSet, ReferencePriceSet
from counterfoil.matching.collar_state import Collar
from counterfoil.matching.commands import AmendBid, AmendOffer
from tests.matching.test_halts import OPERATOR
from tests.matching.world import BID, OFFER, YUAN, Market

COLLAR = SetPriceCollar(
    class_id="a100", region="east", currency="CNY", collar_bps=5_000, reference_price=20 * YUAN, reason="calm"
)  # 10.00 to 30.00
EDGES = [(10 * YUAN, True), (10 * YUAN - 10_000, False), (30 * YUAN, True), (30 * YUAN + 10_000, False)]


BAND = {"class_id": "a100", "least": str(10 * YUAN), "most": str(30 * YUAN)}


def accepted(market: Market) -> bool:
    return not isinstance(market.last, Refusal)


def collared() -> Market:
    market = Market(OPERATOR)
    market.when(COLLAR, "op").then_types(PriceCollarSet, ReferencePriceSet)
    return market


@pytest.mark.parametrize(("price", "fits"), EDGES)
def test_an_order_is_within_the_band_as_it_comes_and_as_it_is_amended(price: int, fits: bool) -> None:
    market = collared()
    bid_id, offer_id = market.place(limit_price=11 * YUAN), market.post(price=29 * YUAN)
    given: list[tuple[Any, str]] = [
        (replace(BID, limit_price=price), "lab-1"),
        (replace(BID, limit_price=price, classes=("h100", "a100")), "lab-1"),
        (replace(OFFER, price=price), "gpu-1"),
        (AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=price), "lab-1"),
        (AmendOffer(offer_id=offer_id, reduce_nodes_by=None, price=price), "gpu-1"),
    ]
    for body, actor in given:
        market.when(body, actor)
        if fits:
            assert accepted(market)
        else:
            market.refused(Code.PRICE_OUTSIDE_COLLAR)
            assert isinstance(market.last, Refusal)
            assert dict(market.last.detail) == BAND
    others: list[dict[str, Any]] = [{"region": "west"}, {"class_id": "h100"}, {"currency": "USD"}]
    for elsewhere in others:
        assert accepted(market.when(replace(OFFER, price=price, **elsewhere), "gpu-1"))


def test_a_market_without_a_reference_or_whose_collar_is_taken_away_has_none() -> None:
    market = Market(OPERATOR)
    market.when(replace(COLLAR, reference_price=None), "op").then_types(PriceCollarSet)
    far = replace(OFFER, price=90 * YUAN)
    assert accepted(market.when(far, "gpu-1"))
    market.when(COLLAR, "op").then_types(PriceCollarSet, ReferencePriceSet)
    market.when(far, "gpu-1").refused(Code.PRICE_OUTSIDE_COLLAR)
    market.when(replace(COLLAR, collar_bps=None, reference_price=None), "op").then_types(PriceCollarSet)
    assert accepted(market.when(far, "gpu-1"))
    assert market.state.collars["a100", "east", "CNY"] == Collar(3, None)


FAULTS: list[tuple[dict[str, Any], Code]] = [
    ({"class_id": "none"}, Code.UNKNOWN_CLASS),
    ({"currency": "GPU_HOUR"}, Code.PRICE_NOT_AT_PAR),
    ({"currency": "ABC"}, Code.UNKNOWN_CURRENCY),
    ({"reference_price": 1}, Code.PRICE_OFF_TICK),
    ({"collar_bps": None}, Code.COLLAR_NOT_VALID),  # none is there, and a reference without a collar bounds nothing
]


@pytest.mark.parametrize(("terms", "code"), FAULTS)
def test_refused_collars(terms: dict[str, Any], code: Code) -> None:
    market = Market(OPERATOR)
    market.when(replace(COLLAR, **terms), "op").refused(code)


def test_nobody_names_a_reference_where_an_auction_has() -> None:
    market = collared()
    of = "a100", "east", "CNY"
    market.state.reference_prices[of] = market.state.reference_prices[of]._replace(of_auction=True)
    market.when(COLLAR, "op").refused(Code.COLLAR_NOT_VALID)
    market.when(replace(COLLAR, reference_price=None), "op").then_types(PriceCollarSet)


@pytest.mark.parametrize(("beyond", "refused"), [(1, False), (0, True)])
def test_so_many_markets_have_a_collar(beyond: int, refused: bool) -> None:
    market = Market(OPERATOR)
    for nth in range(RULES[LATEST].max_collars - beyond):
        market.state.collars["h100", f"r{nth}", "CNY"] = Collar(1, 1)
    if refused:
        market.when(COLLAR, "op").refused(Code.OVER_LIMIT)
    else:
        assert accepted(market.when(COLLAR, "op"))
    assert accepted(market.when(replace(COLLAR, class_id="h100", region="r0", reference_price=None), "op"))
