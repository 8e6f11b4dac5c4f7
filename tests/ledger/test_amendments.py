"""What is held for an order that is to have another price covers both, until matching says which one counts."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.ledger.amendment_events import AmendmentFunded, AmendmentSettled
from counterfoil.ledger.events import HoldRefused
from counterfoil.matching.amendment_events import (
    AmendmentFailed,
    BidAmended,
    BidAmendmentRequested,
    OfferAmended,
    OfferAmendmentRequested,
)
from counterfoil.matching.events import BidClosed, BidReduced
from tests.ledger.story import SUSPENDED, Story, bid, issued, offer, story, trade

AMENDED = BidAmended(amendment_id="amd", bid_id="bid", limit_price=1, cost_per_node=1)


def asked(cost: int, nodes: int = 1, *vouchers: str, bid_id: str = "bid") -> BidAmendmentRequested:
    """The bid is to cost so much for each node."""
    like = bid(bid_id, cost, nodes, *vouchers)
    terms: dict[str, Any] = {
        name: getattr(like, name) for name in BidAmendmentRequested.__annotations__ if hasattr(like, name)
    }
    return BidAmendmentRequested(amendment_id="amd", **terms)


def failed(side: Any = "bid", order_id: str | None = None) -> AmendmentFailed:
    """The order stays as it is."""
    return AmendmentFailed(amendment_id="amd", side=side, order_id=order_id or str(side), reason="would_match")


def held(told: Story) -> tuple[dict[str, int], int]:
    """What is held for the bid: of each voucher, and in cash."""
    hold = told.state.holds.open["bid", "bid"]
    return {draw.voucher_id: draw.amount for draw in hold.draws}, hold.cash


@pytest.mark.parametrize(
    ("cost", "funded", "made"),
    [(1_200, ({"v1": 800}, 400), ({"v1": 800}, 400)), (600, ({"v1": 600}, 300), ({"v1": 400}, 200))],
)
@pytest.mark.parametrize("ends", ["made", "failed", "closed"])
def test_a_bid_is_held_for_at_both_prices_and_then_at_one(
    cost: int, funded: tuple[Any, int], made: tuple[Any, int], ends: str
) -> None:
    """Dearer and cheaper; what it fails to become, or leaves behind, is available again at once."""
    told = story(issued("v1", 1_000), bid("bid", 900)).hears(asked(cost))
    assert isinstance(told.said[0], AmendmentFunded)
    assert held(told) == funded
    if ends == "closed":
        told.hears(BidClosed(bid_id="bid", reason="cancelled"), failed())
        assert told.cash("acme") == (10_000, 0)
        assert not told.state.holds.pending
        return
    told.hears(AMENDED if ends == "made" else failed())
    assert held(told) == (made if ends == "made" else ({"v1": 600}, 300))
    assert told.state.holds.open["bid", "bid"].terms.cost_per_node == (cost if ends == "made" else 900)
    assert not told.state.holds.pending


def test_further_vouchers_pay_in_their_order_and_are_given_back_first() -> None:
    told = story(issued("v1", 700), issued("v2", 500), bid("bid", 900)).hears(asked(1_500))
    assert held(told) == ({"v1": 700, "v2": 300}, 500)
    assert held(told.hears(failed())) == ({"v1": 600}, 300)


def test_what_was_traded_meanwhile_is_paid_and_the_rest_is_held_at_the_price_that_counts() -> None:
    for outcome, left in ((AMENDED, ({"v1": 800}, 400)), (failed(), ({"v1": 600}, 300))):
        told = story(issued("v1", 3_000), offer("offer", 1_000), bid("bid", 900, 2)).hears(asked(1_200, 2))
        told.hears(trade("trade", 900, 1), outcome)
        assert held(told) == left
        assert told.state.holds.open["contract", "trade"].cash == 300


def test_a_bid_that_shrinks_meanwhile_is_held_for_as_it_is_then() -> None:
    told = story(issued("v1", 3_000), bid("bid", 900, 3)).hears(asked(1_200, 3), BidReduced(bid_id="bid", nodes_left=1))
    assert held(told.hears(AMENDED)) == ({"v1": 800}, 400)


@pytest.mark.parametrize(
    ("cost", "code", "short"),
    [(1_600, "exceeds_available", [("vouchers", 466, 400)]), (900_000_000, "exceeds_available", None)],
)
def test_what_cannot_be_held_leaves_the_hold_as_it_is(cost: int, code: str, short: Any) -> None:
    told = story(issued("v1", 1_000), bid("bid", 900))
    before = told.records()
    told.hears(asked(cost))
    (refused,) = told.said
    assert isinstance(refused, HoldRefused)
    assert (refused.hold_id, refused.code) == ("amd", code)
    assert short is None or [(each.of, each.needed, each.available) for each in refused.lacking] == short
    assert told.hears(failed()).records() == before


def test_a_bid_that_a_suspended_voucher_pays_for_is_not_amended() -> None:
    told = story(issued("v1", 1_000), bid("bid", 900), SUSPENDED).hears(asked(600))
    (refused,) = told.said
    assert (refused.hold_id, refused.code) == ("amd", "voucher_suspended")


@pytest.mark.parametrize(("price", "bond", "funded", "made"), [(2, 400, 400, 400), (1, 50, 100, 50)])
@pytest.mark.parametrize("ends", ["made", "failed"])
def test_an_offer_has_the_bond_of_both_prices_and_then_of_one(
    price: int, bond: int, funded: int, made: int, ends: str
) -> None:
    told = story(offer("offer", 100)).hears(
        OfferAmendmentRequested(
            amendment_id="amd",
            offer_id="offer",
            provider_id="cloud",
            currency="CNY",
            price=price,
            bonded_at=price,
            bond=bond,
        )
    )
    assert told.cash("cloud") == (10_000 - funded, funded)
    amended = OfferAmended(amendment_id="amd", offer_id="offer", price=price, bonded_at=price, bond=bond)
    told.hears(amended if ends == "made" else failed("offer"))
    left = made if ends == "made" else 100
    assert told.cash("cloud") == (10_000 - left, left)
    assert isinstance(told.said[0], AmendmentSettled)


def test_a_failed_amendment_gives_back_what_it_added_of_each_voucher() -> None:
    """Though the first voucher has become free meanwhile, and pays before the second."""
    told = story(issued("v1", 1_000), bid("other", 1_350), issued("v2", 1_000), bid("bid", 900))
    assert held(told) == ({"v1": 100, "v2": 500}, 300)
    told.hears(BidClosed(bid_id="other", reason="cancelled"), asked(1_200))
    assert held(told) == ({"v1": 300, "v2": 500}, 400)
    assert held(told.hears(failed())) == ({"v1": 100, "v2": 500}, 300)
