"""What one group holds of a market on a delivery day is bounded, and the book is never left crossed for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.ledger.notice_events import DeliveryEnded
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelOffer
from counterfoil.matching.commitments import NOTHING, Committed, added, by_day, merged, since
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.passes import due
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.matching.position_events import PositionLimitSet, PositionsCounted
from counterfoil.matching.position_state import Limit, Room
from counterfoil.matching.state import COUNT_TIMER
from tests.matching.test_halts import OPERATOR
from tests.matching.test_uncrossing import goes_on
from tests.matching.world import YUAN, B, Market, joins

LIMIT = SetPositionLimit(class_id="a100", region="east", share_bps=2_000, least=0, reason="crowding")
DAY_START = B // 24 * 24


def limited(offered: int = 100, **terms: Any) -> Market:
    """A market with so many nodes on offer for the day behind the first, of which a group may hold a fifth."""
    market = Market(OPERATOR)
    market.post(nodes=offered, **WHOLE_DAY)
    market.when(replace(LIMIT, **terms), "op").then_types(PositionLimitSet, PositionsCounted)
    goes_on(market)
    return market


WHOLE_DAY: dict[str, Any] = {"window_start": DAY_START + 24, "window_end": DAY_START + 48}
ALL_DAY: dict[str, Any] = {"hours": 24, "earliest": DAY_START + 24, "latest": DAY_START + 24}


def counts(market: Market) -> list[Any]:
    """The next full hour comes; the trades that follow before anything else."""
    when = due(market.state)
    assert when is not None
    assert when[1] == COUNT_TIMER
    assert when[0] % HOUR == 0
    market.fires(COUNT_TIMER, when[0])
    return goes_on(market)


@pytest.mark.parametrize(("nodes", "trades"), [(20, True), (21, False)])
def test_a_group_gets_its_share_of_a_day_and_no_node_more(nodes: int, trades: bool) -> None:
    market = limited()
    bid = market.place(nodes=nodes, **ALL_DAY)
    assert bool(market.trades()) is trades
    assert (bid in market.state.bids) is not trades
    other = market.place("lab-2", nodes=20, **ALL_DAY)
    assert [each[0] for each in market.trades()] == [other]


def test_what_a_group_holds_counts_in_every_trade_of_it_and_of_its_relatives() -> None:
    market = limited()
    market.place(nodes=15, **ALL_DAY)
    market.reacts_to(joins("lab-2", "lab-1"))
    goes_on(market)
    over, fits = market.place("lab-2", nodes=6, **ALL_DAY), market.place("lab-2", nodes=5, **ALL_DAY)
    assert over in market.state.bids
    assert fits not in market.state.bids
    market.reacts_to(joins("lab-2", "lab-2"))  # apart again, lab-2 holds 5
    assert [each[0] for each in goes_on(market)] == [over]


def test_a_bid_in_parts_gets_what_its_group_may_and_another_day_in_place_of_a_full_one() -> None:
    market = limited()
    market.post("gpu-2", nodes=100, window_start=DAY_START + 48, window_end=DAY_START + 72)
    counts(market)
    market.place(nodes=25, partial=True, **ALL_DAY)
    assert [each[2] for each in market.trades()] == [20]
    market.place(nodes=2, hours=6, earliest=DAY_START + 24, latest=DAY_START + 60)
    assert [each[3] + B for each in market.trades()] == [DAY_START + 48]


def test_least_is_what_a_group_may_hold_of_any_day() -> None:
    market = limited(offered=4, share_bps=0, least=12)
    over, fits = market.place(hours=7, **FREE), market.place(hours=6, **FREE)
    assert over in market.state.bids
    assert fits not in market.state.bids


FREE: dict[str, Any] = {"nodes": 2, "earliest": DAY_START + 24, "latest": DAY_START + 40}


def more_offered(market: Market) -> list[Any]:
    market.post("gpu-2", nodes=5, price=90 * YUAN, **WHOLE_DAY)
    return counts(market)


def contract_ended(market: Market) -> list[Any]:
    trade = next(each for each in market.history if isinstance(each[0], TradeMatched))[0]
    assert isinstance(trade, TradeMatched)
    market.reacts_to(DeliveryEnded(contract_id=trade.trade_id, forfeits_bps=None))
    assert goes_on(market) == []
    return counts(market)


def hours_reclaimed(market: Market) -> list[Any]:
    """The last half of the day that the group has bought."""
    (trade, *_) = [each for each, _ in market.history if isinstance(each, TradeMatched)]
    market.reacts_to(
        ContractReclaimed(
            contract_id=trade.trade_id, provider_id="gpu-1", beneficiary_id="lab-1", hour=trade.first_hour + 12,
            hours=12, vouchers=(), cash=0, bond=0, paid=0, returned=0, ends=False, legs=(),
        )
    )  # fmt: skip
    assert trade.trade_id not in market.state.sold
    assert goes_on(market) == []
    return counts(market)


def limit_raised(market: Market) -> list[Any]:
    market.when(replace(LIMIT, share_bps=2_100), "op").then_types(PositionLimitSet, PositionsCounted)
    return goes_on(market)


def limit_ended(market: Market) -> list[Any]:
    market.when(replace(LIMIT, share_bps=None), "op").then_types(PositionLimitSet)
    return goes_on(market)


LOOSENED: list[Callable[[Market], list[Any]]] = [
    more_offered, contract_ended, hours_reclaimed, limit_raised, limit_ended,
]  # fmt: skip


@pytest.mark.parametrize("loosens", LOOSENED)
def test_what_rests_for_the_limit_alone_trades_once_it_may(loosens: Callable[[Market], list[Any]]) -> None:
    market = limited()
    market.place(nodes=20, **ALL_DAY)
    waiting = market.place(nodes=1, **ALL_DAY)
    assert waiting in market.state.bids
    assert [each[0] for each in loosens(market)] == [waiting]


def test_a_bid_that_is_reduced_to_what_fits_trades_at_once() -> None:
    market = limited()
    bid = market.place(nodes=21, **ALL_DAY)
    market.when(AmendBid(bid_id=bid, reduce_nodes_by=1, limit_price=None), "lab-1")
    assert [each[:1] for each in goes_on(market)] == [(bid,)]


def test_what_leaves_the_book_counts_no_more_and_what_is_sold_does() -> None:
    market = limited(offered=50)
    more = market.post("gpu-2", nodes=50, price=90 * YUAN, **WHOLE_DAY)
    market.when(AmendOffer(offer_id=more, reduce_nodes_by=10, price=None), "gpu-2")
    market.place(nodes=10, **ALL_DAY)
    counts(market)
    assert market.state.positions.limits["a100", "east"].counted == since(
        added(since(NOTHING, DAY_START), 90, DAY_START + 24, 24), DAY_START
    )
    market.when(CancelOffer(offer_id=more), "gpu-2")
    counts(market)
    assert by_day(market.state.positions.limits["a100", "east"].counted, DAY_START // 24, 2) == [0, 50 * 24]


def test_a_pass_of_an_offer_counts_what_its_own_trades_give_a_group() -> None:
    market = Market(OPERATOR)
    market.when(replace(LIMIT, share_bps=0, least=48), "op")
    bids = [market.place(nodes=1, **ALL_DAY) for _ in range(3)]
    market.post(nodes=10, **WHOLE_DAY)
    assert [each[0] for each in market.trades()] == bids[:2]
    assert goes_on(market) == []


def test_a_bid_that_is_filled_or_killed_is_planned_within_the_limit() -> None:
    market = limited()
    market.post("gpu-2", nodes=10, price=13 * YUAN, **WHOLE_DAY)
    killed = market.place(nodes=21, partial=True, tif="FOK", **ALL_DAY)
    assert market.tally.closed[killed] == "not_fillable"
    market.place(nodes=20, partial=True, tif="FOK", **ALL_DAY)
    assert sum(each[2] for each in market.trades()) == 20


def test_a_post_only_bid_over_the_limit_would_take_later_and_is_refused() -> None:
    market = limited()
    bid = market.place(nodes=21, post_only=True, **ALL_DAY)
    assert market.tally.closed[bid] == "would_match"


def test_no_limit_is_counted_and_none_is_due_where_nothing_changed() -> None:
    market = limited()
    assert due(market.state) is None or due(market.state)[1] != COUNT_TIMER  # type: ignore[index]
    market.post("gpu-2", nodes=1, **WHOLE_DAY)
    market.when(replace(LIMIT, share_bps=None), "op")
    assert due(market.state) is None or due(market.state)[1] != COUNT_TIMER  # type: ignore[index]


def test_what_was_bought_before_the_first_limit_is_held() -> None:
    market = Market(OPERATOR)
    market.post(nodes=100, **WHOLE_DAY)
    market.place(nodes=20, **ALL_DAY)
    market.when(LIMIT, "op")
    bid = market.place(nodes=1, **ALL_DAY)
    assert bid in market.state.bids
    assert by_day(market.state.positions.limits["a100", "east"].counted, DAY_START // 24, 2) == [0, 2_400]


FAULTS: list[tuple[dict[str, Any], str, Code]] = [
    ({"class_id": "none"}, "op", Code.UNKNOWN_CLASS),
    ({"share_bps": None}, "op", Code.POSITION_LIMIT_NOT_VALID),
    ({}, "gpu-1", Code.ROLE_NOT_ALLOWED),
]


@pytest.mark.parametrize(("terms", "actor", "code"), FAULTS)
def test_refused_limits(terms: dict[str, Any], actor: str, code: Code) -> None:
    Market(OPERATOR).when(replace(LIMIT, **terms), actor).refused(code)


@pytest.mark.parametrize(("beyond", "refused"), [(1, False), (0, True)])
def test_so_many_markets_have_a_limit(beyond: int, refused: bool) -> None:
    market = Market(OPERATOR)
    for nth in range(RULES[LATEST].max_position_limits - beyond):
        market.state.positions.limits["h100", f"r{nth}"] = Limit(1, 1, 0, 0, False, NOTHING, NOTHING)
    if refused:
        market.when(LIMIT, "op").refused(Code.OVER_LIMIT)
    else:
        market.when(LIMIT, "op").then_types(PositionLimitSet, PositionsCounted)
    market.when(replace(LIMIT, class_id="h100", region="r0"), "op").then_types(PositionLimitSet, PositionsCounted)


BLOCKS = st.tuples(st.integers(1, 9), st.integers(0, 60), st.integers(1, 50))


@given(left=st.lists(st.integers(-3, 80), min_size=5, max_size=5), block=BLOCKS)
def test_starts_within_what_a_group_may_get_as_counted_by_hand(left: list[int], block: tuple[int, int, int]) -> None:
    nodes, first, hours = block
    starts = Room(100, left).starts(nodes, hours, 2_400 + first)
    for start in range(2_400 + first, 2_400 + 5 * 24 - hours + 1):
        parts = [sum(h // 24 == 100 + day for h in range(start, start + hours)) for day in range(5)]
        fits = all(part == 0 or nodes * part <= most for part, most in zip(parts, left, strict=True))
        assert bool(starts >> (start - 2_400 - first) & 1) is fits


@given(one=st.lists(BLOCKS, max_size=4), other=st.lists(BLOCKS, max_size=4), first=st.integers(-2, 3))
def test_days_are_summed_as_by_hand(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]], first: int
) -> None:
    def made(blocks: list[tuple[int, int, int]], origin: int) -> Committed:
        counts = since(NOTHING, origin)
        for nodes, start, hours in blocks:
            counts = added(counts, nodes, 240 + start, hours)
        return counts

    both = merged(made(one, 240), made(other, 216))
    days = [0] * 6
    for nodes, start, hours in one + other:
        for hour in range(240 + start, 240 + start + hours):
            if 0 <= hour // 24 - (10 + first) < 6:
                days[hour // 24 - (10 + first)] += nodes
    assert by_day(both, 10 + first, 6) == days


def test_the_story_of_a_limited_market_is_the_same_from_its_events() -> None:
    market = limited()
    for loosens in (more_offered, limit_raised):
        market.place(nodes=19, **ALL_DAY)
        market.place("lab-2", nodes=2, **ALL_DAY)
        loosens(market)
    again = market.replayed()
    assert again.positions.limits == market.state.positions.limits
    assert again.positions.holdings == market.state.positions.holdings
