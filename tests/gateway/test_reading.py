"""What readers get over HTTP of a restricted instance: their rows, and nothing that tells of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from counterfoil.catalogue import VIEWS
from counterfoil.gateway.bounds import MIN_GROUPS
from counterfoil.gateway.levels import Levels, Order
from tests.gateway.readers import Reading, bearer, reading
from tests.gateway.world import BID, OFFER, UNIT


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A restricted gateway of a market with a trade."""
    with reading(tmp_path_factory.mktemp("market"), "restricted") as made:
        made.market.ask("gpu-1", OFFER)
        made.market.ask("lab-1", BID)
        yield made


def ask(market: Reading, path: str, party_id: str | None = None) -> Any:
    headers = {} if party_id is None else bearer(market.token(party_id))
    return market.http.request("GET", path, headers=headers)


def test_each_user_can_do_its_work(market: Reading) -> None:
    """By user, what it looks at before it acts, and what it must not see."""
    seen = {
        "gpu-1": {
            "offers": 1,
            "trades": 1,
            "contracts": 1,
            "bids": 0,
            "vouchers": 0,
            "listings": 1,
            "market_offers": 1,
        },
        "lab-1": {"offers": 0, "market_offers": 1, "vouchers": 1, "bids": 1, "contracts": 1, "trades": 1, "holds": 2},
        "lab-2": {"market_offers": 1, "market_trades": 1, "vouchers": 0, "bids": 0, "contracts": 0, "balances": 0},
        "gpu-2": {"offers": 0, "trades": 0, "contracts": 0, "market_offers": 1, "programmes": 1},
        "city": {"vouchers": 1, "bids": 1, "contracts": 1, "offers": 0, "claims": 0, "payments": 0, "programmes": 1},
        "treasury": {"balances": 5, "bids": 0, "vouchers": 0, "payments": 0},
        None: {"market_offers": 1, "market_trades": 1, "bids": 0, "contracts": 0, "balances": 0, "programmes": 1},
    }
    for party_id, counts in seen.items():
        for view, count in counts.items():
            answer = ask(market, f"/v1/{view.replace('_', '-')}", party_id)
            assert (party_id, view, len(answer.json()["items"])) == (party_id, view, count)
    names = [row["party_id"] for row in ask(market, "/v1/parties", "gpu-1").json()["items"]]
    assert "lab-1" in names, "the other side of its contract"
    assert "lab-2" not in names


def test_what_the_market_shows_has_no_names(market: Reading) -> None:
    for view in ("market-offers", "market-trades"):
        (row,) = ask(market, f"/v1/{view}").json()["items"]
        assert row["class_id"] == "a100"
        assert not {"gpu-1", "lab-1", "p1"} & {value for value in row.values() if isinstance(value, str)}


def test_a_row_of_others_is_answered_as_one_that_nobody_has(market: Reading) -> None:
    """Status, code and headers; by its key, by a filter, and by a cursor that stands at it."""
    (bid,) = market.market.rows("bids")
    hidden = ask(market, f"/v1/bids/{bid['bid_id']}", "gpu-1")
    missing = ask(market, "/v1/bids/bid-999999-0", "gpu-1")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json() == {**missing.json(), "detail": hidden.json()["detail"]}
    assert hidden.json()["detail"].replace(str(bid["bid_id"]), "bid-999999-0") == missing.json()["detail"]
    assert dict(hidden.headers, **{"content-length": ""}) == dict(missing.headers, **{"content-length": ""})
    for query in ("beneficiary_id=lab-1", "status=filled", "programme_id=p1&currency=USD"):
        assert ask(market, f"/v1/bids?{query}", "gpu-1").json() == {"items": [], "next": None}
    page = ask(market, "/v1/bids?limit=1", "lab-1").json()
    assert [row["bid_id"] for row in page["items"]] == [bid["bid_id"]]
    assert ask(market, f"/v1/bids?limit=1&after={page['next']}", "gpu-1").json() == {"items": [], "next": None}


def test_of_every_view_anybody_gets_a_page(market: Reading) -> None:
    for view in VIEWS:
        assert ask(market, f"/v1/{view.name.replace('_', '-')}").status_code == 200, view.name


def test_depth_says_nothing_of_a_single_bid(market: Reading) -> None:
    market.market.ask("lab-1", BID, BID)
    answer = ask(market, "/v1/depth?class_id=a100&region=east", "gpu-1").json()
    assert [level["price"] for level in answer["offers"]] == [str(2 * UNIT)]
    assert answer["bids"] == []


@pytest.mark.parametrize("groups", [MIN_GROUPS - 1, MIN_GROUPS])
def test_bids_are_summed_where_enough_groups_stand(groups: int) -> None:
    """However many bids each has; and no longer once one has left."""
    traded, levels = ("a100", "east", "USD"), Levels()
    for number in range(groups):
        for nth in range(2):
            levels.add(f"bid-{number}-{nth}", Order("bids", f"group-{number}", (traded,), 5, 2, 3, is_open=True))
    levels.add("bid-alone", Order("bids", "group-0", (traded,), 7, 2, 3, is_open=True))
    together = {"price": "5", "orders": 2 * groups, "nodes": 4 * groups, "node_hours": 12 * groups}
    alone = {"price": "7", "orders": 1, "nodes": 2, "node_hours": 6}
    assert levels.of(traded, everything=True)["bids"] == [alone, together]
    assert levels.of(traded, everything=False)["bids"] == ([together] if groups >= MIN_GROUPS else [])
    for nth in range(2):
        levels.remove(f"bid-0-{nth}")
    assert levels.of(traded, everything=False)["bids"] == []
