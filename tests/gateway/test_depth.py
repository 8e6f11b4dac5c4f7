"""The depth that events maintain is the sum over the orders that are open, whatever happened before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.gateway import depth
from counterfoil.gateway.bounds import MAX_LEVELS
from counterfoil.gateway.depth import DepthBook
from counterfoil.gateway.levels import Levels, Market, Order, in_blocks
from counterfoil.matching.service import SERVICE
from counterfoil.ports import Row, Unavailable
from tests.gateway.harness import Stepped
from tests.gateway.world import OFFER, UNIT
from tests.matching.test_views import random_flow
from tests.views import viewed_in

MARKET: Market = ("a100", "east", "CNY")


def left_of(book: Any, row: Any) -> tuple[int, int]:
    """The most nodes of an hour, and the node hours, that are in a block which may be had: each hour by itself."""
    free = [0] * (row["window_end"] - row["window_start"])
    for first, hours, nodes in book.residual(row["offer_id"]):
        start = first - row["window_start"]
        free[start : start + hours] = [nodes] * hours
    return most_of(free, row["min_nodes"], row["min_hours"])


def most_of(free: list[int], min_nodes: int, min_hours: int) -> tuple[int, int]:
    blocks = [range(start, start + min_hours) for start in range(len(free) - min_hours + 1)]
    found = [
        max((least for block in blocks if hour in block and (least := min(free[each] for each in block)) >= min_nodes),
            default=0)
        for hour in range(len(free))
    ]  # fmt: skip
    return max(found, default=0), sum(found)


def summed(book: Any, offers: list[Row], bids: list[Row], market: Market) -> dict[str, list[dict[str, Any]]]:
    """The levels as the rows of open orders have them."""
    sides: dict[str, dict[int, list[int]]] = {"offers": {}, "bids": {}}

    def add(side: str, price: Any, nodes: Any, node_hours: Any) -> None:
        if node_hours > 0:
            level = sides[side].setdefault(price, [0, 0, 0])
            for at, more in enumerate((1, nodes, node_hours)):
                level[at] += more

    for row in offers:
        if row["status"] == "open" and (row["class_id"], row["region"], row["currency"]) == market:
            add("offers", row["price"], *left_of(book, row))
    for row in bids:
        named: Any = (row["classes"], row["regions"])
        if row["status"] == "open" and market[0] in named[0] and market[1] in named[1] and row["currency"] == market[2]:
            add("bids", row["limit_price"], row["nodes_left"], row["nodes_left"] * row["hours"])  # type: ignore[operator]
    return {
        side: [
            {"price": str(price), "orders": level[0], "nodes": level[1], "node_hours": level[2]}
            for price, level in sorted(levels.items(), reverse=side == "bids")
        ]
        for side, levels in sides.items()
    }


@pytest.mark.parametrize("seed", [11, 12])
def test_levels_by_events_are_the_sums_over_open_orders(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    market = random_flow(seed, 250)
    levels = Levels()
    with viewed_in(tmp_path_factory.mktemp("views"), SERVICE) as viewed:
        viewed.of(market)
        for event, _ in market.decided:
            levels.take(event)
        found, read = 0, Levels()  # as they are when they are read from rows
        for status in ("received", "open"):
            for row in viewed.rows("offers", status=status):
                read.add(row["offer_id"], depth._offer(viewed._store, row))
        for class_id in ("a100", "h100"):
            each = (class_id, "east", "CNY")
            expected = summed(market.state.book, viewed.rows("offers"), viewed.rows("bids"), each)
            assert levels.of(each, everything=True) == expected
            assert read.of(each, everything=True)["offers"] == expected["offers"]
            found += len(expected["offers"]) + len(expected["bids"])
        assert found > 4


@pytest.mark.parametrize(
    ("free", "least", "had"),
    [
        ([4] * 6, (1, 1), (4, 24)),
        ([4] * 6, (5, 1), (0, 0)),  # reduced below its smallest block
        ([4] * 6, (1, 7), (0, 0)),
        ([4, 1, 1, 4, 4, 4], (2, 2), (4, 12)),  # the first hour is alone, two hours have too few nodes
        ([3, 2, 0, 3, 3, 2], (2, 2), (3, 4 + 8)),  # the third node of the first hour is in no block of two hours
        ([], (1, 1), (0, 0)),
    ],
)
def test_what_no_block_can_take_is_not_on_offer(free: list[int], least: tuple[int, int], had: tuple[int, int]) -> None:
    found = in_blocks(free, *least)
    assert (max(found, default=0), sum(found)) == had == most_of(free, *least)


def test_only_the_best_levels_are_shown() -> None:
    levels = Levels()
    for price in range(1, MAX_LEVELS + 2):
        levels.add(f"offer-{price}-0", Order("offers", "", (MARKET,), price, 1, 1, is_open=True))
        levels.add(f"bid-{price}-0", Order("bids", "", (MARKET,), price, 1, 1, is_open=True))
    shown = levels.of(MARKET, everything=True)
    assert [len(side) for side in shown.values()] == [MAX_LEVELS] * 2
    assert (shown["offers"][0]["price"], shown["bids"][0]["price"]) == ("1", str(MAX_LEVELS + 1))


def test_a_query_reads_no_order(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    """At first each read every order that was open: 400 readers made a signed command take 48 s."""
    market = {"class_id": "a100", "region": "east"}
    before = http.get("/v1/depth", **market).json()
    monkeypatch.setattr(depth, "_rows", None)
    receipt = http.post(http.market.sign("gpu-1", replace(OFFER, price=7 * UNIT, nodes=1))).json()
    answer = http.get("/v1/depth", **market, wait_for=f"matching:{receipt['index'] + 1}")
    new = {"price": str(7 * UNIT), "orders": 1, "nodes": 1, "node_hours": 48}
    assert answer.json() == {**before, "offers": [*before["offers"], new]}
    at = dict(each.split(":") for each in answer.headers["counterfoil-position"].split(","))
    assert int(at["matching"]) == http.market.sizes()["matching"]


def test_who_has_not_asked_for_long_reads_the_orders_again(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    book = DepthBook(http.market.system.backend())
    monkeypatch.setattr(depth, "_FAR_BEHIND", 2)
    ends = {http.market.instance.origin(LogId("matching")): 0}
    asked = ("a100", "east", "USD")
    assert book.depth_of(asked, ends, everything=True)[0]["offers"] == []
    read, rows = list[object](), depth._rows

    def counted(*given: Any, **filters: Any) -> Any:
        read.append(given)
        return rows(*given, **filters)

    monkeypatch.setattr(depth, "_rows", counted)
    for offers, again in ((1, False), (3, True)):
        read.clear()
        for _ in range(offers):
            assert http.post(http.market.sign("gpu-1", replace(OFFER, nodes=1))).status_code == 200
        assert bool(book.depth_of(asked, ends, everything=True)[0]["offers"])
        assert bool(read) is again
    assert book.depth_of(asked, ends, everything=True)[0]["offers"][0]["orders"] == 4


def test_views_that_are_ahead_are_waited_for(http: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "_WAIT", 0.01)
    book = DepthBook(http.market.system.backend())
    origin = http.market.instance.origin(LogId("matching"))
    with pytest.raises(Unavailable):
        book.depth_of(("a100", "east", "USD"), {origin: http.market.sizes()["matching"] + 1}, everything=True)
    book.depth_of(("a100", "east", "USD"), {origin: http.market.sizes()["matching"]}, everything=True)
