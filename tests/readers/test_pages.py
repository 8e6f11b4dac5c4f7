"""Pages, filters and plans of readers that do not read everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from counterfoil.catalogue import VIEWS
from counterfoil.ports import Row, RowKey, TookTooLong, View
from counterfoil.readership import Scope
from counterfoil.storage.readable import ways_of
from tests.readers.stores import READERS, Prepared
from tests.readers.test_cells import readable, scope_in


def walk(prepared: Prepared, view: View, filters: Mapping[str, object], limit: int, scope: Scope) -> list[Row]:
    """All rows, page by page."""
    rows: list[Row] = []
    after: RowKey | None = None
    while page := prepared.store.page(view.name, filters, after, limit, scope):
        assert len(page) <= limit
        rows += page
        after = view.place_of(page[-1])
    return rows


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_pages_are_the_rows_that_one_may_read_and_that_fit(prepared: Prepared, data: st.DataObject) -> None:
    """A filter on whatever column finds no row of others."""
    view, party_id = data.draw(st.sampled_from(VIEWS)), data.draw(st.sampled_from(list(READERS)))
    like = data.draw(st.sampled_from(prepared.rows.rows[view.name]))
    named = data.draw(st.sets(st.sampled_from(view.filters), max_size=2)) if view.filters else set[str]()
    filters = {name: like[name] for name in named}
    expected = [
        row
        for row in readable(view.name, party_id, prepared.rows)
        if all(row[name] == value for name, value in filters.items())
    ]
    limit = data.draw(st.sampled_from([1, 3, 500]))
    assert walk(prepared, view, filters, limit, scope_in(prepared.store, party_id)) == expected


def test_many_short_queries_take_no_longer_than_one(prepared: Prepared) -> None:
    """Each is over before its database notices; a reader of thousands of programmes had no bound."""
    scope = Scope("city", programmes=tuple(f"p{number}" for number in range(3_000)))
    with pytest.raises(TookTooLong), prepared.store.consistent_read(0.2) as reader:
        reader.page("bids", {}, None, 5, scope)


@pytest.mark.parametrize("party_id", ["lab-1", "gpu-1", "city", "none-treasurer"])
def test_no_page_reads_rows_of_others(sqlite: Prepared, party_id: str) -> None:
    """Rows are found by whose they are: no table is read as a whole, and no filter's index is used."""
    plans: list[str] = []

    def explain(connection: Connection, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(row[3] for row in cursor.fetchall())

    scope, declared = scope_in(sqlite.store, party_id), {view.name: view.readers for view in VIEWS}
    narrowed = [view for view in VIEWS if ways_of(view.name, declared, scope) is not None]
    reader = sqlite.store.database.dialect.reader
    event.listen(reader, "before_cursor_execute", explain)
    try:
        for view in narrowed:
            row = sqlite.rows.rows[view.name][0]
            place = view.place_of(row)
            sqlite.store.get(view.name, tuple(row[name] for name in view.key), scope)
            for name in (None, *view.filters):
                for after in (None, place):
                    sqlite.store.page(view.name, {} if name is None else {name: row[name]}, after, 5, scope)
    finally:
        event.remove(reader, "before_cursor_execute", explain)
    tables = {view.name for view in VIEWS}
    read = [plan for plan in plans if plan.split()[0] in ("SCAN", "SEARCH") and plan.split()[1] in tables]
    assert len(read) > 100
    assert [plan for plan in read if plan.startswith("SCAN")] == []
    assert [plan for plan in read if any(f"_by_{name}" in plan for name in ("status", "currency", "class_id"))] == []
