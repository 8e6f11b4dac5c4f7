"""Orders that must leave end at once, before anything else is decided, however many they are, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.events import PartyClosed, PartySuspended
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import (
    ProgrammePaused,
    ProgrammeResumed,
    ProviderDelisted,
    ProviderReinstated,
    ProviderSuspended,
)
from counterfoil.matching.commands import AmendBid, CancelOrderFor, CancelOrdersOf, CancelOwnOrders
from counterfoil.matching.events import BidClosed, CancellationForced, OfferClosed, OwnOrdersCancelled
from counterfoil.matching.state import LEAVING_TIMER
from tests.matching.world import BID, YUAN, Market, T, bond_held, party, programme

MOST = RULES[LATEST].max_items_per_sweep
LOW: dict[str, Any] = {"limit_price": YUAN}  # meets no offer
AUTHORITIES = (party("op", "operator"), party("city", "issuer"), party("town", "issuer"), party("lab-9", "beneficiary"))
PROGRAMMES = (programme("c1", issuer_id="city"), programme("t1", issuer_id="town"))


def market() -> Market:
    """A market with an operator, and programmes of two issuers."""
    return Market(*AUTHORITIES, *PROGRAMMES)


def swept(market: Market) -> dict[str, str]:
    """Fire the timer until no order has to leave; which orders left in this way, in this order, and why."""
    before = set(market.tally.closed)
    while market.decider.due(market.state) == (0, LEAVING_TIMER):
        market.fires(LEAVING_TIMER, T)
    return {order_id: reason for order_id, reason in market.tally.closed.items() if order_id not in before}


def test_orders_leave_in_sweeps_the_first_received_first() -> None:
    market = Market()
    offers = [market.post() for _ in range(MOST + 1)]
    other = market.place(**LOW)
    closed = PartyClosed(party_id="gpu-1", reason="sold")
    market.reacts_to(closed).then(closed)
    assert market.decider.due(market.state) == (0, LEAVING_TIMER)
    market.fires(LEAVING_TIMER, T).then_types(*[OfferClosed] * MOST)
    market.fires(LEAVING_TIMER, T).then_types(OfferClosed)
    assert list(market.tally.closed) == offers
    assert set(market.tally.closed.values()) == {"party_closed"}
    assert market.decider.due(market.state) != (0, LEAVING_TIMER)
    assert list(market.state.bids) == [other]


def test_an_order_whose_funds_are_being_held_leaves_too() -> None:
    market = Market()
    waiting = market.post(held=False)
    held = bond_held(market.state.offers[waiting])
    market.reacts_to(PartyClosed(party_id="gpu-1", reason="sold"))
    market.fires(LEAVING_TIMER, T).then(OfferClosed(offer_id=waiting, reason="party_closed"))
    market.reacts_to(held).then()


@pytest.mark.parametrize(
    ("party_id", "programme_id", "left"),
    [
        ("lab-1", None, {"lab-1 c1", "lab-1 t1"}),
        ("lab-1", "c1", {"lab-1 c1"}),
        ("gpu-1", None, {"gpu-1"}),
        ("gpu-1", "c1", None),
        ("lab-9", None, None),
    ],
)
def test_a_party_cancels_all_that_it_has_open(party_id: str, programme_id: str | None, left: set[str] | None) -> None:
    """Trades stand, and what others have open stays; what cancels nothing is refused."""
    scene = market()
    orders = {"gpu-1": scene.post(), "gpu-2": scene.post("gpu-2")}
    for beneficiary, paid_by in (("lab-1", "c1"), ("lab-1", "t1"), ("lab-2", "c1")):
        orders[f"{beneficiary} {paid_by}"] = scene.place(beneficiary, programme_id=paid_by, **LOW)
    scene.when(CancelOwnOrders(programme_id=programme_id), party_id)
    if left is None:
        scene.refused(Code.UNKNOWN_ORDER)
        return
    scene.then(OwnOrdersCancelled(party_id=party_id, programme_id=programme_id))
    assert swept(scene) == {orders[name]: "cancelled" for name in left}
    scene.when(CancelOwnOrders(programme_id="none"), party_id).refused(Code.UNKNOWN_PROGRAMME)


def test_in_a_batch_a_cancellation_is_about_the_orders_before_it() -> None:
    """What it ends trades no more, though a later command lets it fit; and the order that replaces it stays."""
    scene = Market()
    offer_id, waiting = scene.post(nodes=2), scene.place(nodes=6)
    scene.when(CancelOwnOrders(programme_id=None), "lab-1")
    scene.when(AmendBid(bid_id=waiting, reduce_nodes_by=4, limit_price=None), "lab-1")
    later = scene.place(held=False)
    repriced = scene.place("lab-2", **LOW)
    assert swept(scene) == {waiting: "cancelled"}
    assert not {**scene.state.leaving, **scene.state.leaving_before, **scene.state.continuing}
    assert list(scene.state.bids) == [later, repriced]
    scene.hold(later)
    assert [trade[:2] for trade in scene.trades()] == [(later, offer_id)]
    scene.when(CancelOwnOrders(programme_id="p1"), "lab-2")
    later = scene.place("lab-2", held=False, **LOW)
    scene.when(CancelOwnOrders(programme_id="p1"), "lab-2")
    assert swept(scene) == {repriced: "cancelled", later: "cancelled"}


def swept_after(scenario: Market, event: Event) -> dict[str, str]:
    scenario.reacts_to(event).then(event)
    return swept(scenario)


@pytest.mark.parametrize(
    ("event", "left", "reason"),
    [
        (PartyClosed(party_id="lab-1", reason="sold"), {"lab-1 c1", "lab-1 t1"}, "party_closed"),
        (PartySuspended(party_id="lab-1", reason="fraud"), {"lab-1 c1", "lab-1 t1"}, "party_suspended"),
        (ProgrammePaused(programme_id="c1", reason="review"), {"lab-1 c1", "lab-2 c1"}, "programme_paused"),
        (PartySuspended(party_id="gpu-3", reason="has none"), set(), ""),
        (ProviderSuspended(programme_id="p1", provider_id="gpu-1", reason="meters"), set(), ""),
        (ProviderDelisted(programme_id="p1", provider_id="gpu-1", reason="meters"), set(), ""),
    ],
)  # fmt: skip
def test_who_leaves_when_somebody_is_stopped(event: Event, left: set[str], reason: str) -> None:
    scenario = market()
    scenario.post()
    names = {
        scenario.place(lab, programme_id=programme_id, **LOW): f"{lab} {programme_id}"
        for lab in ("lab-1", "lab-2") for programme_id in ("c1", "t1")
    }  # fmt: skip
    found = swept_after(scenario, event)
    assert {names[order_id] for order_id in found} == left
    assert set(found.values()) == ({reason} if left else set())


def test_a_paused_programme_takes_no_bids_until_it_is_resumed() -> None:
    scenario = market()
    bid = scenario.place(programme_id="c1", **LOW)
    assert swept_after(scenario, ProgrammePaused(programme_id="c1", reason="review")) == {bid: "programme_paused"}
    scenario.when(replace(BID, programme_id="c1"), "lab-1").refused(Code.PROGRAMME_PAUSED)
    scenario.place(programme_id="t1", **LOW)
    assert swept_after(scenario, ProgrammeResumed(programme_id="c1", reason="done")) == {}
    scenario.place(programme_id="c1", **LOW)


@pytest.mark.parametrize("stops", [ProviderSuspended, ProviderDelisted])
def test_bids_never_meet_the_offers_of_a_provider_that_was_stopped(stops: type[Any]) -> None:
    """Its offer stays, and is passed over for one that costs more; reinstated, it meets the next bid."""
    market = Market()
    cheap, dear = market.post("gpu-1"), market.post("gpu-2", price=15 * YUAN)
    market.reacts_to(stops(programme_id="p1", provider_id="gpu-1", reason="meters"))
    market.place()
    assert [trade[1] for trade in market.trades()] == [dear]
    assert cheap in market.state.offers
    resting = market.place(**LOW, nodes=1)
    market.post("gpu-1", price=YUAN)  # nor when the offer arrives
    assert resting in market.state.bids
    if stops is ProviderSuspended:
        market.reacts_to(ProviderReinstated(programme_id="p1", provider_id="gpu-1", reason="checked"))
        market.place()
        assert market.trades()[0][1] != dear


# for others ---------------------------------------------------------------------------------------------------------


def test_the_operator_cancels_any_order_and_the_issuer_bids_in_its_programme() -> None:
    scenario = market()
    offer, bid, other = scenario.post(), scenario.place(programme_id="c1", **LOW), scenario.place("lab-2", **LOW)
    cancel = CancelOrderFor(order_id=bid, reason="wrong limit")
    scenario.when(cancel, "town").refused(Code.UNKNOWN_ORDER)
    for actor in ("lab-2", "gpu-1", "lab-1"):
        scenario.when(cancel, actor).refused(Code.ROLE_NOT_ALLOWED)
    scenario.when(CancelOrderFor(order_id=offer, reason="mine"), "city").refused(Code.UNKNOWN_ORDER)
    scenario.when(CancelOrderFor(order_id="none-0-0", reason="x"), "op").refused(Code.UNKNOWN_ORDER)
    scenario.when(cancel, "city").then(
        CancellationForced(
            cancellation_id=f"cnl-{scenario.index}-0", party_id="lab-1", order_id=bid, programme_id="c1",
            cancelled_by="city", authority="issuer", reason="wrong limit",
        ),
        BidClosed(bid_id=bid, reason="cancelled_by_issuer"),
    )  # fmt: skip
    scenario.when(CancelOrderFor(order_id=offer, reason="fraud"), "op")
    scenario.when(CancelOrderFor(order_id=other, reason="fraud"), "op")
    assert scenario.tally.closed == {
        bid: "cancelled_by_issuer", offer: "cancelled_by_operator", other: "cancelled_by_operator"
    }  # fmt: skip


def test_all_orders_of_a_party_are_cancelled_by_sweeps() -> None:
    scenario = market()
    first = scenario.place(programme_id="c1", **LOW)
    mine = [scenario.place(programme_id="t1", **LOW) for _ in range(MOST + 1)]
    others = [scenario.place("lab-2", programme_id="t1", **LOW)]
    of_town = CancelOrdersOf(party_id="lab-1", programme_id="t1", reason="review")
    scenario.when(of_town, "lab-2").refused(Code.ROLE_NOT_ALLOWED)
    for actor, body in (("city", of_town), ("town", CancelOrdersOf(party_id="lab-1", programme_id=None, reason="x"))):
        scenario.when(body, actor).refused(Code.NOT_YOURS)
    scenario.when(CancelOrdersOf(party_id="x", programme_id=None, reason="x"), "op").refused(Code.UNKNOWN_PARTY)
    scenario.when(CancelOrdersOf(party_id="lab-1", programme_id="x", reason="x"), "op").refused(Code.UNKNOWN_PROGRAMME)
    nobody = CancelOrdersOf(party_id="lab-9", programme_id=None, reason="x")
    scenario.when(nobody, "op").refused(Code.UNKNOWN_ORDER)
    scenario.when(of_town, "town").then_types(CancellationForced)
    assert swept(scenario) == dict.fromkeys(mine, "cancelled_by_issuer")
    scenario.when(CancelOrdersOf(party_id="lab-1", programme_id=None, reason="fraud"), "op")
    assert swept(scenario) == {first: "cancelled_by_operator"}
    assert list(scenario.state.bids) == others


def test_an_order_that_must_leave_for_two_reasons_leaves_once() -> None:
    scenario = market()
    bids = [scenario.place(programme_id="c1", **LOW) for _ in range(MOST + 1)]
    scenario.reacts_to(ProgrammePaused(programme_id="c1", reason="review"))
    scenario.reacts_to(PartySuspended(party_id="lab-1", reason="fraud"))
    assert list(swept(scenario)) == bids
    scenario.when(CancelOrdersOf(party_id="lab-1", programme_id=None, reason="x"), "op").refused(Code.UNKNOWN_ORDER)
