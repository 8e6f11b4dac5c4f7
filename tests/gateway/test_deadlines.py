"""Queries show deadlines as they are after outages, and read no more outages than fell into what they show."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.outages import Outages
from counterfoil.gateway import deadlines
from counterfoil.gateway.deadlines import PAGE, with_deadlines
from counterfoil.ports import Progress, Row, RowKey
from counterfoil.readership import Scope

Span = tuple[int, int]


class OutagesView:
    """A `ViewReader` of outages alone, which counts what is read."""

    def __init__(self, spans: list[Span], grace: int = 0) -> None:
        self.rows: list[Row] = [
            {"shard": "main", "away_since": since, "resumed_at": until, "earliest": until + grace}
            for since, until in spans
        ]
        self.read = 0

    def get(self, view: str, key: RowKey, scope: Scope | None = None) -> Row | None:
        """Nobody asks for one."""

    def page(
        self,
        view: str,
        filters: Mapping[str, object],
        after: RowKey | None,
        limit: int,
        scope: Scope | None = None,
        *,
        newest: bool = False,
        since: int | None = None,
    ) -> list[Row]:
        """As the port says."""
        assert (view, filters, scope) == ("outages", {}, None)
        found = [row for row in self.rows if after is None or (row["resumed_at"], row["shard"]) > after][:limit]
        self.read += len(found)
        return found

    def progress(self) -> dict[str, Progress]:
        """Nobody asks for it."""
        return {}


def report(opened: int, deadline: int) -> Row:
    return {"report_id": "r", "reported_at": opened, "dispute_until": deadline}


@given(
    edges=st.lists(st.integers(1, 90), max_size=40, unique=True),
    windows=st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=6),
    grace=st.integers(0, 9),
    page=st.integers(1, 4),
)
def test_what_is_not_read_moves_nothing(edges: list[int], windows: list[Span], grace: int, page: int) -> None:
    spans = list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
    everything = Outages()
    for since, until in spans:
        everything.add(since, until, until + grace)
    rows = [report(opened, opened + length) for opened, length in windows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deadlines, "PAGE", page)
        shown = with_deadlines(OutagesView(spans, grace), "reports", rows)
    expected = [everything.extended(opened, opened + length) for opened, length in windows]
    assert [row["dispute_until"] for row in shown] == expected


def test_outages_before_and_after_a_window_are_not_read() -> None:
    views = OutagesView([(since, since + 10) for since in range(0, 1_000_000, 100)])
    shown = with_deadlines(views, "reports", [report(900_000, 900_300), report(50, 60), report(500_005, 500_205)])
    assert [row["dispute_until"] for row in shown] == [900_340, 60, 500_230]
    assert views.read <= 3 * PAGE


def test_other_views_have_no_such_deadlines() -> None:
    views = OutagesView([(0, 10)])
    assert with_deadlines(views, "claims", [{"claim_id": "c"}]) == [{"claim_id": "c"}]
    assert views.read == 0
