"""Every order that a command can ask for, up to the end of 2199, is received, admitted, matched, changed and ended.

A bound of the book that a legal order exceeds would stop the service for ever: nothing makes an entry of a crash. The
hours beyond 2^20, in the year 2089, were such a bound.
"""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import Entry, TimerCause
from counterfoil.contract.limits import MAX_BID_HOURS, MAX_NODES
from counterfoil.contract.times import END_OF_HOURS, HOUR, format_hour, parse_hour, parse_time
from counterfoil.core.rules import RULES
from counterfoil.issuance.events import ProviderListed
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer
from counterfoil.vocabulary import CODEC
from tests.matching.world import BID, DECIDER, OFFER, Market, programme

LAST_HOUR = END_OF_HOURS - 1
LAST_TIME = parse_time("2199-12-31T23:59:59.999999Z")
HORIZON = RULES[1].max_horizon_hours
WINDOW = RULES[1].max_window_hours
# The hour in which the orders come: the middle is the year 2089, where hours leave 20 binary digits.
NOWS = [(1 << 20) - WINDOW // 2, LAST_HOUR - HORIZON, LAST_HOUR - WINDOW, LAST_HOUR - MAX_BID_HOURS - 2]


class LateMarket(Market):
    """The usual market at a late hour, with a programme that is open for ever; what it says can be read back."""

    def __init__(self, now: int, version: int) -> None:
        always: dict[str, Any] = {"valid_from": 0, "valid_until": LAST_TIME}
        super().__init__(programme("always", **always), rules=version)
        self.reacts_to(ProviderListed(programme_id="always", provider_id="gpu-1"), now * HOUR)

    def read_back(self) -> None:
        """Each event survives the way to its bytes and back."""
        for index, (event, at) in enumerate(self.history):
            entry = Entry(
                "here.example/matching/main", index, f"timer/{index}", at.time, "order_expiry",
                TimerCause("order_expiry", at.time), False, (), (event,),
            )  # fmt: skip
            assert CODEC.decode_entry(encode_entry(entry)) == entry


@pytest.fixture(params=[(now, version) for now in NOWS for version in sorted(RULES)], ids=str)
def market(request: pytest.FixtureRequest) -> LateMarket:
    """A market at each of the late hours, under each version of the rules."""
    return LateMarket(*request.param)


def largest(now: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The largest offer and bid that may come at an hour, as late as may be."""
    end = min(now + HORIZON, LAST_HOUR)
    offer = {"nodes": MAX_NODES, "window_start": max(end - WINDOW, 0), "window_end": end, "price": OFFER.price // 100}
    hours = min(MAX_BID_HOURS, end - now - 2)
    latest = end - hours
    bid = {
        "nodes": MAX_NODES, "hours": hours, "earliest": max(latest - WINDOW, 0), "latest": latest,
        "programme_id": "always", "limit_price": BID.limit_price // 100,
    }  # fmt: skip
    return offer, bid


def test_the_last_hour_is_the_last_that_can_be_written() -> None:
    assert parse_hour(format_hour(LAST_HOUR)) == LAST_HOUR
    assert LAST_TIME // HOUR == LAST_HOUR
    with pytest.raises(ValueError, match="not a date"):
        parse_hour(format_hour(END_OF_HOURS))


@pytest.mark.parametrize("tif", ["GTC", "GTD", "IOC", "FOK"])
@pytest.mark.parametrize("first", ["offer", "bid"])
def test_the_largest_orders_match_whichever_comes_first(market: LateMarket, tif: Any, first: str) -> None:
    now = market.time // HOUR
    offer, bid = largest(now)
    dated: dict[str, Any] = {"tif": tif, "good_until": LAST_TIME if tif == "GTD" else None}
    if first == "offer":
        market.post(**offer)
        market.place(**bid, **dated)
    else:
        market.place(**bid)
        market.post(**offer, **dated if tif != "FOK" else {})
    assert [trade[2] for trade in market.trades()] == [MAX_NODES]
    assert market.replayed().book.digest() == market.state.book.digest()
    market.read_back()


def test_the_latest_hour_may_be_asked_for(market: LateMarket) -> None:
    """Even if its block would end after the last year: it rests, changes and ends like any other bid."""
    now = market.time // HOUR
    latest = min(now + HORIZON - 2, LAST_HOUR)
    terms: dict[str, Any] = {"earliest": latest, "latest": latest, "hours": 2, "programme_id": "always"}
    market.post(**largest(now)[0])
    bid_id = market.place(**terms, partial=True, post_only=True, limit_price=10_000)
    assert market.trades() == []
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=1, limit_price=None), "lab-1")
    market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=20_000), "lab-1")
    renewed: Any = market.last[-1]  # type: ignore[index]
    market.hold(renewed.bid_id)
    market.when(CancelBid(bid_id=renewed.bid_id), "lab-1")
    market.read_back()


def test_offers_change_and_orders_end_at_the_end_of_time(market: LateMarket) -> None:
    now = market.time // HOUR
    offer, bid = largest(now)
    offer_id = market.post(**offer)
    market.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=1, price=None), "gpu-1")
    market.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=None, price=offer["price"] + 10_000), "gpu-1")
    renewed: Any = market.last[-1]  # type: ignore[index]
    market.hold(renewed.offer_id)
    market.place(**{**bid, "limit_price": 10_000}, tif="GTD", good_until=LAST_TIME)
    kept = market.post("gpu-2", **offer)
    market.when(CancelOffer(offer_id=kept), "gpu-2")
    while (due := DECIDER.due(market.state)) is not None:
        assert due[0] <= LAST_TIME
        market.fires(due[1], due[0])
    assert not market.state.open_orders
    market.read_back()
