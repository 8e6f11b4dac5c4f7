"""Which bids a programme with two versions allows: versions 1, 2 and 6 of the rules side by side.

The fault of version 1: once a programme had a second version, the validity of neither was checked. The fault of 2: what
ends issuing ended spending, too, so that vouchers lost their last months. From version 6 on, vouchers end by their
expiry alone, which the ledger judges, and one version of a programme is judged as two identical ones are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.issuance.events import ProviderListed
from counterfoil.matching.commands import AmendBid
from counterfoil.matching.events import BidAdmitted, BidClosed, BidReceived
from tests.matching.world import BID, YUAN, B, Market, T, programme

OPEN: Final[dict[str, Any]] = {}
OVER: Final[dict[str, Any]] = {"valid_until": T}
TO_COME: Final[dict[str, Any]] = {"valid_from": T + 2 * HOUR}
OTHER_CLASS: Final[dict[str, Any]] = {"classes": ("h100",)}
OTHER_REGION: Final[dict[str, Any]] = {"regions": ("west",)}
NOT_OPEN, CLASS, REGION = Code.PROGRAMME_NOT_OPEN, Code.CLASS_NOT_IN_PROGRAMME, Code.REGION_NOT_IN_PROGRAMME

Terms = dict[str, Any]
BY = ("by_1", "by_2", "by_6")
# the programme's first version, its second one, what a bid for a100 in the east gets by rules 1, 2 and 6
INTAKE: list[tuple[Terms, Terms | None, Code | None, Code | None, Code | None]] = [
    (OPEN, None, None, None, None),
    (OVER, None, NOT_OPEN, NOT_OPEN, None),
    (TO_COME, None, NOT_OPEN, NOT_OPEN, None),
    (OTHER_CLASS, None, CLASS, CLASS, CLASS),
    (OPEN, OPEN, None, None, None),
    (OPEN, OVER, None, None, None),  # vouchers of the first version may pay
    (OPEN, TO_COME, None, None, None),
    (OPEN, OTHER_CLASS, None, None, None),
    (OVER, OPEN, None, None, None),
    (OVER, OVER, None, NOT_OPEN, None),
    (OVER, TO_COME, None, NOT_OPEN, None),
    (TO_COME, OVER, None, NOT_OPEN, None),
    (OVER, OTHER_CLASS, None, CLASS, None),  # the refusal is the current version's
    (OVER, OTHER_REGION, None, REGION, None),
    (TO_COME, OTHER_CLASS, None, CLASS, None),
    (OTHER_CLASS, OPEN, None, None, None),
    (OTHER_CLASS, OVER, NOT_OPEN, NOT_OPEN, None),
    (OTHER_CLASS, OTHER_CLASS, CLASS, CLASS, CLASS),
    (OTHER_CLASS, OTHER_REGION, REGION, REGION, REGION),
]


def market_with(first: Terms, second: Terms | None, rules: int) -> Market:
    """A market with the programme `short`, of one version or two."""
    more = [] if second is None else [programme("short", version=2, **second)]
    return Market(programme("short", **first), *more, rules=rules)


@pytest.mark.parametrize(("first", "second", *BY), INTAKE)
def test_which_bids_are_received(
    first: Terms, second: Terms | None, by_1: Code | None, by_2: Code | None, by_6: Code | None
) -> None:
    for rules, expected in ((1, by_1), (2, by_2), (6, by_6)):
        market = market_with(first, second, rules)
        market.when(replace(BID, programme_id="short"), "lab-1", T)
        if expected is None:
            market.then_types(BidReceived)
        else:
            market.refused(expected)


@pytest.mark.parametrize(("first", "second", *BY), INTAKE)
def test_a_new_limit_is_judged_as_a_new_bid(
    first: Terms, second: Terms | None, by_1: Code | None, by_2: Code | None, by_6: Code | None
) -> None:
    for rules, expected in ((1, by_1), (2, by_2), (6, by_6)):
        market = market_with(OPEN, None, rules)
        bid_id = market.place(programme_id="short")
        market.state.programmes.drop("short")
        market.given(programme("short", **first))
        if second is not None:
            market.given(programme("short", version=2, **second))
        market.when(AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=16 * YUAN), "lab-1", T)
        if expected is None:
            market.then_types(BidClosed, BidReceived)
        else:
            market.refused(expected)


# the version that pays, the other one, why the bid is closed at admission by version 1 of the rules, by 2, by 6
ADMISSION: list[tuple[Terms, Terms, str | None, str | None, str | None]] = [
    (OPEN, OPEN, None, None, None),
    (OPEN, OVER, None, None, None),
    (OPEN, OTHER_CLASS, None, None, None),
    ({"valid_until": T + HOUR + 1}, OPEN, None, None, None),
    ({"valid_until": T + HOUR}, OPEN, None, "programme_not_open", None),
    ({"valid_from": T + HOUR}, OPEN, None, None, None),
    ({"valid_from": T + HOUR + 1}, OPEN, None, "programme_not_open", None),
    (OTHER_CLASS, OPEN, "not_in_programme", "not_in_programme", "not_in_programme"),
    (OTHER_REGION, OPEN, "not_in_programme", "not_in_programme", "not_in_programme"),
    ({**OTHER_CLASS, **OVER}, OPEN, "not_in_programme", "programme_not_open", "not_in_programme"),
]


@pytest.mark.parametrize("paying", [1, 2])
@pytest.mark.parametrize(("pays", "other", *BY), ADMISSION)
def test_which_bids_enter_the_book(pays: Terms, other: Terms, by_1: Any, by_2: Any, by_6: Any, paying: int) -> None:
    """By the version of the vouchers that pay, at the time at which they are held."""
    for rules, expected in ((1, by_1), (2, by_2), (6, by_6)):
        first, second = (pays, other) if paying == 1 else (other, pays)
        market = market_with(first, second, rules)
        bid_id = market.place(programme_id="short", held=False, at=T, latest=B + 18)
        market.hold(bid_id, T + HOUR, version=paying)
        if expected is None:
            market.then(BidAdmitted(bid_id=bid_id, version=paying))
        else:
            market.then(BidClosed(bid_id=bid_id, reason=expected))
            assert not market.state.open_orders


@pytest.mark.parametrize("rules", [1, 2, 6])
def test_a_bid_that_rests_trades_on_when_its_version_is_over(rules: int) -> None:
    """Validity decides who may enter; what is held for a bid stays held."""
    listing = ProviderListed(programme_id="short", provider_id="gpu-1")
    market = Market(programme("short", valid_until=T + HOUR), listing, rules=rules)
    bid_id = market.place(programme_id="short", at=T)
    market.post(at=T + 2 * HOUR)
    assert [trade[0] for trade in market.trades()] == [bid_id]
