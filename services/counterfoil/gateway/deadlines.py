"""Deadlines as they are after outages: a view keeps them as they were set, since an outage moves all that are open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, cast

from counterfoil.contract.log_id import MAIN
from counterfoil.core.outages import Outages
from counterfoil.ports import Row, ViewReader
from counterfoil.redemption.views import OUTAGES, Window, window_of

PAGE: Final = 32
"""Outages that are read at once."""


def with_deadlines(views: ViewReader, view: str, rows: Sequence[Row]) -> Sequence[Row]:
    """Rows of a view as they are shown; waits for the database."""
    windows = [window_of(view, row) for row in rows]
    outages = _touching(views, [window for window in windows if window is not None])
    return [
        row if window is None else {**row, window.column: outages.extended(window.opened, window.deadline)}
        for row, window in zip(rows, windows, strict=True)
    ]


def _touching(views: ViewReader, windows: Iterable[Window]) -> Outages:
    """The outages that fell into the windows, and few others, however many there were.

    In the view's order, from the opening of each window to its end as it is by what was read; outages do not
    overlap. Redemption has one shard so far: `Instance.create` refuses others.
    """
    found, read = Outages(), 0
    for window in sorted(windows, key=lambda each: each.opened):
        read = max(read, window.opened)
        while found.extended(window.opened, window.deadline) > read:
            page = views.page(OUTAGES.name, {}, (read, MAIN), PAGE)
            for each in page:
                found.add(*(cast("int", each[name]) for name in ("away_since", "resumed_at", "earliest")))
            if len(page) < PAGE:
                return found
            read = cast("int", page[-1]["resumed_at"])
    return found
