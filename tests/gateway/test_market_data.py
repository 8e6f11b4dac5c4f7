"""Quotes, depth by hour and the price index say what the market then does, and name nobody."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from counterfoil.contract.times import HOUR, format_hour
from counterfoil.core.rules import LATEST, RULES
from counterfoil.gateway import market_data
from counterfoil.gateway.bounds import INDEX_DAYS, SHOWN_HOURS
from counterfoil.gateway.indexing import index_of
from counterfoil.gateway.levels import Levels, Market
from counterfoil.gateway.quoting import Asked
from counterfoil.issuance.commands import ListProvider
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.halt_commands import HaltTrading
from counterfoil.matching.orders import Bid
from counterfoil.matching.passes import pass_at
from counterfoil.matching.position_commands import SetPositionLimit
from tests.gateway.harness import Stepped
from tests.gateway.world import BID, FIRST_HOUR, OFFER, UNIT
from tests.matching.test_views import random_flow

BLOCK = {"class_id": "a100", "region": "east", "currency": "USD"}
MARKET: Market = ("a100", "east", "CNY")


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_the_book_of_quotes_is_the_book_of_the_engine(seed: int) -> None:
    """The same offers in the same order with the same hours left; and so the same plan for any bid."""
    market, levels, chance = random_flow(seed, 300), Levels(), Random(seed)
    for event, at in market.decided:
        levels.take(event, at.index)
    engine = market.state.book
    engines = [each for each in engine.records() if each[0] == "offer" and "a100" in each]
    book = levels.on_book(MARKET)
    assert len(engines) > 3
    assert list(book._book.records()) == engines
    sold = [each for each in engines if len(each[-1]) > 1]
    assert sold, "no offer is sold in part"
    time = max(at.time for _, at in market.decided)
    planned = 0
    for nth in range(200):
        bid = Bid(
            bid_id="quote", seq=10**9, beneficiary_id="who", group_id="who", programme_id="", currency="CNY",
            classes=("a100",), regions=("east",), nodes=chance.randint(1, 6), hours=chance.randint(1, 8),
            earliest=min(each.first for each in levels.offers_of(MARKET)), latest=10**6,
            limit_price=chance.randint(9, 14) * 1_000_000, partial=nth % 2 == 0,
        )  # fmt: skip
        now = pass_at(time, RULES[LATEST])
        asked = Asked(bid, now, lambda _offer: True, lambda party: party)
        plan = book.plan(asked)
        eligible, engine._eligible = (
            engine._eligible,
            lambda _bid, offer, at: (until := market.state.offers[offer.offer_id].good_until) is None or until > at,
        )
        assert plan.matches == PTW_1.bid_arrives(engine, bid, "GTC", now._replace(most=1 << 20)).matches
        engine._eligible = eligible
        planned += bool(plan.matches)
    assert planned > 20


@pytest.fixture
def funded(http: Stepped) -> Stepped:
    for each in ("gpu-1", "gpu-2", "lab-1"):
        paid = Deposit(party_id=each, currency="USD", amount=9_000 * UNIT, payment_reference=f"M-{each}")
        http.market.ask("treasury", paid)
    return http


def quote(http: Stepped, nodes: int, hours: int, **more: Any) -> Any:
    answer = http.get("/v1/quote", **BLOCK, nodes=nodes, hours=hours, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_quote_of_what_is_sold_in_part_is_what_the_bid_then_gets(funded: Stepped) -> None:
    """The first hours are full: an estimate by windows and sums said that they could be had."""
    ask = funded.market.ask
    ask("gpu-1", replace(OFFER, price=2 * UNIT), replace(OFFER, price=3 * UNIT, nodes=2))
    ask("lab-1", replace(BID, nodes=3, hours=6, latest=FIRST_HOUR))
    for nodes, hours, price, first in ((2, 3, 2, 6), (1, 6, 2, 0), (4, 48, None, 0), (2, 48, 3, 0)):
        found = quote(funded, nodes, hours, programme_id="p1", earliest=format_hour(FIRST_HOUR))
        if price is None:
            assert (found["fills"], found["nodes_left"], found["cost"]) == ([], nodes, "0")
            continue
        (fill,) = found["fills"]
        assert (fill["price"], fill["first_hour"]) == (str(price * UNIT), format_hour(FIRST_HOUR + first))
        assert fill["cost"] == found["cost"] == str(price * UNIT * nodes * 8 * hours)
        assert set(fill) == {"price", "nodes", "gpus_per_node", "first_hour", "cost"}  # nobody's name, no order
    before = quote(funded, 2, 3, programme_id="p1", earliest=format_hour(FIRST_HOUR))["fills"][0]
    ask("lab-1", replace(BID, nodes=2, hours=3, latest=FIRST_HOUR + 40))
    trade = funded.get("/v1/trades", order="newest", limit=1).json()["items"][0]
    assert (trade["price"], trade["first_hour"], trade["nodes"], trade["notional"]) == (
        before["price"], before["first_hour"], before["nodes"], before["cost"],
    )  # fmt: skip


def test_a_quote_counts_the_offers_that_the_programme_pays_and_no_halt_stops(funded: Stepped) -> None:
    ask = funded.market.ask
    ask("gpu-2", replace(OFFER, price=1 * UNIT))
    ask("gpu-1", replace(OFFER, price=2 * UNIT))
    assert quote(funded, 1, 2)["fills"][0]["price"] == str(UNIT)
    assert quote(funded, 1, 2, programme_id="p1")["fills"][0]["price"] == str(2 * UNIT)
    assert quote(funded, 1, 2, programme_id="p1", limit_price=2 * UNIT - 1)["fills"] == []
    assert quote(funded, 1, 2, programme_id="p9")["fills"] == []
    ask("city", ListProvider(programme_id="p1", provider_id="gpu-2"))
    assert quote(funded, 1, 2, programme_id="p1")["fills"][0]["price"] == str(UNIT)
    first = format_hour(FIRST_HOUR)
    parts = quote(funded, 6, 2, programme_id="p1", min_nodes=1, earliest=first, latest=first)
    assert [(each["nodes"], each["price"]) for each in parts["fills"]] == [(4, str(UNIT)), (2, str(2 * UNIT))]
    assert not quote(funded, 1, 2)["position_limited"]
    ask("operator", SetPositionLimit(class_id="a100", region="east", share_bps=2_000, least=1, reason="Few hold most"))
    assert quote(funded, 1, 2)["position_limited"]
    ask("operator", HaltTrading(class_id=None, region=None, provider_id="gpu-2", reason="Meters are wrong"))
    assert quote(funded, 1, 2)["fills"][0]["price"] == str(2 * UNIT)


def test_depth_by_hour_is_what_each_hour_has_left(funded: Stepped) -> None:
    ask = funded.market.ask
    ask("gpu-1", replace(OFFER, price=2 * UNIT), replace(OFFER, price=3 * UNIT, nodes=2))
    ask("lab-1", replace(BID, nodes=4, hours=6, latest=FIRST_HOUR))
    found = funded.get("/v1/depth/hours", **BLOCK, first=format_hour(FIRST_HOUR - 1), hours=50).json()["hours"]
    shown = [(each["nodes"], each["lowest_price"], each["nodes_at_lowest"]) for each in found]
    full, part = (2, str(3 * UNIT), 2), (6, str(2 * UNIT), 4)
    assert shown == [(0, None, 0), *[full] * 6, *[part] * 42, (0, None, 0)]
    assert found[1]["hour"] == format_hour(FIRST_HOUR)


def test_the_index_names_the_price_of_the_middle_hour(funded: Stepped) -> None:
    ask = funded.market.ask
    ask("gpu-1", replace(OFFER, price=2 * UNIT))
    ask("lab-1", replace(BID, nodes=1, hours=2))
    found = funded.get("/v1/index", **BLOCK).json()
    (day,) = found["days"]
    assert (day["index"], day["groups"], day["trades"], day["gpu_hours"]) == (None, 1, 1, 16)
    assert day["mean"] == day["lowest"] == day["highest"] == str(2 * UNIT)
    assert found["scarcity"] == {
        "free_node_hours": 4 * 48 - 2, "sold_node_hours": 2, "wanted_node_hours": None, "cover_bps": None,
        "rsi_bps": None,
    }  # fmt: skip
    funded.market.clock.advance_to((FIRST_HOUR + 9) * HOUR)  # ten hours are past; two were sold
    later = funded.get("/v1/index", **BLOCK).json()["scarcity"]
    assert (later["free_node_hours"], later["sold_node_hours"]) == (4 * 38, 0)


@pytest.mark.parametrize(
    ("trades", "index"),
    [
        ([(10, 1, "a"), (10, 1, "b")], None),
        ([(10, 1, "a"), (12, 1, "b"), (14, 1, "c")], 12),
        ([(10, 5, "a"), (12, 5, "b"), (14, 5, "c"), (90, 900, "d")], 14),  # one that buys most at any price
        ([(10, 5, "a"), (12, 5, "b"), (14, 5, "c"), (1, 900, "d")], 10),
        ([(10, 30, "a"), (11, 30, "b"), (12, 30, "c"), (99, 15, "x"), (98, 15, "y")], 11),
        ([(10, 30, "a"), (11, 30, "b"), (12, 30, "c"), (1, 15, "x"), (1, 15, "y")], 11 - 1),
        ([(10, 1, "a"), (20, 3, "a"), (30, 4, "b"), (40, 4, "c")], 30),
    ],
)
def test_few_buyers_do_not_move_the_index(trades: list[tuple[int, int, str]], index: int | None) -> None:
    """A group counts for a third of the GPU-hours that count at most, so it alone never has the middle."""
    assert index_of(trades) == index == index_of(reversed(trades))


def test_what_is_asked_for_has_bounds(funded: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    def status(path: str, **more: Any) -> int:
        return funded.get(path, **BLOCK, **more).status_code

    assert [status("/v1/depth/hours", hours=each) for each in (SHOWN_HOURS, SHOWN_HOURS + 1, 0)] == [200, 400, 400]
    assert [status("/v1/index", days=each) for each in (INDEX_DAYS, INDEX_DAYS + 1)] == [200, 400]
    assert status("/v1/quote", nodes=1, hours=1, earliest="20269902T00Z") == 400
    assert status("/v1/quote", nodes=1, hours=1, earliest="soon") == 400
    late = format_hour(FIRST_HOUR + 9)
    assert status("/v1/quote", nodes=1, hours=1, earliest=late, latest=format_hour(FIRST_HOUR)) == 400
    assert status("/v1/quote", nodes=1, hours=1, min_nodes=2) == 400
    assert status("/v1/quote", nodes=1, hours=1, nodess=2) == 400
    funded.market.ask("gpu-1", OFFER)
    funded.market.ask("lab-1", replace(BID, nodes=1, hours=1), replace(BID, nodes=1, hours=1))
    monkeypatch.setattr(market_data, "INDEX_TRADES", 2)
    assert status("/v1/index") == 200
    monkeypatch.setattr(market_data, "INDEX_TRADES", 1)
    assert status("/v1/index") == 503


def test_an_offer_whose_time_is_over_is_not_quoted(funded: Stepped) -> None:
    """Also before the sweep has closed it, as the matching rule has it."""
    until = funded.market.clock.now() + HOUR
    funded.market.ask("gpu-1", replace(OFFER, tif="GTD", good_until=until))
    assert quote(funded, 1, 2)["fills"]
    funded.market.clock.advance_to(until)
    assert quote(funded, 1, 2)["fills"] == []
