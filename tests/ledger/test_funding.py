"""A voucher that was suspended, was revoked or has expired pays for what was traded before, and for no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.record import Event
from counterfoil.core.rules import LATEST, RULES
from counterfoil.ledger.events import FundingEnded, HoldReleased
from counterfoil.ledger.service import DECIDER
from counterfoil.matching.events import BidClosed, BidReduced
from tests.ledger.story import (
    ENDS,
    REINSTATED,
    RETURNED,
    REVOKED,
    SUSPENDED,
    Story,
    bid,
    expire,
    issued,
    offer,
    story,
    trade,
)

MOST = RULES[LATEST].max_items_per_sweep
NOW = (0, "funding_end")


def ends(told: Story, how: Event | None) -> Story:
    """The voucher v1 may pay for no more trades: by an event of issuance, or by time."""
    return expire(told) if how is None else told.hears(how)


def tells(told: Story) -> list[tuple[str, str, str]]:
    """What the timer tells matching next."""
    assert DECIDER.due(told.state) == NOW
    told.fires("funding_end", told.time)
    events: list[Any] = told.said
    assert all(isinstance(event, FundingEnded) for event in events)
    return [(event.bid_id, event.voucher_id, event.reason) for event in events]


@pytest.mark.parametrize(
    ("how", "reason", "left"),
    [
        (REVOKED, "revoked", (0, 300, 0, 0, 700)),
        (RETURNED, "revoked", (0, 300, 0, 0, 700)),
        (SUSPENDED, "suspended", (700, 300, 0, 0, 0)),
        (None, "expired", (0, 300, 0, 700, 0)),
    ],
)
def test_bids_that_wait_are_to_be_closed_and_what_was_traded_is_paid_for(
    how: Event | None, reason: str, left: tuple[int, ...]
) -> None:
    told = story(
        issued("v1", 1_000), issued("v2", 1_000, expires_at=ENDS + 9), offer("offer", 100),
        bid("bid", 450, 1, "v1"), bid("rests", 300, 1, "v1"), bid("other", 300, 1, "v2"), trade("trade", 450),
    )  # fmt: skip
    ends(told, how)
    assert tells(told) == [("rests", "v1", reason)]
    assert DECIDER.due(told.state) != NOW
    told.hears(BidClosed(bid_id="rests", reason="cancelled"))
    assert told.voucher("v1") == left
    assert told.voucher("v2") == (800, 200, 0, 0, 0)
    assert not list(told.state.holds.leaving)


def test_a_reinstated_voucher_pays_on_for_the_bids_that_were_not_told() -> None:
    told = story(issued("v1", 1_000), bid("bid", 300, 1, "v1"), SUSPENDED, REINSTATED)
    assert DECIDER.due(told.state) != NOW
    assert tells(told.hears(SUSPENDED)) == [("bid", "v1", "suspended")]
    told.hears(REINSTATED)
    assert DECIDER.due(told.state) != NOW


def test_a_bid_is_told_once_and_a_trade_on_its_way_stands() -> None:
    """It draws on two vouchers that end; matching had traded before the news came."""
    told = story(
        issued("v1", 100), issued("v2", 1_000, issue_seq=2), offer("offer", 100), bid("bid", 300, 3, "v1", "v2")
    )
    told.hears(REVOKED, replace(SUSPENDED, voucher_id="v2"))
    assert tells(told) == [("bid", "v1", "revoked")]
    told.hears(BidReduced(bid_id="bid", nodes_left=2), trade("trade", 300, 1))
    assert DECIDER.due(told.state) != NOW
    told.hears(BidClosed(bid_id="bid", reason="funding_revoked"))
    assert isinstance(told.said[0], HoldReleased)
    assert told.state.contracts.keys() == {"trade"}


def test_an_entry_tells_of_so_many_bids_and_the_timer_comes_again() -> None:
    told = story(issued("v1", 1_000))
    names = [f"bid-{nth:02}" for nth in range(MOST + 1)]
    told.hears(*(bid(name, 3, 1, "v1") for name in names), REVOKED)
    assert [bid_id for bid_id, _, _ in tells(told)] == names[:MOST]
    assert [bid_id for bid_id, _, _ in tells(told)] == names[MOST:]
    assert DECIDER.due(told.state) != NOW


def test_rules_1_to_3_let_them_wait_and_version_4_ends_them_where_it_is_adopted() -> None:
    told = story(issued("v1", 1_000), bid("bid", 300, 1, "v1"))
    told.state.rules = RULES[3]
    told.hears(REVOKED)
    assert DECIDER.due(told.state) != NOW
    told.state.rules = RULES[LATEST]
    told.state.rebuild()
    assert tells(told) == [("bid", "v1", "revoked")]
