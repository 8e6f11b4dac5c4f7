"""Rows that come over HTTP are the rows of the view store."""

from __future__ import annotations

from pathlib import Path

import orjson

from counterfoil.catalogue import VIEWS
from counterfoil.gateway.rows import render
from counterfoil.testbed.http_system import row_of
from tests.market import Market, play


def test_rows_come_back_as_the_store_has_them(tmp_path: Path) -> None:
    with Market(tmp_path / "home") as market:
        play(market)
        for view in VIEWS:
            rows = market.system.views.page(view.name, {}, None, 500)
            assert [row_of(view.name, orjson.loads(orjson.dumps(render(view, row)))) for row in rows] == rows
            assert rows or view.name in ("prevented_matches", "outages")  # which that play has none of
