"""What it costs to harm others by offers, as the rules have it: nothing is worth more than five times its cost.

Leverage is the harm divided by what the attacker loses of its bond: what a block is worth to who is kept from it, or
the price of the hours that are not delivered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest

from counterfoil.core.rules import LATEST, RULES
from counterfoil.ledger.notice_events import BondDivided, DeliveryEnded
from counterfoil.matching.commands import AmendOffer
from counterfoil.matching.events import OfferReceived, TradeMatched
from counterfoil.matching.reclaim_commands import PostReclaimableOffer
from counterfoil.matching.reclaim_events import TradeReclaimable
from counterfoil.matching.references import bonded_price
from tests.ledger.story import COMPLETED, DEFAULTED, accepted, issued, traded
from tests.matching.world import OFFER, YUAN, B, Market, bond_held, joins
from tests.rules import loose_paper

CENT = YUAN // 100
BLOCK: dict[str, Any] = {"nodes": 8, "window_start": B, "window_end": B + 60}
HOURS = 8 * 8 * 60
WORTH = HOURS * 10 * YUAN


@pytest.fixture(autouse=True)
def _any_paper() -> Iterator[None]:
    with loose_paper():
        yield


def least(rules: int) -> int:
    return RULES[rules].min_bond_bps


def at_ten(rules: int) -> Market:
    """A market in which gpu-2 has sold an hour of two nodes at 10.00, still to be delivered."""
    found = Market(rules=rules)
    found.post("gpu-2", price=10 * YUAN, bond_bps=least(LATEST))
    found.place(hours=1, latest=B)
    return found


def bond(found: Market, offer_id: str) -> int:
    return int(found.state.offers[offer_id].bond)


@pytest.mark.parametrize(("rules", "leverage"), [(8, 50_000), (LATEST, 5)])
def test_an_offer_that_traps_a_block(rules: int, leverage: int) -> None:
    """At 0.01 it keeps 38,400.00 at 10.00 from others, and is withdrawn: the cost is its bond."""
    found = at_ten(rules)
    trap = found.post(price=CENT, bond_bps=least(rules), **BLOCK)
    assert Fraction(WORTH, bond(found, trap)) == leverage


@pytest.mark.parametrize(("rules", "leverage"), [(8, 50_000), (LATEST, 5)])
def test_an_offer_that_trades_dear(rules: int, leverage: int) -> None:
    """At 0.01 it meets a bid at 10.00, whose price counts."""
    found = at_ten(rules)
    found.place("lab-2", nodes=8, hours=60, latest=B, limit_price=10 * YUAN)
    offer_id = found.post(price=CENT, bond_bps=least(rules), **BLOCK)
    (trade,) = (each for each in said(found) if isinstance(each, TradeMatched))
    assert trade.notional == WORTH
    assert Fraction(trade.notional, bond(found, offer_id)) == leverage


def said(found: Market) -> list[Any]:
    return [event for event, _ in found.history if isinstance(event, TradeMatched | OfferReceived)][-1:]


def test_nobody_brings_its_bond_down_by_its_own_trades_or_by_those_that_are_off() -> None:
    found = at_ten(LATEST)
    found.post("gpu-1", price=CENT, bond_bps=2_000, nodes=40)
    found.place(nodes=40, hours=24, latest=B)  # forty nodes at 0.01
    assert found.state.under_contract.price(("CNY", "a100", "east"), ["gpu-1"]) == 10 * YUAN
    (trade,) = said(found)
    own = found.state.offers[found.post(price=CENT)]
    assert bonded_price(found.state, own, own.price) == 10 * YUAN
    another = found.state.offers[found.post("gpu-2", price=CENT)]
    assert bonded_price(found.state, another, another.price) == CENT, "gpu-2 alone has sold at 10.00"
    found.reacts_to(joins("gpu-2", "gpu-1"))
    assert found.state.offers[found.post("gpu-2", price=CENT)].bond == bond_at(CENT)
    found.reacts_to(DeliveryEnded(contract_id=trade.trade_id, forfeits_bps=None))
    assert found.state.under_contract.price(("CNY", "a100", "east"), []) == 10 * YUAN
    assert found.replayed().under_contract.price(("CNY", "a100", "east"), []) == 10 * YUAN


def bond_at(price: int) -> int:
    return price * 8 * 24 * 4 // 5


def test_another_price_does_not_lower_what_the_bond_is_measured_by() -> None:
    found = at_ten(LATEST)
    offer_id = found.post(price=CENT)
    assert bond(found, offer_id) == bond_at(10 * YUAN)
    found.when(AmendOffer(offer_id=offer_id, reduce_nodes_by=None, price=2 * CENT), "gpu-1")
    (asked,) = (each for each in (found.last if isinstance(found.last, tuple | list) else ()))
    assert (asked.bonded_at, asked.bond) == (10 * YUAN, bond_at(10 * YUAN))
    dearer = found.post(price=20 * YUAN)
    found.when(AmendOffer(offer_id=dearer, reduce_nodes_by=None, price=YUAN), "gpu-1")
    (asked,) = (each for each in (found.last if isinstance(found.last, tuple | list) else ()))
    assert asked.bonded_at == 10 * YUAN


@pytest.mark.parametrize("given_up", [False, True])
def test_the_last_hour_is_not_delivered(given_up: bool) -> None:
    """Reported as nothing, or given up: both cost its part of the bond, which is a fifth of its price or more."""
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 800))
    told.hears(replace(DEFAULTED, cause="withdrawn") if given_up else COMPLETED)
    (divided,) = (each for each in told.said if isinstance(each, BondDivided))
    assert (divided.cause, divided.paid, divided.returned) == ("default" if given_up else "shortfall", 10, 80)
    assert Fraction(100 * 1_000, divided.paid * least(LATEST)) == 5, "its bond is a tenth here, and a fifth at least"


def test_what_is_delivered_whole_costs_nothing() -> None:
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 900), COMPLETED)
    assert told.said[-1].amount == 90
    silent = traded(issued("v1", 1_000)).hears(accepted("trade", 800), DEFAULTED)
    assert silent.said[-1].amount == 90, "who says nothing loses all"


def test_hours_are_reclaimed_cheaply_from_those_alone_who_agreed_to_it() -> None:
    """A quarter of a fifth is a twentieth of their price: who does not ask for notice is not bound by an offer's."""
    found = Market()
    terms = {each.name: getattr(OFFER, each.name) for each in fields(OFFER)}
    found.when(PostReclaimableOffer(reclaim_notice_hours=1, site_id=None, **terms), "gpu-1")
    received = found.last[0] if isinstance(found.last, Sequence) else None
    assert isinstance(received, OfferReceived)
    found.reacts_to(bond_held(received))
    found.place(hours=2)
    kinds = [type(event) for event, _ in found.history]
    assert TradeMatched in kinds
    assert TradeReclaimable not in kinds, "its contract cannot be reclaimed, and giving it up costs a fifth"
