"""Deadlines as they are after outages: a view keeps them as they were set, since an outage moves all that are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

from counterfoil.contract.log_id import MAIN
from counterfoil.core.outages import Outages
from counterfoil.ports import Row, ViewReader
from counterfoil.redemption.views import CONTRACTS, OUTAGES, REPORTS, with_outages

_MOVED: Final = (CONTRACTS.name, REPORTS.name)
_PAGE: Final = 500


def with_deadlines(views: ViewReader, view: str, rows: Sequence[Row]) -> Sequence[Row]:
    """Rows of a view as they are shown; waits for the database."""
    if view not in _MOVED or not rows:
        return rows
    outages = Outages()
    for each in _outages(views):
        outages.add(*(cast("int", each[name]) for name in ("away_since", "resumed_at", "earliest")))
    return [with_outages(view, row, outages) for row in rows]


def _outages(views: ViewReader) -> Iterator[Row]:
    """Redemption has one shard so far: `Instance.create` refuses others."""
    after: tuple[object, ...] = (MAIN, 0)
    while page := views.page(OUTAGES.name, {}, after, _PAGE):
        yield from page
        after = tuple(page[-1][column] for column in OUTAGES.key)
