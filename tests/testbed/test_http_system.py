"""Rows that come over HTTP are the rows of the view store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import orjson

from counterfoil.audit.files import find_logs
from counterfoil.catalogue import CATALOGUE, VIEWS
from counterfoil.contract.log_id import log_of
from counterfoil.core.rules import LATEST
from counterfoil.gateway.rows import render
from counterfoil.ports import Change
from counterfoil.runtime.projector import project
from counterfoil.storage.view_store import open_view_store
from counterfoil.testbed.http_system import row_of
from tests.golden.cases import FOLDER
from tests.golden.test_golden import entries


def test_rows_come_back_as_the_store_has_them(tmp_path: Path) -> None:
    """Of every view, from the golden logs, which have every event."""
    with closing(open_view_store(tmp_path / "views.db", VIEWS)) as views:
        for log in find_logs(FOLDER / f"rules-{LATEST}"):
            changes: list[Change] = []
            for entry in entries(log):
                project(CATALOGUE[log_of(entry.origin).service].reducers, entry, changes)
            views.apply(changes, {})
        for view in VIEWS:
            rows = views.page(view.name, {}, None, 500)
            assert rows or view.part_of is not None, view.name
            assert [row_of(view.name, orjson.loads(orjson.dumps(render(view, row)))) for row in rows] == rows
