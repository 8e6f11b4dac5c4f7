"""A provider's nodes at a site bound what it has on offer or sold in any hour; no node is sold twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.ledger.notice_events import DeliveryEnded
from counterfoil.matching.commands import AmendOffer, CancelOffer
from counterfoil.matching.commitments import NOTHING, added, most, most_ever, removed, since
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.inventory import attest_inventory
from counterfoil.matching.inventory_commands import AttestInventory, PostOfferAtSite
from counterfoil.matching.inventory_events import InventoryAttested
from tests.matching.world import OFFER, B, H, Market, described, joins, party

STOCK = AttestInventory(provider_id="gpu-1", site_id="hall-1", class_id="a100", nodes=4, source="visit")
AT_SITE = PostOfferAtSite(site_id="hall-1", **{each.name: getattr(OFFER, each.name) for each in fields(OFFER)})


def market() -> Market:
    """The class is offered from attested sites alone, and four nodes are attested of one."""
    found = Market(party("op", "operator"), party("watch", "auditor"), described("a100", 2, inventory_attested=True))
    found.when(STOCK, "watch").then_types(InventoryAttested)
    return found


def post(found: Market, **terms: Any) -> str:
    """An offer at the site that is accepted, its bond held; its id."""
    found.when(replace(AT_SITE, **terms), "gpu-1")
    assert isinstance(found.last, Sequence), found.last
    received: Any = found.last[0]
    found.hold(received.offer_id)
    return str(received.offer_id)


def free(found: Market, first: int = B, hours: int = 24) -> int:
    """How many nodes can be offered in a window: not one more is accepted."""
    stock = found.state.stocks["gpu-1", "hall-1", "a100"]
    left: int = max(stock.nodes - most(stock.committed, first, hours), 0)
    window: dict[str, Any] = {"window_start": first, "window_end": first + hours}
    found.when(replace(AT_SITE, nodes=left + 1, **window), "gpu-1").refused(Code.EXCEEDS_INVENTORY)
    return left


def test_the_same_node_is_not_offered_twice() -> None:
    found = market()
    found.when(OFFER, "gpu-1").refused(Code.SITE_NEEDED)
    found.when(replace(AT_SITE, nodes=5), "gpu-1").refused(Code.EXCEEDS_INVENTORY)
    found.when(replace(AT_SITE, site_id="hall-2"), "gpu-1").refused(Code.EXCEEDS_INVENTORY)
    found.when(AT_SITE, "gpu-2").refused(Code.EXCEEDS_INVENTORY)  # a stranger's
    first = post(found, nodes=3)
    assert [free(found), free(found, B + 23, 2), free(found, B + 24)] == [1, 1, 4]
    post(found, nodes=1)
    assert free(found) == 0
    found.when(AmendOffer(offer_id=first, reduce_nodes_by=1, price=None), "gpu-1")
    assert free(found) == 1
    found.when(CancelOffer(offer_id=first), "gpu-1")
    assert free(found) == 3


def test_what_is_sold_is_not_offered_again() -> None:
    """Two of three nodes are sold for six hours; what is left of the offer is free once it closes."""
    found = market()
    offer_id = post(found, nodes=3)
    found.place(nodes=2, latest=B)
    found.when(CancelOffer(offer_id=offer_id), "gpu-1")
    assert [free(found, B, 6), free(found, B + 5, 2), free(found, B + 6, 18)] == [2, 2, 4]
    assert found.replayed().stocks["gpu-1", "hall-1", "a100"] == found.state.stocks["gpu-1", "hall-1", "a100"]


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("forfeits_bps", [None, 2_500])
def test_what_is_not_to_be_delivered_any_more_may_be_sold_again(closed: bool, forfeits_bps: int | None) -> None:
    """For the hours that are still to come; whether or not the offer is there, and once."""
    found = market()
    offer_id = post(found, nodes=3)
    found.place(nodes=2, latest=B)
    assert isinstance(found.last, Sequence)
    (trade,) = (each for each in found.last if isinstance(each, TradeMatched))
    ended = DeliveryEnded(contract_id=trade.trade_id, forfeits_bps=forfeits_bps)
    if closed:
        found.when(CancelOffer(offer_id=offer_id), "gpu-1")
    at = (B + 1) * HOUR + 1
    found.reacts_to(ended, at=at)
    found.reacts_to(ended, at=at)
    if not closed:
        assert [free(found, B + 3, 3), free(found, B + 6, 18)] == [3, 1]
        found.when(CancelOffer(offer_id=offer_id), "gpu-1")
    assert [free(found, B + 3, 3), free(found, B + 6, 18)] == [4, 4]
    assert found.replayed().stocks["gpu-1", "hall-1", "a100"] == found.state.stocks["gpu-1", "hall-1", "a100"]
    assert not found.state.sold


def test_an_offer_counts_before_its_bond_is_held() -> None:
    found = market()
    found.when(AT_SITE, "gpu-1")
    assert free(found) == 0
    found.when(CancelOffer(offer_id=next(iter(found.state.offers))), "gpu-1")
    assert free(found) == 4


def test_fewer_nodes_than_are_committed_are_stated_and_bar_further_offers() -> None:
    found = market()
    offer_id = post(found, nodes=3)
    (stated,) = found.when(replace(STOCK, nodes=1), "op").last  # type: ignore[misc]
    assert isinstance(stated, InventoryAttested)
    assert (stated.nodes, stated.committed, stated.attested_by) == (1, 3, "op")
    found.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=2, price=None), "gpu-1")
    assert [free(found), free(found, B + 24)] == [0, 1]


@pytest.mark.parametrize(
    ("changes", "actor", "code"),
    [
        ({"provider_id": "nobody"}, "op", Code.UNKNOWN_PARTY),
        ({"class_id": "x"}, "op", Code.UNKNOWN_CLASS),
        ({"provider_id": "lab-1"}, "op", Code.PARTY_NOT_A_PROVIDER),
        ({}, "gpu-1", Code.ROLE_NOT_ALLOWED),
        ({"provider_id": "gpu-2"}, "kin", Code.DUTIES_NOT_SEPARATE),
    ],
)
def test_who_attests_what(changes: dict[str, Any], actor: str, code: Code) -> None:
    found = Market(party("op", "operator"), party("kin", "auditor"), joins("kin", "family"), joins("gpu-2", "family"))
    found.when(replace(STOCK, **changes), actor).refused(code)


@pytest.mark.parametrize(("known", "refused"), [(0, True), (-1, False)])
def test_a_provider_has_so_many_stocks(known: int, refused: bool) -> None:
    found = Market(party("op", "operator"))
    found.state.sites_of["gpu-1"] = RULES[LATEST].max_stocks + known
    decided = attest_inventory(found.state, STOCK, found.state.directory.parties["op"], found._next(None))
    assert (isinstance(decided, Refusal) and decided.code is Code.OVER_LIMIT) is refused


def test_counters_are_those_of_counting_hour_by_hour() -> None:
    chance, counts, plain = random.Random(5), since(NOTHING, H), Counter[int]()
    made: list[tuple[int, int, int]] = []
    for step in range(300):
        if made and chance.random() < 0.4:
            nodes, first, hours = made.pop(chance.randrange(len(made)))
            counts, sign = removed(counts, nodes, first, hours), -1
        else:
            nodes, first, hours = chance.randint(1, 1_023), H + chance.randrange(60), chance.randint(1, 40)
            made.append((nodes, first, hours))
            counts, sign = added(counts, nodes, first, hours), 1
        for hour in range(first, first + hours):
            plain[hour] += sign * nodes
        counts = since(counts, H + step // 10)
        start, length = counts.origin + chance.randrange(30), chance.randint(1, 20)
        assert most(counts, start, length) == max(plain[hour] for hour in range(start, start + length))
        assert most_ever(counts) == max((n for hour, n in plain.items() if hour >= counts.origin), default=0)
