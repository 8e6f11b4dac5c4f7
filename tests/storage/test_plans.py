"""No page of a view sorts: an index, or the table itself, has the rows in the order that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from counterfoil.catalogue import VIEWS
from counterfoil.ports import View
from counterfoil.storage.view_store import SqlViewStore, open_view_store

ASKED = {"text": "x", "int": 1, "amount": 1, "time": 1, "hour": 1, "bool": True}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlViewStore]:
    """Empty views."""
    opened = open_view_store(tmp_path_factory.mktemp("plans") / "views.db", VIEWS)
    yield opened
    opened.close()


@pytest.mark.parametrize("view", VIEWS, ids=[view.name for view in VIEWS])
def test_no_page_sorts(store: SqlViewStore, view: View) -> None:
    plans: list[str] = []

    def explain(connection: Connection, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(row[3] for row in cursor.fetchall())

    place = tuple(ASKED[view.columns[name]] for name in view.order)
    event.listen(store.database.dialect.reader, "before_cursor_execute", explain)
    try:
        for name in (None, *view.filters):
            filters = {} if name is None else {name: ASKED[view.columns[name].removesuffix("?")]}
            for newest in (False, True):
                for after in (None, place):
                    store.page(view.name, filters, after, 5, newest=newest)
                if view.time is not None:
                    store.page(view.name, filters, None, 5, newest=newest, since=1)
    finally:
        event.remove(store.database.dialect.reader, "before_cursor_execute", explain)
    assert plans
    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []
    assert [plan for plan in plans if plan.startswith("SCAN") and "INDEX" not in plan and view.order != view.key] == []
