"""A deadline waits for exactly as long as nobody could meet it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.outages import Outages

GRACE = 3


def outages(*spans: tuple[int, int], grace: int = 0) -> Outages:
    made = Outages()
    for away_since, resumed_at in spans:
        made.add(away_since, resumed_at, resumed_at + grace)
    return made


@pytest.mark.parametrize(
    ("opened", "deadline", "expected"),
    [
        (0, 10, 10),  # over before the outage
        (0, 20, 20),  # ends as the outage begins: nobody was kept from it
        (0, 21, 33),  # the one unit that was left, and no less than the grace
        (0, 25, 35),  # five were left
        (0, 90, 100),
        (25, 90, 95),  # the outage took half of what it was open
        (29, 90, 91),
        (30, 90, 90),  # opened as the log resumed
        (40, 90, 90),
    ],
)
def test_a_deadline_gets_what_the_outage_took(opened: int, deadline: int, expected: int) -> None:
    assert outages((20, 30), grace=GRACE).extended(opened, deadline) == expected


@given(st.lists(st.integers(0, 60), max_size=8, unique=True), st.integers(0, 60), st.integers(1, 30))
def test_what_is_left_of_a_window_is_used_up_only_while_the_log_decides(
    edges: list[int], opened: int, length: int
) -> None:
    spans = list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
    end, left = opened, length
    while left:  # unit by unit
        left -= not any(since <= end < until for since, until in spans)
        end += 1
    assert outages(*spans).extended(opened, opened + length) == end


@given(st.lists(st.integers(0, 60), min_size=2, max_size=8, unique=True), st.lists(st.integers(0, 90), min_size=2))
def test_deadlines_of_one_opening_keep_their_order(edges: list[int], deadlines: list[int]) -> None:
    spans = list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
    for first, then in pairwise(sorted(deadlines)):
        made = outages(*spans, grace=GRACE)
        assert made.extended(0, first) <= made.extended(0, then)
