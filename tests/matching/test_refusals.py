"""Matching refuses with the first code that applies, changes nothing then, and stops exactly at its limits."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from counterfoil import matching
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer
from counterfoil.matching.events import BidClosed, BidReceived, OfferClosed, OfferReceived
from tests.given import Scenario
from tests.matching.world import BID, DECIDER, OFFER, YUAN, B, H, Market, T, accelerator, programme

PRICE_TICK = RULES[LATEST].price_tick

GATE = (B - 1) * HOUR  # the last instant at which delivery hour `B` can be traded


def only(market: Scenario) -> Any:
    """The one event of the last step."""
    assert not isinstance(market.last, Refusal)
    (event,) = market.last
    return event


# refusals -----------------------------------------------------------------------------------------------------------

MANY = tuple(f"x{n}" for n in range(40))

# What is wrong with an order, in order of precedence: code, the terms that make it so.
OFFER_FAULTS: list[tuple[Code, dict[str, Any]]] = [
    (Code.UNKNOWN_CLASS, {"class_id": "abacus"}),
    (Code.PRICE_OFF_TICK, {"price": 14 * YUAN + 1}),
    (Code.WINDOW_NOT_VALID, {"window_start": B + 24}),
    (Code.TIME_IN_FORCE_NOT_VALID, {"tif": "GTD"}),
    (Code.TIME_IN_FORCE_NOT_VALID, {"good_until": T + 10 * HOUR}),
    (Code.MINIMUM_EXCEEDS_QUANTITY, {"nodes": 4, "min_nodes": 5}),
    (Code.MINIMUM_EXCEEDS_QUANTITY, {"min_hours": 1_440}),
    (Code.BOND_TOO_SMALL, {"bond_bps": 1_999}),
    (Code.AMOUNT_TOO_LARGE, {"price": 10**12, "nodes": 1_023, "window_start": B - 1_200}),
    (Code.GATE_CLOSED, {"window_start": H - 2, "window_end": H + 1}),
]
BID_FAULTS: list[tuple[Code, dict[str, Any]]] = [
    (Code.UNKNOWN_PROGRAMME, {"programme_id": "p9"}),
    (Code.UNKNOWN_CLASS, {"classes": ("a100", "abacus")}),
    (Code.DUPLICATE_ITEM, {"classes": ("a100", "a100")}),
    (Code.DUPLICATE_ITEM, {"regions": ("east", "east")}),
    (Code.DUPLICATE_ITEM, {"voucher_ids": ("v1", "v1")}),
    (Code.EMPTY_LIST, {"classes": ()}),
    (Code.EMPTY_LIST, {"regions": ()}),
    (Code.OVER_LIMIT, {"regions": MANY[:17]}),
    (Code.OVER_LIMIT, {"voucher_ids": MANY[:33]}),
    (Code.PRICE_OFF_TICK, {"limit_price": 15 * YUAN - 1}),
    (Code.WINDOW_NOT_VALID, {"latest": B - 1}),
    (Code.TIME_IN_FORCE_NOT_VALID, {"tif": "GTD"}),
    (Code.TIME_IN_FORCE_NOT_VALID, {"good_until": T + 10 * HOUR}),
    (Code.TIME_IN_FORCE_NOT_VALID, {"post_only": True, "tif": "IOC"}),
    (Code.TIME_IN_FORCE_NOT_VALID, {"post_only": True, "tif": "FOK"}),
    (Code.CLASSES_NOT_COMPARABLE, {"classes": ("a100", "l40s")}),
    (Code.MINIMUM_EXCEEDS_QUANTITY, {"nodes": 2, "min_nodes": 3}),
    (Code.AMOUNT_TOO_LARGE, {"limit_price": 10**12, "nodes": 1_023, "hours": 1_440}),
    (Code.PROGRAMME_NOT_ON_MARKET, {"programme_id": "claimed"}),
    (Code.CLASS_NOT_IN_PROGRAMME, {"classes": ("b200",)}),
    (Code.REGION_NOT_IN_PROGRAMME, {"regions": ("north",)}),
    (Code.GATE_CLOSED, {"earliest": H, "latest": H}),
]


def test_faults_are_listed_by_precedence() -> None:
    order = list(Code)
    for faults in (OFFER_FAULTS, BID_FAULTS):
        places = [order.index(code) for code, _ in faults]
        assert places == sorted(places)


@pytest.mark.parametrize(("body", "actor", "faults"), [(OFFER, "gpu-1", OFFER_FAULTS), (BID, "lab-1", BID_FAULTS)])
def test_each_fault_and_each_pair(body: Any, actor: str, faults: list[tuple[Code, dict[str, Any]]]) -> None:
    market = Market()
    for code, terms in faults:
        market.when(replace(body, **terms), actor).refused(code)
    pairs = [  # that can be had together
        (first, second)
        for first, second in combinations(faults, 2)
        if first[0] is not second[0] and not first[1].keys() & second[1].keys()
    ]
    assert len(pairs) > 30
    for (code, terms), (_, other) in pairs:
        market.when(replace(body, **terms, **other), actor).refused(code)
    market.when(body, actor).then_types(OfferReceived if body is OFFER else BidReceived)


def amend_offer(offer_id: str, by: int | None = None, price: int | None = None) -> AmendOffer:
    return AmendOffer(offer_id=offer_id, reduce_nodes_by=by, price=price)


def amend_bid(bid_id: str, by: int | None = None, price: int | None = None) -> AmendBid:
    return AmendBid(bid_id=bid_id, reduce_nodes_by=by, limit_price=price)


# How far the order has come, the change (taken off, new price), when, the refusal. Two faults: the first code counts.
Amendment = tuple[str, int | None, int | None, int | None, Code]
OFFER_AMENDMENTS: list[Amendment] = [
    ("open", None, None, None, Code.AMEND_NOT_VALID),
    ("open", 1, 13 * YUAN, None, Code.AMEND_NOT_VALID),
    ("open", 4, None, None, Code.AMEND_NOT_VALID),
    ("received", 4, None, None, Code.AMEND_NOT_VALID),
    ("open", 1, 13 * YUAN + 1, None, Code.PRICE_OFF_TICK),
    ("received", None, 13 * YUAN + 1, None, Code.PRICE_OFF_TICK),
    ("huge", None, 10**12, None, Code.AMOUNT_TOO_LARGE),
    ("huge received", None, 10**12, None, Code.AMOUNT_TOO_LARGE),
    ("open", None, 13 * YUAN, (B + 22) * HOUR + 1, Code.GATE_CLOSED),
    ("sold", None, 13 * YUAN, (B + 22) * HOUR + 1, Code.GATE_CLOSED),
    ("received", None, 13 * YUAN, None, Code.ORDER_NOT_OPEN),
    ("received", 1, None, None, Code.ORDER_NOT_OPEN),
    ("sold", 3, None, None, Code.NODES_ALREADY_SOLD),
    ("open", None, 14 * YUAN, None, Code.AMEND_NOT_VALID),
]


@pytest.mark.parametrize("row", OFFER_AMENDMENTS)
def test_refused_amendments_of_offers(row: Amendment) -> None:
    stage, by, price, at, code = row
    market = Market()
    huge: dict[str, Any] = {"nodes": 1_023, "window_end": B + 2_000} if "huge" in stage else {}
    offer_id = market.post(held="received" not in stage, **huge)
    if stage == "sold":
        market.place()
        assert len(market.trades()) == 1
    market.when(amend_offer(offer_id, by, price), "gpu-1", at).refused(code)


BID_AMENDMENTS: list[Amendment] = [
    ("open", None, None, None, Code.AMEND_NOT_VALID),
    ("open", 1, 16 * YUAN, None, Code.AMEND_NOT_VALID),
    ("open", 2, None, None, Code.AMEND_NOT_VALID),
    ("received", 2, None, None, Code.AMEND_NOT_VALID),
    ("open", 1, 16 * YUAN + 1, None, Code.PRICE_OFF_TICK),
    ("received", None, 16 * YUAN + 1, None, Code.PRICE_OFF_TICK),
    ("huge", None, 10**12, None, Code.AMOUNT_TOO_LARGE),
    ("huge received", None, 10**12, None, Code.AMOUNT_TOO_LARGE),
    ("open", None, 16 * YUAN, GATE + 18 * HOUR + 1, Code.GATE_CLOSED),
    ("long", None, 16 * YUAN, GATE + 18 * HOUR + 1, Code.GATE_CLOSED),
    ("long received", None, 16 * YUAN, GATE + 18 * HOUR + 1, Code.GATE_CLOSED),
    ("received", None, 16 * YUAN, None, Code.ORDER_NOT_OPEN),
    ("received", 1, None, None, Code.ORDER_NOT_OPEN),
    ("open", None, 15 * YUAN, None, Code.AMEND_NOT_VALID),
]


@pytest.mark.parametrize("row", BID_AMENDMENTS)
def test_refused_amendments_of_bids(row: Amendment) -> None:
    stage, by, price, at, code = row
    market = Market(programme("short", valid_until=T + 3 * HOUR))
    terms: dict[str, Any] = {} if "long" in stage else {"programme_id": "short"}
    if "huge" in stage:
        terms |= {"nodes": 1_023, "hours": 1_440}
    bid_id = market.place(held="received" not in stage, **terms)
    market.when(amend_bid(bid_id, by, price), "lab-1", at).refused(code)


def commands_on(order_id: str, kind: str) -> list[Body]:
    """Every command that names an order of this kind, each with other faults too."""
    if kind == "offer":
        return [CancelOffer(offer_id=order_id), amend_offer(order_id), amend_offer(order_id, None, 1)]
    return [CancelBid(bid_id=order_id), amend_bid(order_id), amend_bid(order_id, None, 1)]


@pytest.mark.parametrize(("kind", "owner", "other"), [("offer", "gpu-1", "gpu-2"), ("bid", "lab-1", "lab-2")])
def test_orders_of_others_and_of_nobody(kind: str, owner: str, other: str) -> None:
    market = Market()
    order_id, foreign_kind = (market.post(), market.place(limit_price=YUAN))[:: 1 if kind == "offer" else -1]
    for rules, code in ((RULES[5], Code.NOT_YOURS), (RULES[LATEST], Code.UNKNOWN_ORDER)):
        market.state.rules = rules
        for body in commands_on(order_id, kind):
            market.when(body, other).refused(code)
    for nowhere in ("off-1-0", "bid-1-0", foreign_kind):
        for body in commands_on(nowhere, kind):
            market.when(body, owner).refused(Code.UNKNOWN_ORDER)
    market.when(commands_on(order_id, kind)[0], owner)
    for body in commands_on(order_id, kind):  # it was cancelled
        market.when(body, owner).refused(Code.UNKNOWN_ORDER)
        market.when(body, other).refused(Code.UNKNOWN_ORDER)


def test_only_providers_offer_and_only_beneficiaries_bid() -> None:
    market = Market()
    for body in (OFFER, *commands_on("off-1-0", "offer")):
        market.when(body, "lab-1").refused(Code.ROLE_NOT_ALLOWED)
    for body in (BID, *commands_on("bid-1-0", "bid")):
        market.when(body, "gpu-1").refused(Code.ROLE_NOT_ALLOWED)


OF_AUCTIONS = {
    "ALREADY_EXISTS", "AUCTION_NOT_LOCKED", "AUCTION_NOT_OPEN", "AUCTION_NOT_VALID",
    "CLASSES_NOT_COMPARABLE", "COLLAR_NOT_VALID", "NOT_IN_AUCTION", "PRICE_NOT_BETTER",
    "PRICE_OUTSIDE_COLLAR", "SOLUTION_NOT_VALID", "UNKNOWN_AUCTION",
}  # fmt: skip


def test_every_command_and_code_is_covered_here() -> None:
    sources = sorted(Path(str(matching.__file__)).parent.glob("*.py"))
    used = {name for source in sources for name in re.findall(r"\bCode\.([A-Z_]+)", source.read_text("utf-8"))}
    tables = (OFFER_FAULTS, BID_FAULTS)
    reached = {code.name for table in tables for code, _ in table}
    reached |= {row[-1].name for table in (OFFER_AMENDMENTS, BID_AMENDMENTS) for row in table}
    reached |= {"UNKNOWN_PARTY", "PROGRAMME_PAUSED"}  # in `test_leaving`
    reached |= {"AMENDMENT_OPEN"}  # in `test_amendments`
    reached |= {"HALT_NOT_VALID", "TRADING_HALTED", "TRADING_NOT_HALTED"}  # in `test_halts`
    reached |= {"POSITION_LIMIT_NOT_VALID"}  # in `test_positions`
    reached |= {"ORDER_LIMIT_NOT_VALID", "ORDERS_EXCEED_TRADES"}  # in `test_order_limits`
    reached |= {"BOND_IN_KIND", "PRICE_NOT_AT_PAR"}  # in `tests/e2e/test_in_kind.py`
    reached |= {"PERFORMANCE_UNKNOWN", "NO_CLASS_ADMITTED", "PRICED_BY_PERFORMANCE"}  # in `test_performance`
    of_inventory = {"SITE_NEEDED", "EXCEEDS_INVENTORY", "PARTY_NOT_A_PROVIDER"}
    reached |= of_inventory  # in `test_inventory`
    reached |= OF_AUCTIONS  # in `test_auctions` and the story of the golden logs
    reached |= {"PROGRAMME_NOT_OPEN"}  # by rules before 6: in `test_programme_validity`
    assert used == reached - {"DUPLICATE_ITEM", "EMPTY_LIST"} | {
        "UNKNOWN_ORDER",
        "NOT_YOURS",
    }  # the last of cancellations for others


@pytest.mark.parametrize(
    ("order", "actor", "code", "named"),
    [
        (replace(OFFER, window_end=B), "gpu-1", Code.WINDOW_NOT_VALID, {"hours": 0, "least": 1}),
        (replace(BID, latest=B + 8_785), "lab-1", Code.WINDOW_NOT_VALID, {"hours": 8_785, "most": 8_784}),
        (replace(OFFER, window_start=H - 2, window_end=H + 1), "gpu-1", Code.GATE_CLOSED, {"last_start": H}),
    ],
)
def test_a_refusal_names_the_hours_that_are_accepted(
    order: Body, actor: str, code: Code, named: dict[str, int]
) -> None:
    """By rules 1 to 4 it names none."""
    refusal = Market().when(order, actor, T).refused(code).last
    assert isinstance(refusal, Refusal)
    limits = {"last_end": H + 17_568} if code is Code.WINDOW_NOT_VALID else {"first": H + 1}
    assert dict(refusal.detail).items() >= {name: str(hour) for name, hour in (named | limits).items()}.items()


# limits at n and n + 1 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "beyond", "code"),
    [
        ({"window_end": B + 8_784}, {"window_end": B + 8_785}, Code.WINDOW_NOT_VALID),
        (
            {"window_start": H + 17_000, "window_end": H + 17_568},
            {"window_start": H + 17_000, "window_end": H + 17_569},
            Code.WINDOW_NOT_VALID,
        ),
        ({"window_end": B + 1}, {"window_end": B}, Code.WINDOW_NOT_VALID),
        ({"min_nodes": 4}, {"min_nodes": 5}, Code.MINIMUM_EXCEEDS_QUANTITY),
        ({"min_hours": 24}, {"min_hours": 25}, Code.MINIMUM_EXCEEDS_QUANTITY),
        ({"bond_bps": 2_000}, {"bond_bps": 1_999}, Code.BOND_TOO_SMALL),
        ({"price": PRICE_TICK}, {"price": PRICE_TICK + 1}, Code.PRICE_OFF_TICK),
        ({"tif": "GTD", "good_until": T + 1}, {"tif": "GTD", "good_until": T}, Code.TIME_IN_FORCE_NOT_VALID),
    ],
)
def test_limits_of_offers(terms: dict[str, Any], beyond: dict[str, Any], code: Code) -> None:
    Market().when(replace(OFFER, **terms), "gpu-1", T).then_types(OfferReceived)
    Market().when(replace(OFFER, **beyond), "gpu-1", T).refused(code)


@pytest.mark.parametrize(
    ("terms", "beyond", "code"),
    [
        ({"voucher_ids": MANY[:32]}, {"voucher_ids": MANY[:33]}, Code.OVER_LIMIT),
        ({"latest": B + 8_784}, {"latest": B + 8_785}, Code.WINDOW_NOT_VALID),
        (
            {"earliest": H + 17_000, "latest": H + 17_562},
            {"earliest": H + 17_000, "latest": H + 17_563},
            Code.WINDOW_NOT_VALID,
        ),
        ({"latest": B}, {"latest": B - 1}, Code.WINDOW_NOT_VALID),
        ({"min_nodes": 2}, {"min_nodes": 3}, Code.MINIMUM_EXCEEDS_QUANTITY),
        ({"limit_price": PRICE_TICK}, {"limit_price": 2 * PRICE_TICK - 1}, Code.PRICE_OFF_TICK),
        ({"tif": "GTD", "good_until": T + 1}, {"tif": "GTD", "good_until": T}, Code.TIME_IN_FORCE_NOT_VALID),
    ],
)
def test_limits_of_bids(terms: dict[str, Any], beyond: dict[str, Any], code: Code) -> None:
    Market().when(replace(BID, **terms), "lab-1", T).then_types(BidReceived)
    Market().when(replace(BID, **beyond), "lab-1", T).refused(code)


@pytest.mark.parametrize(
    ("classes", "regions", "fits"),
    [
        (16, 4, True),
        (4, 16, True),
        (8, 8, True),
        (17, 1, False),
        (1, 17, False),
        (16, 5, False),
        (5, 13, False),  # 65 markets
        (16, 16, False),
    ],
)
def test_sixteen_classes_or_regions_and_sixty_four_markets_and_no_more(classes: int, regions: int, fits: bool) -> None:
    names = MANY[:17]
    wide = programme("wide", classes=names, regions=names)
    market = Market(wide, *(accelerator(name, 8) for name in names))
    body = replace(BID, programme_id="wide", classes=names[:classes][::-1], regions=names[:regions][::-1])
    market.when(body, "lab-1")
    if not fits:
        market.refused(Code.OVER_LIMIT)
        return
    received = only(market)
    assert (received.classes, received.regions) == (tuple(sorted(names[:classes])), tuple(sorted(names[:regions])))


def test_largest_amounts() -> None:
    market = Market()
    per_price = 1_023 * 8 * 2_000
    top = MAX_AMOUNT // per_price // PRICE_TICK * PRICE_TICK
    large = replace(OFFER, nodes=1_023, window_end=B + 2_000, price=top, bond_bps=10_000)
    market.when(large, "gpu-1").then_types(OfferReceived)
    assert only(market).bond == top * per_price
    market.when(replace(large, price=top + PRICE_TICK), "gpu-1").refused(Code.AMOUNT_TOO_LARGE)

    per_price = 1_023 * 8 * 1_440
    top = (MAX_AMOUNT - 1_023) // per_price // PRICE_TICK * PRICE_TICK
    big = replace(BID, nodes=1_023, hours=1_440, limit_price=top)
    market.when(big, "lab-1").then_types(BidReceived)
    assert only(market).cost_per_node * 1_023 == top * per_price
    market.when(replace(big, limit_price=top + PRICE_TICK), "lab-1").refused(Code.AMOUNT_TOO_LARGE)


@pytest.mark.parametrize("per_market", [False, True])
@pytest.mark.parametrize(("body", "actor"), [(OFFER, "gpu-1"), (BID, "lab-1")])
def test_open_orders_per_party_and_market(body: Any, actor: str, per_market: bool) -> None:
    """What one party has open bars no other, and what it has open in one market bars no other market."""
    market, rules = Market(), RULES[LATEST]
    first = only(market.when(body, actor))
    name, where = ("offer_id", "region") if body is OFFER else ("bid_id", "regions")
    most = rules.max_open_orders_per_market if per_market else rules.max_open_orders_per_party
    assert most is not None

    def there(region: str) -> dict[str, Any]:
        return {where: region if body is OFFER else (region,)}

    places = [{} if per_market else there(f"place-{n % 40}") for n in range(most)]
    market.given(*(replace(first, **{name: f"more-{n}"}, **places[n]) for n in range(most - 2)))
    closed = (
        OfferClosed(offer_id="more-7", reason="cancelled")
        if body is OFFER
        else BidClosed(bid_id="more-7", reason="cancelled")
    )
    decide, directory, at = DECIDER.commands[type(body)], market.state.directory, market._next(None)

    def codes(*parties: str, **terms: Any) -> list[Code | None]:
        """What an order of each party, so changed, is refused with; the state is far too large to look at each time."""
        asked = [decide(market.state, replace(body, **terms), directory.parties[name], at) for name in parties]
        return [found.code if isinstance(found, Refusal) else None for found in asked]

    other = "gpu-2" if body is OFFER else "lab-2"
    assert codes(actor, other) == [None, None]
    market.given(replace(first, **{name: "last"}, **places[-1]))
    assert codes(actor, other) == [Code.OVER_LIMIT, None]
    assert codes(actor, tif="GTD") == [Code.OVER_LIMIT]
    assert codes(actor, **there("west")) == [None if per_market else Code.OVER_LIMIT]
    market.given(closed)
    assert codes(actor, other) == [None, None]
